"""No secret passes, in either direction, in any place, however the bytes are cut or packed; and
what is not secret arrives as it was, with its length right."""

import gzip
import json
import socket
import threading
import time
import zlib

from certificates import test_ca
from servers import HttpUpstream, Response, echo, when_told
from sluice_test import LOOPBACK, UP, Sluice, SluiceTestCase, main

KEY = "AKIA" + "2OGYBAH6SLUICEQS"
KNOWN = "correct-horse-battery-staple"
MASK = "[REDACTED:"


class Redaction(SluiceTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.upstream = cls.enterClassContext(HttpUpstream(echo))
        cls.secure = cls.enterClassContext(HttpUpstream(echo, tls=test_ca().server_context(UP)))
        cls.sluice = cls.enterClassContext(Sluice(
            config={"secrets": [{"id": "pass", "value": {"env": "E2E_SECRET"}}],
                    "tls": {"ca_dir": "ca", "upstream_roots": "none",
                            "extra_roots": [str(test_ca().certificate)]}},
            environment={"E2E_SECRET": KNOWN}))

    @classmethod
    def tearDownClass(cls):
        written = cls.sluice.everything_written()
        assert KEY.encode() not in written, "the key is in what Sluice wrote"
        assert KNOWN.encode() not in written, "the known secret is in what Sluice wrote"

    def setUp(self):
        self.upstream.requests.clear()
        self.upstream.respond_with(echo)
        self.url = f"http://{UP}:{self.upstream.port}/"

    def seen(self):
        self.assertEqual(len(self.upstream.requests), 1)
        return self.upstream.requests[0]

    def assert_clean(self, data, *kept):
        data = data if isinstance(data, bytes) else data.encode("latin-1")
        for secret in (KEY, KNOWN):
            self.assertNotIn(secret.encode(), data)
        for text in kept:
            self.assertIn(text.encode(), data)

    def answer_with(self, body, **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.upstream.respond_with(lambda request: Response(200, body, {"Content-Type": "text/plain"} | named))

    # Requests

    def test_request_body(self):
        body = json.dumps({"a": f"key {KEY} and {KNOWN} end", "n": 7})
        self.assertEqual(self.sluice.get(self.url, "POST", body).status, 200)
        self.assert_clean(self.seen().body, MASK, '"n": 7', " end")
        self.assertEqual(int(self.seen().header("content-length")), len(self.seen().body))
        outcome = self.sluice.wait_for_record("egress_outcome", count=1)
        self.assertIn("findings", outcome["payload"])

    def test_clean_request_is_untouched(self):
        body = bytes(range(256)) * 300
        self.sluice.get(self.url, "POST", body)
        self.assertEqual(self.seen().body, body)

    def test_request_header_and_url(self):
        self.sluice.get(f"{self.url}find?q={KEY}&keep=1", headers={"X-Note": f"a {KNOWN} b", "X-Kept": "yes"})
        self.assert_clean(self.seen().path, "keep=1")
        self.assert_clean(self.seen().header("x-note"), "a ", " b")
        self.assertEqual(self.seen().header("x-kept"), "yes")

    def test_known_secret_in_authorization(self):
        self.sluice.get(self.url, headers={"Authorization": f"Bearer {KNOWN}"})
        self.assert_clean(self.seen().header("authorization"))

    def test_request_body_encodings(self):
        for coding, pack, unpack in (("gzip", gzip.compress, gzip.decompress),
                                     ("deflate", zlib.compress, zlib.decompress)):
            with self.subTest(coding=coding):
                self.upstream.requests.clear()
                packed = pack(f"before {KEY} after".encode())
                answer = self.sluice.get(self.url, "POST", packed, {"Content-Encoding": coding})
                self.assertEqual(answer.status, 200)
                got = self.seen()
                text = unpack(got.body) if got.header("content-encoding") == coding else got.body
                self.assert_clean(text, "before ", MASK, " after")

    def test_undecodable_request_is_refused(self):
        for coding, body in (("dcb", b"x"), ("gzip, gzip", b"x"), ("gzip", b"this is not gzip")):
            with self.subTest(coding=coding, body=body):
                self.upstream.requests.clear()
                answer = self.sluice.get(self.url, "POST", body, {"Content-Encoding": coding})
                self.assert_problem(answer, 403, "guard.redaction", "content_undecodable")
                self.assertEqual(self.upstream.requests, [])

    def test_chunked_request(self):
        pieces = [KEY[:7].encode(), KEY[7:].encode(), b" rest ", KNOWN[:3].encode(), KNOWN[3:].encode()]
        self.assertEqual(self.sluice.get(self.url, "POST", iter(pieces)).status, 200)
        self.assert_clean(self.seen().body, MASK, " rest ")

    def test_secret_split_over_tcp_segments(self):
        body = f"x{KEY}y{KNOWN}z".encode()
        head = f"POST {self.url} HTTP/1.1\r\nHost: {UP}:{self.upstream.port}\r\nContent-Length: {len(body)}\r\n\r\n"
        with socket.create_connection((LOOPBACK, self.sluice.port), 20) as peer:
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            peer.sendall(head.encode())
            for byte in body:
                peer.sendall(bytes([byte]))
                time.sleep(0.002)
            self.assertIn(b" 200 ", peer.recv(65536))
        self.assert_clean(self.seen().body, MASK)
        self.assertRegex(self.seen().body, rb"^x(AKIA)?\[REDACTED:[^\]]+\]y(AKIA)?\[REDACTED:[^\]]+\]z$")

    def test_secret_in_a_name(self):
        """A name cannot be masked, and leaves with the question for its address."""
        with Sluice([{"name": "any", "allow": {"hosts": ["**"]}}],
                    config={"secrets": [{"id": "pass", "value": {"env": "E2E_SECRET"}}]},
                    environment={"E2E_SECRET": KNOWN}) as sluice:
            for url, method in ((f"http://{KNOWN}.leak.test/", "GET"), (f"http://{KEY}.leak.test/", "GET"),
                                ("http://leak.test/", KEY)):
                with self.subTest(url=url, method=method):
                    answer = sluice.get(url, method)
                    self.assertEqual((answer.status, answer.problem["reason_code"]), (403, "secret_blocked"))
            for host in (KNOWN, KEY):
                head = f"CONNECT {host}.leak.test:443 HTTP/1.1\r\nHost: {host}.leak.test:443\r\n\r\n"
                sluice.send_raw(head.encode(), timeout=1)
            self.assertFalse([r for r in sluice.records() if r["payload"].get("reason_code") == "resolver_failed"])
            written = sluice.everything_written()
        self.assertNotIn(KNOWN.encode(), written)
        self.assertNotIn(KEY.encode(), written)

    def test_half_a_secret_in_query_keys(self):
        with Sluice(config={"secrets": [{"id": "pass", "value": {"env": "E2E_SECRET"}}]},
                    environment={"E2E_SECRET": "first-half-of-it&second-half-of-it"}) as sluice:
            answer = sluice.get(self.url + "?a=1&x-first-half-of-it&second-half-of-it=2&b")
            self.assertEqual(answer.status, 200)
            written = sluice.everything_written()
        self.assertNotIn("half-of-it", self.seen().path)
        self.assertNotIn(b"half-of-it", written)

    def test_intercepted_request(self):
        self.secure.requests.clear()
        answer = self.sluice.get_tls(UP, self.secure.port, "/a", "POST", f"key {KEY}")
        self.assertEqual(answer.status, 200)
        self.assert_clean(self.secure.requests[-1].body, "key ", MASK)

    # Responses

    def test_response_body_and_length(self):
        self.answer_with(f"start {KEY} end".encode())
        answer = self.sluice.get(self.url)
        self.assert_clean(answer.body, "start ", MASK, " end")
        if answer.headers["content-length"]:
            self.assertEqual(int(answer.headers["content-length"]), len(answer.body))

    def test_response_gzip(self):
        self.answer_with(gzip.compress(f"start {KEY} end".encode()), Content_Encoding="gzip")
        answer = self.sluice.get(self.url, headers={"Accept-Encoding": "gzip, br"})
        text = gzip.decompress(answer.body) if answer.headers["content-encoding"] == "gzip" else answer.body
        self.assert_clean(text, "start ", MASK, " end")
        self.assertEqual(self.seen().header("accept-encoding"), "gzip, br")

    def test_response_that_is_not_gzip_is_not_passed_on(self):
        for body in (b"not gzip at all", gzip.compress(b"x" * 5000)[:-12], gzip.compress(b"y") + b"trailing"):
            with self.subTest(body=body[:10]):
                self.answer_with(body, Content_Encoding="gzip")
                answer = self.sluice.get(self.url)
                self.assertTrue(answer.status == 502 or not answer.complete, (answer.status, answer.body))

    def test_response_header(self):
        self.answer_with(b"x", X_Leak=f"is {KEY}", Set_Cookie=f"s={KNOWN}")
        answer = self.sluice.get(self.url)
        self.assert_clean(answer.headers["x-leak"])
        self.assert_clean(answer.headers["set-cookie"])

    def test_streamed_response(self):
        pieces = [b"data: hello\n\n", b"data: " + KEY[:9].encode(), KEY[9:].encode() + b"\n\n", b"data: end\n\n"]
        self.upstream.respond_with(lambda r: Response(200, headers={"Content-Type": "text/event-stream"},
                                                      chunks=pieces, pause=0.05))
        answer = self.sluice.get(self.url)
        self.assert_clean(answer.body, "data: hello\n\n", "data: end\n\n", MASK)

    def test_innocent_stream_is_not_delayed(self):
        got = threading.Event()
        self.upstream.respond_with(lambda r: Response(200, headers={"Content-Type": "text/event-stream"},
                                                      chunks=when_told(b"data: one\n\n", b"data: two\n\n", got)))
        connection = self.sluice.connection()
        connection.request("GET", self.url)
        answer = connection.getresponse()
        self.assertEqual(answer.read1(100), b"data: one\n\n")
        got.set()
        self.assertEqual(answer.read(), b"data: two\n\n")
        connection.close()

    def test_known_secret_in_other_encodings(self):
        import base64
        forms = {"base64": base64.b64encode(KNOWN.encode()).decode(), "hex": KNOWN.encode().hex(),
                 "url": KNOWN.replace("-", "%2D"), "HEX": KNOWN.encode().hex().upper()}
        for name, form in forms.items():
            with self.subTest(form=name):
                self.upstream.requests.clear()
                self.sluice.get(self.url, "POST", f"a {form} b")
                self.assertNotIn(form.encode(), self.seen().body)

    def test_large_body_streams_and_is_masked_at_every_border(self):
        filler = b"The quick brown fox. " * 500
        body = b"".join(filler[: 8190 + n] + KEY.encode() for n in range(12)) * 12
        self.assertGreater(len(body), 1 << 20)
        self.sluice.get(self.url, "POST", body, timeout=30)
        self.assert_clean(self.seen().body, MASK)
        self.assertEqual(self.seen().body.count(MASK.encode()), 144)


if __name__ == "__main__":
    main()
