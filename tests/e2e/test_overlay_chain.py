"""Chains of agents in one scenario: the example with three of them and overlays of two scopes, as its README
says, and agents that call each other for ever."""

import json
import re
import shlex
import shutil
import tempfile
import unittest
from pathlib import Path

from sluice_test import main, run_cli
from test_overlay_run import Running, component, get

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "overlay-chain"
SECRETS = {"AMBER_CONFIG_CLIENT": "Polar Tea", "AMBER_CONFIG_VAULT_KEY": "vault-1234-9876"}
UNITS = ["c2-archivist", "c3-researcher", "c4-planner", "c7-overlay-2-0", "c8-overlay-3-0"]


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="sluice-overlay-chain-")))
        self.folder.chmod(0o755)

    def units(self):
        return sorted(one.name for one in (self.folder / "state").iterdir())

    def verify_all(self):
        for unit in self.units():
            done = run_cli("evidence", "verify", "--dir", self.folder / "state" / unit / "evidence")
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def calls(self, run, unit, prefix=""):
        """What was decided, but for the probe of the box."""
        return [one["payload"] for one in run.evidence(unit)
                if one["event_type"] in ("egress_allowed", "policy_denied")
                and one["payload"].get("listener", "").startswith(("in-", "slot-", "export-"))
                and one["payload"]["listener"].startswith(prefix)]


class Example(Case):
    def setUp(self):
        super().setUp()
        for file in EXAMPLE.iterdir():
            if file.is_file():
                shutil.copy(file, self.folder)
        text = (EXAMPLE / "README.md").read_text()
        self.shown = re.findall(r"```text\n(.*?)```", text, re.S)
        self.commands = [line for block in re.findall(r"```sh\n(.*?)```", text, re.S) for line in block.splitlines()]

    def test_what_the_readme_explains(self):
        self.assertEqual(self.commands[0], "sluice overlay explain scenario.json5")
        done = run_cli(*shlex.split(self.commands[0])[1:], cwd=self.folder)
        self.assertEqual((done.returncode, done.stdout), (0, self.shown[0]), done.stderr)

    def test_the_readme_s_run(self):
        with Running(self.folder) as run:
            status, body = get(run.exports["desk"] + "/ask", b"How does one get in?")
            self.assertEqual((status, json.loads(body)["result"]["parts"][0]["text"] + "\n"), (200, self.shown[1]))
        self.assertEqual(self.units(), UNITS)
        for line in self.commands:
            if "sluice evidence query" in line:
                done = run_cli(*shlex.split(line.replace(".sluice/scenario", "state"), comments=True)[1:],
                               cwd=self.folder)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual("hops=4" in done.stdout, "c2-archivist" in line, done.stdout)

    def test_masked_refused_on_record_and_one_tree(self):
        with Running(self.folder, env=SECRETS) as run:
            text = json.loads(get(run.exports["desk"] + "/ask", b"Who?")[1])["result"]["parts"][0]["text"]
            status, body = get(run.exports["desk"] + "/forget", b"t-1")
        for secret in SECRETS.values():
            self.assertNotIn(secret, text)
        self.assertEqual(text.count("[REDACTED:secret:term-1]"), 3)
        refused = json.loads(body)
        self.assertEqual((status, refused["jsonrpc"], refused["id"], refused["error"]["code"]), (200, "2.0", 1, -32050))
        self.assertEqual(refused["error"]["data"]["reason_code"], "default_deny")
        denied = [one for one in self.calls(run, "c7-overlay-2-0") if one["decision"] == "block"]
        self.assertEqual([one["operations"] for one in denied], ["tasks/cancel"])
        self.verify_all()
        self.check_tree(run)
        for file in (self.folder / "state").rglob("*"):
            for secret in SECRETS.values() if file.is_file() else ():
                self.assertNotIn(secret.encode(), file.read_bytes(), file)
        for secret in SECRETS.values():
            self.assertNotIn(secret, run.said())

    def check_tree(self, run):
        calls = {one["call_id"]: one | {"unit": unit} for unit in self.units() for one in self.calls(run, unit)}

        def branch(call):
            below = [branch(one) for one, payload in calls.items() if payload.get("parent_call_id") == call]
            return [calls[call]["unit"].split("-", 1)[1] + " " + calls[call]["path"], *below]

        roots = [one for one, payload in calls.items() if not payload.get("parent_call_id")]
        self.assertEqual({calls[one]["unit"] for one in roots}, {"c4-planner"}, "who is called knows by what")
        self.assertEqual({calls[one]["listener"] for one in roots}, {"export-desk"})
        trees = [branch(one) for one in roots]
        card, post = "/.well-known/agent-card.json", "/"
        fetch = ["planner " + card, ["overlay-2-0 " + card, ["researcher " + card]]]
        below = [["researcher " + path, ["overlay-3-0 " + path, ["archivist " + path]]] for path in (card, post)]
        self.assertEqual(trees, [
            ["planner /ask", fetch, ["planner /", ["overlay-2-0 /", ["researcher /", *below]]]],
            ["planner /forget", fetch, ["planner /", ["overlay-2-0 /"]]]])
        self.assertEqual([one["hops"] for one in self.calls(run, "c2-archivist", "in-")], [4, 4])


class Loop(Case):
    def test_two_who_call_each_other_are_ended_by_the_hop_limit(self):
        for name, port in (("ping", 8401), ("pong", 8402)):
            (self.folder / f"{name}.json5").write_text(json.dumps(component(
                "ask(os.environ['NEXT'] + path)", port, "a2a", {"next": "a2a"}, NEXT="${slots.next.url}")))
        (self.folder / "scenario.json5").write_text(json.dumps({
            "manifest_version": "0.4.0", "components": {"ping": "./ping.json5", "pong": "./pong.json5"},
            "bindings": [{"to": "#ping.next", "from": "#pong.api", "weak": True},
                         {"to": "#pong.next", "from": "#ping.api", "weak": True}],
            "exports": {"start": "#ping.api"}}))
        with Running(self.folder) as run:
            status, body = get(run.exports["start"] + "/round")
        self.assertEqual(status, 200)
        self.assertIn("508", body)
        self.assertIn("hop_limit_reached", body)
        denied = [(unit, one["hops"], one["rule_id"], one["reason_code"]) for unit in self.units()
                  for one in self.calls(run, unit) if one["decision"] == "block"]
        self.assertEqual(len(denied), 1, denied)
        self.assertEqual(denied[0][1:], (17, "limit.hops", "hop_limit_reached"))
        self.verify_all()


if __name__ == "__main__":
    main()
