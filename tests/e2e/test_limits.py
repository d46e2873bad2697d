"""Every limit, from just inside to just outside: the exact status, a record, and an upstream that is
left alone. Clients that are slow on purpose lose their connection and nobody else does."""

import contextlib
import json
import os
import select
import socket
import time
from pathlib import Path

from servers import HttpUpstream, RawUpstream, Response
from sluice_test import LOOPBACK, SLOW, UP, Sluice, SluiceTestCase, allow, exchange, main, policy, wait_until

LIMITS = {"header_bytes": "8KiB", "header_count": 50, "request_body": "64KiB", "connections": 40,
          "header_timeout": "1s", "idle_timeout": "2s", "first_byte": "5s"}


def held_connections(sluice):
    """How many connections of its agents it holds, half dead ones too."""
    own = set()
    for file in Path(f"/proc/{sluice.process.pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            own.add(os.readlink(file))
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(f"socket:[{line[9]}]" in own and line[1].endswith(f":{sluice.port:04X}") and line[3] != "0A"
               for line in lines)


class Limits(SluiceTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.upstream = cls.enterClassContext(HttpUpstream())
        rules = [allow(match={"paths": ["/wide/**"]}),
                 allow("narrow", match={"paths": ["/narrow/**"]}, limits={"request_body": "10B"})]
        cls.sluice = cls.enterClassContext(Sluice(rules, config={"limits": LIMITS}))
        cls.base = f"http://{UP}:{cls.upstream.port}"

    def setUp(self):
        self.upstream.requests.clear()

    def tearDown(self):
        self.upstream.requests.clear()
        self.assertEqual(self.sluice.get(f"{self.base}/wide/x").status, 200, "the next call must work")

    def refused(self, answer, status, rule_id, reason):
        problem = self.assert_problem(answer, status, rule_id, reason)
        self.assertEqual(self.upstream.requests, [])
        return problem

    def test_header_bytes(self):
        self.assertEqual(self.sluice.get(f"{self.base}/wide/", headers={"X-A": "a" * 6000}).status, 200)
        self.upstream.requests.clear()
        self.refused(self.sluice.get(f"{self.base}/wide/", headers={"X-A": "a" * 9000}),
                     431, "limit.header", "header_too_large")
        self.sluice.wait_for_record("policy_denied", reason_code="header_too_large")

    def test_header_count(self):
        few = {f"X-{n}": "1" for n in range(40)}
        self.assertEqual(self.sluice.get(f"{self.base}/wide/", headers=few).status, 200)
        self.upstream.requests.clear()
        many = {f"X-{n}": "1" for n in range(60)}
        self.refused(self.sluice.get(f"{self.base}/wide/", headers=many), 431, "limit.header", "header_too_large")

    def test_endless_header_is_cut_off_without_reading_it_all(self):
        received, closed = self.sluice.send_raw(f"GET {self.base}/wide/ HTTP/1.1\r\nX: ".encode() + b"a" * 10_000_000)
        self.assertTrue(closed)
        self.assertTrue(received[:13] in (b"HTTP/1.1 431 ", b""), received[:100])

    def test_body_with_length(self):
        self.assertEqual(self.sluice.get(f"{self.base}/wide/", "POST", b"x" * 65536).status, 200)
        self.upstream.requests.clear()
        answer = self.sluice.get(f"{self.base}/wide/", "POST", b"x" * 65537)
        self.refused(answer, 413, "limit.body", "body_too_large")

    def test_body_of_a_rule(self):
        self.assertEqual(self.sluice.get(f"{self.base}/narrow/", "POST", b"x" * 10).status, 200)
        self.upstream.requests.clear()
        answer = self.sluice.get(f"{self.base}/narrow/", "POST", b"x" * 11)
        self.assertEqual(answer.status, 413, answer.body)
        self.assertEqual(answer.problem["reason_code"], "body_too_large")
        self.assertEqual(self.upstream.requests, [])

    def test_chunked_body_over_the_limit_never_completes(self):
        def endless():
            for _ in range(40):
                yield b"y" * 4096
        try:
            answer = self.sluice.get(f"{self.base}/wide/", "POST", endless())
            self.assertEqual(answer.status, 413)
        except (ConnectionError, BrokenPipeError):
            pass  # cut off in the middle of sending
        self.assertEqual(self.upstream.requests, [])

    def test_slow_head(self):
        started = time.monotonic()
        with socket.create_connection((LOOPBACK, self.sluice.port), 15) as peer:
            peer.sendall(f"GET {self.base}/wide/ HTTP/1.1\r\n".encode())
            received, closed = b"", False
            for _ in range(120):
                try:
                    peer.sendall(b"X-A: b\r\n")
                except OSError:
                    break
                time.sleep(0.1)
            received, closed = exchange(peer, b"")
        self.assertTrue(closed)
        self.assertIn(received[:13], (b"HTTP/1.1 408 ", b""), received[:100])
        self.assertLess(time.monotonic() - started, 12 * SLOW)
        self.sluice.wait_for_record("policy_denied", reason_code="request_timeout")

    def test_slow_body(self):
        with socket.create_connection((LOOPBACK, self.sluice.port), 10 * SLOW) as peer:
            received, closed = exchange(peer, f"POST {self.base}/wide/ HTTP/1.1\r\nHost: {UP}:{self.upstream.port}\r\n"
                                              "Content-Length: 10\r\n\r\nabc".encode())
        self.assertTrue(closed, "a body that stopped must not hold the connection")
        self.assertIn(received[:13], (b"HTTP/1.1 408 ", b""), received[:100])
        self.assertEqual(self.upstream.requests, [])

    def test_idle_keep_alive_is_closed_without_a_word(self):
        with socket.create_connection((LOOPBACK, self.sluice.port), 10 * SLOW) as peer:
            received, closed = exchange(peer, b"")
        self.assertEqual((received, closed), (b"", True))

    def stopped_reader(self, port=None):
        """A connection whose receive window is small and stays full."""
        peer = self.enterContext(socket.socket())
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.settimeout(10 * SLOW)
        peer.connect((LOOPBACK, port or self.sluice.port))
        return peer

    def assert_closed(self, peer, seconds):
        """Without reading what is there: a hang-up shows all the same."""
        poll = select.poll()
        poll.register(peer, 0)
        self.assertTrue(poll.poll(seconds * 1000 * SLOW), f"still open after {seconds * SLOW} s")

    def test_who_asks_for_much_and_never_reads_loses_its_place(self):
        gone = []

        def flood(connection, head):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
            try:
                while True:
                    connection.sendall(bytes(1 << 20))
            except OSError as error:  # a timeout of ours is not a close
                gone.append(error)

        with RawUpstream(flood) as upstream:
            peer = self.stopped_reader()
            peer.sendall(f"GET http://{UP}:{upstream.port}/wide/much HTTP/1.1\r\nHost: {UP}:{upstream.port}\r\n\r\n"
                         .encode())
            self.assert_closed(peer, 10)
            call = self.sluice.wait_for_record("egress_allowed", path="/wide/much")["payload"]["call_id"]
            outcome = self.sluice.wait_for_record("egress_error", call_id=call)["payload"]
            self.assertEqual((outcome["status"], outcome["reason_code"]), ("interrupted", "downstream_closed"))
            self.assertLess(outcome["bytes_to_downstream"], 1_000_000_000)
            wait_until(lambda: gone, what="the end of the upstream connection")
            self.assertIsInstance(gone[0], ConnectionError)

    def test_who_is_refused_often_and_never_reads_loses_its_place(self):
        peer = self.stopped_reader()
        request = f"GET http://{UP}:{self.upstream.port}/no HTTP/1.1\r\nHost: {UP}:{self.upstream.port}\r\n\r\n".encode()
        peer.settimeout(1 * SLOW)
        with contextlib.suppress(TimeoutError, ConnectionError):
            while True:
                peer.sendall(request * 100)
        self.assert_closed(peer, 20)
        self.assertEqual(self.upstream.requests, [])

    def test_who_never_reads_loses_its_place_when_its_call_times_out(self):
        """The answer to the last call must be the one that finds no room: found by trying a few lengths."""
        def answer(request):
            if request.path == "/wide/silent":
                time.sleep(4)
            return Response(body=bytes(900_000))

        limits = {"header_timeout": "1s", "idle_timeout": "1s", "first_byte": "1s"}
        with HttpUpstream(answer) as upstream, \
                Sluice([allow(match={"paths": ["/wide/**"]})], config={"limits": limits}) as sluice:
            def calls(path, count):
                return f"GET http://{UP}:{upstream.port}{path} HTTP/1.1\r\nHost: {UP}:{upstream.port}\r\n\r\n" * count

            def ask(refused, last=0):
                peer = self.stopped_reader(sluice.port)
                with contextlib.suppress(ConnectionError):
                    peer.sendall((calls("/wide/big", 3) + calls("/no", refused) + calls("/wide/silent", last)).encode())
                wait_until(lambda: held_connections(sluice), what="its connection")

            for _ in range(2):  # the first time the kernel's buffers are others
                before = len(sluice.records("policy_denied"))
                ask(1000)
                wait_until(lambda: not held_connections(sluice), 10, "the end of what fits")
            fits = len(sluice.records("policy_denied")) - before
            for count in range(fits - 6, fits + 4):
                ask(count, 1)
            wait_until(lambda: not held_connections(sluice), 10, "the end of all connections")

    def test_too_many_connections(self):
        peers = []
        try:
            for _ in range(60):
                peers.append(socket.create_connection((LOOPBACK, self.sluice.port), 5))
            refused = 0
            for peer in peers:
                peer.settimeout(0.3)
                try:
                    data = peer.recv(4096)
                    refused += data == b"" or data.startswith(b"HTTP/1.1 503 ")
                except socket.timeout:
                    pass
                except ConnectionResetError:
                    refused += 1
            self.assertGreaterEqual(refused, 15, "connections beyond the limit are turned away")
            self.assertLessEqual(refused, 60)
        finally:
            for peer in peers:
                peer.close()
        time.sleep(0.5 * SLOW)

    def test_bodies_that_are_held_share_one_room(self):
        document = policy([allow()], tools=[{"name": "no-rm", "block": {"tools": ["rm"]}}])
        with Sluice(policy_text=json.dumps(document), config={"limits": {"held_bodies": "100KiB"}}) as sluice:
            url = f"http://{UP}:{self.upstream.port}/"
            head = f"POST {url} HTTP/1.1\r\nHost: {UP}:{self.upstream.port}\r\nContent-Length: 70000\r\n\r\n"
            with contextlib.ExitStack() as held:
                waiting = held.enter_context(socket.create_connection((LOOPBACK, sluice.port), 10 * SLOW))
                waiting.sendall(head.encode() + b"[" * 60_000)
                time.sleep(SLOW)  # or else it is the second that finds no room
                self.assertEqual(sluice.get(url, "POST", b"[" * 60_000).status, 503, "no room for a second")
                refusal = sluice.wait_for_record("policy_denied", reason_code="too_much_held")["payload"]
                self.assertEqual(refusal["rule_id"], "limit.memory")
                self.assertEqual(sluice.get(url, "POST", b"{}").status, 200, "what is short still finds room")
            wait_until(lambda: sluice.get(url, "POST", b" " * 60_000).status == 200, 10, "all was given back")

    def test_expect_continue(self):
        head = (f"POST {self.base}/wide/ HTTP/1.1\r\nHost: {UP}:{self.upstream.port}\r\nExpect: 100-continue\r\n"
                "Content-Length: {length}\r\nConnection: close\r\n\r\n")
        with socket.create_connection((LOOPBACK, self.sluice.port), 10 * SLOW) as peer:
            peer.sendall(head.format(length=3).encode())
            self.assertTrue(peer.recv(4096).startswith(b"HTTP/1.1 100 "))
            received, _ = exchange(peer, b"abc")
        self.assertIn(b" 200 ", received)
        with socket.create_connection((LOOPBACK, self.sluice.port), 10 * SLOW) as peer:
            received, closed = exchange(peer, head.format(length=70_000).encode())
        self.assertTrue(closed)
        self.assertTrue(received.startswith(b"HTTP/1.1 413 "), "told before it sends the body")


if __name__ == "__main__":
    main()
