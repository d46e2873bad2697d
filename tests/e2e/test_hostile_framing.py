"""Messages that two readers could understand in two ways: each is refused with 400 and a record,
the connection is closed, and nothing smuggled behind it ever reaches the upstream."""

import json

from servers import HttpUpstream
from sluice_test import UP, Sluice, SluiceTestCase, main

FRAMING = ("guard.framing", "framing_invalid")
MISMATCH = ("guard.name_mismatch", "name_mismatch")
SMUGGLED = b"GET http://up.test/smuggled HTTP/1.1\r\nHost: up.test\r\n\r\n"


def request(*fields, method=b"POST", target=None, version=b"HTTP/1.1", body=b"", host=b"Host: {host}"):
    """A request as bytes; {host} and {url} are filled in by the test."""
    lines = [method + b" " + (target or b"{url}") + b" " + version]
    lines += [host] if host else []
    return b"\r\n".join(lines + list(fields)) + b"\r\n\r\n" + body


# name -> (bytes, (rule_id, reason_code)); the head alone condemns these.
HEADS = {
    "CL and TE": (request(b"Content-Length: 4", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"), FRAMING),
    "TE and CL": (request(b"Transfer-Encoding: chunked", b"Content-Length: 5", body=b"0\r\n\r\n"), FRAMING),
    "TE xchunked": (request(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n"), FRAMING),
    "TE chunked, identity": (request(b"Transfer-Encoding: chunked, identity", body=b"0\r\n\r\n"), FRAMING),
    "TE identity": (request(b"Transfer-Encoding: identity", b"Content-Length: 0"), FRAMING),
    "TE gzip, chunked": (request(b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"), FRAMING),
    "TE twice": (request(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"), FRAMING),
    "TE chunked, chunked": (request(b"Transfer-Encoding: chunked, chunked", body=b"0\r\n\r\n"), FRAMING),
    "TE with tab": (request(b"Transfer-Encoding:\x0bchunked", body=b"0\r\n\r\n"), FRAMING),
    "TE quoted": (request(b'Transfer-Encoding: "chunked"', body=b"0\r\n\r\n"), FRAMING),
    "TE in HTTP/1.0": (request(b"Transfer-Encoding: chunked", version=b"HTTP/1.0", body=b"0\r\n\r\n"), FRAMING),
    "space before colon": (request(b"Transfer-Encoding : chunked", body=b"0\r\n\r\n"), FRAMING),
    "differing CL": (request(b"Content-Length: 5", b"Content-Length: 6", body=b"hello!"), FRAMING),
    "CL list that differs": (request(b"Content-Length: 5, 6", body=b"hello!"), FRAMING),
    "CL negative": (request(b"Content-Length: -1"), FRAMING),
    "CL plus": (request(b"Content-Length: +5", body=b"hello"), FRAMING),
    "CL hexadecimal": (request(b"Content-Length: 0x5", body=b"hello"), FRAMING),
    "CL empty": (request(b"Content-Length: "), FRAMING),
    "CL beyond 64 bits": (request(b"Content-Length: 184467440737095516160"), FRAMING),
    "obs-fold": (request(b"X-A: one", b" two"), FRAMING),
    "folded TE": (request(b"Transfer-Encoding:", b" chunked", body=b"0\r\n\r\n"), FRAMING),
    "first field folded": (b"POST {url} HTTP/1.1\r\n Host: {host}\r\n\r\n", FRAMING),
    "bare LF": (b"GET {url} HTTP/1.1\nHost: {host}\n\n", FRAMING),
    "bare LF in a field": (request(b"X-A: b\nX-C: d"), FRAMING),
    "bare CR in a field": (request(b"X-A: b\rX-C: d"), FRAMING),
    "NUL in a value": (request(b"X-A: b\0c"), FRAMING),
    "NUL in a name": (request(b"X\0A: b"), FRAMING),
    "empty name": (request(b": b"), FRAMING),
    "no colon": (request(b"X-A"), FRAMING),
    "name with space": (request(b"X A: b"), FRAMING),
    "high bytes in a name": (request(b"X-\xff: b"), FRAMING),
    "no Host": (request(host=None), FRAMING),
    "two Hosts": (request(b"Host: {host}"), FRAMING),
    "two different Hosts": (request(b"Host: evil.test"), FRAMING),
    "Host differs from target": (request(host=b"Host: evil.test"), MISMATCH),
    "Host port differs": (request(host=b"Host: up.test:1"), MISMATCH),
    "NUL in the target": (request(target=b"{url}\0x"), None),
    "space in the target": (request(target=b"{url} x"), FRAMING),
    "tab between words": (b"GET\t{url}\tHTTP/1.1\r\nHost: {host}\r\n\r\n", FRAMING),
    "no version": (b"GET {url}\r\n\r\n", None),
    "HTTP/1.2": (request(version=b"HTTP/1.2"), None),
    "HTTP/2.0": (request(version=b"HTTP/2.0"), None),
    "http lower case": (request(version=b"http/1.1"), None),
    "h2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", None),
    "a method with brackets": (request(method=b"GE[T]"), FRAMING),
    "user information": (request(target=b"http://user@{host}/"), None),
    "fragment": (request(target=b"{url}#x"), None),
    "origin-form on a forward listener": (request(target=b"/x"), None),
    "https absolute-form": (request(target=b"https://{host}/x"), None),
    "asterisk with GET": (request(method=b"GET", target=b"*"), None),
    "garbage": (b"\x00\x01\x02\x03\x04\r\n\r\n", None),
    "TLS on a plain port": (b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00\r\n\r\n", None),
}

# Framing that goes wrong after an acceptable head: the call may have begun, but it must not be
# completed towards the upstream, and what follows must not become a request.
CHUNKED = b"Transfer-Encoding: chunked"
BODIES = {
    "chunk size not hexadecimal": request(CHUNKED, body=b"zz\r\nhello\r\n0\r\n\r\n"),
    "chunk size with sign": request(CHUNKED, body=b"-5\r\nhello\r\n0\r\n\r\n"),
    "chunk size with 0x": request(CHUNKED, body=b"0x5\r\nhello\r\n0\r\n\r\n"),
    "chunk size too large": request(CHUNKED, body=b"fffffffffffffffff\r\nhello\r\n0\r\n\r\n"),
    "chunk size then LF": request(CHUNKED, body=b"5\nhello\r\n0\r\n\r\n"),
    "no CRLF after chunk data": request(CHUNKED, body=b"5\r\nhelloXX0\r\n\r\n"),
    "LF after chunk data": request(CHUNKED, body=b"5\r\nhello\n0\r\n\r\n"),
    "chunk extension with LF": request(CHUNKED, body=b"5;a\nb\r\nhello\r\n0\r\n\r\n"),
    "chunk size with space": request(CHUNKED, body=b"5 \r\nhello\r\n0 \r\n\r\n "),
    "trailer Content-Length": request(CHUNKED, body=b"5\r\nhello\r\n0\r\nContent-Length: 3\r\n\r\n"),
    "trailer Transfer-Encoding": request(CHUNKED, body=b"5\r\nhello\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n"),
    "trailer Host": request(CHUNKED, body=b"5\r\nhello\r\n0\r\nHost: evil.test\r\n\r\n"),
    "trailer Authorization": request(CHUNKED, body=b"5\r\nhello\r\n0\r\nAuthorization: x\r\n\r\n"),
    "trailer with fold": request(CHUNKED, body=b"5\r\nhello\r\n0\r\nX-A: b\r\n c\r\n\r\n"),
}


class HostileFraming(SluiceTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.upstream = cls.enterClassContext(HttpUpstream())
        cls.sluice = cls.enterClassContext(Sluice(upstream=f"http://{UP}:{cls.upstream.port}"))

    def setUp(self):
        self.upstream.requests.clear()

    def fill(self, data):
        host = f"{UP}:{self.upstream.port}".encode()
        return data.replace(b"{url}", b"http://" + host + b"/x").replace(b"{host}", host)

    def denials(self):
        return len(self.sluice.records("policy_denied"))

    def assert_refused(self, data, expected, port=None):
        before = self.denials()
        received, closed = self.sluice.send_raw(self.fill(data) + SMUGGLED, port)
        self.assertTrue(closed, f"connection left open after {received[:200]!r}")
        self.assertTrue(received.startswith(b"HTTP/1.1 400 "), received[:200])
        self.assertEqual(received.count(b"HTTP/1.1 "), 1, "more than one answer")
        problem = json.loads(received.split(b"\r\n\r\n", 1)[1])
        if expected:
            self.assertEqual((problem["rule_id"], problem["reason_code"]), expected)
        self.assertIn(f"x-sluice-decision: {problem['decision_id']}".lower().encode(), received.lower())
        self.sluice.wait_for_record("policy_denied", call_id=problem["decision_id"])
        self.assertEqual(self.denials(), before + 1)
        self.assertEqual(self.upstream.requests, [])

    def test_heads_on_the_forward_listener(self):
        for name, (data, expected) in HEADS.items():
            with self.subTest(name):
                self.assert_refused(data, expected)

    def test_heads_on_the_reverse_listener(self):
        port = self.sluice.ports["edge"]
        for name, (data, expected) in HEADS.items():
            if expected == FRAMING:
                with self.subTest(name):
                    self.assert_refused(data.replace(b"{url}", b"/x"), expected, port)

    def test_bodies(self):
        for name, data in BODIES.items():
            with self.subTest(name):
                self.upstream.requests.clear()
                received, closed = self.sluice.send_raw(self.fill(data) + SMUGGLED)
                self.assertTrue(closed, f"connection left open after {received[:200]!r}")
                self.assertIn(received[:13], (b"HTTP/1.1 400 ", b""), received[:200])
                self.assertEqual([r for r in self.upstream.requests if "smuggled" in r.path], [])
                self.assertEqual(self.upstream.requests, [], "a broken request was completed")

    def test_pipelined_requests_are_answered_in_order(self):
        one = self.fill(request(b"Content-Length: 3", body=b"abc", target=b"{url}1"))
        two = self.fill(request(CHUNKED, body=b"2\r\nde\r\n0\r\n\r\n", target=b"{url}2"))
        three = self.fill(request(b"Connection: close", method=b"GET", target=b"{url}3"))
        received, closed = self.sluice.send_raw(one + two + three)
        self.assertTrue(closed)
        self.assertEqual(received.count(b"HTTP/1.1 200 "), 3, received)
        self.assertEqual([(r.path, r.body) for r in self.upstream.requests],
                         [("/x1", b"abc"), ("/x2", b"de"), ("/x3", b"")])

    def test_a_body_shorter_than_declared_never_completes(self):
        data = self.fill(request(b"Content-Length: 10", body=b"abc"))
        self.sluice.send_raw(data, half_close=True)
        self.assertEqual(self.upstream.requests, [])
        self.assertEqual(self.sluice.get(self.fill(b"{url}").decode()).status, 200)

    def test_one_byte_at_a_time_is_still_one_request(self):
        import socket
        data = self.fill(request(b"Content-Length: 3", b"Connection: close", body=b"abc"))
        with socket.create_connection(("127.0.0.1", self.sluice.port), 20) as peer:
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in data:
                peer.sendall(bytes([byte]))
            self.assertIn(b" 200 ", peer.recv(4096))
        self.assertEqual([r.body for r in self.upstream.requests], [b"abc"])

    def test_hop_by_hop_fields_end_here(self):
        self.sluice.get(self.fill(b"{url}").decode(), headers={
            "Connection": "close, X-Private", "X-Private": "1", "Keep-Alive": "1", "Proxy-Connection": "x",
            "Proxy-Authorization": "Basic x", "TE": "trailers", "X-Kept": "1"})
        names = {name.lower() for name, _ in self.upstream.requests[0].headers}
        self.assertIn("x-kept", names)
        self.assertEqual(names & {"x-private", "keep-alive", "proxy-connection", "proxy-authorization", "te"}, set())


if __name__ == "__main__":
    main()
