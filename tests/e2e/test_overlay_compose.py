"""sluice overlay compose: a scenario as a folder for docker-compose, what is in it, and with a real Docker engine that
it does what it says: agents that talk through interposers only, secrets in files only, nobody around a sidecar."""

import contextlib
import http.client
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import room
from docker_engine import Engine, why_not
from sluice_test import SLOW, SLUICE, main, read_evidence, run_cli, wait_until

TREE = Path(__file__).resolve().parents[2]
EXAMPLE = TREE / "examples" / "overlay-redaction"
LAUNCH_CODE, API_KEY, NOTE = "correct-horse-battery", "sk-staple-4711-0815", "what everybody may know"
TYPED = "typed-into-a-manifest-0815"  # a secret of an author's
IMAGE = "sluice-demo:local"
KEEPER = """
import http.server, os, pathlib
pathlib.Path("/data/kept").write_text("kept")
seen = [pathlib.Path(p).read_text().rstrip() for p in ("/etc/keeper/plain", "/etc/keeper/secret", "/tmp/keeper/note", "/etc/keeper/code")]
ok = seen == [os.environ["PLAIN"], os.environ["TYPED"], os.environ["NOTE"], os.environ["LAUNCH_CODE"]]
print("keeper", "has all" if ok and os.getuid() == 1000 else "lacks something", flush=True)
left = [name for name in os.environ if name.startswith("AMBER_CONFIG_")]
print("keeper sees", left, os.environ["DOLLARS"], flush=True)
http.server.ThreadingHTTPServer(("0.0.0.0", 8140), http.server.BaseHTTPRequestHandler).serve_forever()
"""


def keeper():
    """Needs values of all kinds, in its environment and in files."""
    return {
        "manifest_version": "0.4.0",
        "config_schema": {"type": "object", "properties": {
            "typed": {"type": "string", "secret": True}, "plain": {"type": "string"}, "note": {"type": "string"},
            "launch_code": {"type": "string", "secret": True}}},
        "resources": {"data": {"kind": "storage"}},
        "program": {"image": IMAGE, "entrypoint": ["python3", "-c", KEEPER],
                    "env": {"TYPED": "${config.typed}", "PLAIN": "${config.plain}", "NOTE": "${config.note}",
                            "LAUNCH_CODE": "${config.launch_code}", "DOLLARS": "$HOME $$ '\"\n"},
                    "mounts": [{"path": "/data", "from": "resources.data"},
                               {"path": "/etc/keeper/plain", "from": "config.plain"},
                               {"path": "/etc/keeper/secret", "from": "config.typed"},
                               {"path": "/etc/keeper/code", "from": "config.launch_code"},
                               {"path": "/tmp/keeper/note", "from": "config.note"}],
                    "network": {"endpoints": [{"name": "e", "port": 8140}]}}}


class Folder(unittest.TestCase):
    """Without Docker: the files."""

    @classmethod
    def write_scenario(cls, folder):
        """The example with images, one term masked by its own redactor, the other by ours; and a keeper."""
        for file in EXAMPLE.iterdir():
            if file.suffix in (".json5", ".py"):
                shutil.copy(file, folder)
        for name in ("caller.json5", "responder.json5"):
            cls.edit(folder / name, ('path: "/usr/bin/env",\n    args:', f'image: "{IMAGE}",\n    entrypoint:'))
        cls.edit(folder / "overlay.py", ('"path": "/usr/bin/env", "args":', f'"image": "{IMAGE}", "entrypoint":'))
        cls.edit(folder / "responder.py", ('"127.0.0.1"', '"0.0.0.0"'))
        cls.edit(folder / "scenario.json5",
                 ('config: { terms: ["$${config.launch_code}", "$${config.api_key}"] },\n    },',
                  'config: { terms: ["$${config.api_key}"] },\n    },\n'
                  '    ours: { builtin: "redact", select: { kind: "a2a" }, config: { terms: ["${config.launch_code}"] } },\n'
                  '    seen: { builtin: "record", select: { edge: "export" } },'),
                 ('overlays: ["#redaction.apply"]', 'overlays: ["#redaction.apply", "#ours.apply", "#seen.apply"]'),
                 ('responder: "./responder.json5",', 'responder: "./responder.json5",\n    keeper: { manifest: "./keeper.json5",'
                  f' config: {{ typed: "{TYPED}", plain: "plain", note: "${{config.note}}",'
                  ' launch_code: "${config.launch_code}" } },'),
                 ('properties: {\n', 'properties: {\n      note: { type: "string" },\n'))
        (folder / "keeper.json5").write_text(json.dumps(keeper()))

    @staticmethod
    def edit(file, *changes):
        text = file.read_text()
        for old, new in changes:
            assert old in text, (file, old)
            text = text.replace(old, new)
        file.write_text(text)

    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="sluice-compose-")))
        self.write_scenario(self.folder)

    def compose(self, *options, expect=0, file="scenario.json5", env=None):
        done = subprocess.run([SLUICE, "overlay", "compose", file, *options], cwd=self.folder, capture_output=True,
                              text=True, timeout=60 * SLOW, env=os.environ | (env or {}))
        self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
        return done.stdout if expect == 0 else done.stderr

    def bytes_below(self, name):
        return {str(path.relative_to(self.folder / name)): path.read_bytes()
                for path in sorted((self.folder / name).rglob("*")) if path.is_file()}

    def test_same_scenario_same_bytes(self):
        self.compose("-o", "one")
        self.compose("-o", "two", env={"AMBER_CONFIG_LAUNCH_CODE": LAUNCH_CODE, "AMBER_CONFIG_NOTE": NOTE})
        one, two = self.bytes_below("one"), self.bytes_below("two")
        self.assertEqual(one, two)
        self.compose("-o", "one")
        self.assertEqual(self.bytes_below("one"), one)
        self.assertNotIn(str(self.folder).encode(), b"".join(one.values()))

    def test_no_secret_but_in_secrets(self):
        self.compose("-o", "out", env={"AMBER_CONFIG_LAUNCH_CODE": LAUNCH_CODE, "AMBER_CONFIG_API_KEY": API_KEY})
        for name, text in self.bytes_below("out").items():
            found = [one for one in (LAUNCH_CODE, API_KEY, TYPED, "swordfish", "hunter2") if one.encode() in text]
            self.assertTrue(not found or name.startswith("secrets/"), f"{found} in {name}")
        self.assertEqual((self.folder / "out/secrets/launch_code").read_text(), "swordfish")  # the manifest's default
        self.assertEqual(stat.S_IMODE((self.folder / "out/secrets").stat().st_mode), 0o700)
        (self.folder / "out/secrets/launch_code").write_text(LAUNCH_CODE)
        self.compose("-o", "out")
        self.assertEqual((self.folder / "out/secrets/launch_code").read_text(), LAUNCH_CODE)

    def test_only_our_own_folder(self):
        (self.folder / "theirs").mkdir()
        (self.folder / "theirs/file").write_text("theirs")
        self.assertIn("folder_taken", self.compose("-o", "theirs", expect=2))
        self.assertEqual(self.bytes_below("theirs"), {"file": b"theirs"})
        self.compose("-o", "theirs", "--force")
        self.assertEqual((self.folder / "theirs/file").read_text(), "theirs")
        (self.folder / "theirs/.sluice-compose.json").write_text('{"files": ["../../etc/passwd"]}')
        self.assertIn("record_broken", self.compose("-o", "theirs", expect=2))

    def test_what_is_gone_is_removed(self):
        self.compose("-o", "out")
        before = {path.name for path in (self.folder / "out").iterdir()}
        self.edit(self.folder / "scenario.json5", (', "#ours.apply"', ""), ('    ours: { builtin: "redact", select: '
                  '{ kind: "a2a" }, config: { terms: ["${config.launch_code}"] } },\n', ""))
        self.compose("-o", "out")
        after = {path.name for path in (self.folder / "out").iterdir()}
        self.assertTrue(any("overlay-" in name for name in before - after), (before, after))

    def test_a_path_is_refused(self):
        self.edit(self.folder / "responder.json5", (f'image: "{IMAGE}",\n    entrypoint:', 'path: "/usr/bin/env",\n    args:'))
        told = self.compose("-o", "out", expect=2)
        self.assertIn("/responder: its program is a path", told)
        self.assertFalse((self.folder / "out").exists())

    def unit(self, name, folder="out"):
        return next(path for path in (self.folder / folder).iterdir() if re.fullmatch(rf"c\d+-{name}", path.name))

    def identities(self, order="out/identities.json", expect=0):
        done = subprocess.run([SLUICE, "overlay", "identities", order, "-o", "volumes"], cwd=self.folder, text=True,
                              capture_output=True, timeout=60 * SLOW)
        self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
        return done.stdout + done.stderr

    @unittest.skipIf(os.geteuid(), "gives files to other users")
    def test_identities(self):
        self.compose("-o", "out")
        self.assertIn("6 identities made", self.identities())
        keys = {path.name: (path / "identity.key").read_bytes() for path in (self.folder / "volumes/keys").iterdir()}
        self.assertEqual(len(set(keys.values())), 6)
        for name in keys:
            folder = self.folder / "volumes/keys" / name
            private = [folder / "identity.key"]
            program = (self.folder / "volumes/trust" / name).exists()
            self.assertEqual((folder / "ca").exists(), program)
            self.assertEqual(program, (self.folder / "out" / name / "rules.nft").read_text().count("hook output") > 0)
            if program:
                private.append(folder / "ca/ca.key")
                bundle = (self.folder / "volumes/trust" / name / "ca-bundle.pem").read_text()
                self.assertIn((folder / "ca/ca.pem").read_text(), bundle)
                self.assertNotIn("PRIVATE", bundle)
            for path in private:
                self.assertEqual((path.stat().st_uid, stat.S_IMODE(path.stat().st_mode)), (1337, 0o600), path)
        tools = self.folder / "volumes/tools"
        told = subprocess.run([tools / "ld.so", "--library-path", tools, tools / "sluice", "--version"], env={},
                              capture_output=True, text=True, timeout=30)
        self.assertEqual(told.returncode, 0, told.stderr)
        self.assertIn("are there and good", self.identities())
        (self.folder / "volumes/keys" / self.unit("caller").name / "identity.key").unlink()
        self.assertIn("6 identities made", self.identities())
        self.edit(self.folder / "responder.json5", ("8111", "8119"))
        self.compose("-o", "out")
        self.assertIn("6 identities made", self.identities())
        again = {path.name: (path / "identity.key").read_bytes() for path in (self.folder / "volumes/keys").iterdir()}
        self.assertFalse(set(again.values()) & set(keys.values()))

    def test_orders_that_are_none(self):
        self.compose("-o", "out")
        good = json.loads((self.folder / "out/identities.json").read_text())
        for change in ({"version": 2}, {"more": 1}, {"storage": ["../x"]}, {"tools": 1}, {"units": [{"name": "a"}]},
                       {"units": [{"name": "..", "id": "spiffe://x/y", "program": False}]}):
            (self.folder / "order.json").write_text(json.dumps(good | change))
            self.identities("order.json", expect=2)
        self.assertFalse((self.folder / "volumes").exists())

    def start(self, document, expect=0, env=None):
        (self.folder / "program.json").write_text(json.dumps(document))
        done = subprocess.run([SLUICE, "overlay", "start", "program.json"], cwd=self.folder, text=True, timeout=30,
                              capture_output=True, env={"PATH": os.environ["PATH"], "AMBER_CONFIG_NOTE": NOTE} | (env or {}))
        self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
        for secret in (TYPED, "swordfish") if expect else ():
            self.assertNotIn(secret, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def test_start(self):
        self.compose("-o", "out")
        unit = self.unit("keeper")
        packed = json.loads((unit / "program.json").read_text())
        packed["cut_file"] = f"{self.folder}/out/secrets/{unit.name}"
        packed["secret_files"] = {"AMBER_CONFIG_LAUNCH_CODE": f"{self.folder}/out/secrets/launch_code"}
        packed["files"] = {f"{self.folder}/made/note": "note"}
        packed["program"]["entrypoint"] = ["sh", "-c", "echo \"$TYPED $LAUNCH_CODE $NOTE\"; env"]
        told = self.start(packed)
        self.assertIn(f"{TYPED} swordfish {NOTE}\n", told)
        self.assertNotIn("AMBER_CONFIG_", told)
        self.assertEqual((self.folder / "made/note").read_text(), NOTE)
        self.assertIn("nothing is known by this key", self.start(packed | {"more": 1}, 2))
        self.assertIn("the secret cannot be read", self.start(
            packed | {"secret_files": {"AMBER_CONFIG_LAUNCH_CODE": "nowhere"}}, 2))
        self.assertIn("is not of program.json", self.start(packed | {"config": {"value": {}}}, 2))
        self.assertIn("no-such-program: No such file", self.start(packed | {"program": {"image": "i", "entrypoint": ["no-such-program"]}}, 1))
        self.assertIn("note", self.start(packed, 2, {"AMBER_CONFIG_NOTE": ""}))

    def test_compose_takes_it(self):
        if not shutil.which("docker-compose"):
            self.skipTest("no docker-compose")
        self.compose("-o", "out")
        for env in ({}, {"AMBER_CONFIG_NOTE": "$HOME"}):
            done = subprocess.run(["docker-compose", "-f", "out/compose.yaml", "config"], cwd=self.folder, text=True,
                                  capture_output=True, env=os.environ | env, timeout=60)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertNotIn("WARNING", done.stderr)


class Running(unittest.TestCase):
    """With a Docker engine of its own."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        reason = room.why_not() or why_not() or (None if os.environ.get(room.MARK) else "not in a room")
        if reason:
            raise unittest.SkipTest(reason)
        cls.engine = cls.enterClassContext(Engine())
        cls.folder = room.public_folder("sluice-compose-")
        Folder.write_scenario(cls.folder)
        built = subprocess.run([TREE / "examples/compose-sidecar/build-image.sh", SLUICE, cls.folder / "context"],
                               capture_output=True, text=True, timeout=200, check=False)
        assert built.returncode == 0, built.stdout + built.stderr
        done = subprocess.run([SLUICE, "overlay", "compose", "scenario.json5", "-o", "out"], cwd=cls.folder,
                              capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        for name, text in (("launch_code", LAUNCH_CODE + "\n"), ("api_key", API_KEY)):
            (cls.folder / "out/secrets" / name).write_text(text)
        (cls.folder / "out/.env").write_text(f"AMBER_CONFIG_NOTE={NOTE}\n")
        cls.units = {re.sub(r"^c\d+-", "", path.name): path.name for path in (cls.folder / "out").iterdir()
                     if (path / "sluice.yaml").exists()}
        cls.addClassCleanup(cls.down)
        up = cls.docker_compose("up", "-d")
        if up.returncode:
            raise AssertionError(up.stdout + up.stderr + cls.all_logs())

    @classmethod
    def docker_compose(cls, *words):
        return subprocess.run(["docker-compose", "-p", "t", "-f", "compose.yaml", *words], cwd=cls.folder / "out",
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=200, check=False)

    @classmethod
    def down(cls):
        done = cls.docker_compose("down", "-v", "-t", "2")
        assert done.returncode == 0, done.stderr
        left = cls.engine.run("ps", "-aq").stdout + cls.engine.run("volume", "ls", "-q").stdout
        assert not left.strip(), left

    @classmethod
    def all_logs(cls):
        names = cls.engine.run("ps", "-a", "--format", "{{.Names}}").stdout.split()
        logs = [(name, cls.engine.run("logs", name, check=False)) for name in names]
        return "".join(f"--- {name}\n{one.stdout}{one.stderr}" for name, one in logs)

    @classmethod
    def container(cls, unit, suffix=""):
        return f"t_{cls.units[unit]}{suffix}_1"

    def python(self, unit, source, user="1000"):
        """In the network of the unit, as its program or, with its user, as its sidecar."""
        done = self.engine.run("exec", "-u", user, self.container(unit), "python3", "-c", source, check=False)
        return done.stdout + done.stderr

    def connect(self, unit, host, port, user, send=b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"):
        return self.python(unit, f"""
import socket
try:
    with socket.create_connection(({host!r}, {port}), 3) as line:
        line.settimeout(3)
        line.sendall({send!r})
        print("got", line.recv(200))
except OSError as error:
    print("refused", type(error).__name__, error)
""", user)

    def evidence(self, unit):
        folder = Path(tempfile.mkdtemp(dir=self.folder)) / "evidence"
        self.engine.run("cp", f"{self.container(unit, '-net')}:/var/lib/sluice/evidence", folder)
        verified = run_cli("evidence", "verify", "--dir", folder, "--running")
        self.assertEqual(verified.returncode, 0, verified.stdout + verified.stderr)
        return read_evidence(folder)

    @staticmethod
    def status():
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", 18080, timeout=5)) as line:
            line.request("GET", "/status")
            answer = line.getresponse()
            return answer.status, json.loads(answer.read())

    def received(self):
        seen = {}

        def asked():
            try:
                status, document = self.status()
            except (OSError, ValueError) as error:
                seen["last"] = str(error)
                return False
            seen["last"] = document
            return status == 200 and document["received"]
        wait_until(asked, 40, "an answer of the exported status")
        return seen["last"]

    def test_redacted_on_the_way(self):
        seen = self.received()
        sent, got = json.dumps(seen["sent"]), json.dumps(seen["received"])
        self.assertIn(LAUNCH_CODE, sent)
        self.assertIn(API_KEY, sent)
        self.assertNotIn(LAUNCH_CODE, got)
        self.assertNotIn(API_KEY, got)
        self.assertIn("[REDACTED", got)

    def test_keeper_has_what_it_needs(self):
        done = self.engine.run("logs", self.container("keeper"))
        said = done.stdout + done.stderr
        self.assertIn("keeper has all", said)
        self.assertIn("keeper sees [] $HOME $$ '\"", said)

    def test_nobody_dials_a_program(self):
        """Not even who gets past its own sidecar."""
        responder = self.units["responder"] + "-net"
        self.assertIn("refused", self.connect("caller", responder, 8111, user="1337"))
        self.assertIn("refused", self.connect("responder", self.units["keeper"] + "-net", 8140, user="1337"))
        captured = self.connect("caller", responder, 8111, user="1000")
        self.assertNotIn("200", captured)
        for unit, port in (("responder", 8111), ("keeper", 8140)):  # who is there and answers
            self.assertIn("got", self.connect(unit, "127.0.0.1", port, user="1000"))

    def test_the_mesh_wants_a_certificate(self):
        responder = self.units["responder"] + "-net"
        self.assertNotIn("HTTP/1.1", self.connect("caller", responder, 23000, user="1337"))
        told = self.python("caller", f"""
import socket, ssl
context = ssl.create_default_context(); context.check_hostname = False; context.verify_mode = ssl.CERT_NONE
try:
    with context.wrap_socket(socket.create_connection(({responder!r}, 23000), 3)) as line:
        line.sendall(b"GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
        print("got", line.recv(100))
except OSError as error:
    print("refused", error)
""", user="1337")
        self.assertIn("refused", told)
        self.assertIn("refused", self.connect("responder", "127.0.0.1", 23000, user="1000"))

    def test_exports_are_for_this_machine_alone(self):
        exporter = next(one for unit, one in self.units.items() if
                        "export-status" in (self.folder / "out" / one / "sluice.yaml").read_text())
        self.received()
        self.assertIn("refused", self.connect("responder", exporter + "-net", 24000, user="1337"))
        ports = self.engine.inspect(f"t_{exporter}-net_1")["NetworkSettings"]["Ports"]
        self.assertEqual(ports, {"24000/tcp": [{"HostIp": "127.0.0.1", "HostPort": "18080"}]})

    def test_out_into_the_world(self):
        told = self.connect("caller", "198.51.100.7", 80, user="1000", send=b"GET / HTTP/1.1\r\nHost: 198.51.100.7\r\n\r\n")
        self.assertIn("403", told)
        name = self.python("caller", """
import socket
try:
    print("found", socket.getaddrinfo("leak.example.com", 80))
except OSError as error:
    print("refused", error)
line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
try:
    line.settimeout(2); line.connect(("198.51.100.7", 4433)); line.send(b"x"); line.recv(1); print("udp")
except OSError as error:
    print("refused", error)
""")
        self.assertNotIn("found", name)
        self.assertNotIn("udp", name)
        self.assertEqual(name.count("refused"), 2, name)
        records = self.evidence("caller")
        self.assertIn("leak.example.com", [one["payload"].get("name") for one in records
                                           if one["event_type"] == "dns_query"])
        refused = [one["payload"] for one in records if one["event_type"] == "policy_denied"]
        self.assertIn("198.51.100.7", json.dumps(refused))

    def test_evidence_of_each_sidecar(self):
        self.received()
        calls = {}
        for unit in self.units:
            records = self.evidence(unit)
            text = json.dumps(records)
            for secret in (LAUNCH_CODE, API_KEY, TYPED):
                self.assertNotIn(secret, text, unit)
            calls[unit] = [one for one in records if one["event_type"] == "egress_allowed"]
        self.assertTrue(calls["caller"] and calls["responder"], calls)
        self.assertIn("spiffe://scenario-", json.dumps(calls["responder"]))
        self.assertTrue(any(calls[unit] for unit in self.units if unit.startswith("overlay-")), calls)

    def test_secrets_are_in_files_only(self):
        self.received()
        names = self.engine.run("ps", "-a", "--format", "{{.Names}}").stdout.split()
        told = "".join(json.dumps(self.engine.inspect(name)) for name in names) + self.all_logs()
        told += "".join((self.folder / "out" / file).read_text() for file in ("compose.yaml", ".env", "identities.json"))
        for secret in (LAUNCH_CODE, API_KEY, TYPED):
            self.assertNotIn(secret, told)

    def test_confinement(self):
        for unit, name in self.units.items():
            one = self.engine.inspect(f"t_{name}-net_1")
            self.assertEqual((one["Config"]["User"], one["HostConfig"]["CapDrop"], one["HostConfig"]["CapAdd"]),
                             ("1337:1337", ["ALL"], None))
            self.assertTrue(one["HostConfig"]["ReadonlyRootfs"])
        one = self.engine.inspect(self.container("caller"))
        self.assertEqual((one["Config"]["User"], one["HostConfig"]["CapDrop"], one["HostConfig"]["CapAdd"]),
                         ("1000:1000", ["ALL"], None))
        self.assertTrue(one["HostConfig"]["ReadonlyRootfs"])
        mounts = {mount["Destination"] for mount in one["Mounts"]}
        self.assertFalse([path for path in mounts if path.startswith("/var/lib/sluice")], mounts)
        seen = self.python("caller", "import os; print(os.path.exists('/var/lib/sluice/keys/identity.key'))")
        self.assertIn("False", seen)
        keys = self.engine.run("exec", "-u", "1000", self.container("caller", "-net"), "sluice", "admin", "status", "--admin",
                               "/run/sluice/admin.sock", check=False)
        self.assertNotEqual(keys.returncode, 0)

    def test_zz_it_is_the_rules(self):
        """What nobody_dials_a_program sees is not for another reason: with a hole in the rules it is seen to answer."""
        pid = self.engine.inspect(self.container("responder", "-net"))["State"]["Pid"]
        subprocess.run(["nsenter", "-t", str(pid), "-n", "nft", "insert", "rule", "inet", "sluice", "enter", "tcp",
                        "dport", "8111", "ct", "mark", "set", "1337", "accept"], check=True)
        self.assertIn("HTTP/1.0 ", self.connect("caller", self.units["responder"] + "-net", 8111, user="1337"))

    def test_up_again_keeps_the_identities(self):
        before = self.engine.run("logs", "t_provisioner_1").stdout
        self.assertIn("identities made", before)
        again = self.docker_compose("up", "-d")
        self.assertEqual(again.returncode, 0, again.stderr)
        said = self.engine.run("logs", "t_provisioner_1").stdout[len(before):]
        self.assertTrue(said == "" or "are there and good" in said, said)


if __name__ == "__main__":
    if not (room.why_not() or why_not()):
        room.enter()
    else:
        print(f"skipped in part: {Path(__file__).name} {room.why_not() or why_not()}", file=sys.stderr)
    main()
