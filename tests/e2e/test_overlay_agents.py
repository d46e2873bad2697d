"""Real agents and clients of A2A as components of a scenario: the SDKs of Python and of JavaScript, each with
each, through every kind of interposer. What they know of each other is the URLs of their slots."""

import base64
import json
import shutil
import tempfile
import unittest
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

import client_setup
from sluice_test import main, run_cli
from test_overlay_run import EXAMPLE, Running, get

SECRET = "correct-horse-battery"
AGENTS = {"python": 8201, "javascript": 8202}
CLIENTS = {"askpython": 8203, "askjavascript": 8204}
LABEL = "[REDACTED:secret:term-1]"
TERMS = {"terms": ["${config.secret}"]}
SCHEMA = {"type": "object", "properties": {"secret": {"type": "string", "secret": True}}, "required": ["secret"]}
ON_A2A = {"kind": "a2a"}


def pem(key):
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def private_pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption()).decode()


def b64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def component(command, port, env, kind, **more):
    return {"manifest_version": "0.4.0", "provides": {"api": {"kind": kind, "endpoint": "e"}},
            "exports": {"api": "provides.api"},
            "program": {"path": command[0], "args": command[1:], "env": {"PORT": str(port)} | env,
                        "network": {"endpoints": [{"name": "e", "port": port}]}}} | more


class OverlayAgents(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if reason := client_setup.install_agents() or client_setup.install_a2a_js():
            raise unittest.SkipTest(reason)
        cls.python = str(client_setup.AGENTS_VENV / "bin" / "python")
        cls.node = shutil.which("node")
        cls.keys = {name: ec.generate_private_key(ec.SECP256R1()) for name in AGENTS}

    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="sluice-overlay-agents-")))
        self.folder.chmod(0o755)
        for name in ("overlay.json5", "overlay.py", "redactor.py"):
            shutil.copy(EXAMPLE / name, self.folder)

    def command(self, language, python, javascript):
        if language == "python":
            return [self.python, str(client_setup.CLIENTS / python)]
        return [self.node, str(client_setup.A2A_JS / javascript)]

    def scenario(self, **more):
        """Each client has a slot for each agent."""
        slots = {name: {"kind": "a2a"} for name in AGENTS}
        for name, port in AGENTS.items():
            env = {"SECRET": "${config.secret}", "KEY": private_pem(self.keys[name])}
            self.write(name, component(self.command(name, "overlay_agent.py", "agent.mjs"), port, env, "a2a",
                                       config_schema=SCHEMA))
        for name, port in CLIENTS.items():
            env = {f"SLOT_{slot.upper()}": "${slots.%s.url}" % slot for slot in slots}
            self.write(name, component(self.command(name[3:], "overlay_client.py", "client.mjs"), port, env, "http",
                                       slots=slots))
        given = {name: {"manifest": f"./{name}.json5", "config": {"secret": "${config.secret}"}} for name in AGENTS}
        self.write("scenario", {
            "manifest_version": "0.4.0", "config_schema": SCHEMA,
            "components": given | {name: f"./{name}.json5" for name in CLIENTS},
            "bindings": [{"to": f"#{client}.{agent}", "from": f"#{agent}.api"} for client in CLIENTS for agent in AGENTS],
            "exports": {name: f"#{name}.api" for name in CLIENTS}} | more)

    def write(self, name, what):
        (self.folder / f"{name}.json5").write_text(json.dumps(what))

    def unit(self, name):
        return next(one for one in (self.folder / "state").iterdir() if one.name.endswith("-" + name)).name

    def identity(self, run, name):
        file = next(run.temporary.glob(f"sluice-run-*/*/{self.unit(name)}.pem"))
        return pem(x509.load_pem_x509_certificate(file.read_bytes()).public_key())

    def each(self):
        """Every client and every agent: what the client got."""
        with Running(self.folder, env={"AMBER_CONFIG_SECRET": SECRET}) as run:
            for client in CLIENTS:
                key = self.identity(run, client)
                for agent in AGENTS:
                    with self.subTest(client=client, agent=agent):
                        status, body = get(f"{run.exports[client]}/{agent}", json.dumps({"key": key}).encode())
                        self.assertEqual(status, 200, body)
                        said = json.loads(body)
                        self.assertIn("card", said, said)
                        self.check_card(said, agent)
                        yield client, agent, said
                        self.check_calls(run, client, agent)
        self.check_files()

    # ---- what holds whatever stands between them -------------------------------------------------

    def check_card(self, said, agent):
        card, slot = json.loads(said["card"]), said["slot"]
        self.assertRegex(slot, r"^http://127\.0\.0\.1:2000[01]$")
        self.assertEqual([one["url"] for one in card["supportedInterfaces"]], [slot + "/a2a"])
        self.assertNotIn(f":{AGENTS[agent]}", said["card"])
        self.assertNotIn("amber:", said["card"])
        self.assertIs(said["verified"], True, said["card"])
        original = json.loads(b64url(card["signatures"][0]["header"]["sluice_original_card"]))
        self.assertEqual(original["supportedInterfaces"][0]["url"], f"http://127.0.0.1:{AGENTS[agent]}/a2a")
        self.assertEqual(json.loads(b64url(original["signatures"][0]["protected"]))["kid"], agent)
        self.check_original(original, agent)

    def check_original(self, original, agent):
        key = self.folder / "agent.pem"
        key.write_text(pem(self.keys[agent].public_key()))
        text = ("import json, sys; from a2a.client.card_resolver import parse_agent_card; "
                "from a2a.utils.signing import create_signature_verifier as verifier; key = open(sys.argv[1]).read(); "
                "verifier(lambda kid, jku: key, ['ES256'])(parse_agent_card(json.load(sys.stdin)))")
        done = client_setup.subprocess.run([self.python, "-c", text, key], input=json.dumps(original), text=True,
                                           capture_output=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def check_task(self, said, agent):
        self.assertEqual((said["stream"]["done"], said["stream"]["url"], said["stream"]["report"]),
                         (True, said["slot"] + "/files/report", f"the report of {agent}"), said)

    def check_calls(self, run, client, agent):
        """Nothing went around: each call of the client is one of the agent."""
        out = [one["payload"] for one in run.evidence(self.unit(client)) if one["event_type"] == "egress_allowed"
               and one["payload"]["listener"] == f"slot-{agent}"]
        self.assertEqual({one["path"] for one in out}, {"/.well-known/agent-card.json", "/a2a", "/files/report"})

    def check_files(self):
        for unit in (self.folder / "state").iterdir():
            done = run_cli("evidence", "verify", "--dir", unit / "evidence")
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        for file in (self.folder / "state").rglob("*"):
            if file.is_file():
                self.assertNotIn(SECRET.encode(), file.read_bytes(), file)

    # ---- what stands between them ----------------------------------------------------------------

    def test_without_an_interposer(self):
        self.scenario()
        for _, agent, said in self.each():
            self.assertEqual(said["whole"], f"told: hello, and it is {SECRET}")
            self.assertEqual(said["stream"]["pieces"], ["it is ", SECRET[:7], SECRET[7:], " as ever"], said)
            self.assertEqual(said["again"], f"it is {SECRET} as ever")
            self.check_task(said, agent)

    # This one knows nothing of streams: what is split it does not find.
    def test_a_program(self):
        self.scenario(use={"mask": {"manifest": "./overlay.json5", "config": {"terms": ["$${config.secret}"]}}},
                      overlays=["#mask.apply"])
        for _, agent, said in self.each():
            self.assertEqual(said["whole"], "told: hello, and it is [REDACTED]")
            self.assertEqual("".join(said["stream"]["pieces"]), f"it is {SECRET} as ever")
            self.check_task(said, agent)

    def test_the_built_in_redactor(self):
        self.scenario(use={"mask": {"builtin": "redact", "select": ON_A2A, "config": TERMS}}, overlays=["#mask.apply"])
        for _, agent, said in self.each():
            self.assertEqual(said["whole"], f"told: hello, and it is {LABEL}")
            self.assertEqual("".join(said["stream"]["pieces"]), f"it is {LABEL} as ever", said)
            self.check_task(said, agent)

    def test_policy_redaction_and_record_in_one(self):
        policy = {"egress": [{"name": "all", "allow": {"paths": ["/**"]}}],
                  "agents": [{"name": "talk", "allow": {"methods": ["message/*"]}}]}
        self.scenario(use={"talk": {"builtin": "policy", "select": ON_A2A, "config": policy},
                           "mask": {"builtin": "redact", "select": ON_A2A, "config": TERMS},
                           "log": {"builtin": "record", "select": ON_A2A}},
                      overlays=["#log.apply", "#mask.apply", "#talk.apply"])
        for _, agent, said in self.each():
            self.assertEqual(said["whole"], f"told: hello, and it is {LABEL}")
            self.assertEqual("".join(said["stream"]["pieces"]), f"it is {LABEL} as ever")
            self.check_task(said, agent)
            self.assertIn("No rule allows this call", said["again"]["message"])
        self.assertEqual(len(list((self.folder / "state").iterdir())), 8)  # one for each edge


if __name__ == "__main__":
    main()
