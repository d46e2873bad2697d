"""Rules about what a call says: MCP tools, A2A methods, models, values of a body. A body is read before anything
leaves, whatever it is coded in; what cannot be read is refused; and the SDKs of MCP and A2A get on with it."""

import contextlib
import gzip
import http.client
import json
import os
import socket
import subprocess
import time

import client_setup
from servers import HttpUpstream, Response
from sluice_test import LOOPBACK, SLOW, UP, Sluice, SluiceTestCase, allow, exchange, main, policy, run_cli

TOOLS = [{"name": "read-only", "allow": {"tools": ["read_*"]}},
         {"name": "no-secrets-dir", "block": {"arguments": {"/path": {"glob": "/etc/**"}}}}]


def tool(name, path="/home/a", number=1):
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call",
            "params": {"name": name, "arguments": {"path": path}}}


class Operations(SluiceTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.upstream = cls.enterClassContext(HttpUpstream(
            lambda request: Response(body=b'{"ok":true}', headers={"Content-Type": "application/json"})))
        document = policy([allow()], tools=TOOLS, defaults={"inspect": "64KiB"},
                          models=[{"name": "small", "allow": {"models": ["*-mini"]}, "limits": {"requests_per_day": 2}}])
        cls.sluice = cls.enterClassContext(Sluice(policy_text=json.dumps(document), config={
            "limits": {"idle_timeout": "2s", "header_timeout": "2s", "first_byte": "4s"}}))
        cls.url = f"http://{UP}:{cls.upstream.port}/mcp"

    def setUp(self):
        self.upstream.requests.clear()

    def connect(self):
        return socket.create_connection((LOOPBACK, self.sluice.port), timeout=10 * SLOW)

    def post(self, body, headers=None, url=None):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.sluice.get(url or self.url, "POST", body, {"Content-Type": "application/json"} | (headers or {}))

    def refused(self, answer, rule, reason, number=1):
        self.assertEqual(answer.status, 200, answer.body)
        self.assertEqual(answer.headers["content-type"], "application/json")
        said = json.loads(answer.body)
        self.assertEqual((said["jsonrpc"], said["id"], said["error"]["code"]), ("2.0", number, -32050))
        data = said["error"]["data"]
        self.assertEqual((data["rule_id"], data["reason_code"]), (rule, reason))
        self.assertEqual(data["decision_id"], answer.headers["x-sluice-decision"])
        self.assertEqual(self.upstream.requests, [], "nothing may have left")
        return data

    def test_a_tool_that_may_goes_as_it_came(self):
        body = json.dumps(tool("read_file")).encode()
        self.assertEqual(self.post(body).body, b'{"ok":true}')
        self.assertEqual(self.upstream.requests[-1].body, body)
        record = self.sluice.wait_for_record("egress_allowed", operations="tools/call read_file")
        self.assertEqual(record["payload"]["rule_name"], "up")

    def test_a_tool_that_may_not_gets_an_error_of_json_rpc(self):
        data = self.refused(self.post(tool("delete_file", number="x7")), "default_deny", "default_deny", number="x7")
        self.assertIn("no rule under tools allows this", data["detail"])
        self.refused(self.post(tool("read_file", "/etc/passwd")), "tools[1]", "rule_block")
        self.refused(self.post(tool("read_file", "/home/../etc/passwd")), "tools[1]", "rule_block")
        record = self.sluice.wait_for_record("policy_denied", rule_id="tools[1]")
        self.assertEqual(record["payload"]["operations"], "tools/call read_file")
        self.assertNotIn("passwd", json.dumps(record), "arguments may be secrets")

    def test_an_answer_in_events_goes_on_under_the_policy_that_let_it(self):
        """MCP over HTTP may answer with events. The arguments are judged before the call, and again with a new
        policy, though the request is long gone by then."""
        def events(_):
            return Response(headers={"Content-Type": "text/event-stream"}, chunks=[b"data: {}\n\n"] * 30, pause=0.1)

        with HttpUpstream(events) as upstream, Sluice(
                policy_text=json.dumps(policy([allow()], tools=TOOLS))) as sluice:
            connection = sluice.connection(timeout=30)
            self.addCleanup(connection.close)
            connection.request("POST", f"http://{UP}:{upstream.port}/mcp", json.dumps(tool("read_a")),
                               {"Content-Type": "application/json"})
            answer = connection.getresponse()
            self.assertEqual(answer.status, 200)
            self.assertTrue(answer.read(8))
            sluice.write_policy(policy([allow(), {"name": "more", "block": {"hosts": ["other.test"]}}], tools=TOOLS))
            sluice.hang_up()
            sluice.wait_for_record("policy_loaded", count=2)
            self.assertIn(b"data: {}", answer.read())
            sluice.wait_for_record("egress_outcome")
            self.assertEqual(sluice.records("egress_error"), [])

    def test_a_batch_is_as_good_as_its_worst(self):
        answer = self.post([tool("read_a"), tool("rm", number=2)])
        self.assertEqual([one["id"] for one in json.loads(answer.body)], [1, 2])
        self.assertEqual(self.upstream.requests, [])
        self.assertEqual(self.post([tool("read_a"), tool("read_b", number=2)]).body, b'{"ok":true}')

    def test_no_spelling_of_a_body_gets_past(self):
        plain = json.dumps(tool("delete_file"))
        utf16 = plain.encode("utf-16")
        hidden = {
            "gzip": (gzip.compress(plain.encode()), {"Content-Encoding": "gzip"}),
            "text": (plain.encode(), {"Content-Type": "text/plain"}),
            "form": (plain.encode(), {"Content-Type": "application/x-www-form-urlencoded"}),
            "blanks": (b" \r\n\t" * 5000 + plain.encode(), {}),
            "mark": (b"\xef\xbb\xbf" + plain.encode(), {}),
            "escaped": (plain.replace("tools", "\\u0074ools").encode(), {}),
            "another case": (plain.replace('"method"', '"Method"').encode(), {}),
            "twice": (plain.replace('"method"', '"method": "ping", "method"').encode(), {}),
            "utf-16": (utf16, {}),
            "behind another": (b"{}" + plain.encode(), {}),
            "nul": (b"{}\0" + plain.encode(), {}),
            "deep": (b"[" * 100 + plain.encode() + b"]" * 100, {}),
            "long": (plain.replace("/home/a", "a" * 100_000).encode(), {}),
            "long, gzip": (gzip.compress(plain.replace("/home/a", "a" * 100_000).encode()), {"Content-Encoding": "gzip"}),
            "cut gzip": (gzip.compress(plain.encode())[:-4], {"Content-Encoding": "gzip"}),
            "unknown coding": (plain.encode(), {"Content-Encoding": "rot13"}),
            "utf-7": (plain.replace('"method"', '"+AG0-ethod"').encode(), {"Content-Type": "application/json; charset=utf-7"}),
            "ebcdic": (plain.encode("cp037"), {"Content-Type": "application/json; charset=cp037"}),
            "two types": (plain.encode("cp037"), {"Content-Type": "application/json, text/x; charset=cp037"}),
            "folded by Go": (plain.replace("delete_file", "read_x").replace(
                '"params"', '"param\u017f": {"name": "rm"}, "params"').encode(), {}),
            "a comment": (b"//\n" + plain.encode(), {}),
            "a prefix": (b")]}'\n" + plain.encode(), {}),
            "a list of lists": (b"[[" + plain.encode() + b"]]", {}),
        }
        for name, (body, headers) in hidden.items():
            with self.subTest(name):
                answer = self.post(body, headers)
                self.assertIn(answer.status, (200, 403), answer.body)
                self.assertIn("x-sluice-decision", answer.headers)
                self.assertEqual(self.upstream.requests, [], "it got past")

    def test_a_websocket_is_unread_whatever_its_head_says(self):
        for more in ("", "Content-Length: 0\r\n"):
            with self.connect() as peer:
                received, _ = exchange(peer, (
                    f"GET {self.url} HTTP/1.1\r\nHost: {UP}:{self.upstream.port}\r\nUpgrade: websocket\r\n{more}"
                    "Connection: Upgrade, close\r\nSec-WebSocket-Version: 13\r\n"
                    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").encode())
            self.assertTrue(received.startswith(b"HTTP/1.1 403 "), received[:80])
        self.assertEqual(self.upstream.requests, [])

    def test_what_is_no_json_may_be_long(self):
        body = b"GIF89a" + os.urandom(500_000)
        self.assertEqual(self.post(body, {"Content-Type": "image/gif"}).status, 200)
        self.assertEqual(self.upstream.requests[-1].body, body)

    def test_what_is_unread_says_what_to_do(self):
        problem = self.assert_problem(self.post(b'{"a":"' + b"x" * 100_000 + b'"}'), 403, "tools[1]", "rule_block")
        self.assertEqual(problem["rule_name"], "no-secrets-dir")
        self.assertIn("longer than is inspected", problem["detail"])
        twice = self.assert_problem(self.post(b'{"a":1,"a":2}'), 403, "tools[1]", "rule_block")
        self.assertIn("a key stands twice", twice["detail"])
        body = self.sluice.folder / "long.json"
        body.write_text('{"a":"' + "x" * 100_000 + '"}')
        done = run_cli("policy", "explain", "POST", self.url, "--body", f"@{body}", "--policy", self.sluice.policy_file)
        self.assertTrue(done.stdout.startswith("block  tools[1]"), done.stdout)

    def test_a_secret_in_a_name_is_masked_whole(self):
        for before in (0, 85, 180, 190, 199):
            self.post(tool("x" * before + " AKIAQYLPMN5HFIQR7XYA"))
        self.post(b"{}")
        written = b"".join(p.read_bytes() for p in self.sluice.evidence.rglob("*") if p.is_file())
        self.assertNotIn(b"AKIAQYLP", written)

    def test_a_body_that_drips_has_an_end(self):
        head = f"POST {self.url} HTTP/1.1\r\nHost: {UP}:{self.upstream.port}\r\nContent-Length: 900\r\n\r\n{{".encode()
        began = time.monotonic()
        with self.connect() as peer, contextlib.suppress(OSError):
            peer.sendall(head)
            peer.settimeout(0.5)
            while time.monotonic() - began < 20 * SLOW:
                peer.sendall(b" ")
                with contextlib.suppress(TimeoutError):
                    self.assertTrue(peer.recv(100).startswith(b"HTTP/1.1 408 "))
                    break
        self.assertLess(time.monotonic() - began, 12 * SLOW)
        self.assertEqual(self.upstream.requests, [])

    def test_models_by_name_and_by_number(self):
        chat = f"http://{UP}:{self.upstream.port}/v1/chat/completions"
        ask = {"messages": []}
        self.assert_problem(self.post(ask | {"model": "gpt-5"}, url=chat), 403, "default_deny", "default_deny")
        self.assert_problem(self.post(ask, url=chat), 403, "guard.inspect", "body_unread")
        self.assertEqual(self.upstream.requests, [])
        for _ in range(2):
            self.assertEqual(self.post(ask | {"model": "gpt-5-mini"}, url=chat).status, 200)
        answer = self.post(ask | {"model": "gpt-5-mini"}, url=chat)
        self.assertEqual(answer.status, 429)

    def test_a_100_comes_before_the_body(self):
        body = json.dumps(tool("read_file")).encode()
        with self.connect() as peer:
            peer.sendall(f"POST {self.url} HTTP/1.1\r\nHost: {UP}:{self.upstream.port}\r\nExpect: 100-continue\r\n"
                         f"Content-Length: {len(body)}\r\n\r\n".encode())
            self.assertTrue(peer.recv(100).startswith(b"HTTP/1.1 100 "))
            peer.sendall(body)
            self.assertTrue(peer.recv(1000).startswith(b"HTTP/1.1 200 "))
        self.assertEqual(len(self.upstream.requests), 1)

    def test_the_connection_goes_on_after_a_refusal(self):
        connection = http.client.HTTPConnection(LOOPBACK, self.sluice.port, timeout=10 * SLOW)
        with contextlib.closing(connection):
            for name, expected in (("read_a", b'{"ok":true}'), ("rm", b"-32050"), ("read_b", b'{"ok":true}')):
                connection.request("POST", self.url, json.dumps(tool(name)))
                self.assertIn(expected, connection.getresponse().read())

    def test_an_agent_that_stops_in_the_body_is_on_record_and_gone(self):
        head = f"POST {self.url} HTTP/1.1\r\nHost: {UP}:{self.upstream.port}\r\nContent-Length: 90\r\n\r\n{{\"a\"".encode()
        with self.connect() as peer:
            received, closed = exchange(peer, head)
        self.assertTrue(received.startswith(b"HTTP/1.1 408 ") and closed, received[:80])
        self.sluice.wait_for_record("policy_denied", reason_code="request_timeout")
        with self.connect() as peer:
            peer.sendall(head)
        self.sluice.wait_for_record("policy_denied", reason_code="downstream_closed")
        self.assertEqual(self.upstream.requests, [])

    def test_many_at_once(self):
        body = json.dumps(tool("read_" + "x" * 30_000)).encode()
        peers = [self.enterContext(self.connect()) for _ in range(50)]
        head = (f"POST {self.url} HTTP/1.1\r\nHost: {UP}:{self.upstream.port}\r\nConnection: close\r\n"
                f"Content-Length: {len(body)}\r\n\r\n").encode()
        for part in (head, body[:10_000], body[10_000:20_000], body[20_000:]):
            for peer in peers:
                peer.sendall(part)
        for peer in peers:
            self.assertTrue(peer.recv(100).startswith(b"HTTP/1.1 200 "))
        self.assertEqual(len(self.upstream.requests), 50)


class RealClients(SluiceTestCase):
    def server(self, script):
        process = subprocess.Popen([client_setup.AGENTS_VENV / "bin" / "python", client_setup.CLIENTS / script],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        port = int(process.stdout.readline())
        deadline = time.monotonic() + 30 * SLOW
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, port), 1):
                return port
            time.sleep(0.05)
        raise AssertionError(f"{script} does not listen")

    def run_client(self, script, url, **environment):
        done = subprocess.run([client_setup.AGENTS_VENV / "bin" / "python", client_setup.CLIENTS / script, url],
                              env={"PATH": os.environ["PATH"]} | environment, capture_output=True, text=True,
                              timeout=60 * SLOW, stdin=subprocess.DEVNULL, check=False)
        self.assertEqual(done.returncode, 0, done.stderr[-2000:])
        return json.loads(done.stdout)

    def setUp(self):
        if reason := client_setup.install_agents():
            self.skipTest(reason)

    def test_mcp(self):
        port = self.server("mcp_server.py")
        document = policy([allow(hosts=[LOOPBACK])], tools=TOOLS)
        sluice = self.enterContext(Sluice(policy_text=json.dumps(document), upstream=f"http://{LOOPBACK}:{port}"))
        said = self.run_client("mcp_client.py", sluice.reverse_url + "/mcp")
        self.assertEqual(said["tools"], ["delete_file", "read_file"])
        self.assertEqual((said["read"], said["again"]), ("content of /home/a", "content of /home/b"))
        self.assertIn("No rule allows this call", said["deleted"]["message"])
        self.assertIn("A rule blocks this call", said["secret"]["message"])
        self.assertEqual(said["secret"]["data"]["rule_name"], "no-secrets-dir")

    def test_a2a(self):
        port = self.server("a2a_agent.py")
        document = policy([allow(hosts=[LOOPBACK])], agents=[{"name": "whole", "allow": {"methods": ["message/send"]}}])
        sluice = self.enterContext(Sluice(policy_text=json.dumps(document)))
        said = self.run_client("a2a_client.py", f"http://{LOOPBACK}:{port}", HTTP_PROXY=sluice.proxy_url)
        self.assertEqual(said["whole"], "told: hello")
        for refused in ("stream", "task"):
            self.assertIn("No rule allows this call", said[refused]["message"], said)
        self.assertEqual({record["payload"]["operations"] for record in sluice.records("policy_denied")},
                         {"message/stream", "tasks/get"})


if __name__ == "__main__":
    main()
