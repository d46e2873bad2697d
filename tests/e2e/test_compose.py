"""examples/compose-sidecar with a real Docker engine: its one command builds and starts everything, the agent
tries every way out, and a watcher on the bridge sees what really leaves. The test lays over the example: IPv6,
a name server that Docker has to forward to, and one more allowed name that only that server knows.
"""

import datetime
import json
import os
import subprocess
import sys
import unittest
from pathlib import Path

import room
from docker_engine import Engine, why_not
from sluice_test import SLUICE, SluiceTestCase, main, read_evidence, run_cli, wait_until

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "compose-sidecar"
UPSTREAM, UPSTREAM6, NAMES = "10.77.0.10", "fd00:77::10", "10.77.0.53"
NAMED_BY_SERVER = "far.demo.test"
NAME_SERVER = f"""
import socket
line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
line.bind(("", 53))
while True:
    query, peer = line.recvfrom(512)
    print("asked", query, flush=True)
    end = query.index(0, 12) + 5
    found = query[end - 3] == 1
    record = b"\\xc0\\x0c\\0\\1\\0\\1\\0\\0\\0\\5\\0\\4" + socket.inet_aton("{UPSTREAM}")
    line.sendto(query[:2] + b"\\x81\\x80\\0\\1\\0" + bytes([found]) + b"\\0\\0\\0\\0" + query[12:end] + record * found, peer)
"""
SILENT = {"TimeoutError", "ConnectionRefusedError", "ConnectionResetError", "PermissionError"}


def overlay(folder):
    """The files that the test lays over the example's, and the compose file that says so."""
    six = "".join(f'  - {{name: {name}6, kind: {kind}, bind: "[::1]:{port}"}}\n'
                  for name, kind, port in (("captured", "transparent", 15006), ("names", "dns", 15053)))
    config = (EXAMPLE / "sluice.yaml").read_text().replace("policy: policy.yaml", f"{six}policy: policy.yaml")
    policy = (EXAMPLE / "policy.yaml").read_text().replace("[api.demo.test]", f"[api.demo.test, {NAMED_BY_SERVER}]")
    (folder / "sluice.yaml").write_text(config)
    (folder / "policy.yaml").write_text(policy)
    document = {
        "version": "3.8",
        "networks": {"outside": {"enable_ipv6": True, "ipam": {"config": [{"subnet": "10.77.0.0/24"},
                                                                          {"subnet": "fd00:77::/64"}]}}},
        "services": {
            "netinit": {"dns": [NAMES], "networks": {"outside": {"ipv4_address": "10.77.0.2"}}},
            "sidecar": {"volumes": [f"{folder}/{name}:/etc/sluice/{name}:ro" for name in ("sluice.yaml", "policy.yaml")]},
            "upstream": {"networks": {"outside": {"ipv6_address": UPSTREAM6}}},
            "forbidden": {"networks": {"outside": {"ipv6_address": "fd00:77::20"}}},
            "names": {"image": "sluice-demo:local", "command": ["python3", "-c", NAME_SERVER],
                      "networks": {"outside": {"ipv4_address": NAMES}}},
        }}
    (folder / "overlay.yaml").write_text(json.dumps(document))
    return f"{EXAMPLE}/docker-compose.yaml:{folder}/overlay.yaml"


def moment(text):
    """Docker's time stamps have more digits than Python reads."""
    return datetime.datetime.fromisoformat(text[:26].rstrip("Z") + "+00:00")


class Compose(SluiceTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.engine = cls.enterClassContext(Engine())
        cls.folder = room.public_folder("sluice-compose-")
        os.environ |= {"BUILD": str(cls.folder / "build"), "KEEP": "1", "COMPOSE_FILE": overlay(cls.folder),
                       "COMPOSE_PROJECT_NAME": "sluice-demo"}
        watcher = [sys.executable, "-B", Path(__file__).parent / "clients" / "frame_watch.py"]
        with open(cls.folder / "frames", "w") as frames:
            cls.watch = cls.enterClassContext(subprocess.Popen(watcher, stdout=frames, stdin=subprocess.DEVNULL))
        cls.addClassCleanup(cls.watch.kill)
        done = subprocess.run([EXAMPLE / "run.sh"], env=dict(os.environ, SLUICE_BIN=SLUICE), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=150, check=False)
        if done.returncode:
            raise AssertionError(f"run.sh ended with {done.returncode}:\n{done.stdout}{done.stderr}\n{cls.container_logs()}")
        cls.said = done.stdout
        cls.attempts = {one["attempt"]: one for one in map(json.loads, cls.logs("agent").splitlines())}
        print("".join(line + "\n" for line in cls.said.splitlines() if " bytes" in line), end="", file=sys.stderr)

    @classmethod
    def container_logs(cls):
        return "".join(f"--- {name}\n{cls.logs(name)}" for name in ("netinit", "certs", "sidecar", "agent"))

    @staticmethod
    def name(service):
        return f"sluice-demo_{service}_1"

    @classmethod
    def logs(cls, service, *options):
        done = cls.engine.run("logs", *options, cls.name(service), check=False)
        return done.stdout + done.stderr

    def attempt(self, *names, user="1000", source=40001):
        """In the agent's container, now."""
        done = self.engine.run("exec", "-u", user, "-e", f"SOURCE_PORT={source}", self.name("agent"), "python3", "/app/agent.py", *names)
        seen = [json.loads(line) for line in done.stdout.splitlines()]
        return seen[0] if len(names) == 1 else seen

    def records(self):
        folder = self.folder / "evidence"
        subprocess.run(["rm", "-rf", folder], check=True)
        self.engine.run("cp", f"{self.name('sidecar')}:/var/lib/sluice/evidence", folder)
        verified = run_cli("evidence", "verify", "--dir", folder, "--running")
        self.assertEqual(verified.returncode, 0, verified.stdout + verified.stderr)
        return read_evidence(folder)

    def assert_refused(self, name, status, reason):
        seen = self.attempts[name]
        self.assertEqual((seen.get("status"), seen.get("reason")), (status, reason), seen)

    # What the agent saw

    def test_allowed(self):
        for name, text in (("allowed_http", "GET http://"), ("allowed_https", "GET https://"), ("allowed_curl", "https://")):
            self.assertIn(text, self.attempts[name].get("text", ""), self.attempts[name])
            self.assertIn("upstream saw", self.attempts[name]["text"])
        self.assertRegex(self.attempts["allowed_https"]["issuer"], "^Sluice interception CA")

    def test_refused_with_a_problem_document(self):
        for name in ("other_path", "other_path_https", "other_host"):
            self.assert_refused(name, 403, "default_deny")
        self.assert_refused("other_address_under_allowed_name", 403, "original_destination_mismatch")
        self.assert_refused("direct_address", 403, "address_private")
        self.assert_refused("metadata_address", 403, "address_metadata")
        self.assertIn("403 Refused", self.attempts["ipv6"].get("text", ""))

    def test_other_ways_out(self):
        for name in ("other_port", "raw_tcp", "bound_to_device", "bound_to_device_after_capture", "listener_itself",
                     "foreign_dns_bound_to_device", "quic", "ipv6_udp", "ipv6_bound_to_device"):
            self.assertIn(self.attempts[name].get("error"), SILENT, self.attempts[name])
        for name in ("ping", "ping6"):
            self.assertEqual(self.attempts[name].get("error"), "PermissionError", self.attempts[name])

    def test_names(self):
        self.assertIn(UPSTREAM, self.attempts["name_allowed"]["addresses"])
        self.assertEqual(self.attempts["name_unlisted"].get("error"), "gaierror")
        for name in ("docker_dns", "docker_dns_over_tcp"):
            self.assertEqual((self.attempts[name].get("rcode"), self.attempts[name].get("answers")), (3, 0))
        real = self.attempts["docker_dns_at_its_real_port"]
        self.assertGreaterEqual(real["ports"], 2)
        self.assertEqual(real["answered"], [])
        self.assertEqual({one["rcode"] for one in self.attempts["foreign_dns"]["listed"]}, {0})
        self.assertEqual({one["rcode"] for one in self.attempts["foreign_dns"]["unlisted"]}, {3})

    def test_a_port_that_the_sidecar_asked_from(self):
        """The kernel still leads it to Docker's name server; a stranger must not follow."""
        control = self.attempt("docker_dns_from_a_used_port", user="1337", source=40002)
        self.assertEqual(control.get("answers"), 1, control)
        seen = self.attempt("docker_dns_from_a_used_port", source=40002)
        self.assertFalse(seen.get("answers"), seen)
        self.assertIn(seen.get("error"), SILENT, seen)

    def test_a_name_that_docker_asks_elsewhere(self):
        seen = self.attempt("name_known_elsewhere")
        self.assertEqual((seen.get("status"), seen.get("text")), (200, f"upstream saw GET http://{NAMED_BY_SERVER}/v1/models"))
        asked = self.logs("names")
        self.assertIn("far", asked)
        self.assertNotIn("leak", asked)

    def test_rights(self):
        self.assertIn("not permitted", self.attempts["change_rules"]["text"])
        for name in ("raw_socket", "become_the_sidecar"):
            self.assertEqual(self.attempts[name].get("error"), "PermissionError", self.attempts[name])
        files = self.attempts["sidecars_files"]
        self.assertEqual((files["seen"], files["key_in_bundle"], files["writable"]), ([], False, False))
        self.assertNotIn("ca.key", files["trust"])
        self.assertNotIn("sluice", self.attempts["sidecars_process"]["names"])
        self.assertEqual([name for name in self.attempts["abstract_sockets"]["names"] if "sluice" in name], [])

    # What the containers are

    def test_confinement(self):
        for service, user, writable in (("sidecar", "1337:1337", ["/var/lib/sluice/evidence"]), ("agent", "1000:1000", [])):
            one = self.engine.inspect(self.name(service))
            self.assertEqual(one["Config"]["User"], user)
            self.assertTrue(one["HostConfig"]["ReadonlyRootfs"])
            self.assertEqual((one["HostConfig"]["CapDrop"], one["HostConfig"]["CapAdd"]), (["ALL"], None))
            self.assertEqual([mount["Destination"] for mount in one["Mounts"] if mount["RW"]], writable)
            status = dict(line.split(":\t", 1) for line in
                          Path(f"/proc/{one['State']['Pid']}/status").read_text().splitlines() if ":\t" in line)
            self.assertEqual((int(status["CapEff"], 16), int(status["CapBnd"], 16), status["NoNewPrivs"]), (0, 0, "1"))
        holder = self.engine.inspect(self.name("netinit"))["State"]["Pid"]
        status = Path(f"/proc/{holder}/status").read_text()
        self.assertRegex(status, r"Uid:\t65534\t65534\t65534\t65534")
        self.assertRegex(status, r"CapPrm:\t0{16}\nCapEff:\t0{16}")

    def test_the_agent_starts_last(self):
        state = {name: self.engine.inspect(self.name(name))["State"] for name in ("netinit", "certs", "sidecar", "agent")}
        ready = next(line for line in self.logs("sidecar", "-t").splitlines() if " ready " in line)
        self.assertLess(moment(state["netinit"]["StartedAt"]), moment(ready.split()[0]))
        self.assertLess(moment(state["certs"]["FinishedAt"]), moment(ready.split()[0]))
        self.assertLess(moment(ready.split()[0]), moment(state["agent"]["StartedAt"]))
        self.assertEqual(self.engine.inspect(self.name("agent"))["HostConfig"]["RestartPolicy"]["Name"] or "no", "no")

    # What stays true when the sidecar dies

    def test_without_the_sidecar(self):
        self.engine.run("kill", "-s", "KILL", self.name("sidecar"))
        names = ["allowed_http", "other_host", "direct_address", "raw_tcp", "docker_dns", "docker_dns_from_a_used_port",
                 "bound_to_device", "quic", "ipv6"]
        for seen in self.attempt(*names):
            self.assertIn(seen.get("error"), SILENT | {"URLError", "gaierror"}, seen)
        self.engine.run("start", self.name("sidecar"))
        self.wait_until_healthy()
        self.assertEqual(self.attempt("allowed_https").get("status"), 200)

    def test_a_crash_is_followed_by_a_restart(self):
        """Into the same namespace, under the same rules."""
        before = self.engine.inspect(self.name("sidecar"))["State"]["Pid"]
        os.kill(before, 9)
        wait_until(lambda: self.engine.inspect(self.name("sidecar"))["State"]["Pid"] not in (0, before), 30, "a restart")
        self.wait_until_healthy()
        seen = self.attempt("allowed_https", "other_host")
        self.assertEqual([one.get("status") for one in seen], [200, 403], seen)

    def test_reload(self):
        self.engine.run("exec", self.name("sidecar"), "sluice", "admin", "reload", "--admin", "/run/sluice/admin.sock")

    def wait_until_healthy(self):
        wait_until(lambda: self.engine.run("exec", self.name("sidecar"), "sluice", "admin", "ready", "--admin",
                                           "/run/sluice/admin.sock", check=False).returncode == 0, 15, "a ready sidecar")

    # What is on record, and what left

    def test_evidence(self):
        self.assertRegex(self.said, r"(?m)^OK +\d+ records")
        records = self.records()
        reasons = {record["payload"].get("reason_code") for record in records if record["event_type"] == "policy_denied"}
        self.assertLessEqual({"default_deny", "original_destination_mismatch", "address_private", "address_metadata",
                              "protocol_unknown", "self_connect", "address_loopback"}, reasons)
        refused = {record["payload"]["name"] for record in records if record["event_type"] == "dns_query" and
                   record["payload"]["decision"] == "block"}
        self.assertLessEqual({"forbidden.demo.test", "leak.forbidden.test"}, refused)
        allowed = [record for record in records if record["event_type"] == "egress_allowed"]
        ended = [record for record in records if record["event_type"] in ("egress_outcome", "egress_error")]
        self.assertGreaterEqual(len(allowed), 3)
        self.assertEqual({r["payload"]["call_id"] for r in allowed}, {r["payload"]["call_id"] for r in ended})

    def test_z_what_left(self):
        """After all others: of everything this namespace put on the wire, only the sidecar's own calls."""
        self.assertEqual(self.logs("forbidden"), "")
        frames = [json.loads(line) for line in (self.folder / "frames").read_text().splitlines() if line[0] == "["]
        ours = self.engine.inspect(self.name("netinit"))["NetworkSettings"]["Networks"]["sluice-demo_outside"]
        sources = {ours["IPAddress"], ours["GlobalIPv6Address"]}
        sent = {(target, protocol, detail) for source, target, protocol, detail in frames if source in sources
                or source.startswith("127.") or target.startswith("127.")}
        neighbours = {one for one in sent if one[1] == 58 and int(one[2], 16) >= 130}
        calls = {(address, 6, port) for address in (UPSTREAM, UPSTREAM6) for port in (80, 443)}
        self.assertIn((NAMES, 17, 53), sent)
        self.assertEqual({port for _, _, port in sent & calls}, {80, 443})
        self.assertEqual(sent - calls - neighbours - {(NAMES, 17, 53)}, set())

    def test_zz_without_the_owner_of_the_namespace(self):
        self.engine.run("kill", "-s", "KILL", self.name("netinit"))
        for seen in self.attempt("allowed_http", "other_host", "bound_to_device", "quic", "ipv6_udp"):
            self.assertIn("error", seen)


if __name__ == "__main__":
    reason = room.why_not() or why_not()
    if reason:
        print(f"skipped: {Path(__file__).name} {reason}", file=sys.stderr)
        sys.exit(0)
    room.enter()
    main()
