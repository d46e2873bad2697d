"""WebSocket through every listener: what both sides say arrives, redacted; hostile peers, refusals and
the ends of a connection."""

import asyncio
import json
import socket
import threading
import time
import zlib

import websockets

from certificates import test_ca
from servers import RawUpstream
from sluice_test import LOOPBACK, SLOW, UP, Sluice, SluiceTestCase, allow, main, policy, run_cli, wait_until
from websocket_peers import (BINARY, CLOSE, KEY, PING, TEXT, Loop, WebSocketUpstream, accept_of, close_codes, frame,
                             frames, handshake, read_until_quiet, switching, tunnel)

TOKEN = "AKIA" + "2OGYBAH6SLUICEQS"
MASKED = "AKIA[REDACTED:aws-access-key-id]"
STARS = "AKIA" + "*" * 16
KNOWN = "correct-horse-battery-staple"
SECRETS = {"config": {"secrets": [{"id": "pass", "value": {"env": "E2E_SECRET"}}]},
           "environment": {"E2E_SECRET": KNOWN}}


def pieces(text, size=3):
    return [text[at:at + size] for at in range(0, len(text), size)]


class RealPeers(SluiceTestCase):
    """`websockets` on both sides, over http and https, forward and reverse, with and without compression."""

    scheme, compression = "http", None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        tls = test_ca().server_context(UP) if cls.scheme == "https" else None
        cls.loop = cls.enterClassContext(Loop())
        cls.upstream = cls.enterClassContext(WebSocketUpstream(tls, cls.compression))
        trust = {"ca_dir": "ca", "upstream_roots": "none", "extra_roots": [str(test_ca().certificate)]}
        cls.sluice = cls.enterClassContext(Sluice(
            config=SECRETS["config"] | {"tls": trust}, environment=SECRETS["environment"],
            upstream=f"{cls.scheme}://{UP}:{cls.upstream.port}"))

    @classmethod
    def tearDownClass(cls):
        written = cls.sluice.everything_written()
        assert TOKEN.encode() not in written and KNOWN.encode() not in written

    def setUp(self):
        self.upstream.got.clear()
        self.upstream.closed.clear()

    def connect(self, path, reverse=False, **options):
        options = {"compression": self.compression, "max_size": None, "ping_interval": None,
                   "close_timeout": 3} | options
        if reverse:
            return websockets.connect(self.sluice.reverse_url.replace("http", "ws") + path, **options)
        secure = self.scheme == "https"
        if secure:
            options |= {"ssl": self.sluice.client_context(), "server_hostname": UP}
        return websockets.connect(f"{'wss' if secure else 'ws'}://{UP}:{self.upstream.port}{path}",
                                  sock=tunnel(self.sluice.port, UP, self.upstream.port), **options)

    def echo(self, *messages, **options):
        """What comes back of each; `upstream.got` is what arrived."""
        async def talk():
            async with self.connect("/echo", **options) as peer:
                out = []
                for one in messages:
                    await peer.send(one)
                    out.append(await asyncio.wait_for(peer.recv(), 20 * SLOW))
                return out
        return self.loop.run(talk())

    def listen(self, says, path="/say", **options):
        """All messages and the close code."""
        self.upstream.says = says

        async def talk():
            out = []
            async with self.connect(path, **options) as peer:
                try:
                    while True:
                        out.append(await asyncio.wait_for(peer.recv(), 20 * SLOW))
                except websockets.ConnectionClosed:
                    return out, peer.close_code
        return self.loop.run(talk())

    def last_outcome(self):
        decision = [r for r in self.sluice.records("egress_allowed") if r["payload"]["method"] == "GET"][-1]["payload"]
        return self.sluice.wait_for_record(call_id=decision["call_id"], count=2)["payload"]

    def test_agent_to_upstream(self):
        for reverse in (False, True):
            with self.subTest(reverse=reverse):
                self.upstream.got.clear()
                sent = ["hello", f"key {TOKEN} pass {KNOWN} end", "", "\u20ac" * 5000, b"\0\1" + TOKEN.encode() + b"\xff"]
                wanted = ["hello", f"key {MASKED} pass [REDACTED:secret:pass] end", "", "\u20ac" * 5000,
                          b"\0\1" + STARS.encode() + b"\xff"]
                self.assertEqual(self.echo(*sent, reverse=reverse), wanted)
                self.assertEqual(self.upstream.got, wanted)

    def test_upstream_to_agent(self):
        for reverse in (False, True):
            with self.subTest(reverse=reverse):
                got, code = self.listen(["one", f"key {TOKEN}", f"pass {KNOWN}", TOKEN.encode()], reverse=reverse)
                self.assertEqual(got, ["one", f"key {MASKED}", "pass [REDACTED:secret:pass]", STARS.encode()])
                self.assertEqual(code, 4001)

    def test_fragments_are_one_text(self):
        cut = pieces(f"key {TOKEN}, pass {KNOWN}; done", 4)
        wanted = f"key {MASKED}, pass [REDACTED:secret:pass]; done"
        self.assertEqual(self.echo(cut), [wanted])
        self.assertEqual(self.upstream.got, [wanted])
        self.assertEqual(self.listen([cut])[0], [wanted])

    def test_long_messages(self):
        lines = "".join(f"line {number * 7919} of a long text\n" for number in range(100_000))
        self.assertEqual(self.echo(lines, lines.encode()), [lines, lines.encode()])
        self.assertEqual(self.echo(lines + TOKEN + lines)[0], lines + MASKED + lines)

    def test_streamed_text_of_a_model(self):
        text = f"The key is {TOKEN}, the pass {KNOWN}. That is all: cor"
        events = [{"type": "response.text.delta", "item_id": "i", "content_index": 0, "delta": one}
                  for one in pieces(text)] + [{"type": "response.text.done", "item_id": "i"}, {"type": "other"}]
        got, _ = self.listen([json.dumps(event) for event in events])
        said = "".join(json.loads(one).get("delta", "") for one in got)
        self.assertEqual(said, f"The key is {MASKED}, the pass [REDACTED:secret:pass]. That is all: cor")
        self.assertEqual([json.loads(one) for one in got[-2:]], events[-2:])
        self.assertLessEqual(len(got), len(events) + 1)

    def test_clean_messages_come_one_by_one(self):
        async def talk():
            async with self.connect("/echo") as peer:
                for number in range(20):
                    started = time.monotonic()
                    await peer.send(json.dumps({"delta": f"word {number} "}))
                    self.assertEqual(json.loads(await peer.recv()), {"delta": f"word {number} "})
                    self.assertLess(time.monotonic() - started, 1 * SLOW)
        self.loop.run(talk())

    def test_pings_and_closes_pass(self):
        async def talk():
            peer = await self.connect("/hold")
            pong = await peer.ping(b"are you there")
            await asyncio.wait_for(pong, 10 * SLOW)
            await peer.close(3456, "good bye")
            return peer.close_code
        self.assertEqual(self.loop.run(talk()), 3456)
        wait_until(lambda: 3456 in self.upstream.closed, what="the close at the upstream")
        self.assertEqual(self.last_outcome()["status"], "succeeded")

    def test_subprotocol_and_headers(self):
        async def talk():
            headers = {"X-Note": f"see {KNOWN}", "Authorization": f"Bearer {TOKEN}"}
            async with self.connect("/echo", subprotocols=["chat"], extra_headers=headers) as peer:
                return peer.subprotocol
        self.assertEqual(self.loop.run(talk()), "chat")
        seen = {name.lower(): value for name, value in self.upstream.offered[-1].items()}
        self.assertEqual((seen["x-note"], seen["authorization"]), ("see [REDACTED:secret:pass]", f"Bearer {TOKEN}"))
        self.assertEqual("sec-websocket-extensions" in seen, self.compression is not None)

    def test_records(self):
        self.echo("one", f"two {TOKEN}", "three")
        outcome = self.last_outcome()
        decision = self.sluice.records("egress_allowed", call_id=outcome["call_id"])[0]["payload"]
        self.assertEqual([decision[key] for key in ("protocol", "method", "path", "rule_name")],
                         ["websocket", "GET", "/echo", "up"])
        self.assertEqual([outcome[key] for key in ("protocol", "status", "http_status", "messages_to_upstream",
                                                   "messages_to_downstream")], ["websocket", "succeeded", 101, 3, 3])
        self.assertGreater(outcome["bytes_to_upstream"], 20)
        self.assertGreater(outcome["bytes_to_downstream"], 20)
        self.assertEqual([(one["direction"], one["location"], one["rule"]) for one in outcome["findings"]],
                         [("request", "message", "aws-access-key-id")])


class RealPeersDeflate(RealPeers):
    compression = "deflate"


class RealPeersTls(RealPeers):
    scheme, compression = "https", "deflate"


class Hostile(SluiceTestCase):
    """One side is a raw socket."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.upstream = cls.enterClassContext(WebSocketUpstream())
        limited = allow("limited", match={"paths": ["/limited"]}, limits={"request_body": "1KiB"})
        cls.sluice = cls.enterClassContext(Sluice([limited, allow()]))

    def setUp(self):
        self.upstream.got.clear()
        self.upstream.closed.clear()

    def open(self, path="/echo", port=None, early=b"", **fields):
        """(socket, answer head, bytes behind it), by absolute-form."""
        port = port or self.upstream.port
        peer = socket.create_connection((LOOPBACK, self.sluice.port), 10 * SLOW)
        self.addCleanup(peer.close)
        peer.settimeout(10 * SLOW)
        peer.sendall(handshake(f"http://{UP}:{port}{path}", f"{UP}:{port}", **fields) + early)
        data = b""
        while b"\r\n\r\n" not in data:
            piece = peer.recv(65536)
            if not piece:
                break
            data += piece
        head, _, rest = data.partition(b"\r\n\r\n")
        return peer, head.decode(), rest

    def last(self, event_type):
        return self.sluice.records(event_type)[-1]["payload"]

    def test_absolute_form(self):
        peer, head, rest = self.open()
        self.assertTrue(head.startswith("HTTP/1.1 101"), head)
        self.assertIn(f"Sec-WebSocket-Accept: {accept_of(KEY)}", head)
        self.assertEqual(rest, b"")
        peer.sendall(frame(TEXT, f"a {TOKEN} b"))
        self.assertEqual(frames(read_until_quiet(peer)[0])[0], [(TEXT, True, False, f"a {MASKED} b".encode())])
        peer.sendall(frame(CLOSE, b"\x03\xe8"))
        data, ended = read_until_quiet(peer, 3)
        self.assertEqual((close_codes(data), ended), ([1000], True))

    def test_agent_breaks_the_rules(self):
        for name, data, code, reason in (
                ("unmasked", frame(TEXT, "hello", masked=False), 1002, "framing_invalid"),
                ("reserved bit", frame(TEXT, "hello", rsv=0x10), 1002, "framing_invalid"),
                ("RSV1 without deflate", frame(TEXT, "hello", rsv=0x40), 1002, "framing_invalid"),
                ("reserved opcode", frame(3, "hello"), 1002, "framing_invalid"),
                ("continuation of nothing", frame(0, "hello"), 1002, "framing_invalid"),
                ("long ping", frame(PING, "p" * 126), 1002, "framing_invalid"),
                ("cut ping", frame(PING, "p", final=False), 1002, "framing_invalid"),
                ("not UTF-8", frame(TEXT, b"abc\xff"), 1007, "framing_invalid"),
                ("long length", b"\x81\xfe\0\5" + bytes(4) + b"hello", 1002, "framing_invalid"),
                ("close code", frame(CLOSE, b"\x03\xed"), 1002, "framing_invalid"),
                ("something else", b"GET / HTTP/1.1\r\n\r\n", 1002, "framing_invalid")):
            with self.subTest(name):
                self.upstream.got.clear()
                self.upstream.closed.clear()
                peer, head, _ = self.open("/hold")
                self.assertTrue(head.startswith("HTTP/1.1 101"), head)
                peer.sendall(data)
                back, ended = read_until_quiet(peer, 3)
                self.assertEqual((close_codes(back), ended), ([code], True))
                wait_until(lambda: 1001 in self.upstream.closed, what="the end at the upstream")
                self.assertEqual(self.upstream.got, [])
                self.assertEqual(self.last("egress_error")["reason_code"], reason)

    def test_message_over_the_rule_s_limit(self):
        peer, head, _ = self.open("/limited")
        self.assertTrue(head.startswith("HTTP/1.1 101"), head)
        peer.sendall(frame(TEXT, "x" * 1024) + frame(TEXT, "x" * 600, final=False) + frame(0, "x" * 600))
        self.assertEqual(close_codes(read_until_quiet(peer, 3)[0]), [1009])
        wait_until(lambda: self.upstream.closed, what="the end at the upstream")
        self.assertEqual(self.upstream.got, ["x" * 1024])
        self.assertEqual(self.sluice.wait_for_record("egress_outcome", reason_code="body_too_large")
                         ["payload"]["status"], "blocked")

    def behind(self, script, path="/x", send=b"", **fields):
        """What the agent sees of a raw upstream: (head, bytes behind it, ended, what the upstream got)."""
        got, over = [], threading.Event()

        def serve(connection, head):
            script(connection, head)
            got.append(read_until_quiet(connection, 3)[0])
            over.set()
        with RawUpstream(serve) as upstream:
            peer, head, rest = self.open(path, upstream.port, **fields)
            if send:
                peer.sendall(send)
            data, ended = read_until_quiet(peer, 2)
            peer.close()
            over.wait(5)
            return head, rest + data, ended, b"".join(got)

    def test_upstream_breaks_the_rules(self):
        for name, data in (("masked", frame(TEXT, "hello", masked=True)),
                           ("reserved opcode", frame(11, "hello", masked=False)),
                           ("not UTF-8", frame(TEXT, b"\xff", masked=False)),
                           ("after the close", frame(CLOSE, b"\x03\xe8", masked=False) + b"more"),
                           ("RSV1 without deflate", frame(TEXT, "hello", masked=False, rsv=0x40)),
                           ("another protocol", b"SSH-2.0-OpenSSH_9.2\r\n")):
            with self.subTest(name):
                head, back, ended, got = self.behind(lambda peer, head, data=data: peer.sendall(switching(head) + data))
                self.assertTrue(head.startswith("HTTP/1.1 101"), head)
                self.assertTrue(ended)
                self.assertIn(close_codes(back), ([1014], [1000]))
                self.assertNotIn(b"hello", back)
                self.assertNotIn(b"SSH", back)
                self.assertIn(close_codes(got)[0], (1002, 1007))
                self.assertEqual(self.last("egress_error")["reason_code"], "upstream_protocol_error")

    def test_only_a_right_answer_switches(self):
        secret = frame(TEXT, f"a {TOKEN}")
        for name, answer in (
                ("wrong accept", lambda head: switching(head, Sec_WebSocket_Accept=accept_of("x" * 24))),
                ("accept of the agent's key", lambda head: switching(head, Sec_WebSocket_Accept=accept_of(KEY))),
                ("no accept", lambda head: switching(head, Sec_WebSocket_Accept=None)),
                ("another protocol", lambda head: switching(head, Upgrade="raw")),
                ("no Connection", lambda head: switching(head, Connection=None)),
                ("unasked extension", lambda head: switching(head, Sec_WebSocket_Extensions="permessage-deflate")),
                ("unasked subprotocol", lambda head: switching(head, Sec_WebSocket_Protocol="chat"))):
            with self.subTest(name):
                head, _, _, got = self.behind(lambda peer, head, answer=answer: peer.sendall(answer(head)), send=secret)
                self.assertTrue(head.startswith("HTTP/1.1 502"), head)
                self.assertEqual(got, b"")
                self.assertEqual(self.last("egress_error")["reason_code"], "upstream_protocol_error")

    def test_other_answers_are_ordinary(self):
        for status in ("200 OK", "401 Unauthorized", "426 Upgrade Required"):
            with self.subTest(status):
                answer = f"HTTP/1.1 {status}\r\nContent-Length: 5\r\n\r\nhello".encode()
                head, body, _, got = self.behind(lambda peer, head, answer=answer: peer.sendall(answer),
                                                 send=frame(TEXT, f"a {TOKEN}"))
                self.assertTrue(head.startswith(f"HTTP/1.1 {status}"), head)
                self.assertTrue(body.startswith(b"hello"), body)
                self.assertEqual(got, b"")  # what follows is no message: it is a request, and refused

    def test_bytes_right_behind_the_handshake(self):
        early = frame(TEXT, f"early {TOKEN}")
        head, back, _, got = self.behind(
            lambda peer, head: peer.sendall(switching(head) + frame(TEXT, f"first {TOKEN}", masked=False)), early=early)
        self.assertTrue(head.startswith("HTTP/1.1 101"), head)
        self.assertEqual(frames(back)[0][0][3], f"first {MASKED}".encode())
        self.assertEqual([one[2:] for one in frames(got)[0] if one[0] == TEXT], [(True, f"early {MASKED}".encode())])

    def test_deflate_bomb(self):
        packer = zlib.compressobj(9, wbits=-15)
        bomb = packer.compress(bytes(300 << 20)) + packer.flush(zlib.Z_SYNC_FLUSH)

        def script(peer, head):
            answer = switching(head, Sec_WebSocket_Extensions="permessage-deflate")
            try:
                peer.sendall(answer + frame(BINARY, bomb[:-4], masked=False, rsv=0x40))
            except OSError:
                pass
        head, back, ended, _ = self.behind(script, Sec_WebSocket_Extensions="permessage-deflate")
        self.assertTrue(head.startswith("HTTP/1.1 101"), head)
        self.assertTrue(ended)
        self.assertEqual(close_codes(back[back.rfind(b"\x88"):]), [1014])
        self.assertLess(len(back), 1 << 20)

    def test_secret_over_frames_in_packets(self):
        peer, _, _ = self.open()
        data = frame(TEXT, f"x {TOKEN[:9]}", final=False) + frame(PING, TOKEN) + frame(0, TOKEN[9:] + " y")
        for byte in data:
            peer.sendall(bytes([byte]))
        wait_until(lambda: self.upstream.got, what="the message")
        self.assertEqual(self.upstream.got, [f"x {MASKED} y"])
        pongs = [one[3] for one in frames(read_until_quiet(peer)[0])[0] if one[0] == 10]
        self.assertEqual(pongs, [STARS.encode()])

    def test_abrupt_ends(self):
        peer, _, _ = self.open("/hold")
        peer.sendall(frame(TEXT, "half", final=False))
        time.sleep(0.2)
        peer.close()
        wait_until(lambda: 1006 in self.upstream.closed, what="the end at the upstream")
        self.assertEqual(self.upstream.got, [])
        self.sluice.wait_for_record("egress_error", reason_code="downstream_closed", protocol="websocket")
        head, back, ended, _ = self.behind(
            lambda peer, head: (peer.sendall(switching(head) + frame(TEXT, "half", masked=False, final=False)),
                                peer.shutdown(socket.SHUT_WR)))
        self.assertEqual((frames(back)[0], ended), ([(TEXT, False, False, b"half")], True))
        self.sluice.wait_for_record("egress_error", reason_code="upstream_closed", protocol="websocket")

    def test_a_reader_that_does_not_read(self):
        """The one that writes is held up, and memory stays bounded."""
        sent = [0]

        def script(peer, head):
            peer.sendall(switching(head))
            peer.settimeout(2)
            try:
                while sent[0] < 200 << 20:
                    peer.sendall(frame(BINARY, bytes(65536), masked=False))
                    sent[0] += 65536
            except OSError:
                pass
        with RawUpstream(script) as upstream:
            _, head, _ = self.open("/x", upstream.port)
            self.assertTrue(head.startswith("HTTP/1.1 101"), head)
            time.sleep(3)
            self.assertLess(sent[0], 100 << 20)


class Refused(SluiceTestCase):
    def test_refusals_are_on_record(self):
        rules = [allow("up", match={"paths": ["/ok"]})]
        with WebSocketUpstream() as upstream, Sluice(rules) as sluice:
            def ask(url, host, **fields):
                return sluice.send_raw(handshake(url, host, Connection="Upgrade, close", **fields))[0].decode()
            here = f"{UP}:{upstream.port}"
            for url, host, fields, status, reason in (
                    ("http://other.test/ok", "other.test", {}, 403, "default_deny"),
                    (f"http://{here}/secret", here, {}, 403, "default_deny"),
                    (f"http://{here}/ok", here, {"Upgrade": "raw"}, 403, "upgrade_unsupported"),
                    (f"http://{here}/ok", here, {"Upgrade": "websocket, raw"}, 403, "upgrade_unsupported"),
                    (f"http://{here}/ok", here, {"Upgrade": "h2c, websocket"}, 403, "upgrade_unsupported"),
                    (f"http://{here}/ok", here, {"Sec_WebSocket_Key": "short"}, 400, "framing_invalid"),
                    (f"http://{here}/ok", here, {"Sec_WebSocket_Key": None}, 400, "framing_invalid"),
                    (f"http://{here}/ok", here, {"Sec_WebSocket_Version": "12"}, 400, "framing_invalid"),
                    (f"http://{here}/ok", here, {"Sec_WebSocket_Extensions": "a b"}, 400, "framing_invalid")):
                with self.subTest(url=url, fields=fields):
                    before = len(sluice.records("policy_denied"))
                    self.assertTrue(ask(url, host, **fields).startswith(f"HTTP/1.1 {status}"))
                    record = sluice.records("policy_denied")[before]["payload"]
                    self.assertEqual(record["reason_code"], reason)
            self.assertEqual(upstream.offered, [])


class LiveConnections(SluiceTestCase):
    """What ends a WebSocket that both sides would keep."""

    def hold(self, sluice, upstream, path="/hold"):
        peer = socket.create_connection((LOOPBACK, sluice.port), 10 * SLOW)
        self.addCleanup(peer.close)
        host = f"{UP}:{upstream.port}"
        peer.sendall(handshake(f"http://{host}{path}", host))
        peer.settimeout(10 * SLOW)
        self.assertTrue(peer.recv(4096).startswith(b"HTTP/1.1 101"))
        return peer

    def assert_cut(self, peer, code, started, seconds):
        data, ended = read_until_quiet(peer, seconds * SLOW)
        self.assertTrue(ended)
        self.assertEqual(close_codes(data), [code])
        self.assertLess(time.monotonic() - started, seconds * SLOW)

    def test_policy_and_kill(self):
        admin = {"admin": {"bind": "unix:./sluice.sock"}}
        with WebSocketUpstream() as upstream, Sluice([allow()], config=admin) as sluice:
            kept = self.hold(sluice, upstream, "/echo")
            gone = self.hold(sluice, upstream)
            started = time.monotonic()
            sluice.write_policy(policy([allow("echo", match={"paths": ["/echo"]})]))
            sluice.hang_up()
            self.assert_cut(gone, 1008, started, 3)
            sluice.wait_for_record("egress_error", reason_code="policy_changed", protocol="websocket")
            kept.sendall(frame(TEXT, "still here"))
            self.assertEqual(frames(read_until_quiet(kept)[0])[0], [(TEXT, True, False, b"still here")])
            self.assertEqual(run_cli("admin", "kill", "-c", sluice.config_file).returncode, 0)
            self.assert_cut(kept, 1008, time.monotonic(), 3)
            sluice.wait_for_record("egress_error", reason_code="killed", protocol="websocket")

    def test_idle(self):
        limits = {"limits": {"idle_timeout": "1s"}}
        with WebSocketUpstream() as upstream, Sluice(config=limits) as sluice:
            peer = self.hold(sluice, upstream)
            for _ in range(4):  # a ping is a sign of life
                time.sleep(0.5)
                peer.sendall(frame(PING, "p"))
            self.assertEqual(len(frames(read_until_quiet(peer, 0.3)[0])[0]), 4)
            self.assert_cut(peer, 1014, time.monotonic(), 4)
            sluice.wait_for_record("egress_error", reason_code="upstream_timeout", protocol="websocket")

    def test_drain(self):
        limits = {"limits": {"drain": "1s"}}
        with WebSocketUpstream() as upstream, Sluice(config=limits) as sluice:
            peer = self.hold(sluice, upstream)
            stopping = threading.Thread(target=sluice.stop)
            stopping.start()
            self.assert_cut(peer, 1001, time.monotonic(), 5)
            stopping.join()
            self.assertEqual(sluice.records("egress_error")[-1]["payload"]["reason_code"], "draining")

    def test_observe_lets_pass_as_it_is(self):
        with WebSocketUpstream() as upstream, Sluice([], config={"mode": "observe"}) as sluice:
            peer = self.hold(sluice, upstream, "/echo")
            peer.sendall(frame(TEXT, f"a {TOKEN}"))
            self.assertEqual(frames(read_until_quiet(peer)[0])[0], [(TEXT, True, False, f"a {TOKEN}".encode())])


if __name__ == "__main__":
    main()
