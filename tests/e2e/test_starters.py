"""The policies to begin with: `sluice init --starter NAME` writes one, it is valid, and it decides what the cases beside
its file expect."""

from pathlib import Path

from folders import temporary_folder
from sluice_test import SluiceTestCase, main, run_cli

POLICIES = Path(__file__).resolve().parents[2] / "starters" / "policies"
NAMES = sorted(file.stem for file in POLICIES.glob("*.yaml") if not file.name.endswith(".test.yaml"))
WARNS = {"research": "this rule allows every host"}  # which is what it is for


class Starters(SluiceTestCase):
    def setUp(self):
        self.folder = temporary_folder("sluice-starters-")

    def run_ok(self, *words, code=0):
        done = run_cli(*words, cwd=self.folder)
        self.assertEqual(done.returncode, code, f"{words}: {done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def test_each_is_written_as_it_is_and_valid(self):
        for name in NAMES:
            with self.subTest(name):
                self.run_ok("init", name, "--starter", name)
                self.assertEqual((self.folder / name / "policy.yaml").read_text(), (POLICIES / f"{name}.yaml").read_text())
                said = self.run_ok("check", f"{name}/policy.yaml")
                self.assertEqual("warning: " in said, name in WARNS, said)
                self.assertIn(WARNS.get(name, ""), said)

    def test_each_decides_as_it_says(self):
        for name in NAMES:
            with self.subTest(name):
                said = self.run_ok("policy", "test", POLICIES / f"{name}.test.yaml", "--policy", POLICIES / f"{name}.yaml")
                cases = (POLICIES / f"{name}.test.yaml").read_text().count("call:")
                self.assertGreaterEqual(cases, 3)
                self.assertIn(f"{cases} of {cases} cases are as expected", said)

    def test_the_names_are_told(self):
        self.assertLessEqual({"deny-all", "github-read-only", "llm-only", "mcp-desktop", "research", "starter"}, set(NAMES))
        said = self.run_ok("init", "x", "--starter", "llm", code=2)
        for name in NAMES:
            self.assertIn(name, said)
        self.assertFalse((self.folder / "x").exists())


if __name__ == "__main__":
    main()
