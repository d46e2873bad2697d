"""An upstream that dies at every point, lies about its length, speaks nonsense, or shows a bad
certificate: the agent gets the exact answer or a visibly cut one, never a wrong whole; the outcome
is on record; and the next call works."""

import gzip
import threading
import time

from certificates import bad_contexts, test_ca
from servers import HttpUpstream, RawUpstream, Response, drip, free_port, reset, send_and_close
from sluice_test import SLOW, UP, Sluice, SluiceTestCase, allow, main

OK = b"HTTP/1.1 200 OK\r\n"
TRUST = {"ca_dir": "ca", "upstream_roots": "none"}
TRUST_TEST_CA = TRUST | {"extra_roots": [str(test_ca().certificate)]}

# An empty resolv.conf asks 127.0.0.1 and nobody else: no query leaves this machine.
WITHOUT_DNS = ("unshare", "-m", "sh", "-c", 'mount --bind /dev/null /etc/resolv.conf && exec "$@"', "sh")

# Nothing usable came: 502 and one of these reasons.
DEAD = ("upstream_closed", "upstream_protocol_error")
BEFORE_HEAD = {
    "closes without a word": send_and_close(b""),
    "resets without a word": reset,
    "dies in the status line": send_and_close(b"HTTP/1.1 2"),
    "dies after the status line": send_and_close(OK),
    "dies in a field": send_and_close(OK + b"Content-Le"),
    "dies before the empty line": send_and_close(OK + b"Content-Length: 3\r\n"),
    "only an interim answer": send_and_close(b"HTTP/1.1 100 Continue\r\n\r\n"),
    "not HTTP": send_and_close(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"),
    "binary": send_and_close(bytes(range(256))),
    "HTTP/2": send_and_close(b"\0\0\0\4\0\0\0\0\0"),
    "CL and TE": send_and_close(OK + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "differing CL": send_and_close(OK + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
    "unknown TE": send_and_close(OK + b"Transfer-Encoding: xchunked\r\n\r\nabc"),
    "obs-fold": send_and_close(OK + b"X-A: b\r\n c\r\nContent-Length: 0\r\n\r\n"),
    "NUL in a field": send_and_close(OK + b"X-A: b\0c\r\nContent-Length: 0\r\n\r\n"),
    "bare LF": send_and_close(b"HTTP/1.1 200 OK\nContent-Length: 0\n\n"),
    "status 99": send_and_close(b"HTTP/1.1 99 No\r\nContent-Length: 0\r\n\r\n"),
    "an endless head": send_and_close(OK + b"X-A: " + b"a" * 400_000 + b"\r\n\r\n"),
    "a thousand fields": send_and_close(OK + b"X-A: b\r\n" * 1000 + b"Content-Length: 0\r\n\r\n"),
    "switches protocols unasked": send_and_close(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
    "interim answers without end": send_and_close(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1000),
}

# The head was fine, the body is not: what the agent has must not look whole.
IN_BODY = {
    "dies after the head": OK + b"Content-Length: 10\r\n\r\n",
    "dies in the body": OK + b"Content-Length: 10\r\n\r\nabc",
    "dies in a chunk": OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",
    "dies between chunks": OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
    "dies before the last CRLF": OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n",
    "a chunk size that is none": OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\nzz\r\n",
    "a chunk too long": OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nabcd\r\n0\r\n\r\n",
    "gzip cut short": OK + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n14\r\n"
                      + gzip.compress(b"x" * 4000)[:20] + b"\r\n0\r\n\r\n",
}

WHOLE = {
    "until close": (b"HTTP/1.0 200 OK\r\n\r\nabcdef", b"abcdef"),
    "until close, HTTP/1.1": (OK + b"Connection: close\r\n\r\nabcdef", b"abcdef"),
    "length, then more than declared": (OK + b"Content-Length: 3\r\n\r\nabcdef", b"abc"),
    "no content with a body": (b"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", b""),
    "interim, then final": (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK + b"Content-Length: 3\r\n\r\nabc",
                            b"abc"),
    "chunked with a trailer": (OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n", b"abc"),
}


class HostileUpstream(SluiceTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.healthy = cls.enterClassContext(HttpUpstream())
        cls.sluice = cls.enterClassContext(Sluice(
            config={"tls": TRUST_TEST_CA,
                    "limits": {"first_byte": "1s", "idle_timeout": "2s", "connect_timeout": "2s"}}))

    def tearDown(self):
        answer = self.sluice.get(f"http://{UP}:{self.healthy.port}/")
        self.assertEqual(answer.status, 200, "the next call must work")

    def call(self, upstream, **options):
        return self.sluice.get(f"http://{UP}:{upstream.port}/", **options)

    def assert_failed_outcome(self, decision_id):
        record = self.sluice.wait_for_record("egress_error", call_id=decision_id)
        self.assertEqual(record["payload"]["status"], "failed")

    def test_nothing_usable(self):
        for name, script in BEFORE_HEAD.items():
            with self.subTest(name), RawUpstream(script) as upstream:
                answer = self.call(upstream)
                self.assertEqual(answer.status, 502, answer.body)
                self.assertIn(answer.problem["reason_code"], DEAD)
                self.assert_failed_outcome(answer.problem["decision_id"])

    def test_cut_bodies_look_cut(self):
        for name, data in IN_BODY.items():
            with self.subTest(name), RawUpstream(send_and_close(data)) as upstream:
                failed = len(self.sluice.records("egress_error"))
                answer = self.call(upstream)
                self.assertTrue(not answer.complete or answer.status == 502,
                                f"taken for whole: {answer.status} {answer.body!r}")
                self.sluice.wait_for_record("egress_error", count=failed + 1)

    def test_unusual_but_whole(self):
        for name, (data, body) in WHOLE.items():
            with self.subTest(name), RawUpstream(send_and_close(data)) as upstream:
                answer = self.call(upstream)
                self.assertEqual((answer.body, answer.complete), (body, True))

    def test_one_byte_at_a_time(self):
        with RawUpstream(drip(OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 0.005)) as upstream:
            self.assertEqual(self.call(upstream).body, b"abc")

    def test_bytes_after_the_answer_do_not_become_the_next(self):
        evil = OK + b"Content-Length: 2\r\n\r\nok" + OK + b"Content-Length: 4\r\n\r\nevil"
        with RawUpstream(send_and_close(evil)) as upstream:
            connection = self.sluice.connection()
            for _ in range(3):
                connection.request("GET", f"http://{UP}:{upstream.port}/")
                self.assertEqual(connection.getresponse().read(), b"ok")
            connection.close()

    def test_silent(self):
        with RawUpstream(lambda connection, head: time.sleep(8)) as upstream:
            started = time.monotonic()
            answer = self.call(upstream, timeout=10)
            self.assertEqual((answer.status, answer.problem["reason_code"]), (504, "upstream_timeout"))
            self.assertLess(time.monotonic() - started, 6)
            self.assert_failed_outcome(answer.problem["decision_id"])

    def test_silent_in_the_body(self):
        def stall(connection, head):
            connection.sendall(OK + b"Content-Length: 10\r\n\r\nabc")
            time.sleep(8)
        with RawUpstream(stall) as upstream:
            answer = self.call(upstream, timeout=10)
            # A body with a length is held whole, so the agent is told instead of cut off.
            self.assertEqual((answer.status, answer.problem["reason_code"]), (504, "upstream_timeout"))

    def test_nobody_listens(self):
        answer = self.sluice.get(f"http://{UP}:{free_port()}/")
        self.assertEqual((answer.status, answer.problem["reason_code"]), (502, "upstream_unreachable"))
        self.assertEqual((answer.problem["decision"], answer.problem["rule_id"]), ("allow", "egress[0]"))
        self.assert_failed_outcome(answer.problem["decision_id"])

    def test_name_that_does_not_resolve(self):
        with Sluice([allow(hosts=["unknown.test"])], command_prefix=WITHOUT_DNS) as sluice:
            answer = sluice.get("http://unknown.test/", timeout=30)
            self.assert_problem(answer, 503, "guard.resolver", "resolver_failed")

    def test_answer_before_the_request_is_read(self):
        answer_early = OK + b"Content-Length: 5\r\nConnection: close\r\n\r\nearly"
        with RawUpstream(send_and_close(answer_early)) as upstream:
            answer = self.call(upstream, method="POST", body=b"x" * 3_000_000, timeout=20)
            self.assertIn(answer.status, (200, 502))

    def test_dead_pooled_connection_is_not_the_agents_problem(self):
        def once(connection, head):
            connection.sendall(OK + b"Content-Length: 2\r\n\r\nok")
        with RawUpstream(once) as upstream:
            for _ in range(5):
                self.assertEqual(self.call(upstream).body, b"ok")
                time.sleep(0.02)

    def test_what_came_unasked_on_a_pooled_tls_connection_is_not_the_next_answer(self):
        good, evil = OK + b"Content-Length: 2\r\n\r\nok", OK + b"Content-Length: 4\r\n\r\nevil"
        planting = {"nothing": lambda c: c.sendall(good),
                    "in the same record": lambda c: c.sendall(good + evil),
                    "in a record right behind": lambda c: (c.sendall(good), c.sendall(evil)),
                    "while it is pooled": lambda c: (c.sendall(good), time.sleep(0.2 * SLOW), c.sendall(evil)),
                    "half an answer": lambda c: (c.sendall(good), time.sleep(0.2 * SLOW), c.sendall(evil[:20]))}
        for name, first_answer in planting.items():
            planted, asked = threading.Event(), []

            def script(connection, head):
                number = len(asked)
                asked.append(1)
                (first_answer if number == 0 else lambda c: c.sendall(good))(connection)
                planted.set()
                while connection.recv(65536):
                    asked[number] += 1
                    connection.sendall(good)

            with self.subTest(name), RawUpstream(script, tls=test_ca().server_context(UP)) as upstream, \
                    Sluice(config={"tls": TRUST_TEST_CA, "workers": 1}) as sluice:  # a worker, a pool
                self.assertEqual(sluice.get_tls(UP, upstream.port).body, b"ok")
                self.assertTrue(planted.wait(10 * SLOW))
                for _ in range(3):
                    self.assertEqual(sluice.get_tls(UP, upstream.port).body, b"ok")
                # Each connection and how many requests it carried: only a clean one is used again.
                self.assertEqual(asked, [4] if name == "nothing" else [1, 3])

    def test_bad_certificates(self):
        for name, context in bad_contexts(UP).items():
            with self.subTest(name), HttpUpstream(tls=context) as upstream:
                answer = self.sluice.get_tls(UP, upstream.port)
                self.assertEqual(answer.status, 502, answer.body)
                self.assertEqual(answer.problem["reason_code"], "upstream_tls_unverified")
                self.assert_failed_outcome(answer.problem["decision_id"])
                self.assertEqual(upstream.requests, [])

    def test_good_certificate(self):
        with HttpUpstream(tls=test_ca().server_context(UP)) as upstream:
            self.assertEqual(self.sluice.get_tls(UP, upstream.port).status, 200)

    def test_https_never_becomes_plaintext(self):
        seen = []

        def watch(connection, head):
            seen.append(connection.recv(65536))
            connection.sendall(OK + b"Content-Length: 2\r\n\r\nno")

        with RawUpstream(watch, read_head=False) as upstream:
            answer = self.sluice.get_tls(UP, upstream.port, "/", "POST", b"body-of-the-agent")
            self.assertEqual(answer.status, 502)
        for data in seen:
            self.assertEqual(data[:1], b"\x16", "not a TLS record")
            self.assertNotIn(b"body-of-the-agent", data)

    def test_certificates_on_a_reverse_edge(self):
        for name, context in bad_contexts(UP).items():
            with self.subTest(name), HttpUpstream(tls=context) as upstream, \
                    Sluice(config={"tls": TRUST_TEST_CA}, upstream=f"https://{UP}:{upstream.port}") as sluice:
                received, _ = sluice.send_raw(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
                                              sluice.ports["edge"])
                self.assertTrue(received.startswith(b"HTTP/1.1 502 "), received[:100])
                self.assertIn(b"upstream_tls_unverified", received)

    def test_slow_reader_does_not_make_us_hoard(self):
        body = b"0123456789abcdef" * (1 << 18)
        with HttpUpstream(lambda r: Response(body=body)) as upstream:
            connection = self.sluice.connection(30)
            connection.request("GET", f"http://{UP}:{upstream.port}/")
            answer = connection.getresponse()
            time.sleep(1)
            self.assertEqual(answer.read(), body)
            connection.close()


if __name__ == "__main__":
    main()
