"""A policy of several files: parents are read below its folder, are a ceiling, are watched, and are part
of what a signature is of. In the box of exec they are out of the command's reach, and stay the same ones."""

import json
import os
import subprocess
import unittest

from folders import temporary_folder
from servers import HttpUpstream
from sluice_test import SLOW, SLUICE, UP, Sluice, SluiceTestCase, allow, main, policy, run_cli, wait_until

UID = 65533  # nobody, without a name
CHILD = {"version": 1, "metadata": {"inherits": ["org/base.yaml"]}}
STOP = {"name": "stop", "block": {"hosts": [UP]}}


class PolicyInherit(SluiceTestCase):
    def sluice(self, base, child=None, **config):
        sluice = Sluice(policy_text=json.dumps(child or CHILD),
                        config={"admin": {"bind": "unix:./sluice.sock"}} | config)
        (sluice.folder / "org").mkdir()
        self.base = sluice.folder / "org" / "base.yaml"
        self.base.write_text(json.dumps(base))
        return sluice

    def test_a_parent_that_changes_is_read_again(self):
        with HttpUpstream() as upstream, self.sluice(policy([allow()])) as sluice:
            url = f"http://{UP}:{upstream.port}/"
            self.assertEqual(sluice.get(url).status, 200)
            self.base.write_text(json.dumps(policy([allow(), STOP])))
            wait_until(lambda: sluice.get(url).status == 403, what="the new parent")
            self.base.write_text("version: 1\negress: 7\n")
            sluice.wait_for_record("policy_rejected")
            self.assertIn("org/base.yaml:2:9: /egress: expected a list", sluice.stderr)
            self.base.write_text(json.dumps(policy([allow()])))
            wait_until(lambda: sluice.get(url).status == 200, what="the first parent again")
            self.base.unlink()
            self.assertNotEqual(run_cli("admin", "reload", "--admin", sluice.folder / "sluice.sock").returncode, 0)
            self.assertEqual(sluice.get(url).status, 200, "the old policy stays")
            self.base.write_text(json.dumps(policy([STOP])))
            wait_until(lambda: sluice.get(url).status == 403, what="a parent that came back")

    def test_a_child_that_loosens_is_refused_where_it_says_so(self):
        rule = {"name": "more", "allow": {"hosts": ["evil.test"]}}
        sluice = self.sluice(policy([allow()]), CHILD | {"egress": [rule]})
        done = run_cli("check", sluice.policy_file)
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr + done.stdout, r"policy\.yaml:1:\d+: /egress/0/allow/hosts: no one rule of "
                                                    r"org/base\.yaml allows all of this for \"evil\.test\"")
        sluice.spawn()
        self.assertEqual(sluice.process.wait(20 * SLOW), 2)
        sluice.kill()
        sluice.policy_file.write_text(json.dumps(CHILD | {"egress": [rule | {"override": True}]}))
        self.assertEqual(run_cli("check", sluice.policy_file).returncode, 0)

    def test_no_parent_lies_outside_of_the_folder(self):
        sluice = self.sluice(policy([allow()]))
        outside = temporary_folder("sluice-outside-") / "base.yaml"
        outside.write_text(json.dumps(policy([allow()])))
        self.base.unlink()
        self.base.symlink_to(outside)
        for verb in (("check", sluice.policy_file), ("check", sluice.config_file),
                     ("policy", "digest", "--policy", sluice.policy_file)):
            done = run_cli(*verb)
            self.assertEqual(done.returncode, 2, verb)
            self.assertIn("/metadata/inherits/0: org/base.yaml cannot be read (it leads out of its folder)",
                          done.stderr + done.stdout)
        self.base.unlink()
        self.base.symlink_to("there.yaml")  # as a ConfigMap has them
        (self.base.parent / "there.yaml").write_text(json.dumps(policy([allow()])))
        self.assertEqual(run_cli("check", sluice.policy_file).returncode, 0)

    def test_a_signature_is_of_the_parents_too(self):
        keys = temporary_folder("sluice-keys-")
        run_cli("policy", "new-key", keys / "author")
        sluice = self.sluice(policy([allow()]), require_signature=True, trusted_policy_keys=[str(keys / "author.pub")])
        self.assertEqual(run_cli("policy", "sign", sluice.policy_file, "--key", keys / "author").returncode, 0)
        with HttpUpstream() as upstream, sluice:
            url = f"http://{UP}:{upstream.port}/"
            self.assertEqual(sluice.get(url).status, 200)
            self.base.write_text(json.dumps(policy([allow(), STOP])))
            rejected = sluice.wait_for_record("policy_rejected")["payload"]
            self.assertIn("the signature is not of this policy", rejected["errors"])
            self.assertEqual(sluice.get(url).status, 200)
            self.assertEqual(run_cli("policy", "sign", sluice.policy_file, "--key", keys / "author").returncode, 0)
            wait_until(lambda: sluice.get(url).status == 403, what="the signed parent")

    @unittest.skipUnless(os.geteuid() == 0, "needs root")
    def test_exec_covers_what_a_policy_inherits(self):
        """The command, the same user here, neither sees nor moves it; and a reload takes no other file."""
        (folder := temporary_folder("sluice-exec-")).chmod(0o755)
        sluice = self.sluice(policy([]), admin={"bind": "unix:./admin/sluice.sock"})
        sluice.folder.chmod(0o755)
        (sluice.folder / "admin").mkdir()
        (folder / "work").mkdir()
        subprocess.run(["chown", "-R", f"{UID}:{UID}", sluice.folder, folder], check=True)
        script = ('cat "$1/org/base.yaml"; mv "$1/org" "$1/theirs"; echo >"$1/org/base.yaml"; '
                  'printf %s "$2" >"$1/mine.yaml"; echo ready; read line')
        every = json.dumps(policy([{"name": "all", "allow": {"hosts": ["**"]}}]))
        agent = subprocess.Popen(
            ["setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups", SLUICE, "exec", "-c", sluice.config_file,
             "--require-containment", "--", "sh", "-c", script, "sh", sluice.folder, every],
            cwd=folder / "work", text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            self.assertEqual(agent.stdout.readline(), "ready\n")
            self.assertEqual(json.loads(self.base.read_text()), policy([]))
            sluice.policy_file.write_text(json.dumps({"version": 1, "metadata": {"inherits": ["mine.yaml"]}}))
            reload = run_cli("admin", "reload", "--admin", sluice.folder / "admin/sluice.sock")
            self.assertNotEqual(reload.returncode, 0)
            self.assertIn("mine.yaml cannot be read", reload.stdout + reload.stderr)
            sluice.policy_file.write_text(json.dumps(CHILD))
            self.base.write_text(json.dumps(policy([STOP])))
            reload = run_cli("admin", "reload", "--admin", sluice.folder / "admin/sluice.sock")
            self.assertEqual(reload.returncode, 0, reload.stdout + reload.stderr)
        finally:
            _, said = agent.communicate("\n", timeout=20 * SLOW)
        self.assertIn("contained: user-namespace", said)
        sluice.verify()


if __name__ == "__main__":
    main()
