"""What a change of a policy means, before it is in force: by example calls, and by the calls on record."""

import json

from folders import temporary_folder
from servers import HttpUpstream
from sluice_test import UP, Sluice, SluiceTestCase, allow, main, policy, run_cli

API = {"name": "api", "allow": {"hosts": ["api.test"], "methods": ["POST"], "paths": ["/v1/**"]}}


class PolicyDiff(SluiceTestCase):
    def setUp(self):
        self.folder = temporary_folder("sluice-diff-")

    def write(self, name, document):
        file = self.folder / name
        file.write_text(json.dumps(document))
        return file

    def diff(self, a, b):
        files = self.write("a.yaml", a), self.write("b.yaml", b)
        done = run_cli("policy", "diff", *files, "--json")
        self.assertEqual(done.returncode, 0, done.stdout)
        text = run_cli("policy", "diff", *files)
        self.assertEqual(text.returncode, 0, text.stderr)
        self.text = text.stdout
        return json.loads(done.stdout)

    def explained(self, name, call):
        done = run_cli("policy", "explain", call["method"], call["url"], "--policy", self.folder / name, "--json")
        return json.loads(done.stdout)

    def test_each_kind_by_a_call(self):
        before = policy([API, {"name": "gh", "allow": {"hosts": ["*.hub.test"]}, "redact": ["pii"]}])
        after = policy([{"name": "api", "allow": {"hosts": ["api.test"], "paths": ["/v1/**"]},
                         "limits": {"request_body": "1MiB"}},
                        {"name": "gh", "allow": {"hosts": ["*.hub.test"]}},
                        {"name": "ask", "require_approval": {"hosts": ["*.hub.test"], "methods": ["POST"]}},
                        {"name": "no", "block": {"hosts": ["**"], "paths": ["/admin/**"]}}],
                       tcp=[{"name": "db", "allow": {"hosts": ["db.test"], "ports": [5432]}}])
        found = self.diff(before, after)
        self.assertFalse(found["same"])
        self.assertEqual({one["change"] for one in found["calls"]},
                         {"newly_allowed", "newly_needs_approval", "newly_blocked", "loosened", "tightened"})
        self.assertIn(("TCP", "tcp://db.test:5432"), [(one["method"], one["url"]) for one in found["calls"]])
        for call in found["calls"]:  # no false report: policy explain says the same of both
            with self.subTest(call):
                for side, name in (("before", "a.yaml"), ("after", "b.yaml")):
                    said = self.explained(name, call)
                    self.assertEqual((said["decision"], said["rule_id"]),
                                     (call[side]["decision"], call[side]["rule_id"]))
        self.assertIn("newly needs approval\n  POST https://x.hub.test/\n"
                      "    allow egress[1] (gh) -> require_approval egress[2] (ask)\n", self.text)
        self.assertIn("    no longer redacts pii\n", self.text)
        self.assertIn("what none of them shows is not listed", self.text)

    def test_what_means_the_same_is_the_same(self):
        found = self.diff(policy([API]), policy([API], metadata={"title": "another"}))
        self.assertEqual((found["same"], found["calls"]), (True, []))
        self.assertEqual(self.text, "the two mean the same\n")

    def test_settings_and_overrides_are_told(self):
        self.write("base.yaml", policy([API | {"redact": ["secrets"]}]))
        child = {"version": 1, "metadata": {"inherits": ["base.yaml"]}}
        found = self.diff(child, child | {
            "redaction": {"rules": [{"id": "emp", "pattern": r"EMP-\d{6}"}, {"id": "email", "action": "report",
                                                                            "override": True}]},
            "egress": [{"name": "more", "allow": {"hosts": ["b.test"]}, "override": True}]})
        self.assertIn({"change": "tightened", "what": "the redaction rule emp is new"}, found["settings"])
        self.assertIn({"change": "changed", "what": "the redaction rule email is new"}, found["settings"])
        self.assertEqual([one["pointer"] for one in found["overrides"]],
                         ["/redaction/rules/1/override", "/egress/0/override"])
        self.assertIn("says override\n", self.text)

    def test_a_broken_one_is_an_error(self):
        good, bad = self.write("a.yaml", policy([API])), self.write("b.yaml", {"version": 1, "egress": 7})
        for files in ((good, bad), (bad, good)):
            done = run_cli("policy", "diff", *files, "--json")
            self.assertEqual(done.returncode, 2)
            self.assertIn("/egress", done.stdout)


class PolicyReplay(SluiceTestCase):
    def replay(self, sluice, document, *options, code=0):
        file = sluice.folder / "new.yaml"
        file.write_text(json.dumps(document))
        done = run_cli("policy", "replay", "--evidence", sluice.evidence, file, "--json", *options)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def test_recorded_calls_are_judged_again(self):
        key = "AKIA" + "2OGYBAH6SLUICEQS"
        with HttpUpstream() as upstream, Sluice(rules=[allow()]) as sluice:
            url = f"http://{UP}:{upstream.port}"
            for path in ("/", "/a", "/a?q=1"):
                self.assertEqual(sluice.get(url + path).status, 200)
            self.assertEqual(sluice.get(url + "/a", method="DELETE").status, 200)
            self.assertEqual(sluice.get("http://other.test/").status, 403)
            self.assertEqual(sluice.get(f"{url}/{key}").status, 200)
            sluice.send_raw(b"GET http://up.test/ HTTP/1.1\r\nHost: other.test\r\n\r\n")  # no policy's refusal
            sluice.wait_for_record("policy_denied", reason_code="name_mismatch")
            sluice.everything_written()
            run = sluice.records("run_start")[0]["payload"]["run_id"]

        same = self.replay(sluice, policy([allow()]))
        self.assertEqual((same["changed"], same["changes"], same["chain_holds"]), (0, [], True))
        self.assertEqual(same["same"], 5)
        reasons = {one["why"]: one["count"] for one in same["not_replayed"]}
        self.assertEqual(reasons["its path is masked or cut"], 1)
        self.assertEqual(reasons["it was refused by something else than the policy"], 1)
        self.assertEqual(same["decisions"], 5 + sum(reasons.values()))

        stop = {"name": "no-deletes", "block": {"hosts": ["**"], "methods": ["DELETE"]}}
        wide = {"name": "other", "allow": {"hosts": ["other.test"]}}
        found = self.replay(sluice, policy([allow(), stop, wide]))
        self.assertEqual(found["changed"], 2)
        changes = {(one["before"]["rule_id"], one["after"]["rule_id"]): one for one in found["changes"]}
        deleted = changes["egress[0]", "egress[1]"]
        self.assertEqual((deleted["before"]["decision"], deleted["after"]["decision"], deleted["count"]),
                         ("allow", "block", 1))
        self.assertEqual(deleted["example"]["method"], "DELETE")
        self.assertEqual(len(sluice.records("egress_allowed", call_id=deleted["example"]["call_id"])), 1)
        self.assertEqual(changes["default_deny", "egress[2]"]["after"]["decision"], "allow")

        # The address is judged again, too: nothing opens it here.
        closed = self.replay(sluice, policy([allow(private=False)]))
        self.assertEqual([one["after"]["rule_id"] for one in closed["changes"]], ["guard.address.loopback"])
        self.assertEqual(closed["changes"][0]["count"], 4)

        none = policy([])
        self.assertEqual(self.replay(sluice, none, "--run", run)["changed"], 4)
        self.assertEqual(self.replay(sluice, none, "--run", "another")["decisions"], 0)
        self.assertEqual(self.replay(sluice, none, "--agent", "another")["decisions"], 0)
        self.assertEqual(self.replay(sluice, none, "--until", "1d")["decisions"], 0)
        self.assertEqual(self.replay(sluice, none, "--since", "1d")["changed"], 4)
        self.assertEqual(run_cli("policy", "replay", "--evidence", sluice.evidence, sluice.policy_file, "--since",
                                 "soon").returncode, 2)
        text = run_cli("policy", "replay", "--evidence", sluice.evidence, sluice.folder / "new.yaml").stdout
        self.assertIn("4  allow egress[0] (up) -> block default_deny\n    GET http://up.test:", text)
        self.assertIn("the chain of the log holds", text)

        log = sluice.evidence / "audit.jsonl"
        log.write_bytes(log.read_bytes().replace(b'"method":"DELETE"', b'"method":"REMOVE"'))
        broken = self.replay(sluice, none, code=4)
        self.assertFalse(broken["chain_holds"])
        self.assertTrue(broken["issues"])

    def test_what_was_only_observed(self):
        """Its verdict is what enforce would have said."""
        with HttpUpstream() as upstream, Sluice(rules=[], config={"mode": "observe"}) as sluice:
            self.assertEqual(sluice.get(f"http://{UP}:{upstream.port}/").status, 200)
            sluice.everything_written()
        self.assertEqual(self.replay(sluice, policy([]))["same"], 1)
        (change,) = self.replay(sluice, policy([allow()]))["changes"]
        self.assertEqual((change["before"]["decision"], change["after"]["decision"]), ("block", "allow"))

    def test_no_log(self):
        file = temporary_folder("sluice-none-") / "policy.yaml"
        file.write_text(json.dumps(policy([])))
        self.assertEqual(run_cli("policy", "replay", "--evidence", file.parent / "none", file).returncode, 3)
        self.assertEqual(run_cli("policy", "replay", "--evidence", file.parent, file.parent / "none").returncode, 2)


if __name__ == "__main__":
    main()
