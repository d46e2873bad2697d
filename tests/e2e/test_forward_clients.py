"""The clients agents really use, each through the forward listener with our CA and through the
reverse listener, against nginx and a Python server, over HTTP and HTTPS."""

import asyncio
import os
import subprocess

import aiohttp
import httpx
import requests

from certificates import test_ca
from servers import HttpUpstream, Response, nginx
from sluice_test import UP, Sluice, SluiceTestCase, main

SECRET = "AKIA" + "2OGYBAH6SLUICEQS"
BODY = b'{"text":"hello"}'


def with_curl(url, proxy, ca, body):
    command = ["curl", "-sS", "--max-time", "20", "-w", "\n%{http_code}", url]
    command += ["--proxy", proxy, "--cacert", ca] if proxy else ["--noproxy", "*"]
    command += ["--data-binary", body] if body else []
    done = subprocess.run(command, capture_output=True, check=True, env={"PATH": os.environ["PATH"]})
    content, status = done.stdout.rsplit(b"\n", 1)
    return int(status), content


def with_requests(url, proxy, ca, body):
    with requests.Session() as session:
        session.trust_env = False
        answer = session.request("POST" if body else "GET", url, data=body, timeout=20, verify=ca or True,
                                 proxies={"http": proxy, "https": proxy} if proxy else None)
        return answer.status_code, answer.content


def with_httpx(url, proxy, ca, body):
    with httpx.Client(proxies=proxy, verify=ca or True, trust_env=False, timeout=20) as client:
        answer = client.request("POST" if body else "GET", url, content=body)
        return answer.status_code, answer.content


def with_aiohttp(url, proxy, ca, body):
    import ssl

    async def run():
        context = ssl.create_default_context(cafile=ca) if ca else None
        async with aiohttp.ClientSession() as session:
            async with session.request("POST" if body else "GET", url, data=body, proxy=proxy,
                                       ssl=context) as answer:
                return answer.status, await answer.read()

    return asyncio.run(run())


CLIENTS = {"curl": with_curl, "requests": with_requests, "httpx": with_httpx, "aiohttp": with_aiohttp}


class ForwardClients(SluiceTestCase):
    """Each test is one upstream; each client is a sub-test."""

    def through_forward(self, port, scheme, tls_config, path, expected, upstream=None):
        with Sluice(config={"tls": tls_config}) as sluice:
            for name, client in CLIENTS.items():
                for body in (None, BODY) if upstream else (None,):
                    with self.subTest(client=name, body=body):
                        url = f"{scheme}://{UP}:{port}{path}"
                        status, content = client(url, sluice.proxy_url, str(sluice.ca_file), body)
                        self.assertEqual((status, content), (200, expected))
                        if upstream:
                            self.assertEqual(upstream.requests[-1].body, body or b"")
                            self.assertEqual(upstream.requests[-1].header("host"), f"{UP}:{port}")
            calls = len(CLIENTS) * (2 if upstream else 1)
            sluice.wait_for_record("egress_outcome", count=calls)
            self.assertEqual(len([r for r in sluice.records("egress_allowed")
                                  if r["payload"].get("method") != "CONNECT"]), calls)

    def through_reverse(self, port, scheme, tls_config, path, expected):
        config = {"tls": tls_config}
        with Sluice(config=config, upstream=f"{scheme}://{UP}:{port}") as sluice:
            for name, client in CLIENTS.items():
                with self.subTest(client=name):
                    status, content = client(sluice.reverse_url + path, None, None, None)
                    self.assertEqual((status, content), (200, expected))

    def tls_config(self):
        return {"ca_dir": "ca", "upstream_roots": "none", "extra_roots": [str(test_ca().certificate)]}

    def plain_config(self):
        return {"ca_dir": "ca", "upstream_roots": "none"}

    def test_python_server_http(self):
        with HttpUpstream() as upstream:
            args = (upstream.port, "http", self.plain_config(), "/any?q=1", b"hello from upstream\n")
            self.through_forward(*args, upstream)
            self.through_reverse(*args)

    def test_python_server_https(self):
        with HttpUpstream(tls=test_ca().server_context(UP)) as upstream:
            args = (upstream.port, "https", self.tls_config(), "/any?q=1", b"hello from upstream\n")
            self.through_forward(*args, upstream)
            self.through_reverse(*args)

    def test_nginx_http(self):
        with nginx() as port:
            self.through_forward(port, "http", self.plain_config(), "/hello", b"hello from nginx\n")
            self.through_reverse(port, "http", self.plain_config(), "/hello", b"hello from nginx\n")

    def test_nginx_https(self):
        with nginx(*test_ca().issue(UP)) as port:
            self.through_forward(port, "https", self.tls_config(), "/hello", b"hello from nginx\n")
            self.through_reverse(port, "https", self.tls_config(), "/hello", b"hello from nginx\n")

    def test_large_file_arrives_whole(self):
        with nginx(*test_ca().issue(UP)) as port, Sluice(config={"tls": self.tls_config()}) as sluice:
            for name, client in CLIENTS.items():
                with self.subTest(client=name):
                    status, content = client(f"https://{UP}:{port}/files/big", sluice.proxy_url,
                                             str(sluice.ca_file), None)
                    self.assertEqual(status, 200)
                    self.assertEqual(content, b"0123456789abcdef" * 65536)

    def test_secret_in_a_prompt_is_masked_for_every_client(self):
        with HttpUpstream(tls=test_ca().server_context(UP)) as upstream, \
                Sluice(config={"tls": self.tls_config()}) as sluice:
            for name, client in CLIENTS.items():
                with self.subTest(client=name):
                    client(f"https://{UP}:{upstream.port}/", sluice.proxy_url, str(sluice.ca_file),
                           b'{"prompt":"use ' + SECRET.encode() + b' please"}')
                    self.assertNotIn(SECRET.encode(), upstream.requests[-1].body)
                    self.assertIn(b"[REDACTED:", upstream.requests[-1].body)

    def test_every_method_and_status_is_preserved(self):
        def respond(request):
            return Response(int(request.path.rsplit("/", 1)[1]), b"" if request.method == "HEAD" else b"x")

        with HttpUpstream(respond) as upstream, Sluice(upstream=f"http://{UP}:{upstream.port}") as sluice:
            for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"):
                for status in (200, 201, 204, 304, 404, 418, 500, 599):
                    with self.subTest(method=method, status=status):
                        answer = requests.request(method, f"{sluice.reverse_url}/s/{status}", timeout=20,
                                                  allow_redirects=False)
                        self.assertEqual(answer.status_code, status)
                        self.assertEqual(upstream.requests[-1].method, method)

    def test_environment_variables_are_enough(self):
        """What `sluice exec` sets: proxy and CA variables, nothing on the command line."""
        with HttpUpstream(tls=test_ca().server_context(UP)) as upstream, \
                Sluice(config={"tls": self.tls_config()}) as sluice:
            variables = {"PATH": os.environ["PATH"], "HTTPS_PROXY": sluice.proxy_url,
                         "https_proxy": sluice.proxy_url, "CURL_CA_BUNDLE": str(sluice.ca_file),
                         "SSL_CERT_FILE": str(sluice.ca_file), "REQUESTS_CA_BUNDLE": str(sluice.ca_file)}
            url = f"https://{UP}:{upstream.port}/"
            for command in (["curl", "-sS", url],
                            ["/usr/bin/python3", "-c", f"import requests; print(requests.get('{url}').text)"],
                            ["/usr/bin/python3", "-c", f"import httpx; print(httpx.get('{url}').text)"],
                            ["/usr/bin/python3", "-c", "import urllib.request as u; "
                             f"print(u.urlopen('{url}').read().decode())"]):
                done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=60)
                self.assertIn("hello from upstream", done.stdout, done.stderr)


if __name__ == "__main__":
    main()
