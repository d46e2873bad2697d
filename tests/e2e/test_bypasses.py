"""Every known way around a proxy that an agent can try through the forward listener, one test each, named
after its class. The agent uses raw sockets; nothing that must not be reached may see so much as a
connection, and the record names the reason. What needs no proxy to try is in test_captured_bypasses.py;
framing is in test_hostile_framing.py, secrets in test_redaction.py.
"""

import time

import bypass_support as support
import room
from bypass_support import (CYRILLIC, CYRILLIC_A_LABEL, EMBEDDED, METADATA4, METADATA6, OPENAI, STRICT, TARGET,
                            UNLISTED, UNPRIVILEGED, WIDE, ForwardCase, get)
from servers import free_port
from sluice_test import main, wait_until

PROXY = ["connect", "proxy", ""]
HTTPS = (OPENAI, 443)
BAD_NAMES = ("host_invalid", "framing_invalid", "name_mismatch", "default_deny")


def setUpModule():
    support.set_up_module()


def absolute(host, path="/", host_field=None):
    """One plain call through the proxy."""
    return [PROXY, get(host_field or host, target=f"http://{host}{path}"), ["answer"]]


class Addresses(ForwardCase):
    """Behind a policy that allows every host: only the guards stand."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sluice = cls.enterClassContext(cls.behind(WIDE))

    def refuse(self, *attempts, codes=()):
        """Runs them; all refused, each refusal on record with its reason, nothing left."""
        before = len(self.sluice.records())
        for moves, seen in zip(attempts, self.attempt(self.sluice, *attempts), strict=True):
            with self.subTest(moves=moves[1]):
                code = self.assert_refused(seen, *codes)
                if code:
                    self.sluice.wait_for_record(reason_code=code, call_id=seen[-1]["decision_id"])
        self.assertGreaterEqual(len(self.reasons(self.sluice.records()[before:])), len(attempts))
        self.assert_nothing_left()

    def both(self, *hosts, codes=()):
        """As a plain call and as a tunnel."""
        self.refuse(*(absolute(host) for host in hosts), *(self.tunnelled(f"{host}:443") for host in hosts),
                    codes=codes)

    def test_direct_ip(self):
        self.both(TARGET, codes=("address_private",))
        self.both(f"[{room.PREFIX6}19]", codes=("address_private",))

    def test_decimal_octal_hex(self):
        a, b, c, d = (int(part) for part in TARGET.split("."))
        number = int.from_bytes(bytes((a, b, c, d)), "big")
        self.both(str(number), hex(number), f"0{number:o}", f"{a}.{b}.{c * 256 + d}", f"{a}.{(b << 16) + c * 256 + d}",
                  f"0{a:o}.0{b:o}.0{c:o}.0{d:o}", f"{a:#x}.{b:#x}.{c:#x}.{d:#x}",
                  f"{TARGET}.", f"0x{number:016x}", f"{a}.{b}.{c}.{d:#X}",
                  codes=("address_private", "host_invalid"))

    def test_loopback_spellings(self):
        self.both("127.0.0.1", "127.1", "2130706433", "0", "0.0.0.0", "[::]", "[::1]", "[::ffff:127.0.0.1]",
                  "localhost", codes=("address_loopback", "address_reserved", "host_invalid"))

    def test_mapped(self):
        pairs = [f"{int(p):02x}" for p in TARGET.split(".")]
        self.both(f"[::ffff:{TARGET}]", f"[::ffff:{pairs[0]}{pairs[1]}:{pairs[2]}{pairs[3]}]",
                  f"[0:0:0:0:0:FFFF:{TARGET}]", codes=("address_private", "host_invalid"))
        self.both(f"[::{TARGET}]", codes=("address_embedded", "address_reserved"))

    def test_nat64_6to4_teredo(self):
        for kind, address in EMBEDDED.items():
            with self.subTest(kind=kind):
                self.both(f"[{address}]", codes=("address_embedded", "address_reserved"))
        self.both("embedded.example", codes=("address_embedded",))

    def test_metadata(self):
        self.both(METADATA4, f"[{METADATA6}]", f"[::ffff:{METADATA4}]", "metadata.example", "metadata6.example",
                  "2852039166", "0xa9fea9fe", codes=("address_metadata", "host_invalid"))

    def test_ipv6_zone_id(self):
        self.both("[fe80::1%25lo]", "[fe80::1%lo]", f"[{room.PREFIX6}18%25lo]", "[::1%lo]", f"[{room.PREFIX6}18%]",
                  codes=("host_invalid", "framing_invalid"))

    def test_one_good_address_among_bad(self):
        """Such a name may be refused or served at its good address; the bad one is never tried."""
        seen = self.attempt(self.sluice, *[absolute("mixed.example")] * 4)
        self.assert_nothing_left(("dual.example", 80))
        for one in seen:
            self.assertIn(one[-1].get("status"), (200, 403), one)

    def test_rebinding_between_check_and_connect(self):
        """Each name answers well once, then with the metadata address: one question must be enough."""
        hosts = [f"r{n}.rebind.example" for n in range(6)]
        self.attempt(self.sluice, *[absolute(host) for host in hosts for _ in range(2)])
        self.assertNotEqual(self.world.names.questions, [], "the sidecar asked nobody")
        self.assert_nothing_left(("dual.example", 80))
        self.assertIn(("dual.example", 80, "/"), self.arrived(), "not even the good answer was used")
        for record in self.sluice.records("egress_allowed"):
            if record["payload"]["destination"]["host"] in hosts:
                self.assertEqual(record["payload"]["destination"]["address"], support.NAMES["dual.example"][0])

    def test_rebinding_to_metadata(self):
        self.refuse(absolute("bad.rebind.example"), absolute("six-bad.rebind.example"), codes=("address_metadata",))

    def test_listener_and_admin_addresses(self):
        own = self.sluice.port
        self.refuse(absolute(f"127.0.0.1:{own}"), absolute(f"localhost:{own}"), absolute(f"[::1]:{own}"),
                    self.tunnel(f"127.0.0.1:{own}"), absolute(f"[::ffff:127.0.0.1]:{own}"))


class Names(ForwardCase):
    """Behind a policy that allows few hosts: names that look like them, or like two at once."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sluice = cls.enterClassContext(cls.behind(STRICT))

    refuse, both = Addresses.refuse, Addresses.both

    def test_connect_to_bare_ip(self):
        self.both(TARGET, support.NAMES[OPENAI][0], codes=("default_deny", "address_private"))

    def test_sni_host_and_connect_differ(self):
        attempts = [self.tunnel(f"{target}:443") + [["tls", sni], get(host), ["answer"]]
                    for target, sni, host in ((OPENAI, UNLISTED, OPENAI), (OPENAI, UNLISTED, UNLISTED),
                                              (OPENAI, OPENAI, UNLISTED), (OPENAI, "dual.example", OPENAI),
                                              (OPENAI, OPENAI, "dual.example"), (OPENAI, OPENAI, f"{OPENAI}:8443"))]
        self.refuse(*attempts, codes=("name_mismatch",))

    def test_connect_target_and_its_host_differ(self):
        self.refuse(self.tunnelled(f"{OPENAI}:443", host=f"{UNLISTED}:443"),
                    self.tunnelled(f"{UNLISTED}:443", host=OPENAI), codes=("name_mismatch",))

    def test_absolute_target_and_host_differ(self):
        self.refuse(absolute(OPENAI, host_field=UNLISTED), absolute(UNLISTED, host_field=OPENAI),
                    codes=("name_mismatch", "framing_invalid"))

    def test_second_request_with_another_host(self):
        plain = [PROXY, get(OPENAI, target=f"http://{OPENAI}/first"), ["answer"],
                 get(UNLISTED, target=f"http://{UNLISTED}/second"), ["answer"]]
        inside = self.tunnel(f"{OPENAI}:443") + [["tls", OPENAI], get(OPENAI, "/first"), ["answer"],
                                                 get(UNLISTED, "/second"), ["answer"]]
        for seen in self.attempt(self.sluice, plain, inside):
            self.assertEqual(seen[-2]["status"], 200, seen)
            self.assert_refused(seen, "default_deny", "name_mismatch")
        self.assertEqual(sorted(self.arrived()), [(OPENAI, 80, "/first"), (OPENAI, 443, "/first")])
        self.assert_nothing_left((OPENAI, 80), HTTPS)
        self.assertIn(("default_deny", UNLISTED), self.reasons(self.sluice.records()))

    def test_pipelined_request_with_another_host(self):
        both = get(OPENAI, target=f"http://{OPENAI}/first")[1] + get(UNLISTED, target=f"http://{UNLISTED}/second")[1]
        seen, = self.attempt(self.sluice, [PROXY, ["send", both], ["answer"], ["answer"]])
        self.assert_refused(seen, "default_deny")
        self.assert_nothing_left((OPENAI, 80))

    def test_h2c_upgrade(self):
        offer = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2_Settings": "AAMAAABkAAQAoAAA"}
        preface = ["send", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + "\0\0\0\4\0\0\0\0\0"]
        upgrade = [PROXY, get(OPENAI, target=f"http://{OPENAI}/upgrade", **offer), ["answer"], preface, ["read", 2]]
        known = [PROXY, preface, ["read", 2]]
        in_tunnel = self.tunnel(f"{OPENAI}:80") + [preface, ["read", 2]]
        first, second, third = self.attempt(self.sluice, upgrade, known, in_tunnel)
        self.assertNotEqual(first[0].get("status"), 101, first)
        for _, _, request in self.origins.requests():
            self.assertEqual((request.path, request.header("Upgrade"), request.header("HTTP2-Settings")),
                             ("/upgrade", None, None))
        for seen in (first, second, third):
            self.assertNotIn("HTTP/1.1 200", seen[-1].get("text", ""), seen)
        self.assert_nothing_left((OPENAI, 80))

    def test_raw_bytes_after_connect(self):
        """What is neither TLS nor HTTP in a tunnel to be intercepted ends it; nothing of it leaves."""
        raw = [self.tunnel(f"{OPENAI}:443") + [["send", text], ["read", 8]] for text in
               ("SSH-2.0-OpenSSH_9.2\r\n", "\0\0\0\x08\x04\xd2\x16\x2f", "\x16\x03\x01\xff\xff" + "\1" * 2000,
                "HELO there\r\n", "\x80\x2e\x01\x03\x01", "A" * 5000)]
        before = len(self.sluice.records())
        for seen in self.attempt(self.sluice, *raw):
            self.assertTrue(seen[-1].get("error") or seen[-1]["closed"], seen)
        self.assert_nothing_left()
        self.assertEqual(len(self.reasons(self.sluice.records()[before:])), len(raw))

    def test_early_data_after_connect(self):
        """A request behind CONNECT, in the same segment and outside any TLS."""
        early = (f"CONNECT {OPENAI}:443 HTTP/1.1\r\nHost: {OPENAI}:443\r\n\r\n"
                 f"GET /early HTTP/1.1\r\nHost: {UNLISTED}\r\n\r\n")
        before = len(self.sluice.records())
        seen, = self.attempt(self.sluice, [PROXY, ["send", early], ["read", 3]])
        self.assertTrue(seen[-1].get("closed"), seen)
        self.assert_nothing_left()
        self.assertNotEqual(self.reasons(self.sluice.records()[before:]), [])

    def test_redirect_to_metadata(self):
        first, = self.attempt(self.sluice, absolute(OPENAI, "/redirect-to-metadata"))
        where = first[0]["location"]
        self.assertEqual((first[0]["status"], where.split("/")[2]), (302, METADATA4))
        followed, = self.attempt(self.sluice, [PROXY, get(METADATA4, target=where), ["answer"]])
        self.assert_refused(followed, "default_deny", "address_metadata")
        self.assert_nothing_left((OPENAI, 80))

    def test_trailing_dot_and_case(self):
        self.both("blocked.example.", "BLOCKED.example", "blocked.EXAMPLE.", "blocked.example..", f"{UNLISTED}.",
                  ".blocked.example", "blocked..example", codes=("rule_block", *BAD_NAMES))

    def test_nul_bracket_and_control_bytes_in_host(self):
        hosts = [f"{UNLISTED}\0.{OPENAI}", f"{OPENAI}\0.{UNLISTED}", f"[{OPENAI}]", f"[{UNLISTED}", f"{OPENAI}]",
                 f"{OPENAI}@{UNLISTED}", f"user@{UNLISTED}", f"{UNLISTED}%00.{OPENAI}", f"{UNLISTED}%2f.{OPENAI}",
                 f"{UNLISTED}#.{OPENAI}", f"{UNLISTED}?.{OPENAI}", f"{UNLISTED}\\.{OPENAI}", f"{UNLISTED}\t", "",
                 f"{UNLISTED},{OPENAI}", f"{UNLISTED} {OPENAI}", "a" * 300 + f".{OPENAI}", f"{UNLISTED}\x7f", "*", "%"]
        attempts = [absolute(host) for host in hosts] + [self.tunnelled(f"{host}:443") for host in hosts]
        for moves, seen in zip(attempts, self.attempt(self.sluice, *attempts), strict=True):
            with self.subTest(moves=moves[1]):
                self.assert_refused(seen, *BAD_NAMES, "path_ambiguous", "protocol_unsupported")
        self.assert_nothing_left()

    def test_idn_homographs(self):
        """Letters that look alike are another name; letters that IDNA maps to ASCII are the same one."""
        raw = CYRILLIC.encode().decode("latin-1")
        self.both(raw, CYRILLIC_A_LABEL, "xn--api-.openai.com", "api.openai.com\u00ad".encode().decode("latin-1"),
                  "api\u3002evil\u3002openai.com".encode().decode("latin-1"), codes=BAD_NAMES)

    def test_other_ports(self):
        ports = ("8443", "22", "0", "65536", "443x", "-1", "4 43", "+443", "00000000000000000008443", "80:443", "")
        self.refuse(*(absolute(f"{OPENAI}:{port}") for port in ports[:-1]),  # an empty port is the default one
                    *(self.tunnelled(f"{OPENAI}:{port}") for port in ports))

    def test_other_schemes(self):
        self.refuse(*([PROXY, get(OPENAI, target=f"{scheme}://{OPENAI}/"), ["answer"]]
                      for scheme in ("https", "ftp", "file", "gopher", "ws", "javascript")))

    def test_websocket_exfiltration(self):
        """The origin switches no protocol, so nothing behind the request may reach it as if it had."""
        offer = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec_WebSocket_Version": 13,
                 "Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ=="}
        frame = ["send", "\x82\x84\1\2\3\4" + "leak"]
        seen, = self.attempt(self.sluice, [PROXY, get(OPENAI, target=f"http://{OPENAI}/ws", **offer), ["answer"], frame,
                                           ["read", 3]])
        self.assertNotEqual(seen[0].get("status"), 101, seen)
        self.assertLessEqual(set(self.arrived()), {(OPENAI, 80, "/ws")})
        self.assertEqual([r.body for _, _, r in self.origins.requests() if r.body], [])

    def test_agent_identity_by_header(self):
        """Who the agent is comes from the listener, never from what it says."""
        forged = {"X_Sluice_Agent": "root", "X_Sluice_Run": "forged", "X_Forwarded_For": "127.0.0.1",
                  "X_Sluice_Decision": "allow", "Forwarded": "for=127.0.0.1"}
        seen, = self.attempt(self.sluice, [PROXY, get(UNLISTED, target=f"http://{UNLISTED}/", **forged), ["answer"]])
        self.assert_refused(seen, "default_deny")
        self.assertNotIn(b"forged", b"".join(p.read_bytes() for p in self.sluice.evidence.glob("*.jsonl")))


class LifeOfTheSidecar(ForwardCase):
    """Before it is up and after it is gone: an agent that calls all the time, on a port known before."""

    def fleeing(self, host, seconds):
        self.listener = {"name": "egress", "kind": "forward", "bind": f"127.0.0.1:{free_port()}"}
        port = int(self.listener["bind"].split(":")[1])
        return self.start_agent(UNPRIVILEGED, [[["try", "flee", "127.0.0.1", port, host, seconds]]], {})

    def test_start_up_race(self):
        agent = self.fleeing(UNLISTED, 3)
        time.sleep(1)
        with self.behind(STRICT, listeners=[self.listener]) as sluice:
            seen, = self.end_agent(agent)
        self.assertEqual(set(seen[0]["seen"]), {"HTTP/1.1 403", "ConnectionRefusedError"}, seen)
        self.assert_nothing_left()
        self.assertEqual({code for code, _ in self.reasons(sluice.records())}, {"default_deny"})

    def test_sidecar_crash_under_load(self):
        agent = self.fleeing(OPENAI, 3)
        sluice = self.behind(STRICT, listeners=[self.listener]).start()
        wait_until(lambda: len(self.arrived()) > 50, what="load")
        sluice.kill()
        time.sleep(0.1)
        before = len(self.arrived())
        seen, = self.end_agent(agent)
        self.assertEqual(len(self.arrived()), before, "a call arrived after the sidecar was dead")
        self.assertGreater(seen[0]["seen"]["ConnectionRefusedError"], 100, seen)
        sluice.verify(killed=True)
        decided = {r["payload"]["call_id"] for r in sluice.records("egress_allowed")}
        self.assertGreaterEqual(len(decided), before, "a call arrived without a decision on record")


if __name__ == "__main__":
    room.enter()
    main()
