"""The keyed digests of bodies in outcome records. The key is nobody's, so they are held against each other: within
a run equal bytes have equal digests, whatever they came in; another run has others."""

import socket
import zlib

import websockets

from servers import HttpUpstream, Response
from sluice_test import LOOPBACK, SLOW, UP, Sluice, SluiceTestCase, main, policy
from test_tcp import TcpServer
from websocket_peers import Loop, WebSocketUpstream

TOKEN = "AKIA" + "2OGYBAH6SLUICEQS"
BODY = f"a key {TOKEN}, and no more of it."
MASKED = BODY.replace(TOKEN, "AKIA[REDACTED:aws-access-key-id]")
STARRED = BODY.replace(TOKEN, "AKIA" + "*" * 16)


def returns(request):
    return Response(body=request.body)


class BodyDigests(SluiceTestCase):
    def digests(self, sluice, count=1):
        return sluice.wait_for_record("egress_outcome", count)["payload"]["body_hmac"]

    def test_equal_bytes_have_equal_digests(self):
        with HttpUpstream(returns) as upstream, Sluice() as sluice:
            url = f"http://{UP}:{upstream.port}/"
            sluice.get(url, "POST", BODY.encode())
            masked = self.digests(sluice)
            self.assertRegex(masked["request"], "^[0-9a-f]{64}$")
            self.assertNotEqual(masked["request"], masked["request_sent"])
            self.assertEqual(masked["request_sent"], masked["response"])  # it came back as it went
            self.assertEqual(masked["response"], masked["response_sent"])
            sluice.get(url, "POST", MASKED.encode())
            self.assertEqual(set(self.digests(sluice, 2).values()), {masked["request_sent"]})
            sluice.get(url, "POST", iter([BODY[:9].encode(), BODY[9:20].encode(), BODY[20:].encode()]))
            self.assertEqual(self.digests(sluice, 3), masked, "in chunks, cut inside the key")
            sluice.get(url, "POST", BODY.encode() + b" ")
            self.assertNotIn(self.digests(sluice, 4)["request"], masked.values())
            sluice.get(url)
            self.assertEqual(self.digests(sluice, 5), {})

    def test_of_a_compressed_body_its_compressed_bytes(self):
        packed = zlib.compress(b"nothing to hide " * 100)
        with HttpUpstream(returns) as upstream, Sluice() as sluice:
            url = f"http://{UP}:{upstream.port}/"
            sluice.get(url, "POST", packed, {"Content-Encoding": "deflate"})
            coded = self.digests(sluice)
            sluice.get(url, "POST", packed, {"Content-Type": "application/octet-stream"})
            self.assertEqual(self.digests(sluice, 2)["request"], coded["request"])

    def test_another_run_has_another_digest(self):
        found = set()
        with HttpUpstream(returns) as upstream:
            for _ in range(2):
                with Sluice() as sluice:
                    sluice.get(f"http://{UP}:{upstream.port}/", "POST", b"yes")
                    found |= set(self.digests(sluice).values())
        self.assertEqual(len(found), 2)

    def test_what_a_rule_stopped_was_received_and_not_sent(self):
        stops = [{"id": "stop", "pattern": "do-not-[a-z]{4}", "action": "block"}]
        with HttpUpstream(returns) as upstream, Sluice() as sluice:
            sluice.write_policy(policy([{"name": "up", "allow": {"hosts": [UP]}, "private": True}],
                                       redaction={"rules": stops}))
            sluice.hang_up()
            sluice.wait_for_record("policy_loaded", 2)
            sluice.get(f"http://{UP}:{upstream.port}/", "POST", b"please do-not-send")
            self.assertEqual(sorted(self.digests(sluice)), ["request"])

    def test_websocket_and_raw_streams_by_what_they_say(self):
        def collect(peer, received):
            while data := peer.recv(65536):
                received += data

        with HttpUpstream(returns) as upstream, TcpServer(collect) as raw, WebSocketUpstream() as other, Loop() as loop, \
                Sluice(listeners=[{"name": "egress", "kind": "forward", "bind": f"{LOOPBACK}:0"},
                                  {"name": "db", "kind": "tcp", "bind": f"{LOOPBACK}:0", "upstream": f"{UP}:{raw.port}"},
                                  {"name": "edge", "kind": "reverse", "bind": f"{LOOPBACK}:0",
                                   "upstream": f"http://{UP}:{other.port}"}]) as sluice:
            sluice.write_policy(policy(
                [{"name": "up", "allow": {"hosts": [UP]}, "private": True}],
                tcp=[{"name": "db", "allow": {"hosts": [UP], "ports": [raw.port]}, "private": True}]))
            sluice.hang_up()
            sluice.wait_for_record("policy_loaded", 2)
            sluice.get(f"http://{UP}:{upstream.port}/", "POST", BODY.encode())
            by_http = self.digests(sluice)

            async def say():
                async with websockets.connect(sluice.reverse_url.replace("http", "ws") + "/echo") as peer:
                    await peer.send([BODY[:8], BODY[8:]])
                    self.assertEqual(await peer.recv(), MASKED)
            loop.run(say())
            self.assertEqual(self.digests(sluice, 2), by_http)

            with socket.create_connection((LOOPBACK, sluice.ports["db"]), 10 * SLOW) as peer:
                peer.sendall(BODY.encode())
                peer.shutdown(socket.SHUT_WR)
                self.assertEqual(peer.recv(10), b"")
            by_tcp = self.digests(sluice, 3)
            self.assertEqual(sorted(by_tcp), ["request", "request_sent"])
            self.assertEqual(by_tcp["request"], by_http["request"])
            sluice.get(f"http://{UP}:{upstream.port}/", "POST", STARRED.encode())
            self.assertEqual(self.digests(sluice, 4)["request"], by_tcp["request_sent"])


if __name__ == "__main__":
    main()
