"""The dns listener: which names it answers, with what, and what it refuses, over UDP and TCP."""

import os
import random
import socket
import struct

from sluice_test import LOOPBACK, SLOW, UP, Sluice, SluiceTestCase, allow, main, policy

A, TXT, AAAA, HTTPS, ANY = 1, 16, 28, 65, 255
KNOWN = "correct-horse-battery-staple"
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, REFUSED = 0, 1, 2, 3, 5


def question(name, kind, identity=0x1234):
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split(".") if part) + b"\0"
    return struct.pack(">HHHHHH", identity, 0x0100, 1, 0, 0, 0) + labels + struct.pack(">HH", kind, 1)


def parse(answer):
    """(rcode, [addresses]) of an answer whose records point to the question."""
    _, flags, questions, count, _, _ = struct.unpack(">HHHHHH", answer[:12])
    at = 12
    for _ in range(questions):
        while answer[at]:
            at += 1 + answer[at]
        at += 5
    addresses = []
    for _ in range(count):
        kind, _, _, size = struct.unpack(">HHIH", answer[at + 2:at + 12])
        data = answer[at + 12:at + 12 + size]
        addresses.append(socket.inet_ntop(socket.AF_INET if kind == A else socket.AF_INET6, data))
        at += 12 + size
    return flags & 0xF, addresses


class Dns(SluiceTestCase):
    def sluice(self, rules=None, **options):
        config = {"resolve": {UP: ["10.1.2.3", "fd00::7"], "blocked.test": ["10.9.9.9"]}} | options.pop("config", {})
        listeners = [{"name": "names", "kind": "dns", "bind": f"{LOOPBACK}:0"}]
        rules = [allow(hosts=[UP, "*.wild.test"])] if rules is None else rules
        return Sluice(rules, config=config, listeners=listeners, **options)

    def udp(self, sluice, message, timeout=5):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            peer.settimeout(timeout * SLOW)
            peer.sendto(message, (LOOPBACK, sluice.port))
            return peer.recv(4096)

    def ask(self, sluice, name, kind):
        return parse(self.udp(sluice, question(name, kind)))

    def test_names_a_rule_allows_are_answered_and_recorded_first(self):
        with self.sluice() as sluice:
            self.assertEqual(self.ask(sluice, UP, A), (NOERROR, ["10.1.2.3"]))
            self.assertEqual(self.ask(sluice, UP.upper(), AAAA), (NOERROR, ["fd00::7"]))
            self.assertEqual(self.ask(sluice, UP, HTTPS), (NOERROR, []))
            records = [r["payload"] for r in sluice.records("dns_query")]
            self.assertEqual([(r["name"], r["query_type"], r["decision"]) for r in records],
                             [(UP, "A", "allow"), (UP, "AAAA", "allow"), (UP, "HTTPS", "allow")])

    def test_what_no_rule_could_allow_does_not_exist(self):
        with self.sluice() as sluice:
            for name in ("blocked.test", "wild.test", "localhost", "x" * 20 + ".test"):
                self.assertEqual(self.ask(sluice, name, A), (NXDOMAIN, []))
            self.assertEqual({r["payload"]["reason_code"] for r in sluice.records("dns_query")}, {"dns_name_refused"})

    def test_types_that_carry_data_are_refused(self):
        with self.sluice() as sluice:
            for kind in (TXT, ANY, 10, 252, 65400):
                self.assertEqual(self.ask(sluice, UP, kind), (REFUSED, []))
            self.assertEqual({r["payload"]["reason_code"] for r in sluice.records("dns_query")}, {"dns_type_refused"})

    def test_names_shaped_like_data_are_refused_though_a_wildcard_allows_them(self):
        with self.sluice() as sluice:
            data = os.urandom(30).hex()
            self.assertEqual(self.ask(sluice, f"{data}.wild.test", A)[0], REFUSED)
            long = ".".join(os.urandom(12).hex() for _ in range(8))
            self.assertEqual(self.ask(sluice, f"{long}.wild.test", A)[0], REFUSED)
            reasons = [r["payload"]["reason_code"] for r in sluice.records("dns_query")]
            self.assertEqual(reasons, ["dns_tunnelling"] * 2)

    def test_a_secret_in_a_name_is_not_in_the_log(self):
        with self.sluice() as sluice:
            self.ask(sluice, "AKIAIOSFODNN7EXAMPLE.wild.test", A)
            self.ask(sluice, "ghp-x.AKIAIOSFODNN7EXAMPLE.blocked.test", A)

    def test_a_name_that_holds_a_known_secret_is_refused_unresolved(self):
        secrets = [{"id": "pass", "value": {"env": "E2E_SECRET"}}]
        resolve = {f"{KNOWN}.wild.test": ["10.8.8.8"]}  # a query that passes would be answered
        with self.sluice(config={"secrets": secrets, "resolve": resolve}, environment={"E2E_SECRET": KNOWN}) as sluice:
            names = [f"{said}.test" for said in (f"{KNOWN}.wild", f"{KNOWN.upper()}.wild", f"a.x{KNOWN}y.wild",
                                                 f"{KNOWN}.elsewhere")]
            for name in names:
                self.assertEqual(self.ask(sluice, name, A), (REFUSED, []))
            facts = [(r["payload"]["decision"], r["payload"]["reason_code"], r["payload"]["rule_id"])
                     for r in sluice.records("dns_query")]
            self.assertEqual(facts, [("block", "secret_blocked", "secret.block")] * len(names))
            self.assertNotIn(KNOWN.encode(), sluice.everything_written().lower())

    def test_tcp_answers_the_same_and_several_times(self):
        with self.sluice() as sluice, socket.create_connection((LOOPBACK, sluice.port), 5) as peer:
            for name, expected in ((UP, (NOERROR, ["10.1.2.3"])), ("blocked.test", (NXDOMAIN, []))):
                message = question(name, A)
                for byte in struct.pack(">H", len(message)) + message:  # one by one
                    peer.sendall(bytes([byte]))
                size = struct.unpack(">H", peer.recv(2))[0]
                self.assertEqual(parse(peer.recv(size)), expected)

    def test_hostile_datagrams_neither_kill_nor_amplify(self):
        dice = random.Random(7)
        good = question(UP, A)
        with self.sluice() as sluice, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            peer.settimeout(0.05)
            for number in range(400):
                message = bytearray(good)
                for _ in range(dice.randint(1, 4)):
                    message[dice.randrange(len(message))] = dice.randrange(256)
                bad = bytes(message[:dice.randrange(len(message) + 1)]) if number % 2 else bytes(message)
                peer.sendto(bad, (LOOPBACK, sluice.port))
                try:
                    self.assertLess(len(peer.recv(4096)), 3 * max(20, len(bad)))
                except TimeoutError:
                    pass
            self.assertEqual(self.ask(sluice, UP, A), (NOERROR, ["10.1.2.3"]))

    def test_evidence_failure_answers_servfail(self):
        with self.sluice() as sluice:
            (sluice.evidence / "audit.jsonl").rename(sluice.evidence / "moved")
            self.assertEqual(self.ask(sluice, UP, A)[0], SERVFAIL)
            (sluice.evidence / "moved").rename(sluice.evidence / "audit.jsonl")

    def test_dry_run_asks_nobody(self):
        with self.sluice(config={"mode": "dry-run", "resolve": {}}) as sluice:
            self.assertEqual(self.ask(sluice, UP, A), (NOERROR, ["192.0.2.1"]))
            self.assertEqual(self.ask(sluice, UP, AAAA), (NOERROR, ["2001:db8::1"]))

    def test_a_new_policy_counts_at_once(self):
        with self.sluice() as sluice:
            sluice.write_policy(policy([allow(hosts=["blocked.test"])]))
            sluice.hang_up()
            sluice.wait_for_record("policy_loaded", count=2)
            self.assertEqual(self.ask(sluice, "blocked.test", A), (NOERROR, ["10.9.9.9"]))
            self.assertEqual(self.ask(sluice, UP, A)[0], NXDOMAIN)


if __name__ == "__main__":
    main()
