"""Every known way out of the box of `sluice exec`, one test each, named after its class. The agent ignores
proxies and connects to wherever it likes; whatever it does, no origin may see what no rule allows, and
what reached the sidecar is on record. The forward listener's share is in test_bypasses.py.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import time
import unittest
from pathlib import Path

import bypass_support as support
import room
from bypass_support import (CYRILLIC_A_LABEL, EMBEDDED, METADATA4, METADATA6, OPENAI, STRICT, TARGET, UNLISTED,
                            UNPRIVILEGED, WIDE, BypassTestCase, CapturedCase, get)
from sluice_test import SLOW, SLUICE, main, read_evidence, wait_until

OPENAI_IP = support.NAMES[OPENAI][0]
DUAL_IP = support.NAMES["dual.example"][0]
HTTP, HTTPS = (OPENAI, 80), (OPENAI, 443)
CALL = [["connect", OPENAI, 80], get(OPENAI, "/fine"), ["answer"]]  # what is allowed


def setUpModule():
    support.set_up_module()


def plain(address, host=None, port=80):
    return [["connect", address, port], get(host or address), ["answer"]]


def secure(address, sni, host=None, port=443):
    return [["connect", address, port], ["tls", sni], get(host or sni), ["answer"]]


class TheAttemptsThemselves(BypassTestCase):
    """Without Sluice, each of these ways leads out: so it is Sluice that shuts them."""

    def test_each_reaches_something(self):
        prefix = room.with_hosts(support.RESOLVE, self.world.folder) + UNPRIVILEGED
        addresses = [TARGET, f"::ffff:{TARGET}", METADATA4, METADATA6, *EMBEDDED.values(), "2852039166",
                     CYRILLIC_A_LABEL]
        calls = [*(plain(address) for address in addresses), secure(TARGET, ""), secure(OPENAI, OPENAI, port=8443)]
        for moves, seen in zip(calls, self.run_agent(prefix, calls, {}), strict=True):
            self.assertEqual(seen[-1].get("status"), 200, (moves, seen))
        others = [[["udp", OPENAI_IP, 443, "x"]], [["connect", "git.example", 22], ["read", 1]]]
        for seen in self.run_agent(prefix, others, {}):
            self.assertTrue(seen[-1].get("text"), seen)
        (asked,), = self.run_agent(prefix, [[["try", "ask", "r9.rebind.example", 1, room.NOWHERE]]], {})
        self.assertEqual(asked, {"rcode": 0, "answers": 1})

    def test_mischief_against_ones_own(self):
        """The same functions succeed against a process that the kernel lets the agent at."""
        stand_in = self.world.folder / "sluice"
        shutil.copy("/bin/sleep", stand_in)
        for name in ("ptrace_sidecar", "kill_sidecar"):
            with subprocess.Popen([*UNPRIVILEGED, stand_in, "60"]) as victim:
                wait_until(lambda: Path(f"/proc/{victim.pid}/comm").read_text().strip() == "sluice")
                (seen,), = self.run_agent(UNPRIVILEGED, [[["try", name]]], {})
                victim.kill()
            self.assertIn(victim.pid, seen["tried"])
            self.assertNotEqual([one for one in seen["got"] if str(victim.pid) in one], [])


class Captured(CapturedCase):
    def refuse(self, *attempts, codes=(), policy=STRICT, recorded=True, but=()):
        """All refused, nothing left; at least one refusal on record for each that got a connection."""
        seen, records = self.attempt(*attempts, policy=policy)
        for moves, one in zip(attempts, seen, strict=True):
            with self.subTest(moves=moves):
                self.assert_refused(one, *codes)
        self.assert_nothing_left(*but)
        if recorded:
            connected = [one for one in seen if one[-1].get("error") not in ("ConnectionRefusedError", "gaierror")]
            self.assertGreaterEqual(len(self.reasons(records)), len(connected), records)
        return seen, records


class Addresses(Captured):
    def test_allowed_call(self):
        """The control: what is allowed works in this very box."""
        seen, records = self.attempt(CALL, secure(OPENAI, OPENAI))
        self.assertEqual([one[-1].get("status") for one in seen], [200, 200], seen)
        self.assertEqual(len([r for r in records if r["event_type"] == "egress_allowed"]), 2)

    def test_direct_ip(self):
        self.refuse(plain(TARGET), plain(TARGET, UNLISTED), secure(TARGET, ""), secure(TARGET, UNLISTED),
                    plain(f"{room.PREFIX6}18"), secure(f"{room.PREFIX6}18", ""))

    def test_another_address_with_an_allowed_name(self):
        """The name is allowed, the address is not its own: whatever is answered, that address sees nothing."""
        self.attempt(plain(TARGET, OPENAI), secure(TARGET, OPENAI), secure(f"{room.PREFIX6}18", OPENAI))
        self.assert_nothing_left(HTTP, HTTPS)

    def test_decimal_octal_hex(self):
        """The agent's own resolver turns them into the address."""
        a, b, c, d = (int(part) for part in TARGET.split("."))
        number = int.from_bytes(bytes((a, b, c, d)), "big")
        for spelling in (str(number), hex(number), f"0{number:o}", f"{a}.{b}.{c * 256 + d}", f"0{a:o}.{b:#x}.{c}.{d}"):
            self.refuse(plain(spelling), plain(OPENAI, spelling), policy=WIDE)

    def test_mapped(self):
        self.refuse(plain(f"::ffff:{TARGET}", f"[::ffff:{TARGET}]"), plain(OPENAI, f"[::ffff:{TARGET}]"), policy=WIDE)

    def test_nat64_6to4_teredo(self):
        for kind, address in EMBEDDED.items():
            with self.subTest(kind=kind):
                self.refuse(plain(address, f"[{address}]"), plain(OPENAI, f"[{address}]"), policy=WIDE)
        self.refuse(plain("embedded.example"), policy=WIDE)

    def test_metadata(self):
        self.refuse(plain(METADATA4), plain(METADATA6, f"[{METADATA6}]"), plain(METADATA4, "metadata.example"),
                    plain(METADATA4, OPENAI), plain("metadata.example"), plain("metadata6.example"), policy=WIDE)

    def test_rebinding_between_check_and_connect(self):
        """The name answers well once; later the agent connects to its second answer, or asks again."""
        name = "r0.rebind.example"
        self.attempt(plain(name), plain(name), plain(METADATA4, name), plain(name), policy=STRICT)
        self.assert_nothing_left(("dual.example", 80))
        self.refuse(plain("bad.rebind.example"), plain("six-bad.rebind.example"), but=[("dual.example", 80)])

    def test_ipv6_zone_id(self):
        seen, _ = self.attempt([["try", "zone_ids", 80]], plain(OPENAI, f"[{room.PREFIX6}18%25lo]"), policy=WIDE)
        self.assertEqual(seen[0][0]["got"], [])
        self.assert_refused(seen[1])
        self.assert_nothing_left()

    def test_redirect_to_metadata(self):
        redirected = [["connect", OPENAI, 80], get(OPENAI, "/redirect-to-metadata"), ["answer"]]
        seen, _ = self.attempt(redirected, plain(METADATA4))
        self.assertEqual(seen[0][-1]["status"], 302, seen)
        self.assert_refused(seen[1])
        self.assert_nothing_left(HTTP)


class Names(Captured):
    def test_sni_and_host_differ(self):
        self.refuse(secure(OPENAI, UNLISTED), secure(OPENAI, UNLISTED, OPENAI), secure(OPENAI, OPENAI, UNLISTED),
                    secure(OPENAI, "dual.example"), secure(OPENAI, OPENAI, "dual.example"),
                    secure(OPENAI, "", UNLISTED), secure(OPENAI, OPENAI, TARGET))

    def test_host_and_destination_differ(self):
        self.refuse(plain(OPENAI, UNLISTED), plain(OPENAI, "dual.example"), plain(OPENAI, f"{OPENAI}:8443"))

    def test_second_request_with_another_host(self):
        for port, tls in ((80, []), (443, [["tls", OPENAI]])):
            for other in (UNLISTED, "dual.example"):
                moves = [["connect", OPENAI, port], *tls, get(OPENAI, "/first"), ["answer"], get(other, "/second"),
                         ["answer"]]
                (seen,), records = self.attempt(moves)
                self.assertEqual(seen[0].get("status"), 200, seen)
                self.assert_refused(seen, "name_mismatch", "default_deny", "original_destination_mismatch")
                self.assertEqual({path for _, _, path in self.arrived()}, {"/first"})
                self.assertNotEqual(self.reasons(records), [])

    def test_proxy_requests_on_a_captured_connection(self):
        """As if the captured destination were a proxy that could be asked for more."""
        absolute = [["connect", OPENAI, 80], get(UNLISTED, target=f"http://{UNLISTED}/"), ["answer"]]
        mixed = [["connect", OPENAI, 80], get(OPENAI, target=f"http://{UNLISTED}/"), ["answer"]]
        connect = [["connect", OPENAI, 80], *self.tunnel(f"{UNLISTED}:443")[1:]]
        self.refuse(absolute, mixed, connect)

    def test_h2c_upgrade(self):
        preface = ["send", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + "\0\0\0\4\0\0\0\0\0"]
        offer = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2_Settings": "AAMAAABkAAQAoAAA"}
        (seen,), _ = self.attempt([["connect", OPENAI, 80], get(OPENAI, "/upgrade", **offer), ["answer"], preface,
                                   ["read", 2]])
        self.assertNotEqual(seen[0].get("status"), 101)
        self.assertEqual([(r.path, r.header("Upgrade")) for _, _, r in self.origins.requests()][1:], [])
        self.assertEqual([r.header("Upgrade") for _, _, r in self.origins.requests() if r.header("Upgrade")], [])

    def test_raw_bytes_where_tls_belongs(self):
        for port in (443, 80):
            self.refuse(*([["connect", OPENAI, port], ["send", text], ["read", 8]] for text in
                          ("SSH-2.0-OpenSSH_9.2\r\n", "\0\0\0\x08\x04\xd2\x16\x2f", "HELO there\r\n",
                           "\x16\x03\x01\xff\xff" + "\1" * 2000)), recorded=False)

    def test_trailing_dot_and_case(self):
        self.refuse(plain("blocked.example."), plain(OPENAI, "blocked.example."), secure(OPENAI, "BLOCKED.example"),
                    plain("unlisted.example."), recorded=False)
        self.attempt([["connect", OPENAI, 443], ["hello", "unlisted.example."], ["read", 1]])
        self.assert_nothing_left()

    def test_nul_bracket_and_control_bytes_in_sni_and_host(self):
        names = [f"{UNLISTED}\0.{OPENAI}", f"{OPENAI}\0.{UNLISTED}", f"[{UNLISTED}]", f"{OPENAI}@{UNLISTED}",
                 f"{UNLISTED}\x7f", f"{UNLISTED} {OPENAI}", f"{UNLISTED}%00.{OPENAI}", TARGET, "*.openai.com",
                 "\0" * 8]
        hellos = [[["connect", OPENAI, 443], ["hello", name], ["read", 1]] for name in names]
        seen, _ = self.attempt(*hellos, *(plain(OPENAI, name) for name in names))
        for name, call in zip(names, seen[len(names):]):
            with self.subTest(name=name):
                self.assert_refused(call)
        self.assert_nothing_left()

    def test_idn_homographs(self):
        self.refuse(plain(CYRILLIC_A_LABEL), plain(OPENAI, CYRILLIC_A_LABEL), secure(OPENAI, CYRILLIC_A_LABEL),
                    recorded=False)

    def test_other_ports(self):
        self.refuse(secure(OPENAI, OPENAI, port=8443), plain(OPENAI, port=8443), plain(OPENAI, port=22),
                    [["connect", "git.example", 22], ["read", 5]], [["connect", OPENAI_IP, 25], ["read", 5]],
                    recorded=False)

    def test_udp(self):
        datagrams = [[["udp", address, port, "x" * 1200]] for address, port in
                     ((OPENAI_IP, 443), (DUAL_IP, 123), (f"{room.PREFIX6}18", 443), (TARGET, 4433), (METADATA4, 80))]
        seen, _ = self.attempt(*datagrams)
        for one in seen[:3]:
            self.assertEqual(one[-1].get("error"), "ConnectionRefusedError", "told at once")
        self.assertEqual([one for one in seen if one[-1].get("text")], [])
        self.assert_nothing_left()


class Dns(Captured):
    def test_foreign_server(self):
        """A question to a server of the agent's choice is answered by the sidecar, or not at all."""
        self.world.names.questions.clear()
        seen, _ = self.attempt(*[[["try", "ask", "leak.unlisted-zone.example", 1, room.NOWHERE, tcp]]
                                 for tcp in (False, True)])
        for one in seen:
            self.assertFalse(one[0].get("answers"), one)
        self.assertEqual(self.world.names.questions, [])

    def test_tunnelling(self):
        self.world.names.questions.clear()
        shapes = [("4a6f686e20446f65.c3f1a9d07b.unlisted-zone.example", 1), ("k" * 63 + ".rebind.example", 1),
                  (".".join(["a1b2c3d4e5f6a7b8c9d0"] * 9) + ".rebind.example", 1), ("t.rebind.example", 16),
                  ("n.rebind.example", 10), ("a.rebind.example", 255), (UNLISTED, 1), ("h.rebind.example", 65)]
        seen, records = self.attempt(*[[["try", "ask", name, kind]] for name, kind in shapes])
        for (name, kind), one in zip(shapes, seen, strict=True):
            self.assertFalse(one[0].get("answers"), (name, kind, one))
        asked = {name for name, kind in self.world.names.questions if kind not in (1, 28)} | {
            name for name, _ in self.world.names.questions if len(name) > 60 or "unlisted" in name}
        self.assertEqual(asked, set())
        self.assertTrue(self.reasons(records), "no question was put on record")


class Sidecar(Captured):
    def test_admin_and_listener_addresses(self):
        ports = [15001, 15002, 15006, 53, 80, 443, 8080, 9090, 3128, 1080]
        seen, _ = self.attempt([["try", "reach_listeners", *ports]], [["try", "reach_admin", "/tmp", "/run"]])
        self.assertGreater(seen[0][0]["tried"], 10)
        self.assertEqual(seen[0][0]["got"], [])
        self.assertEqual([path for path in seen[1][0]["got"] if "sluice" in path], [])
        self.assert_nothing_left()

    def test_killing_the_sidecar(self):
        seen, _ = self.attempt([["try", "kill_sidecar"]], CALL)
        self.assertEqual(seen[0][0]["got"], [], seen[0][0]["tried"])
        self.assertEqual(seen[1][-1].get("status"), 200, "it lives and serves")

    def test_ptracing_the_sidecar(self):
        seen, _ = self.attempt([["try", "ptrace_sidecar"]], CALL)
        self.assertEqual(seen[0][0]["got"], [], seen[0][0]["tried"])
        self.assertEqual(seen[1][-1].get("status"), 200)

    def test_loosening_the_rules(self):
        seen, _ = self.attempt([["try", "loosen_rules"]], plain(TARGET), CALL)
        self.assertEqual(seen[0][0]["got"], [])
        self.assert_refused(seen[1])
        self.assertEqual(seen[2][-1].get("status"), 200)
        self.assert_nothing_left(HTTP)

    def test_start_up_race(self):
        """The very first thing the command does is to get out."""
        for _ in range(3):
            sluice, prefix = self.box(STRICT)
            first = f"exec 3<>/dev/tcp/{TARGET}/80; printf 'GET /race HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3"
            subprocess.run([*prefix, "bash", "-c", first], capture_output=True, timeout=20 * SLOW)
            sluice.verify()
        self.assert_nothing_left()

    def test_orphan_after_the_end(self):
        sluice, prefix = self.box(STRICT)
        self.run_agent(prefix, [[["try", "orphan", address, 80, 1]] for address in (TARGET, OPENAI_IP)], {})
        time.sleep(2.5)
        self.assert_nothing_left(HTTP)
        sluice.verify()

    def test_sidecar_crash_under_load(self):
        """kill -9 of what was started, then of everything named sluice: nothing leaves any more."""
        for everything in (False, True):
            with self.subTest(everything=everything):
                self.origins.forget()
                sluice, prefix = self.box(STRICT)
                agent = self.start_agent(prefix, [[["try", "flee", OPENAI, 80, OPENAI, 4, False]]], {})
                wait_until(lambda: len(self.arrived()) > 20, what="load")
                for pid in {agent.pid} | (sluices() if everything else set()):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                time.sleep(0.2)
                before, connections = len(self.arrived()), self.count_connections()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    agent.communicate(timeout=5)
                self.assertEqual((len(self.arrived()), self.count_connections()), (before, connections))
                decided = [r for r in read_evidence(sluice.evidence) if r["event_type"] == "egress_allowed"]
                self.assertGreaterEqual(len(decided), before)
                wait_until(lambda: not sluices(), what="every process of sluice ends")


def sluices():
    """Processes of the room that run the binary."""
    found, binary = set(), os.path.realpath(SLUICE)
    for exe in Path("/proc").glob("[0-9]*/exe"):
        with contextlib.suppress(OSError):
            if os.readlink(exe) == binary:
                found.add(int(exe.parent.name))
    return found


if __name__ == "__main__":
    room.enter()
    main()
