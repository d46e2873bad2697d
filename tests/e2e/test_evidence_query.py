"""`sluice evidence query|show|index` through the real binary: answers are those of the log, by an index
that nobody has to trust; `--follow` goes on through segments."""

import json
import os
import sqlite3
import subprocess

from servers import HttpUpstream
from sluice_test import SLOW, SLUICE, UP, Sluice, SluiceTestCase, main, run_cli, wait_until
from test_evidence_forgery import Forger


class Queries(SluiceTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sluice = Sluice()
        with HttpUpstream() as upstream, cls.sluice as sluice:
            for call in range(6):
                sluice.get(f"http://{UP}:{upstream.port}/call-{call}")
            sluice.get("http://unknown.test/")
            sluice.get("http://other.test/")
        cls.small = sluice.evidence
        cls.big = sluice.folder / "big"
        cls.big.mkdir()
        forger = Forger()
        for n in range(3000):
            blocked = n % 10 == 0
            forger.add("policy_denied" if blocked else "egress_allowed", {
                "agent_id": "a-1", "call_id": f"c-{n}", "decision": "block" if blocked else "allow",
                "destination_text": f"host-{n % 4}.example:443", "rule_id": f"egress[{n % 3}]", "run_id": "r-1",
                "text": "x" * 200})
        cls.lines = forger.records
        (cls.big / "audit.jsonl").write_text("".join(cls.lines))

    def setUp(self):
        for file in self.big.glob("index.sqlite*"):
            file.rmdir() if file.is_dir() and not file.is_symlink() else file.unlink()

    def ask(self, *options, code=0, directory=None, verb="query"):
        done = run_cli("evidence", verb, "--dir", directory or self.big, "--ndjson", *options)
        self.assertEqual(done.returncode, code, done.stdout[-500:] + done.stderr)
        self.said = done.stderr
        return done.stdout

    def test_filters(self):
        """By the index, by a scan, and by show: the same lines of the log, to the byte."""
        chosen = {
            ("--decision", "block"): lambda n: n % 10 == 0,
            ("--host", "Host-3.example"): lambda n: n % 4 == 3,
            ("--rule", "egress[1]", "--host", "host-0.example"): lambda n: n % 3 == 1 and n % 4 == 0,
            ("--call", "c-2999"): lambda n: n == 2999,
            ("--type", "policy_denied", "--decision", "allow"): lambda n: False,
            ("--run", "r-1", "--agent", "a-1", "--decision", "block"): lambda n: n % 10 == 0,
            ("--run", "r-2"): lambda n: False,
            ("--decision", "block", "--until", "2026-01-02T03:04:05Z"): lambda n: False,
            ("--decision", "block", "--since", "2026-01-02T04:04:05+01:00"): lambda n: n % 10 == 0,
        }
        for options, wanted in chosen.items():
            with self.subTest(options):
                right = "".join(line for n, line in enumerate(self.lines) if wanted(n))
                self.assertEqual(self.ask(*options), right)
                self.assertEqual(self.said, "")
                self.assertEqual(self.ask(*options, "--scan"), right)
                self.assertEqual(self.ask(*options, verb="show"), right)
        self.assertTrue((self.big / "index.sqlite").exists())
        blocked = [line for n, line in enumerate(self.lines) if n % 10 == 0]
        self.assertEqual(self.ask("--decision", "block", "--limit", "3"), "".join(blocked[:3]))
        self.assertEqual(self.ask("--decision", "block", "--last", "150"), "".join(blocked[-150:]))
        self.assertEqual(self.ask("--last", "2", verb="show"), "".join(self.lines[-2:]))

    def test_a_real_log(self):
        def shown(*options):
            done = run_cli("evidence", "query", "--dir", self.small, "--json", *options)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            return [r for r in json.loads(done.stdout)["records"]]
        self.assertEqual(len(shown("--host", UP, "--type", "egress_outcome")), 6)
        self.assertEqual([r["payload"]["destination"]["host"] for r in shown("--decision", "block")],
                         ["unknown.test", "other.test"])
        call = shown("--host", UP)[0]["payload"]["call_id"]
        self.assertEqual([r["event_type"] for r in shown("--call", call)], ["egress_allowed", "egress_outcome"])
        self.assertEqual(len(shown("--rule", "up", "--decision", "allow")), 6)
        self.assertEqual(len(shown("--since", "1h", "--rule", "default_deny")), 2)
        self.assertEqual(shown("--since", "0s"), [])
        self.assertFalse((self.small / "index.sqlite").exists(), "a small log is read as it is")
        done = run_cli("evidence", "query", "--dir", self.small, "--decision", "block")
        self.assertEqual(done.stdout.count("unknown.test"), 1)

    def test_usage(self):
        for options, word in ((("--decision", "no"), "--decision"), (("--since", "yesterday"), "RFC 3339|ago"),
                              (("--until", "2026-13-01T00:00:00Z"), "--until"), (("--hots", "x"), "--hots"),
                              (("--limit", "0"), "--limit"), (("--limit", "1", "--last", "1"), "--last"),
                              (("--ndjson", "--json"), "--ndjson"), (("--last", "-1"), "--last")):
            with self.subTest(options):
                done = run_cli("evidence", "query", "--dir", self.big, *options)
                self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
                self.assertRegex(done.stdout + done.stderr, word)
        for verb in ("query", "show", "index"):
            done = run_cli("evidence", verb, "--dir", self.sluice.folder / "nowhere", "--json")
            self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
            self.assertEqual(json.loads(done.stdout)["error"]["code"],
                             "not_found" if verb != "index" else "evidence_not_found")
        self.assertEqual(run_cli("evidence", "show", "--follow", "--json", "--dir", self.big).returncode, 2)

    def test_the_index_is_not_trusted(self):
        right = self.ask("--decision", "block")
        index = self.big / "index.sqlite"

        def check(says, again=""):
            self.assertEqual(self.ask("--decision", "block"), right)
            self.assertRegex(self.said, says)
            self.assertEqual(self.ask("--decision", "block"), right)
            self.assertRegex(self.said, again or r"\A\Z")
        index.write_bytes(b"garbage" * 1000)
        check("made anew")
        index.write_bytes(index.read_bytes()[:5000])
        check("made anew")
        with sqlite3.connect(index) as database:
            database.execute("UPDATE postings SET bits = x'0000' WHERE word = 'block'")
        database.close()
        check("made anew")
        for make, undo in ((index.mkdir, index.rmdir), (lambda: index.symlink_to("/etc/passwd"), index.unlink),
                           (lambda: os.mkfifo(index), index.unlink)):
            index.unlink(missing_ok=True)
            make()
            check("without an index", "without an index")
            undo()
        other = Forger()
        other.add("run_start", {"x": "y" * 1000})
        for _ in range(2000):
            other.add("policy_denied", {"decision": "block", "text": "x" * 600})
        folder = self.sluice.folder / "other"
        folder.mkdir()
        (folder / "audit.jsonl").write_text("".join(other.records))
        self.ask("--decision", "block", directory=folder)
        index.write_bytes((folder / "index.sqlite").read_bytes())
        check("another log")

    def test_read_only(self):
        """A directory that cannot be written gets no index, and the answer is the same."""
        right = self.ask("--decision", "block")
        command = ["unshare", "-m", "sh", "-c", 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && '
                   'shift && exec "$@"', "sh", str(self.big), SLUICE, "evidence", "query", "--dir", str(self.big),
                   "--ndjson", "--decision", "block"]

        def ask():
            done = subprocess.run(command, capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stdout), (0, right), done.stderr)
            return done.stderr
        self.assertEqual(ask(), "", "one that is there is used")
        (self.big / "index.sqlite").unlink()
        self.assertIn("without an index", ask())

    def test_damaged_logs(self):
        """What can be read is shown, what cannot is said, and the exit code is 4."""
        folder = self.sluice.folder / "damaged"
        folder.mkdir(exist_ok=True)
        lines = list(self.lines)
        for name, change in (("a byte", lambda: lines.__setitem__(1500, lines[1500].replace("c-1500", "c-1501"))),
                             ("a line", lambda: lines.pop(1500)), ("the end", lambda: lines.append('{"seq":'))):
            with self.subTest(name):
                lines = list(self.lines)
                change()
                (folder / "audit.jsonl").write_text("".join(lines))
                done = run_cli("evidence", "query", "--dir", folder, "--json", "--decision", "block")
                self.assertEqual(done.returncode, 4, done.stderr)
                said = json.loads(done.stdout)
                self.assertTrue(said["issues"])
                self.assertGreaterEqual(len(said["records"]), 299)

    def test_index_command(self):
        def index(*options):
            done = run_cli("evidence", "index", "--dir", self.big, "--json", *options)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            return json.loads(done.stdout)["added"]
        self.assertEqual((index(), index(), index("--rebuild")), (2048, 0, 2048))
        self.assertEqual((self.big / "index.sqlite").stat().st_mode & 0o777, 0o600)
        self.assertEqual(run_cli("evidence", "verify", "--dir", self.small).returncode, 0)

    def test_resolve(self):
        def resolve(*ref, code=0, directory=None):
            done = run_cli("evidence", "resolve", "--dir", directory or self.small, "--json", *ref)
            self.assertEqual(done.returncode, code, done.stdout + done.stderr)
            return json.loads(done.stdout)
        records = self.sluice.records()
        self.assertEqual(resolve("audit_seq", "3")["records"], records[2:3])
        self.assertEqual(resolve("audit_seq", "2-5")["records"], records[1:5])
        run = records[0]["payload"]["run_id"]
        self.assertEqual(resolve("run_id", run)["count"], len(records))
        call = self.sluice.records("egress_outcome")[0]["payload"]["call_id"]
        self.assertEqual([r["event_type"] for r in resolve("call_id", call)["records"]],
                         ["egress_allowed", "egress_outcome"])
        found = resolve("policy_rule", "egress[0]")
        self.assertEqual(found["rule"]["name"], "up")
        self.assertEqual(resolve("policy_rule", "egress[0]@" + found["policy_digest"])["rule"], found["rule"])
        for ref in (("audit_seq", "9999"), ("audit_seq", "1-900"), ("run_id", "none"), ("call_id", ""), ("span", "x"),
                    ("policy_rule", "egress[7]"), ("policy_rule", "tcp[0]"), ("policy_rule", "egress[0]@sha256:" + "0" * 64),
                    ("policy_rule", "egress[0]@../../etc/passwd"), ("verification", "x")):
            with self.subTest(ref):
                resolve(*ref, code=3)
        for ref in (("audit_seq", "x"), ("audit_seq", "0"), ("audit_seq", "5-2"), ("audit_seq", "-1"), ("audit_seq", "1-99999"),
                    ("policy_rule", "default_deny"), ("nothing", "1")):
            with self.subTest(ref):
                resolve(*ref, code=2)
        folder = self.sluice.folder / "changed"
        folder.mkdir()
        (folder / "audit.jsonl").write_text("".join(self.lines[:5]).replace("c-3", "c-4"))
        resolve("audit_seq", "4", code=4, directory=folder)
        self.assertEqual(len(resolve("audit_seq", "3", directory=folder)["records"]), 1)

    def test_follow(self):
        """Through the closing of segments, with a filter, until nobody reads."""
        config = {"evidence": {"dir": "evidence", "segment_size": "64KiB"}}
        with HttpUpstream() as upstream, Sluice(config=config) as sluice:
            def follow(*options):
                return subprocess.Popen([SLUICE, "evidence", "show", "--follow", "--ndjson", "--dir",
                                         str(sluice.evidence), *options], stdout=subprocess.PIPE, text=True)
            everything, outcomes = follow("--last", "1000"), follow("--type", "egress_outcome")
            for call in range(120):
                sluice.get(f"http://{UP}:{upstream.port}/{'long/' * 60}{call}")
            wait_until(lambda: len(sluice.records("egress_outcome")) == 120, 20)
            self.assertGreater(len(list(sluice.evidence.glob("audit-*.jsonl"))), 1)
            records = sluice.records()
            seqs = [json.loads(everything.stdout.readline())["seq"] for _ in records]
            self.assertEqual(seqs, [r["seq"] for r in records])
            types = {json.loads(outcomes.stdout.readline())["event_type"] for _ in range(120)}
            self.assertEqual(types, {"egress_outcome"})
            sluice.get("http://unknown.test/")
            while json.loads(everything.stdout.readline())["event_type"] != "policy_denied":
                pass
            everything.stdout.close()
            self.assertEqual(everything.wait(20 * SLOW), 0)
            outcomes.terminate()
            outcomes.wait()
            outcomes.stdout.close()


if __name__ == "__main__":
    main()
