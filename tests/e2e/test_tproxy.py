"""The transparent listener on a gateway: an agent's network namespace whose only way out is us, and
TPROXY rules for IPv4 and IPv6. Nothing of the agent's side is configured but its route and resolver."""

import shutil
import subprocess
import sys

import room

room.enter()

from servers import HttpUpstream, echo  # noqa: E402
from sluice_test import SLOW, Sluice, SluiceTestCase, allow, main, policy, wait_until  # noqa: E402

WEB, SIX = "10.213.77.20", "fd00:5177::20"
GATEWAY, AGENT = "10.213.78.1", "10.213.78.2"
NAMES = {"web.test": [WEB], "six.test": [SIX]}
NETWORK = f"""
mkdir -p /run/netns
mount -t tmpfs none /run/netns
ip netns add agent
ip link add gate type veth peer name eth0 netns agent
ip addr add {GATEWAY}/24 dev gate
ip addr add fd00:5178::1/64 dev gate nodad
ip link set gate up
ip -n agent addr add {AGENT}/24 dev eth0
ip -n agent addr add fd00:5178::2/64 dev eth0 nodad
ip -n agent link set lo up
ip -n agent link set eth0 up
ip -n agent route add default via {GATEWAY}
ip -n agent -6 route add default via fd00:5178::1
ip rule add fwmark 0x1 lookup 100
ip route add local 0.0.0.0/0 dev lo table 100
ip -6 rule add fwmark 0x1 lookup 100
ip -6 route add local ::/0 dev lo table 100
"""
RULES = """
table inet gate {
 chain pre {
  type filter hook prerouting priority mangle; policy accept;
  iifname != "gate" accept
  meta l4proto icmpv6 accept
  meta l4proto tcp socket transparent 1 meta mark set 0x1 accept
  meta l4proto tcp meta nfproto ipv4 tproxy ip to :15002 meta mark set 0x1 accept
  meta l4proto tcp meta nfproto ipv6 tproxy ip6 to :15003 meta mark set 0x1 accept
  udp dport 53 ip daddr 10.213.78.1 accept
  drop
 }
}
"""


class Tproxy(SluiceTestCase):
    @classmethod
    def setUpClass(cls):
        subprocess.run(["sh", "-ec", NETWORK], check=True)
        subprocess.run(["nft", "-f", "-"], input=RULES, text=True, check=True)
        cls.folder = room.public_folder("sluice-tproxy-")
        room.lay_over("/etc/resolv.conf", f"nameserver {GATEWAY}\noptions timeout:1 attempts:1\n", cls.folder)

    def curl(self, url, *words):
        command = ["ip", "netns", "exec", "agent", "setpriv", "--reuid=1000", "--regid=1000", "--clear-groups", "curl",
                   "-sS", "-m", str(5 * SLOW), "-w", "\n%{http_code}", *words, url]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    def sluice(self):
        listeners = [{"name": "four", "kind": "transparent", "capture": "tproxy", "bind": "0.0.0.0:15002"},
                     {"name": "six", "kind": "transparent", "capture": "tproxy", "bind": "[::]:15003"},
                     {"name": "names", "kind": "dns", "bind": f"{GATEWAY}:53"}]
        one = Sluice([allow(hosts=list(NAMES))], config={"resolve": NAMES}, listeners=listeners)
        one.spawn()
        wait_until(lambda: "ready run_id" in one.stderr or one.process.poll() is not None, 20, "ready")
        self.assertIsNone(one.process.poll(), one.stderr)
        return one

    def test_both_families_arrive_with_where_they_were_going(self):
        with HttpUpstream(echo, address=(WEB, 80)) as four, HttpUpstream(echo, address=(SIX, 8080)) as six:
            sluice = self.sluice()
            try:
                self.assertEqual(self.curl("http://web.test/").stdout[-3:], "200")
                self.assertEqual(self.curl("http://six.test:8080/").stdout[-3:], "200")
                self.assertEqual((len(four.requests), len(six.requests)), (1, 1))
                allowed = [r["payload"]["destination"]["address"] for r in sluice.records("egress_allowed")]
                self.assertEqual(allowed, [WEB, SIX])
                blocked = self.curl("http://blocked.test/")
                self.assertEqual(blocked.returncode, 6, blocked.stderr)  # could not resolve
                straight = self.curl(f"http://{GATEWAY}:15002/")
                self.assertNotEqual(straight.returncode, 0)
                self.assertEqual(sluice.wait_for_record("policy_denied", reason_code="self_connect")["payload"]["listener"],
                                 "four")
                sluice.stop()
            finally:
                sluice.kill()

    def test_a_dead_gateway_is_no_way_out(self):
        with HttpUpstream(echo, address=(WEB, 80)) as four:
            self.assertNotEqual(self.curl(f"http://{WEB}/").returncode, 0)
            self.assertEqual(four.requests, [])


if __name__ == "__main__":
    if not shutil.which("nft"):
        print("skipped: test_tproxy.py needs nft", file=sys.stderr)
        sys.exit(0)
    main()
