"""Sidecars that know each other: mutual TLS with one identity each, whoever else comes to their ports,
and what both ends put on record."""

import contextlib
import http.client
import json
import os
import socket
import ssl
import threading

from mesh_support import EXPIRED, MeshCa, Wire, entry, sidecar, slot, spiffe
from servers import HttpUpstream, echo
from sluice_test import LOOPBACK, SLOW, SluiceTestCase, main, read_answer, run_cli, wait_until


def ask(port, path="/", headers=None, method="GET", body=None, context=None):
    kind = http.client.HTTPSConnection if context else http.client.HTTPConnection
    more = {"context": context} if context else {}
    connection = kind(LOOPBACK, port, timeout=20 * SLOW, **more)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        return read_answer(connection.getresponse())
    finally:
        connection.close()


def talk(port, context, data=b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"):
    """What comes back of a TLS connection; b"" when it is refused."""
    try:
        with socket.create_connection((LOOPBACK, port), 10 * SLOW) as plain:
            with context.wrap_socket(plain) as peer:
                peer.sendall(data)
                return peer.recv(65536)
    except (ssl.SSLError, ConnectionError):
        return b""


def plain(port, data):
    """What comes back of bytes without TLS, but for a TLS alert."""
    received = b""
    with socket.create_connection((LOOPBACK, port), 10 * SLOW) as peer, contextlib.suppress(OSError):
        peer.sendall(data)
        peer.shutdown(socket.SHUT_WR)
        while chunk := peer.recv(65536):
            received += chunk
    return b"" if received[:1] == b"\x15" and len(received) <= 7 else received


class MeshCase(SluiceTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ca = MeshCa()
        cls.program = cls.enterClassContext(HttpUpstream(echo))


class TwoSidecars(MeshCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.responder = cls.enterClassContext(sidecar(
            cls.ca.identity("responder"), entry("in", cls.program.port, "caller"),
            limits={"header_timeout": "1s"}))
        cls.wire = cls.enterClassContext(Wire(cls.responder.ports["in"]))
        cls.caller = cls.enterClassContext(sidecar(
            cls.ca.identity("caller"), slot("out", cls.wire.port, "responder"),
            {"name": "proxy", "kind": "forward", "bind": f"{LOOPBACK}:0"}))

    def refusals(self):
        return self.responder.records("policy_denied", reason_code="peer_unverified")

    # What the rule of an edge allows is for the listener of that edge.
    def test_no_other_listener_leads_where_a_slot_does(self):
        upstream = self.caller.config["listeners"][0]["upstream"].removeprefix("https://")
        before = self.wire.connections
        for method, target in (("GET", f"http://{upstream}/"), ("CONNECT", upstream)):
            with socket.create_connection((LOOPBACK, self.caller.ports["proxy"]), 10 * SLOW) as proxy:
                proxy.sendall(f"{method} {target} HTTP/1.1\r\nHost: {upstream}\r\n\r\n".encode())
                answer = proxy.recv(65536)
                if answer.startswith(b"HTTP/1.1 200"):
                    proxy.sendall(b"no greeting of any protocol\r\n")
                    with contextlib.suppress(ConnectionError):
                        self.assertEqual(proxy.recv(65536), b"")
                else:
                    self.assertIn(b"HTTP/1.1 403", answer)
        self.assertEqual(self.wire.connections, before)

    def assert_refused(self, attempt, *words):
        """`attempt` gets nothing; the program sees nothing; it is on record."""
        before, seen = len(self.refusals()), len(self.program.requests)
        self.assertEqual(attempt(), b"")
        payload = wait_until(lambda: self.refusals()[before:], what="the refusal")[0]["payload"]
        for word in words:
            self.assertIn(word, payload["detail"])
        self.assertEqual(payload["listener"], "in")
        self.assertEqual(payload["rule_id"], "guard.peer")
        self.assertEqual(payload["severity"], "high")
        self.assertNotIn("peer", payload)
        self.assertEqual(len(self.program.requests), seen)

    def test_a_call_and_its_records_at_both_ends(self):
        answer = ask(self.caller.port, "/x?y=1", method="POST", body=b"hello")
        self.assertEqual(answer.status, 200, answer.body)
        self.assertEqual(json.loads(answer.body)["body"], "hello")
        out = self.caller.wait_for_record("egress_allowed", path="/x")["payload"]
        self.assertEqual(out["upstream_peer"], spiffe("responder"))
        self.assertNotIn("peer", out)
        self.assertNotIn("hops", out)
        end = self.caller.wait_for_record("egress_outcome", call_id=out["call_id"])["payload"]
        self.assertEqual((end["upstream_peer"], end["tls_version"]), (spiffe("responder"), "TLSv1.3"))
        came = self.responder.wait_for_record("egress_allowed", path="/x")["payload"]
        self.assertEqual(came["peer"], spiffe("caller"))
        self.assertNotIn("upstream_peer", came)
        shown = run_cli("evidence", "show", "--dir", self.responder.evidence, "--call", came["call_id"]).stdout
        self.assertIn("peer=" + spiffe("caller"), shown)
        shown = run_cli("evidence", "query", "--dir", self.caller.evidence, "--call", out["call_id"]).stdout
        self.assertIn("upstream-peer=" + spiffe("responder"), shown)

    def test_many_calls_take_one_handshake(self):
        before = self.wire.connections
        connection = http.client.HTTPConnection(LOOPBACK, self.caller.port, timeout=20 * SLOW)
        for _ in range(2000):
            connection.request("HEAD", "/many")  # one packet: the servers of Python wait for an ACK
            response = connection.getresponse()
            self.assertEqual(response.status, 200)
            response.read()
        connection.close()
        self.assertLessEqual(self.wire.connections - before, 2)  # calls of two sessions may be in two workers

    def test_plain_bytes(self):
        for data in (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\0" * 300, b"x"):
            with self.subTest(data[:4]):
                self.assert_refused(lambda: plain(self.responder.ports["in"], data), "no mutual TLS")

    def test_without_a_certificate(self):
        self.assert_refused(lambda: talk(self.responder.ports["in"], self.ca.context()), "did not return a certificate")

    def test_of_another_ca(self):
        context = MeshCa().context(spiffe("caller"), roots=self.ca.roots)
        self.assert_refused(lambda: talk(self.responder.ports["in"], context), "not good", "local issuer")

    def test_another_identity_of_the_right_ca(self):
        for name in ("other", "caller2", "Caller"):
            context = self.ca.context(spiffe(name))
            self.assert_refused(lambda: talk(self.responder.ports["in"], context),
                                spiffe(name) + " is none of the listener's peers")

    def test_expired(self):
        context = self.ca.context(spiffe("caller"), dates=EXPIRED)
        self.assert_refused(lambda: talk(self.responder.ports["in"], context), "expired")

    def test_for_servers_only(self):
        context = self.ca.context(spiffe("caller"), usage="serverAuth")
        self.assert_refused(lambda: talk(self.responder.ports["in"], context), "not good", "purpose")

    def test_no_identity_or_two(self):
        context = self.ca.context(spiffe("caller"), spiffe("other"))
        self.assert_refused(lambda: talk(self.responder.ports["in"], context), "2 URI names")
        context = self.ca.context("https://scn-1f2e.sluice/component/caller")
        self.assert_refused(lambda: talk(self.responder.ports["in"], context), "no identity")

    def test_tls_1_2(self):
        context = self.ca.context(spiffe("caller"), maximum=ssl.TLSVersion.TLSv1_2)
        self.assert_refused(lambda: talk(self.responder.ports["in"], context), "unsupported protocol")

    def test_the_right_one_is_let_in_whoever_it_is(self):
        answer = ask(self.responder.ports["in"], context=self.ca.context(spiffe("caller")))
        self.assertEqual(answer.status, 200)

    def test_silence_ends(self):
        before = len(self.refusals())
        descriptors = f"/proc/{self.responder.process.pid}/fd"
        held = len(os.listdir(descriptors))
        silent = [socket.create_connection((LOOPBACK, self.responder.ports["in"])) for _ in range(20)]
        wait_until(lambda: len(self.refusals()) == before + 20, what="20 refusals")
        self.assertIn("header_timeout", self.refusals()[-1]["payload"]["detail"])
        wait_until(lambda: len(os.listdir(descriptors)) <= held + 2, what="closed sockets")
        for one in silent:
            one.close()

    def test_a_handshake_that_stops_half_way(self):
        with socket.create_connection((LOOPBACK, self.responder.ports["in"]), 10 * SLOW) as peer:
            before = len(self.refusals())
            peer.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
            wait_until(lambda: len(self.refusals()) > before, what="the refusal")
        self.assertEqual(ask(self.caller.port).status, 200)


class WrongUpstreams(MeshCase):
    def failed(self, context, *words, status=502, reason="upstream_tls_unverified"):
        with HttpUpstream(tls=context) as upstream, \
                sidecar(self.ca.identity("caller"), slot("out", upstream.port, "responder")) as caller:
            answer = ask(caller.port)
            self.assertEqual(answer.status, status, answer.body)
            self.assertEqual(answer.problem["reason_code"], reason)
            record = caller.wait_for_record("egress_error")["payload"]
            for word in words:
                self.assertIn(word, record["detail"])
            self.assertNotIn("upstream_peer", record)
            self.assertEqual(caller.records("egress_allowed")[0]["payload"]["upstream_peer"], spiffe("responder"))
            self.assertEqual(upstream.requests, [])

    def test_another_identity(self):
        self.failed(self.ca.context(spiffe("other"), server=True), "wanted " + spiffe("responder"),
                    "there is " + spiffe("other"))

    def test_another_ca(self):
        self.failed(MeshCa().context(spiffe("responder"), server=True, roots=self.ca.roots), "wanted", "issuer")

    def test_expired(self):
        self.failed(self.ca.context(spiffe("responder"), server=True, dates=EXPIRED), "expired")

    def test_two_names(self):
        self.failed(self.ca.context(spiffe("responder"), spiffe("other"), server=True), "2 URI names")

    def test_a_host_name_is_no_identity(self):
        self.failed(self.ca.context("https://net.test", server=True), "no identity")

    def test_tls_1_2(self):
        self.failed(self.ca.context(spiffe("responder"), server=True, maximum=ssl.TLSVersion.TLSv1_2), "wanted",
                    reason="upstream_unreachable")

    def test_no_tls(self):
        self.failed(None, "wanted", reason="upstream_unreachable")

    def test_what_was_pooled_without_an_identity_is_not_used_with_one(self):
        """Both go to one address; the plain TLS one must not carry calls of the other."""
        context = self.ca.context(spiffe("responder"), server=True)
        context.verify_mode = ssl.CERT_NONE
        context.load_cert_chain(*self.ca.issue("https://net.test"))
        with HttpUpstream(tls=context) as upstream:
            plain = {"name": "plain", "kind": "reverse", "bind": f"{LOOPBACK}:0",
                     "upstream": f"https://net.test:{upstream.port}"}
            caller = sidecar(self.ca.identity("caller"), slot("out", upstream.port, "responder"), plain)
            with caller:
                self.assertEqual(ask(caller.ports["plain"]).status, 502)  # no root of ours signed it
                self.assertEqual(ask(caller.ports["out"]).problem["reason_code"], "upstream_tls_unverified")


def collect(listener, received):
    """Reads one connection to its end, then answers with how much it was."""
    peer, _ = listener.accept()
    with peer:
        while data := peer.recv(65536):
            received.extend(data)
        peer.sendall(b"%d bytes" % len(received))


class RawTcp(MeshCase):
    def test_half_close_goes_through_both_sidecars(self):
        received, blob = bytearray(), os.urandom(3 << 20)
        with socket.create_server((LOOPBACK, 0)) as database:
            port = database.getsockname()[1]
            threading.Thread(target=collect, args=(database, received), daemon=True).start()
            rule = [{"name": "db", "allow": {"hosts": ["db.test"], "ports": ["1-65535"]}, "private": True}]
            behind = {"name": "in", "kind": "tcp", "bind": f"{LOOPBACK}:0", "upstream": f"db.test:{port}",
                      "peers": [spiffe("caller")]}
            with sidecar(self.ca.identity("responder"), behind, tcp=rule) as responder:
                before = {"name": "db", "kind": "tcp", "bind": f"{LOOPBACK}:0",
                          "upstream": f"db.test:{responder.port}", "upstream_peer": spiffe("responder")}
                with sidecar(self.ca.identity("caller"), before, tcp=rule) as caller:
                    with socket.create_connection((LOOPBACK, caller.port), 30 * SLOW) as peer:
                        threading.Thread(target=lambda: (peer.sendall(blob), peer.shutdown(socket.SHUT_WR)),
                                         daemon=True).start()
                        answer = b""
                        while data := peer.recv(100):
                            answer += data
                    self.assertEqual(answer, b"%d bytes" % len(blob))
                    self.assertEqual(bytes(received), blob)
                    out = caller.wait_for_record("egress_outcome")["payload"]
                    self.assertEqual((out["upstream_peer"], out["bytes_to_upstream"], out["tls_version"]),
                                     (spiffe("responder"), len(blob), "TLSv1.3"))
                came = responder.wait_for_record("egress_outcome")["payload"]
                self.assertEqual(came["bytes_to_downstream"], len(answer))
                self.assertEqual(responder.records("egress_allowed")[0]["payload"]["peer"], spiffe("caller"))
                # Whoever is none of the peers reaches nothing.
                self.assertEqual(talk(responder.port, self.ca.context(spiffe("other"))), b"")
                self.assertEqual(plain(responder.port, b"select 1"), b"")
                wait_until(lambda: len(responder.records("policy_denied", reason_code="peer_unverified")) == 2)

    def test_a_wrong_upstream_gets_no_byte(self):
        rule = [{"name": "db", "allow": {"hosts": ["db.test"], "ports": ["1-65535"]}, "private": True}]
        with HttpUpstream(tls=self.ca.context(spiffe("other"), server=True)) as upstream:
            before = {"name": "db", "kind": "tcp", "bind": f"{LOOPBACK}:0",
                      "upstream": f"db.test:{upstream.port}", "upstream_peer": spiffe("responder")}
            with sidecar(self.ca.identity("caller"), before, tcp=rule) as caller:
                caller.send_raw(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                record = caller.wait_for_record("egress_error")["payload"]
                self.assertEqual(record["reason_code"], "upstream_tls_unverified")
                self.assertIn(spiffe("other"), record["detail"])
                self.assertEqual(upstream.requests, [])


class Start(MeshCase):
    def refused(self, identity, *words, listeners=None):
        listeners = listeners or [entry("in", 1, "caller")]
        one = sidecar(identity, *listeners)
        done = run_cli("check", one.config_file)
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        ran = run_cli("run", "-c", one.config_file)
        self.assertEqual(ran.returncode, 2, ran.stdout + ran.stderr)
        for said in (done.stdout + done.stderr, ran.stdout + ran.stderr):
            for word in words:
                self.assertIn(word, said)

    def test_files_that_are_no_identity(self):
        good = self.ca.identity("caller")
        other = self.ca.identity("other")
        place = "sluice.yaml:"
        self.refused(good | {"certificate": "/nowhere"}, place, "/identity/certificate: no certificate")
        self.refused(good | {"roots": good["key"]}, place, "/identity/roots: no certificates")
        self.refused(good | {"key": other["key"]}, place, "/identity/key: ", "does not belong to")
        self.refused(self.ca.identity("a", "b"), place, "/identity/certificate: ", "2 URI names")
        self.refused(self.ca.identity("a", dates=EXPIRED), "/identity/certificate: ", "not valid now")
        os.chmod(other["key"], 0o644)
        self.refused(other, "/identity/key: ", "open to others", "chmod 600")


if __name__ == "__main__":
    main()
