"""No evidence, no egress: with the log full, read-only or not a directory, calls are refused with
503 and the upstream hears nothing; when it heals, calls go through again and the log verifies."""

import os
import resource
import subprocess

from servers import HttpUpstream
from sluice_test import SLOW, UP, Sluice, SluiceTestCase, main, run_cli, wait_until

FILE_LIMIT = 64 * 1024
LONG = "long-path-to-fill-the-log/" * 20
# The evidence directory as a tiny file system of its own, seen by this process only.
SMALL_DISK = ("unshare", "-m", "sh", "-c",
              'mkdir -p evidence && mount -t tmpfs -o size=64k sluice-test evidence && exec "$@"', "sh")
READ_ONLY = ("unshare", "-m", "sh", "-c",
             'mkdir -p evidence && mount -t tmpfs -o ro sluice-test evidence && exec "$@"', "sh")


class EvidenceFailures(SluiceTestCase):
    def call_until_refused(self, sluice, upstream):
        """Calls until the log is full, and returns the last refusal. After a first one there may be room left: two
        records that were to be written at once did not fit, one does."""
        url = f"http://{UP}:{upstream.port}/{LONG}"
        refused = 0
        for _ in range(2000):
            answer = sluice.get(url)
            refused = 0 if answer.status == 200 else refused + 1
            if refused == 3:
                return answer
        raise AssertionError("the log never filled up")

    def assert_refuses(self, sluice, upstream):
        before = upstream.connections, len(upstream.requests)
        for _ in range(5):
            answer = sluice.get(f"http://{UP}:{upstream.port}/{LONG}")  # a shorter record might still fit
            self.assert_problem(answer, 503, "guard.evidence", "evidence_unavailable")
            self.assertEqual(answer.problem["retry"], "transient")
        self.assertEqual((upstream.connections, len(upstream.requests)), before)

    def assert_heals(self, sluice, upstream):
        wait_until(lambda: sluice.get(f"http://{UP}:{upstream.port}/").status == 200, 20, "healing")

    def test_file_limit(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_LIMIT, resource.RLIM_INFINITY))

        with HttpUpstream() as upstream, Sluice(preexec=limit) as sluice:
            refusal = self.call_until_refused(sluice, upstream)
            self.assert_problem(refusal, 503, "guard.evidence", "evidence_unavailable")
            self.assert_refuses(sluice, upstream)
            full = len(sluice.records())
            resource.prlimit(sluice.process.pid, resource.RLIMIT_FSIZE,
                             (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            self.assert_heals(sluice, upstream)
            self.assertGreater(len(sluice.records()), full)
            said = [r for r in sluice.records() if r["event_type"].startswith("log_")]
            self.assertTrue(said, "after healing the log says what happened")
            sluice.check_books = False  # outcomes of the last calls may be what did not fit
            sluice.verify()

    def test_disk_full(self):
        with HttpUpstream() as upstream, Sluice(command_prefix=SMALL_DISK) as sluice:
            inside = f"/proc/{sluice.process.pid}/root{sluice.evidence}"
            sluice.check_books = False  # the file system goes away with the process
            self.call_until_refused(sluice, upstream)
            self.assert_refuses(sluice, upstream)
            subprocess.run(["nsenter", "-t", str(sluice.process.pid), "-m", "mount", "-o",
                            "remount,size=8m", str(sluice.evidence)], check=True)
            self.assert_heals(sluice, upstream)
            done = run_cli("evidence", "verify", "--dir", inside)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def assert_does_not_start(self, sluice):
        sluice.spawn()
        try:
            code = sluice.process.wait(20 * SLOW)
        except subprocess.TimeoutExpired:
            self.fail("started without a place for evidence")
        finally:
            sluice.kill()
        self.assertIn(code, (1, 2), sluice.stderr)
        self.assertRegex(sluice.stderr, "evidence")

    def test_read_only_directory(self):
        self.assert_does_not_start(Sluice(command_prefix=READ_ONLY))

    def test_a_file_where_the_directory_should_be(self):
        sluice = Sluice()
        sluice.evidence.write_text("in the way")
        self.assert_does_not_start(sluice)

    def test_second_process_on_the_same_directory(self):
        with Sluice() as first:
            second = Sluice(config={"evidence": {"dir": str(first.evidence), "commit": "written"}})
            self.assert_does_not_start(second)

    def test_broken_chain_is_not_continued(self):
        with HttpUpstream() as upstream, Sluice() as sluice:
            for _ in range(3):
                sluice.get(f"http://{UP}:{upstream.port}/")
        log = sluice.evidence / "audit.jsonl"
        data = bytearray(log.read_bytes())
        data[len(data) // 2] ^= 1
        log.write_bytes(data)
        self.assert_does_not_start(sluice)
        self.assertEqual(log.read_bytes(), bytes(data), "nothing is repaired silently")

    def test_torn_last_line_is_kept_and_told(self):
        with HttpUpstream() as upstream, Sluice() as sluice:
            sluice.get(f"http://{UP}:{upstream.port}/")
        log = sluice.evidence / "audit.jsonl"
        with log.open("ab") as file:
            file.write(b'{"seq":99,"prev_h')
        with sluice:
            self.assertTrue(sluice.records("log_recovered"))
        self.assertTrue(list(sluice.evidence.glob("audit.jsonl.torn-*")))

    def test_killed_in_the_middle(self):
        """kill -9 while calls run: every call the upstream saw has its decision on record."""
        with HttpUpstream() as upstream, Sluice() as sluice:
            for number in range(50):
                sluice.get(f"http://{UP}:{upstream.port}/call-{number}")
            sluice.process.kill()
            sluice.process.wait()
            decided = {r["payload"]["path"] for r in sluice.records("egress_allowed")}
            self.assertEqual({r.path for r in upstream.requests} - decided, set())
            sluice.kill()
            sluice.start()
            sluice.check_books = False  # calls that the kill cut have no outcome
            sluice.verify()

    def test_evidence_is_private(self):
        with Sluice() as sluice:
            mode = os.stat(sluice.evidence).st_mode & 0o777
            self.assertEqual(mode & 0o077, 0, oct(mode))


if __name__ == "__main__":
    main()
