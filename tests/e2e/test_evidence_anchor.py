"""--anchor: each signed checkpoint is handed to an outside witness; one that fails stops nothing and is on record."""

import json
import time

from servers import HttpUpstream
from sluice_test import SLOW, UP, Sluice, SluiceTestCase, main, run_cli, wait_until


def anchored(command, heartbeat="50ms"):
    return Sluice(config={"evidence": {"dir": "evidence", "heartbeat": heartbeat, "anchor": {"exec": command}}})


class Anchors(SluiceTestCase):
    def test_every_checkpoint_reaches_the_witness(self):
        sluice = anchored(["/bin/sh", "-c", "cat >> witness"])
        with HttpUpstream() as upstream, sluice:
            for call in range(3):
                sluice.get(f"http://{UP}:{upstream.port}/{call}")
            wait_until(lambda: (sluice.folder / "witness").exists())
        marks = [json.loads(line) for line in (sluice.evidence / "audit.checkpoints").read_text().splitlines()]
        seen = [json.loads(line) for line in (sluice.folder / "witness").read_text().splitlines()]
        self.assertEqual(seen[-1], marks[-1], "the last one too, which signs the clean stop")
        self.assertEqual(seen[0], marks[0])
        self.assertTrue(all(one in marks for one in seen))
        head = f"{seen[-1]['head_anchor_seq']}:{seen[-1]['head_anchor_hash']}"
        self.assertEqual(run_cli("evidence", "verify", "--dir", sluice.evidence, "--head", head).returncode, 0)
        self.assertEqual(sluice.records("anchor_failed"), [])

    def test_a_witness_that_fails_is_on_record_and_stops_nothing(self):
        sluice = anchored(["/bin/sh", "-c", "test -e there"])
        with HttpUpstream() as upstream, sluice:
            sluice.wait_for_record("anchor_failed")
            self.assertEqual(sluice.get(f"http://{UP}:{upstream.port}/").status, 200)
            time.sleep(0.3)
            self.assertEqual(len(sluice.records("anchor_failed")), 1, "once, not at every checkpoint")
            (sluice.folder / "there").touch()
            back = sluice.wait_for_record("anchor_recovered")
            self.assertGreater(int(back["payload"]["missed"]), 1)
            (sluice.folder / "there").unlink()
            sluice.wait_for_record("anchor_failed", 2)
        self.assertIn("was not handed to the witness", sluice.stderr)

    def test_a_witness_that_hangs_delays_nothing(self):
        with HttpUpstream() as upstream, anchored(["/bin/sleep", "60"]) as sluice:
            began = time.monotonic()
            for call in range(10):
                self.assertEqual(sluice.get(f"http://{UP}:{upstream.port}/{call}").status, 200)
            self.assertLess(time.monotonic() - began, 5 * SLOW)
            sluice.process.terminate()
            sluice.process.wait(40 * SLOW)
            sluice.check_books = False
            sluice.verify()

    def test_a_witness_that_is_not_there(self):
        with anchored(["/no/such/program"]) as sluice:
            self.assertIn("No such file", sluice.wait_for_record("anchor_failed")["payload"]["error"])

    def test_config(self):
        for wrong in ("cmd", {"exec": []}, {"url": "x"}, {"exec": ["a"], "more": 1}):
            sluice = Sluice(config={"evidence": {"dir": "evidence", "anchor": wrong}})
            done = run_cli("check", sluice.config_file)
            self.assertEqual(done.returncode, 2, f"{wrong}: {done.stdout}{done.stderr}")
            self.assertIn("/evidence/anchor", done.stderr)


if __name__ == "__main__":
    main()
