"""From what a run in observe mode let go to a policy that allows just that."""

import json

from servers import HttpUpstream
from sluice_test import UP, Sluice, SluiceTestCase, allow, main, run_cli


class PolicyLearn(SluiceTestCase):
    def seen(self, **more):
        upstream = self.enterContext(HttpUpstream())
        sluice = self.enterContext(Sluice([], **more))
        url = f"http://{UP}:{upstream.port}"
        for method, path in (("GET", "/v1/models"), ("POST", "/v1/chat?key=value-of-a-query"), ("GET", "/files/12345")):
            sluice.get(url + path, method)
        return sluice, upstream

    def test_what_was_seen_is_allowed_and_nothing_else(self):
        sluice, upstream = self.seen(config={"mode": "observe"})
        learned = sluice.folder / "learned.yaml"
        done = run_cli("policy", "learn", "--evidence", sluice.evidence, "--to", learned)
        self.assertEqual(done.returncode, 0, done.stderr)
        text = learned.read_text()
        self.assertNotIn("value-of-a-query", text)
        self.assertEqual(run_cli("check", learned).returncode, 0, text)
        with Sluice(policy_text=text) as strict:
            url = f"http://{UP}:{upstream.port}"
            for method, path, status in (("GET", "/v1/models", 200), ("POST", "/v1/chat", 200), ("GET", "/files/77", 200),
                                         ("GET", "/v1/chat", 403), ("DELETE", "/v1/models", 403), ("GET", "/other", 403)):
                self.assertEqual(strict.get(url + path, method).status, status, path)

    def test_a_run_writes_it_at_its_end(self):
        upstream = self.enterContext(HttpUpstream())
        sluice = Sluice([], config={"mode": "observe"})
        learned = sluice.folder / "learned.yaml"
        sluice.arguments = ["--learn", str(learned)]
        with sluice:
            sluice.get(f"http://{UP}:{upstream.port}/v1/models")
            self.assertFalse(learned.exists())
        self.assertIn("learned", sluice.stderr)
        self.assertIn("/v1/models", learned.read_text())
        self.assertEqual(run_cli("check", learned).returncode, 0)

    def test_a_run_that_enforces_has_nothing_to_learn(self):
        sluice = Sluice([allow()])
        done = run_cli("run", "-c", sluice.config_file, "--learn", sluice.folder / "learned.yaml")
        self.assertEqual(done.returncode, 2)
        self.assertIn("mode: observe", done.stderr)

    def test_refusals_teach_nothing(self):
        sluice, _ = self.seen()
        done = run_cli("policy", "learn", "--evidence", sluice.evidence, "--json")
        document = json.loads(done.stdout)
        self.assertEqual((done.returncode, document["calls"]), (0, 0))
        self.assertIn("egress: []", document["policy"])

    def test_a_log_that_breaks_teaches_nothing(self):
        upstream = self.enterContext(HttpUpstream())
        with Sluice([allow()]) as sluice:
            sluice.get(f"http://{UP}:{upstream.port}/")
        log = sluice.evidence / "audit.jsonl"
        log.write_text(log.read_text().replace('"path":"/"', '"path":"/x"', 1))
        done = run_cli("policy", "learn", "--evidence", sluice.evidence)
        self.assertEqual((done.returncode, done.stdout), (4, ""), done.stderr)
        self.assertEqual(run_cli("policy", "learn", "--evidence", sluice.folder / "nowhere").returncode, 3)


if __name__ == "__main__":
    main()
