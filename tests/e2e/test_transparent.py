"""The transparent listener behind real nftables rules in a network namespace: REDIRECT for IPv4 and
IPv6, names against addresses, loops, protocols, SOCKS, and a sidecar that is gone."""

import http.client
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time

import room

room.enter()

from certificates import test_ca  # noqa: E402
from servers import HttpUpstream, echo  # noqa: E402
from sluice_test import SLOW, Sluice, SluiceTestCase, allow, main, policy, wait_until  # noqa: E402
from websocket_peers import TEXT, WebSocketUpstream, frame, handshake  # noqa: E402
from test_tcp import TcpServer, echo as tcp_echo  # noqa: E402

SIDECAR = 1337  # the uid that the rules exempt
WEB, SECURE, V6, RAW = "10.213.77.10", "10.213.77.11", "fd00:5177::12", "10.213.77.13"
NAMES = {"web.test": [WEB], "secure.test": [SECURE], "six.test": [V6], "raw.test": [RAW], "other.test": [WEB]}
RULES = """
table inet sluice {
 chain out {
  type nat hook output priority -100; policy accept;
  meta skuid %d return
  udp dport 53 redirect to :15053
  ip daddr 127.0.0.0/8 return
  ip6 daddr ::1 return
  meta l4proto tcp redirect to :15006
 }
}
"""


class Transparent(SluiceTestCase):
    """One sidecar for all tests of the class would hide leftovers: each has its own."""

    @classmethod
    def setUpClass(cls):
        subprocess.run(["ip", "route", "add", "default", "dev", "lo"], check=False)
        subprocess.run(["ip", "-6", "route", "add", "default", "dev", "lo"], check=False)
        subprocess.run(["nft", "-f", "-"], input=RULES % SIDECAR, text=True, check=True)
        cls.folder = room.public_folder("sluice-transparent-")
        room.lay_over("/etc/resolv.conf", "nameserver 192.0.2.99\noptions timeout:1 attempts:1\n", cls.folder)

    def sluice(self, rules=None, tcp=(), config=None, dns=True, **options):
        listeners = [{"name": "four", "kind": "transparent", "bind": "127.0.0.1:15006"},
                     {"name": "six", "kind": "transparent", "bind": "[::1]:15006"},
                     {"name": "egress", "kind": "forward", "bind": "127.0.0.1:15001"}]
        if dns:
            listeners.append({"name": "names", "kind": "dns", "bind": "127.0.0.1:15053"})
        one = Sluice(config={"resolve": NAMES, "listeners": listeners} | (config or {}), listeners=listeners,
                     command_prefix=["setpriv", f"--reuid={SIDECAR}", f"--regid={SIDECAR}", "--clear-groups"],
                     **options)
        hosts = [name for name in NAMES if name != "other.test"]
        one.write_policy(policy([allow(hosts=hosts)] if rules is None else rules, tcp=list(tcp)))
        shutil.copy(test_ca().certificate, one.folder / "upstream-ca.pem")
        subprocess.run(["chown", "-R", f"{SIDECAR}:{SIDECAR}", one.folder], check=True)
        one.folder.chmod(0o755)
        one.ports = dict.fromkeys(["six"], 15006)
        return one

    def start(self, sluice):
        """Its IPv6 listener prints no 127.0.0.1, which is what Sluice.start() counts."""
        sluice.spawn()
        wait_until(lambda: "ready run_id" in sluice.stderr or sluice.process.poll() is not None, 20, "ready")
        self.assertIsNone(sluice.process.poll(), sluice.stderr)
        return sluice

    def running(self, sluice):
        test = self

        class Running:
            def __enter__(self):
                try:
                    return test.start(sluice)
                except BaseException:
                    sluice.kill()
                    raise

            def __exit__(self, *failure):
                return sluice.__exit__(*failure)
        return Running()

    def get(self, host, port=80, path="/", name=None):
        connection = http.client.HTTPConnection(host, port, timeout=10 * SLOW)
        try:
            connection.request("GET", path, headers={"Host": name} if name else {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def raw(self, host, port, data, timeout=5):
        with socket.create_connection((host, port), timeout * SLOW) as peer:
            peer.sendall(data)
            return peer.recv(65536)

    def reason(self, sluice, event="policy_denied"):
        return sluice.wait_for_record(event)["payload"]["reason_code"]

    def test_http_by_name_goes_to_where_it_was_sent(self):
        with HttpUpstream(echo, address=(WEB, 80)) as upstream, self.running(self.sluice()) as sluice:
            status, _ = self.get("web.test", path="/x?key=AKIAIOSFODNN7EXAMPLE")
            self.assertEqual(status, 200)
            self.assertNotIn("AKIAIOSFODNN7EXAMPLE", upstream.requests[0].path)
            decision = sluice.records("egress_allowed")[0]["payload"]
            self.assertEqual(decision["destination_text"], "web.test:80")
            self.assertEqual(decision["destination"]["address"], WEB)
            self.assertEqual(decision["listener"], "four")

    def test_websocket_is_read_like_any_other_call(self):
        token = "AKIA" + "2OGYBAH6SLUICEQS"
        with WebSocketUpstream(address=(WEB, 80)) as upstream, self.running(self.sluice()) as sluice:
            with socket.create_connection(("web.test", 80), 10 * SLOW) as peer:
                peer.sendall(handshake("/echo", "web.test"))
                self.assertTrue(peer.recv(4096).startswith(b"HTTP/1.1 101"))
                peer.sendall(frame(TEXT, f"key {token}"))
                wait_until(lambda: upstream.got, what="the message")
            self.assertEqual(upstream.got, ["key AKIA[REDACTED:aws-access-key-id]"])
            decision = sluice.records("egress_allowed")[0]["payload"]
            self.assertEqual((decision["protocol"], decision["listener"], decision["destination"]["address"]),
                             ("websocket", "four", WEB))

    def test_https_is_intercepted_by_sni(self):
        made = test_ca()
        with HttpUpstream(echo, tls=made.server_context("secure.test"), address=(SECURE, 443)) as upstream, \
                self.running(self.sluice(config={"tls": {"ca_dir": "ca", "upstream_roots": "none",
                                                         "extra_roots": ["upstream-ca.pem"]}})) as sluice:
            context = sluice.client_context()
            connection = http.client.HTTPSConnection("secure.test", 443, timeout=10, context=context)
            connection.request("GET", "/deep")
            self.assertEqual(connection.getresponse().status, 200)
            connection.close()
            self.assertEqual(upstream.requests[0].path, "/deep")
            decision = sluice.records("egress_allowed")[0]["payload"]
            self.assertEqual(decision["destination"]["sni"], "secure.test")

    def test_ipv6_is_captured_too(self):
        with HttpUpstream(echo, address=(V6, 8080)) as upstream, self.running(self.sluice()) as sluice:
            self.assertEqual(self.get("six.test", 8080)[0], 200)
            self.assertEqual(len(upstream.requests), 1)
            self.assertEqual(sluice.records("egress_allowed")[0]["payload"]["destination"]["address"], V6)

    def test_a_host_that_the_address_does_not_belong_to_is_refused(self):
        with HttpUpstream(echo, address=(WEB, 80)) as upstream, self.running(self.sluice()) as sluice:
            socket.getaddrinfo("secure.test", 80)  # pinned to another address
            self.assertEqual(self.get("web.test", name="secure.test")[0], 403)
            self.assertEqual(self.reason(sluice), "original_destination_mismatch")
            self.assertEqual(upstream.requests, [])

    def test_each_request_of_a_connection_is_checked(self):
        with HttpUpstream(echo, address=(WEB, 80)) as upstream, self.running(self.sluice()) as sluice:
            connection = http.client.HTTPConnection("web.test", 80, timeout=10)
            for name, status in (("web.test", 200), ("secure.test", 403)):
                connection.request("GET", "/", headers={"Host": name})
                answer = connection.getresponse()
                answer.read()
                self.assertEqual(answer.status, status)
            self.assertEqual(len(upstream.requests), 1)

    def test_a_direct_address_is_a_destination_of_its_own(self):
        by_ip = [allow(hosts=[WEB])]
        with HttpUpstream(echo, address=(WEB, 80)), self.running(self.sluice(by_ip)) as sluice:
            self.assertEqual(self.get(WEB)[0], 200)
            self.assertEqual(self.get(SECURE)[0], 403)
            self.assertEqual(sluice.records("policy_denied")[0]["payload"]["reason_code"], "address_private")

    def test_without_our_dns_the_name_is_resolved_to_check_it(self):
        room.lay_over("/etc/hosts", f"127.0.0.1 localhost\n{WEB} web.test\n{SECURE} secure.test\n", self.folder)
        with HttpUpstream(echo, address=(WEB, 80)), self.running(self.sluice(dns=False)) as sluice:
            self.assertEqual(self.get("web.test")[0], 200)
            self.assertEqual(self.get("web.test", name="secure.test")[0], 403)
            self.assertEqual(self.reason(sluice), "original_destination_mismatch")
        room.lay_over("/etc/hosts", "127.0.0.1 localhost\n", self.folder)

    def test_other_protocols_need_a_tcp_rule(self):
        rule = {"name": "raw", "allow": {"hosts": ["raw.test"], "ports": [7777]}, "private": True}
        with TcpServer(tcp_echo, address=(RAW, 7777)) as server, self.running(self.sluice(tcp=[rule])) as sluice:
            self.assertEqual(self.raw("raw.test", 7777, b"\0\1\2hello"), b"\0\1\2hello")
            with self.assertRaises(ConnectionResetError):
                self.raw("raw.test", 7778, b"\0\1\2hello")
            self.assertEqual(self.reason(sluice), "protocol_unknown")
            self.assertEqual(len(server.received), 1)

    def test_a_server_that_speaks_first(self):
        rule = {"name": "raw", "allow": {"hosts": ["raw.test"], "ports": [2525]}, "private": True}

        def greet(peer, received):
            peer.sendall(b"220 hello\r\n")
            received += peer.recv(100)
        with TcpServer(greet, address=(RAW, 2525)), self.running(self.sluice(tcp=[rule])):
            with socket.create_connection(("raw.test", 2525), 5) as peer:
                self.assertEqual(peer.recv(100), b"220 hello\r\n")

    def test_a_silent_client_without_a_rule_ends_on_time(self):
        with self.running(self.sluice(config={"limits": {"header_timeout": "1s"}})) as sluice:
            with socket.create_connection((WEB, 22), 5) as peer, self.assertRaises(ConnectionResetError):
                peer.recv(1)
            self.assertEqual(self.reason(sluice), "request_timeout")

    def test_http2_without_tls_and_broken_hellos_are_refused(self):
        preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        hello = b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"
        for data, reason in ((preface, "protocol_unsupported"), (hello, "tls_hello_invalid")):
            with self.subTest(reason=reason), self.running(self.sluice()) as sluice:
                with self.assertRaises(ConnectionResetError):
                    self.raw("web.test", 80, data)
                self.assertEqual(self.reason(sluice), reason)

    def test_a_connection_to_the_listener_itself_is_a_loop(self):
        with self.running(self.sluice()) as sluice:
            with self.assertRaises(ConnectionResetError):
                self.raw("127.0.0.1", 15006, b"GET / HTTP/1.1\r\nHost: web.test\r\n\r\n")
            self.assertEqual(self.reason(sluice), "self_connect")

    def test_zz_our_own_traffic_captured_by_a_wrong_rule_is_stopped_at_once(self):
        """Last, because the kernel goes on redirecting the ports that this used."""
        subprocess.run(["nft", "insert", "rule", "inet", "sluice", "out", "meta", "skuid", str(SIDECAR), "ip", "daddr",
                        WEB, "tcp", "dport", "80", "redirect", "to", ":15006"], check=True)
        try:
            with HttpUpstream(echo, address=(WEB, 80)) as upstream, self.running(self.sluice()) as sluice:
                self.assertIn(self.get("web.test")[0], (502, 504))
                self.assertEqual(self.reason(sluice), "self_connect")
                self.assertLess(len(sluice.records("policy_denied")), 5)
                self.assertEqual(upstream.requests, [])
        finally:
            subprocess.run(["nft", "flush", "ruleset"], check=True)
            subprocess.run(["nft", "-f", "-"], input=RULES % SIDECAR, text=True, check=True)

    def test_passthrough_keeps_the_servers_certificate_and_checks_the_sni(self):
        made = test_ca()
        rules = [allow(hosts=["secure.test"], tls="passthrough")]
        with HttpUpstream(echo, tls=made.server_context("secure.test"), address=(SECURE, 443)) as upstream, \
                self.running(self.sluice(rules)) as sluice:
            context = ssl.create_default_context(cafile=str(made.certificate))
            connection = http.client.HTTPSConnection("secure.test", 443, timeout=10, context=context)
            connection.request("GET", "/")
            answer = connection.getresponse()
            answer.read()
            self.assertEqual(answer.status, 200)
            connection.close()
            self.assertEqual(sluice.wait_for_record("egress_outcome")["payload"]["protocol"], "connect")
            self.assertEqual(len(upstream.requests), 1)
            context.check_hostname = False
            with socket.create_connection((SECURE, 443), 5) as peer, self.assertRaises((ssl.SSLError, OSError)):
                context.wrap_socket(peer, server_hostname="web.test")
            self.assertEqual(len(upstream.requests), 1)

    def test_names_that_are_still_looked_up_do_not_hold_the_end(self):
        with self.running(self.sluice([allow(hosts=["*.slow.test"])])), \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            for number in range(8):
                name = b"\2n%d\4slow\4test\0" % number
                peer.sendto(b"\0\1\1\0\0\1\0\0\0\0\0\0" + name + b"\0\1\0\1", ("127.0.0.1", 15053))
            time.sleep(0.2)

    def test_a_dead_sidecar_is_no_way_out(self):
        with HttpUpstream(echo, address=(WEB, 80)) as upstream:
            sluice = self.start(self.sluice())
            self.assertEqual(self.get("web.test")[0], 200)
            sluice.kill()
            with self.assertRaises(ConnectionRefusedError):
                self.get(WEB)
            self.assertEqual(len(upstream.requests), 1)

    def test_socks_by_name_and_by_address(self):
        curl = ["curl", "-sS", "-m", "10", "-o", "/dev/null", "-w", "%{http_code}"]
        with HttpUpstream(echo, address=(WEB, 80)) as upstream, self.running(self.sluice()) as sluice:
            for proxy, url, wanted in (("socks5h", "http://web.test/", "200"), ("socks5", "http://web.test/", "200"),
                                       ("socks5h", "http://other.test/", "000")):
                done = subprocess.run([*curl, "-x", f"{proxy}://127.0.0.1:15001", url], capture_output=True, text=True,
                                      env={"PATH": os.environ["PATH"]}, timeout=60)
                self.assertEqual(done.stdout, wanted, done.stderr)
            self.assertEqual(len(upstream.requests), 2)
            self.assertEqual(self.reason(sluice), "default_deny")

    def test_socks_refuses_what_it_does_not_do(self):
        with self.running(self.sluice()) as sluice:
            with socket.create_connection(("127.0.0.1", 15001), 5) as peer:
                peer.sendall(b"\5\1\0")
                self.assertEqual(peer.recv(2), b"\5\0")
                peer.sendall(b"\5\3\0\1\1\2\3\4\0\x50")  # UDP ASSOCIATE
                self.assertEqual(peer.recv(10)[:2], b"\5\7")
            self.assertEqual(self.reason(sluice), "protocol_unsupported")


if __name__ == "__main__":
    if not shutil.which("nft"):
        print("skipped: test_transparent.py needs nft", file=sys.stderr)
        sys.exit(0)
    main()
