"""Temporary folders of the tests themselves: gone after a good run, kept and named after a bad one."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).parent
SCRIPT = """
import sys, unittest
sys.path.insert(0, {here!r})
from folders import temporary_folder

class One(unittest.TestCase):
    def test_it(self):
        (temporary_folder("sluice-folders-") / "file").touch()
        {body}

unittest.main()
"""


class Folders(unittest.TestCase):
    def run_script(self, body):
        folder = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="sluice-cli-")))
        (folder / "script.py").write_text(SCRIPT.format(here=str(HERE), body=body))
        made = folder / "tmp"
        made.mkdir()
        done = subprocess.run([sys.executable, "-B", folder / "script.py"], capture_output=True, text=True, check=False,
                              env={"TMPDIR": str(made)})
        return done, [str(path) for path in made.iterdir()]

    def test_gone_after_success(self):
        done, left = self.run_script("pass")
        self.assertEqual((done.returncode, left), (0, []), done.stderr)

    def test_kept_and_named_after_failure(self):
        for body in ("self.fail()", "raise OSError", "with self.subTest(): self.fail()"):
            with self.subTest(body):
                done, left = self.run_script(body)
                self.assertEqual((done.returncode, len(left)), (1, 1), done.stderr)
                self.assertIn(f"kept: {left[0]}\n", done.stderr)


if __name__ == "__main__":
    unittest.main()
