"""`sluice exec` in its box, with the real binary: as root and as somebody else, and on a machine that
cannot make one. Traffic goes to documentation addresses, and ends in the box."""

import json
import os
import subprocess
import unittest

from sluice_test import SLUICE, SLOW, Sluice, main, policy, run_cli

UID = 1000
RAW = "curl -sS -m 10 --noproxy '*' "  # as a program that knows no proxy
NO_NAMESPACES = ("unshare", "-Ur", "sh", "-c", 'echo 0 >/proc/sys/user/max_net_namespaces && exec "$@"', "sh")


@unittest.skipUnless(os.geteuid() == 0, "needs root")
class Exec(unittest.TestCase):
    def setUp(self):
        self.sluice = Sluice(policy_text=json.dumps(policy([])))
        self.sluice.folder.chmod(0o755)
        self.run_as = ()

    def as_somebody(self):
        subprocess.run(["chown", "-R", f"{UID}:{UID}", self.sluice.folder], check=True)
        self.run_as = ("setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups")

    def exec(self, *command, options=()):
        return subprocess.run([*self.run_as, SLUICE, "exec", "-c", self.sluice.config_file, *options, "--", *command],
                              cwd=self.sluice.folder, capture_output=True, text=True, timeout=60 * SLOW,
                              stdin=subprocess.DEVNULL)

    def probes(self):
        return [r["payload"] for r in self.sluice.records("containment_probe")]

    def check_contained(self, kind):
        done = self.exec("sh", "-c", f"{RAW} http://192.0.2.9:8080/; {RAW} http://name.test/; exit 9",
                         options=("--require-containment",))
        self.assertEqual(done.returncode, 9, done.stderr)
        self.assertIn('"decision":"block"', done.stdout)
        self.assertIn("Could not resolve host", done.stderr)
        self.assertIn(f"contained: {kind}", done.stderr)
        (probe,) = self.probes()
        self.assertEqual((probe["holds"], probe["kind"], probe["failures"]), ("true", kind, ""))
        self.assertTrue(all(check["ok"] for check in json.loads(probe["checks"])))
        self.sluice.verify()

    def test_contained_as_root(self):
        self.check_contained("namespace")

    def test_contained_as_somebody(self):
        self.as_somebody()
        self.check_contained("user-namespace")

    def test_contained_in_a_user_namespace_of_one(self):
        self.as_somebody()
        self.run_as += ("unshare", "-Ur")
        self.check_contained("user-namespace")

    def test_a_state_folder_that_points_elsewhere_is_not_followed(self):
        elsewhere = self.sluice.folder / "elsewhere"
        elsewhere.mkdir(mode=0o755)
        (self.sluice.folder / ".sluice").symlink_to(elsewhere)
        done = subprocess.run([SLUICE, "exec", "--allow", "a.test", "--", "true"], cwd=self.sluice.folder,
                              capture_output=True, text=True, timeout=60 * SLOW, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("state_folder_not_ours", done.stderr)
        self.assertEqual(list(elsewhere.iterdir()), [])

    def test_doctor_probes_on_request(self):
        for prepare, kind in ((lambda: None, "namespace"), (self.as_somebody, "user-namespace")):
            prepare()
            done = subprocess.run([*self.run_as, SLUICE, "doctor", "--probe", "--json", "-c", self.sluice.config_file],
                                  cwd=self.sluice.folder, capture_output=True, text=True, timeout=60 * SLOW, check=False)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            report = json.loads(done.stdout)
            self.assertEqual((report["holds"], report["kind"]), (True, kind))
            self.assertGreater(len(report["checks"]), 20)
            self.assertEqual(len(self.probes()), 1 if kind == "namespace" else 2)

    def test_a_refusal_can_be_read_by_way_of_the_proxy(self):
        done = self.exec("curl", "-sS", "http://name.test/")
        self.assertIn("default_deny", done.stdout)

    def test_ours_is_hidden_and_the_bundle_is_not(self):
        for prepare in (lambda: None, self.as_somebody):
            prepare()
            done = self.exec("sh", "-c", 'cat sluice.yaml policy.yaml ca/ca.key evidence/*; '
                                         'grep -c "BEGIN CERT" $SSL_CERT_FILE | grep -v "^0"')
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertRegex(done.stdout, r"\A\d+\n\Z")

    def test_user(self):
        for user, uid in (("1234", "1234"), ("daemon", "1")):
            self.assertEqual(self.exec("id", "-u", options=("--user", user)).stdout, f"{uid}\n")
        for user in ("root", "no-such-user"):
            self.assertEqual(self.exec("true", options=("--user", user)).returncode, 1)
        self.as_somebody()
        self.assertIn("only root", self.exec("true", options=("--user", "1234")).stderr)

    def test_where_no_box_can_be_made(self):
        self.run_as = NO_NAMESPACES
        done = self.exec("sh", "-c", "echo $HTTP_PROXY")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"^http://127.0.0.1:\d+\n$")
        self.assertRegex(done.stderr, r"WARNING: containment is by proxy variables only.*No space left on device")
        done = self.exec("echo", "ran", options=("--require-containment", "--json"))
        self.assertEqual(done.returncode, 1)
        self.assertEqual(json.loads(done.stdout)["error"]["code"], "not_contained", done.stdout)

    def test_doctor(self):
        done = run_cli("doctor", "-c", self.sluice.config_file)
        self.assertIn("ok    containment of exec: a sealed box by namespace", done.stdout)


if __name__ == "__main__":
    main()
