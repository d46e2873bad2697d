"""sluice overlay check, apply, explain: scenarios as Amber has them, their overlays asked for real, in boxes."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from sluice_test import SLOW, SLUICE, main, wait_until

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "overlay-redaction"
SECRET = "correct-horse-battery"
PLAN = {"interpositions": []}


def answering(body):
    """An overlay's manifest whose program answers every POST with what the Python expression says."""
    source = ("import http.server, json, os, sys, time\n"
              "class Handler(http.server.BaseHTTPRequestHandler):\n"
              "    def do_POST(self):\n"
              "        asked = json.loads(self.rfile.read(int(self.headers['Content-Length'])))\n"
              f"        {body}\n"
              "        data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()\n"
              "        self.send_response(200); self.send_header('Content-Length', str(len(data)))\n"
              "        self.end_headers(); self.wfile.write(data)\n"
              "    def log_message(self, *args): pass\n"
              "http.server.ThreadingHTTPServer(('127.0.0.1', 8120), Handler).serve_forever()\n")
    return {"manifest_version": "0.4.0",
            "program": {"path": "/usr/bin/python3", "args": ["-I", "-c", source],
                        "network": {"endpoints": [{"name": "e", "port": 8120}]}},
            "provides": {"apply": {"kind": "http", "profile": "overlay", "endpoint": "e"}},
            "exports": {"apply": "provides.apply"}}


class Overlays(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="sluice-overlay-")))
        for file in EXAMPLE.iterdir():
            if file.suffix in (".json5", ".py"):
                shutil.copy(file, self.folder)

    def sluice(self, verb, *options, expect=0, env=None, file="scenario.json5"):
        done = subprocess.run([SLUICE, "overlay", verb, file, *options], cwd=self.folder, capture_output=True, text=True,
                              timeout=60 * SLOW, env=os.environ | (env or {}))
        self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
        return done.stdout if expect == 0 or "--json" in options else done.stderr

    def scenario(self, overlay, **more):
        """The example with another overlay."""
        (self.folder / "overlay.json5").write_text(json.dumps(overlay))
        text = (self.folder / "scenario.json5").read_text()
        text = text.replace('config: { terms: ["$${config.launch_code}", "$${config.api_key}"] },', "")
        for old, new in more.items():
            text = text.replace(old, new)
        (self.folder / "scenario.json5").write_text(text)

    def test_check_knows_a_manifest_by_its_name(self):
        def check():
            return subprocess.run([SLUICE, "check", "scenario.json5"], cwd=self.folder, capture_output=True, text=True)
        self.assertEqual(check().returncode, 0)
        path = self.folder / "scenario.json5"
        path.write_text(path.read_text().replace("#responder.a2a", "#responder.gone"))
        done = check()
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr, r"scenario.json5:\d+:\d+: /bindings/0/from: ")

    def test_what_a_built_in_interposer_does_not_know_is_told_where_it_stands(self):
        path = self.folder / "scenario.json5"
        path.write_text(path.read_text().replace("use: {", 'use: { mask: { builtin: "redact", config: { words: ["x"], '
                                                 'terms: ["a", 1] } },').replace("overlays: [", 'overlays: ["#mask.apply", '))
        said = self.sluice("check", expect=2)
        self.assertRegex(said, r"scenario.json5:\d+:\d+: /use/mask/config/words: nothing is known by this key")
        self.assertRegex(said, r"/use/mask/config/terms: expected a list of texts")

    def test_a_scenario_is_checked_without_asking_anybody(self):
        (self.folder / "overlay.py").write_text("raise SystemExit('it was started')")
        said = self.sluice("check")
        self.assertEqual(said, "scenario.json5: 3 components, 1 edge, 1 overlay, none of them asked\n")
        self.assertIn("it was started", self.sluice("check", "--apply-overlays", expect=2))
        done = json.loads(self.sluice("check", "--json"))
        self.assertEqual((done["valid"], done["components"], done["applied"]), (True, 3, False))

    def test_the_overlay_of_the_example_is_asked(self):
        env = {"AMBER_CONFIG_LAUNCH_CODE": SECRET}
        document = json.loads(self.sluice("apply", "--json", env=env))
        scenario = document["scenario"]
        self.assertNotIn(SECRET, json.dumps(document))
        self.assertEqual([one["moniker"] for one in scenario["components"]],
                         ["/", "/caller", "/responder", "/__overlay_0_0"])
        added = scenario["components"][3]
        self.assertEqual(added["config"], {"terms": ["${config.launch_code}", "${config.api_key}"]})
        self.assertEqual(added["provenance"]["overlay"], "#redaction.apply")
        self.assertTrue(added["provenance"]["alias"].startswith("redaction-"))
        ends = [(one["from"]["Component"], one["to"]) for one in scenario["bindings"]]
        self.assertEqual(ends, [({"component": 2, "name": "a2a"}, {"component": 3, "name": "upstream"}),
                                ({"component": 3, "name": "downstream"}, {"component": 1, "name": "agent"})])
        self.assertEqual(json.loads(self.sluice("apply")), scenario, "text is the scenario alone")

    def test_a_declared_overlay_that_stands_nowhere_is_a_warning(self):
        text = (self.folder / "scenario.json5").read_text()
        begin, end = text.index("redaction: {"), text.index("overlays:")
        for select, idle in (("component: 'responder'", False), ("component: 'respnder'", True), ("kind: 'egress'", False),
                             ("kind: 'mcp'", True)):
            (self.folder / "scenario.json5").write_text(
                text[:begin] + "redaction: { builtin: 'redact', select: { %s } },\n },\n" % select + text[end:])
            self.assertEqual("/: warning: the overlay #redaction.apply selects no edge of its scope" in self.sluice("check"), idle)
            self.sluice("check", "-D", "warnings", expect=2 if idle else 0)

    def test_an_edge_is_told_as_a_request_goes(self):
        self.assertEqual(self.sluice("explain"),
                         "/responder.a2a -> /caller.agent  [a2a]\n"
                         "  a request goes:  /caller.agent\n"
                         "    -> /__overlay_0_0 (#redaction.apply)\n"
                         "    -> /responder.a2a\n"
                         "/caller.status -> export status  [http]\n"
                         "  no interposer\n")
        self.assertIn("c1 -> c3", self.sluice("explain", "--format", "dot"))
        self.assertIn("flowchart LR", self.sluice("explain", "--format", "mermaid"))
        edges = json.loads(self.sluice("explain", "--json"))["edges"]
        self.assertEqual(edges[0]["request"][0]["moniker"], "/__overlay_0_0")

    def test_a_lock_answers_what_it_was_asked(self):
        first = self.sluice("apply", "--lock", "plans.lock")
        lock = self.folder / "plans.lock"
        kept = json.loads(lock.read_text())
        self.assertEqual([one["overlay"] for one in kept["plans"]], ["#redaction.apply"])
        self.assertEqual(self.sluice("apply", "--lock", "plans.lock", "--frozen"), first)

        # What it says counts, and nobody is asked.
        kept["plans"][0]["plan"] = PLAN
        lock.write_text(json.dumps(kept))
        for mode in ("--locked", "--frozen"):
            self.assertIn("no interposer", self.sluice("explain", "--lock", "plans.lock", mode).splitlines()[1])
        # Another overlay is another question.
        (self.folder / "redactor.py").write_text("# another\n")
        said = self.sluice("apply", "--lock", "plans.lock", "--frozen", expect=2)
        self.assertIn("/ #redaction.apply: the overlay changed", said)
        whole = (self.folder / "scenario.json5").read_text()
        (self.folder / "scenario.json5").write_text(whole.replace('overlays: ["#redaction.apply"],', ""))
        said = self.sluice("apply", "--lock", "plans.lock", "--frozen", expect=2)
        self.assertIn("is in the lock and not in the scenario", said)
        (self.folder / "scenario.json5").write_text(whole)
        self.assertEqual(json.loads(lock.read_text()), kept, "frozen writes nothing")
        self.sluice("apply", "--lock", "plans.lock", "--locked")
        self.assertEqual(len(json.loads(lock.read_text())["plans"][0]["plan"]["interpositions"]), 1)
        for options in (("--frozen",), ("--locked", "--frozen", "--lock", "x"), ("--locked", "--lock", "nowhere")):
            self.sluice("apply", *options, expect=2)

    def test_wrong_answers_are_told_and_never_shown(self):
        edge = "dict(interposer=dict(config=dict(k='%s'), slots=dict(up=dict(kind='a2a')), " % SECRET
        for body, expected in (
                ("answer = {}", 'interpositions'),
                ("answer = b'<html>'", "<html>"),
                ("answer = {'interpositions': '%s'}" % SECRET, "expected a list"),
                ("answer = {'interpositions': [{'interposer': {}, 'attachments': []}]}", "EmptyAttachments"),
                ("answer = {'interpositions': [%sprovides={}), attachments=[dict(target=0, interposer_slot='up', "
                 "interposer_provide='p')])]}" % edge, "schema"),
                ("os._exit(3)", "it closed without an answer"),
                ("print('my last words', flush=True); os._exit(3)", "my last words"),
                ("answer = b'x' * 2000000", "longer than 1048576 bytes")):
            with self.subTest(body):
                self.scenario(answering(body))
                said = self.sluice("apply", expect=2)
                self.assertIn(expected, said)
                self.assertIn("/redaction", said)
                self.assertNotIn(SECRET, said)
                problem = json.loads(self.sluice("apply", "--json", expect=2))["error"]
                self.assertNotIn(SECRET, json.dumps(problem))

    def test_what_it_says_to_the_overlay_is_the_scope(self):
        self.scenario(answering("print('SCOPE' + json.dumps(asked), flush=True); os._exit(1)"))
        said = self.sluice("apply", expect=2, env={"AMBER_CONFIG_API_KEY": SECRET})
        asked, _ = json.JSONDecoder().raw_decode(said.split("SCOPE", 1)[1])
        self.assertEqual([one["moniker"] for one in asked["scope"]["components"]], ["/", "/caller", "/responder"])
        self.assertEqual(asked["scope"]["bindings"][0]["capability"], {"kind": "a2a", "profile": None})
        self.assertNotIn(SECRET, said)

    def test_an_interrupt_leaves_nothing(self):
        mark = f"sluice-overlay-test-{os.getpid()}"
        self.scenario(answering(f"time.sleep(100)  # {mark}"))
        with subprocess.Popen([SLUICE, "overlay", "apply", "scenario.json5"], cwd=self.folder,
                              stderr=subprocess.DEVNULL) as run:
            def there():
                return subprocess.run(["pgrep", "-f", f"[#] {mark}"], stdout=subprocess.DEVNULL).returncode == 0
            wait_until(there, 20, "the overlay is started")
            time.sleep(0.5)
            run.send_signal(signal.SIGINT)
            run.wait(10 * SLOW)
        wait_until(lambda: not there(), 5, "the overlay is gone")

    def test_a_declared_overlay_needs_no_program(self):
        text = (self.folder / "scenario.json5").read_text()
        begin, end = text.index("redaction: {"), text.index("overlays: [")
        (self.folder / "scenario.json5").write_text(
            text[:begin] + 'redaction: { builtin: "redact", select: { kind: "a2a" } },\n  },\n  ' + text[end:])
        self.assertIn("-> /__overlay_0_0 (#redaction.apply)", self.sluice("explain"))

    def test_all_problems_at_once(self):
        (self.folder / "scenario.json5").write_text("""{
  manifest_version: "0.4.0",
  use: { unused: "./overlay.json5" },
  components: { caller: "./nowhere.json5", responder: "https://elsewhere.test/x.json5" },
  bindings: [{ to: "#caller.agent", from: "#responder.nothing" }],
  policies: [],
}""")
        said = self.sluice("check", expect=2)
        self.assertIn("overlays", said)  # the new name
        self.assertIn("scenario.json5:6:13: /policies", said)
        (self.folder / "scenario.json5").write_text(
            (self.folder / "scenario.json5").read_text().replace("  policies: [],\n", ""))
        said = self.sluice("check", expect=2)
        for expected in ("scenario.json5:4:", "compiler::unsupported", "compiler::unreadable_manifest"):
            self.assertIn(expected, said)

    def test_a_warning_may_be_an_error(self):
        text = (self.folder / "scenario.json5").read_text().replace('"$${config.launch_code}"', '"${config.launch_code}"')
        (self.folder / "scenario.json5").write_text(text)
        self.assertIn("secret", self.sluice("check"))
        self.assertIn("secret", self.sluice("check", "-D", "warnings", expect=2))
        (self.folder / "overlay.py").write_text("raise SystemExit('it was started')")
        self.assertNotIn("it was started", self.sluice("apply", "-D", "warnings", expect=2))


if __name__ == "__main__":
    main()
