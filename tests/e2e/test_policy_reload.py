"""A broken policy never becomes the policy: at start it is an error with a position, at reload the
old one stays and the log says so; a good one decides the next call."""

import signal
import subprocess

from servers import HttpUpstream
from sluice_test import SLOW, UP, Sluice, SluiceTestCase, allow, main, policy, run_cli, wait_until

# text -> what the message must contain after file:line:col
BROKEN = {
    "not YAML": ("version: 1\negress: [\n", ""),
    "a tab": ("version: 1\negress:\n\t- {}\n", ""),
    "unknown key": ("version: 1\negress:\n  - alow: {hosts: [a.test]}\n", "alow"),
    "no version": ("egress: []\n", "version"),
    "wrong type": ("version: 1\negress: 7\n", "egress"),
    "a host that is none": ("version: 1\negress:\n  - allow: {hosts: ['a..b']}\n", ""),
    "empty hosts": ("version: 1\negress:\n  - allow: {hosts: []}\n", ""),
    "port out of range": ("version: 1\negress:\n  - allow: {hosts: [a.test], ports: [70000]}\n", ""),
    "two effects": ("version: 1\negress:\n  - {allow: {hosts: [a.test]}, block: {hosts: [a.test]}}\n", ""),
    "no effect": ("version: 1\negress:\n  - {name: x}\n", ""),
    "duplicate key": ("version: 1\nversion: 1\negress: []\n", ""),
    "duplicate names": ("version: 1\negress:\n  - {name: x, allow: {hosts: [a.test]}}\n"
                        "  - {name: x, allow: {hosts: [b.test]}}\n", "egress[0]"),
    "empty file": ("", ""),
    "NUL": ("version: 1\negress: []\0\n", ""),
}


class PolicyReload(SluiceTestCase):
    def test_broken_at_start(self):
        for name, (text, word) in BROKEN.items():
            with self.subTest(name):
                sluice = Sluice(policy_text=text)
                sluice.spawn()
                try:
                    code = sluice.process.wait(20 * SLOW)
                except subprocess.TimeoutExpired:
                    self.fail("started with a broken policy")
                finally:
                    sluice.kill()
                self.assertEqual(code, 2, sluice.stderr)
                self.assertRegex(sluice.stderr, r"policy\.yaml:\d+:\d+: ")
                self.assertIn(word, sluice.stderr)

    def test_every_problem_at_once(self):
        sluice = Sluice(policy_text="version: 1\negress:\n  - alow: {hosts: [a.test]}\n"
                                    "  - allow: {hosts: [a.test], ports: [99999]}\n  - block: {hosst: [x.test]}\n")
        sluice.spawn()
        sluice.process.wait(20 * SLOW)
        sluice.kill()
        lines = {line.split(":")[1] for line in sluice.stderr.splitlines() if "policy.yaml:" in line}
        self.assertLessEqual({"3", "4", "5"}, lines, sluice.stderr)

    def test_missing_policy(self):
        sluice = Sluice()
        sluice.policy_file.unlink()
        sluice.spawn()
        code = sluice.process.wait(20 * SLOW)
        sluice.kill()
        self.assertEqual(code, 2, sluice.stderr)
        self.assertIn("policy.yaml", sluice.stderr)

    def test_reload(self):
        with HttpUpstream() as upstream, Sluice() as sluice:
            url = f"http://{UP}:{upstream.port}/"
            self.assertEqual(sluice.get(url).status, 200)
            before = sluice.wait_for_record("egress_allowed")["payload"]["policy_digest"]

            for count, (name, (text, _)) in enumerate(BROKEN.items(), 1):
                with self.subTest(name):
                    sluice.write_policy(text)
                    sluice.hang_up()
                    sluice.wait_for_record("policy_rejected", count=count)
                    self.assertEqual(sluice.get(url).status, 200, "the old policy stays")
            self.assertIn("policy.yaml:", sluice.stderr)

            loaded = len(sluice.records("policy_loaded"))
            sluice.write_policy(policy([allow(), {"name": "stop", "block": {"hosts": [UP]}}]))
            sluice.hang_up()
            sluice.wait_for_record("policy_loaded", count=loaded + 1)
            wait_until(lambda: sluice.get(url).status == 403, what="the new policy")
            denial = sluice.wait_for_record("policy_denied", rule_id="egress[1]")["payload"]
            self.assertNotEqual(denial["policy_digest"], before)

            sluice.write_policy(policy([allow()]))
            sluice.hang_up()
            wait_until(lambda: sluice.get(url).status == 200, what="the first policy again")
            digests = {r["payload"]["policy_digest"] for r in sluice.records("egress_allowed")}
            self.assertEqual(digests, {before}, "the same policy has the same digest")
            stored = [path.name for path in (sluice.evidence / "policies").iterdir()]
            self.assertEqual(len(stored), 2, stored)

    def test_what_is_no_file_any_more_changes_nothing(self):
        """A folder, nothing, a link to nowhere, and their folder gone: the old policy stays, and says so."""
        def into_folder(file):
            file.unlink()
            file.mkdir()

        def into_link(file):
            file.unlink()
            file.symlink_to("nowhere.yaml")

        def without_folder(file):
            file.parent.rename(file.parent.with_name("elsewhere"))
        ways = {"a folder": into_folder, "nothing": lambda file: file.unlink(), "a link to nowhere": into_link,
                "no folder": without_folder}
        for name, replace in ways.items():
            sluice = Sluice(config={"policy": "rules/policy.yaml", "admin": {"bind": "unix:./sluice.sock"}})
            rules = sluice.folder / "rules"
            rules.mkdir()
            file = sluice.policy_file.rename(rules / "policy.yaml")
            with self.subTest(name), HttpUpstream() as upstream, sluice:
                url = f"http://{UP}:{upstream.port}/"
                digest = sluice.wait_for_record("policy_loaded")["payload"]["policy_digest"]
                replace(file)
                sluice.hang_up()
                rejected = sluice.wait_for_record("policy_rejected")["payload"]
                self.assertEqual(rejected["policy_digest"], digest)
                self.assertIn("policy.yaml", rejected["errors"])
                before = len(sluice.records("policy_rejected"))
                ordered = run_cli("admin", "reload", "--admin", sluice.folder / "sluice.sock")
                self.assertNotEqual(ordered.returncode, 0, ordered.stdout + ordered.stderr)
                sluice.wait_for_record("policy_rejected", count=before + 1)
                self.assertEqual(sluice.get(url).status, 200)
                self.assertEqual(sluice.get("http://other.test/").problem["reason_code"], "default_deny")
                self.assertEqual(sluice.wait_for_record("egress_allowed")["payload"]["policy_digest"], digest)
                self.assertEqual(len(sluice.records("policy_loaded")), 1)

    def test_reload_under_load(self):
        """SIGHUP after SIGHUP while calls run: each call gets one answer, from one policy."""
        with HttpUpstream() as upstream, Sluice() as sluice:
            url = f"http://{UP}:{upstream.port}/"
            for number in range(60):
                blocked = number % 2
                rules = [allow()] + ([{"name": "stop", "block": {"hosts": [UP]}}] if blocked else [])
                sluice.write_policy(policy(rules))
                sluice.process.send_signal(signal.SIGHUP)
                self.assertIn(sluice.get(url).status, (200, 403))


if __name__ == "__main__":
    main()
