"""Retention of the real sidecar: old segments go, what is left verifies with both verifiers, and a
deletion that was not retention is found by both. Also what both say of a bundle, of policies, and of a copy
that was made while the log was written."""

import json
import shutil
import subprocess
import sys

from servers import HttpUpstream
from sluice_test import UP, Sluice, SluiceTestCase, main, run_cli, wait_until
from test_evidence_forgery import VERIFY

CONFIG = {"evidence": {"dir": "evidence", "segment_size": "64KiB", "retain_size": "200KiB", "heartbeat": "100ms"}}


class Retention(SluiceTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sluice = Sluice(config=CONFIG)
        cls.sluice.check_books = False  # decisions of old outcomes are gone, as they should be
        with HttpUpstream() as upstream, cls.sluice as sluice:
            for call in range(300):
                sluice.get(f"http://{UP}:{upstream.port}/{'long/' * 60}{call}")
            wait_until(lambda: (sluice.evidence / "audit.retained").exists(), 20)
            cls.copied = sluice.folder / "copied"
            shutil.copytree(sluice.evidence, cls.copied)
        cls.log = sluice.evidence
        cls.key = json.loads(run_cli("evidence", "key", "--dir", cls.log, "--json").stdout)["fingerprint"]

    def verdicts(self, folder, *options):
        ours = run_cli("evidence", "verify", "--dir", folder, *options)
        theirs = subprocess.run([sys.executable, VERIFY, folder, *options], capture_output=True, text=True)
        self.said = ours.stdout + theirs.stdout + ours.stderr + theirs.stderr
        return ours.returncode, theirs.returncode

    def changed(self, name, change, source=None, code=4):
        folder = self.sluice.folder / "changed"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(source or self.log, folder)
        change(folder)
        with self.subTest(name):
            self.assertEqual(self.verdicts(folder, "--fingerprint", self.key), (code, code), self.said)

    def test_what_is_left_verifies(self):
        self.assertEqual(self.verdicts(self.log, "--fingerprint", self.key), (0, 0), self.said)
        self.assertIn("removed by retention", self.said)
        self.assertLess(sum(file.stat().st_size for file in self.log.glob("audit*.jsonl")), 300 * 1024)
        removed = [r["payload"] for r in self.sluice.records("segments_removed")]
        first = int(sorted(self.log.glob("audit-*.jsonl"))[0].name[6:26])
        self.assertIn(str(first - 1), [r["through_seq"] for r in removed])
        done = run_cli("evidence", "query", "--dir", self.log, "--type", "egress_allowed", "--limit", "1", "--json")
        self.assertGreaterEqual(json.loads(done.stdout)["records"][0]["seq"], first)
        self.assertEqual(run_cli("evidence", "prove", "1", "--dir", self.log).returncode, 3)
        proof = run_cli("evidence", "prove", first + 3, "--dir", self.log)
        file = self.sluice.folder / "proof.json"
        file.write_text(proof.stdout)
        self.assertEqual(subprocess.run([sys.executable, VERIFY, "--proof", file, "--fingerprint", self.key]).returncode, 0)
        old = json.loads((self.log / "audit.checkpoints").read_text().splitlines()[1])  # what a witness was given
        for digits, code in ((old["head_anchor_hash"], 0), ("0" * 64, 4)):
            self.assertEqual(self.verdicts(self.log, "--head", f"{old['head_anchor_seq']}:{digits}"), (code, code), self.said)
        with self.sluice:  # and it can be gone on with
            pass
        self.assertEqual(self.verdicts(self.log), (0, 0), self.said)

    def test_deletions_are_found(self):
        first = sorted(self.log.glob("audit-*.jsonl"))[0].name
        self.changed("as it is", lambda folder: None, code=0)
        self.changed("one segment more", lambda folder: (folder / first).unlink())
        self.changed("what stays", lambda folder: (folder / "audit.retained").unlink())

        def rewrite(change):
            def act(folder):
                file = folder / "audit.retained"
                file.write_text("".join(change(file.read_text().splitlines(True))))
            return act
        self.changed("no key", rewrite(lambda lines: lines[1:]))
        self.changed("no last", rewrite(lambda lines: lines[:-1]))
        self.changed("twice", rewrite(lambda lines: lines + lines[-1:]))
        self.changed("a byte", rewrite(lambda lines: [lines[0].replace("log_key", "log_kez")] + lines[1:]))
        subtrees = json.loads((self.log / "audit.retained").read_text().splitlines()[-1])["payload"]["merkle_subtrees"]
        self.changed("a subtree", rewrite(lambda lines: [*lines[:-1], lines[-1].replace(subtrees[:8], "0" * 8)]))

        def deleted_by_hand(folder):
            """With all that belongs to it, apart from the record: the last record of a later segment stays."""
            parts = sorted(folder.glob("audit-*.jsonl"))
            kept = folder / "audit.retained"
            kept.write_text("".join(kept.read_text().splitlines(True)[:-1]) + parts[0].read_text().splitlines(True)[-1])
            parts[0].unlink()
        self.changed("by hand", deleted_by_hand)

    def test_what_retention_was_removing_is_ignored(self):
        """It died between keeping what stays and deleting: those files count as removed."""
        gone = json.loads((self.log / "audit.retained").read_text().splitlines()[-1])["seq"]
        self.changed("left over", lambda folder: (folder / f"audit-{gone:020}.jsonl").write_text("x\n"), code=0)

    def test_a_copy_made_meanwhile(self):
        self.assertEqual(self.verdicts(self.copied, "--running"), (0, 0), self.said)
        self.assertEqual(self.verdicts(self.copied), (4, 4), self.said)
        with (self.copied / "audit.jsonl").open("a") as file:
            file.write('{"seq":')
        self.assertEqual(self.verdicts(self.copied, "--running"), (0, 0), self.said)

    def test_policies(self):
        snapshot = next((self.log / "policies").iterdir()).name
        self.changed("gone", lambda folder: (folder / "policies" / snapshot).unlink())
        self.changed("another", lambda folder: (folder / "policies" / snapshot).write_text("{}"))

    def test_bundle(self):
        bundle = self.sluice.folder / "bundle"
        done = run_cli("evidence", "export", "--dir", self.log, "--to", bundle)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.changed("as it is", lambda folder: None, bundle, code=0)
        for name in ("manifest.json", "daemon.pub", "audit.retained"):
            for at in (80, -5):
                def flip(folder):
                    data = bytearray((folder / name).read_bytes())
                    data[at] ^= 1
                    (folder / name).write_bytes(data)
                self.changed(f"{name} {at}", flip, bundle)

    def test_limits_without_segments_are_refused(self):
        sluice = Sluice(config={"evidence": {"dir": "evidence", "retain_age": "7d", "retain_size": "1MiB"}})
        done = run_cli("check", sluice.config_file)
        self.assertEqual(done.returncode, 2)
        self.assertEqual(done.stderr.count("set segment_size or segment_age too"), 2, done.stderr)


if __name__ == "__main__":
    main()
