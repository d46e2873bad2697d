"""`sluice exec` in its box, with the real binary: as root and as somebody else, and on a machine that
cannot make one. Traffic goes to documentation addresses, and ends in the box."""

import json
import os
import shutil
import subprocess
import unittest

from mesh_support import MeshCa
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

    def start(self, script, *words):
        """The same with a shell that is still there: it reads lines from us."""
        return subprocess.Popen([*self.run_as, SLUICE, "exec", "-c", self.sluice.config_file, "--",
                                 "sh", "-c", script, "sh", *words], cwd=self.sluice.folder, text=True,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

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

    def test_the_key_of_agent_cards_is_hidden(self):
        key = self.sluice.folder / "card.key"
        subprocess.run(["openssl", "genpkey", "-quiet", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256",
                        "-out", str(key)], check=True, capture_output=True)
        key.chmod(0o600)
        self.sluice.config["listeners"].append({
            "name": "slot", "kind": "reverse", "bind": "127.0.0.1:0", "upstream": "http://up.test", "urls": {
                "response": [{"from": "amber://route/x", "to": "http://127.0.0.1:20000"}], "card_key": "card.key"}})
        self.sluice.config_file.write_text(json.dumps(self.sluice.config))
        for prepare in (lambda: None, self.as_somebody):
            prepare()
            done = self.exec("sh", "-c", "cat card.key; echo end")
            self.assertEqual(done.stdout, "end\n", done.stderr)

    def test_the_key_of_its_identity_is_hidden(self):
        files = MeshCa().identity("a")
        for name, file in files.items():
            shutil.copy(file, self.sluice.folder / f"mesh-{name}.pem")
        self.sluice.config["identity"] = {name: f"mesh-{name}.pem" for name in files}
        self.sluice.config_file.write_text(json.dumps(self.sluice.config))
        for prepare in (lambda: None, self.as_somebody):
            prepare()
            done = self.exec("sh", "-c", "cat mesh-key.pem; grep -c BEGIN mesh-roots.pem")
            self.assertEqual(done.stdout, "1\n", done.stderr)

    def with_admin_socket(self, place):
        self.sluice.config["admin"] = {"bind": f"unix:./{place}"}
        self.sluice.config_file.write_text(json.dumps(self.sluice.config))
        return self.sluice.folder / place

    def check_out_of_reach(self, socket, kind):
        """For CMD in the box; from outside the socket answers."""
        ask = ("curl", "-sS", "-m", "5", "--unix-socket", str(socket), "http://sluice/readyz")
        agent = self.start('"$@"; echo "ended with $?"; read line', *ask)
        try:
            self.assertEqual(agent.stdout.readline(), "ended with 7\n")  # curl's word for no connection
            outside = subprocess.run(ask, capture_output=True, text=True, timeout=10 * SLOW, check=False)
            self.assertEqual(outside.stdout, "ready\n", outside.stderr)
        finally:
            _, said = agent.communicate("\n", timeout=20 * SLOW)
        self.assertIn(f"contained: {kind}", said)
        self.assertNotIn("WARNING", said)
        (probe,) = self.probes()
        self.assertEqual((probe["holds"], probe["kind"]), ("true", kind))
        self.assertIn("admin socket", [check["name"] for check in json.loads(probe["checks"])])

    def test_an_admin_socket_in_the_working_directory_costs_root_no_box(self):
        self.check_out_of_reach(self.with_admin_socket("sluice.sock"), "namespace")

    def test_an_admin_socket_in_its_own_folder_is_hidden_from_the_same_user(self):
        (self.sluice.folder / "admin").mkdir()
        self.as_somebody()
        self.check_out_of_reach(self.with_admin_socket("admin/sluice.sock"), "user-namespace")

    def test_an_admin_socket_in_the_working_directory_of_the_same_user_is_no_reason_to_go_without(self):
        """Its folder must be hidden and is where CMD works: CMD does not start, rather than start uncontained."""
        self.with_admin_socket("sluice.sock")
        self.as_somebody()
        for options in ((), ("--require-containment",)):
            done = self.exec("sh", "-c", "echo ran; touch ran", options=options)
            self.assertEqual((done.returncode, done.stdout), (1, ""), done.stderr)
            self.assertIn("give it a folder of its own", done.stderr)
            self.assertNotIn("WARNING", done.stderr)
            self.assertFalse((self.sluice.folder / "ran").exists())
        self.assertEqual(self.probes(), [])

    def test_a_policy_that_the_command_puts_in_the_place_of_ours_is_not_loaded(self):
        rules, admin = self.sluice.folder / "rules", self.sluice.folder / "admin" / "sluice.sock"
        rules.mkdir()
        admin.parent.mkdir()
        policy_file = self.sluice.policy_file.rename(rules / "policy.yaml")
        self.sluice.config["policy"] = "rules/policy.yaml"
        self.with_admin_socket("admin/sluice.sock")
        self.as_somebody()
        open_to_all = json.dumps(policy([{"name": "all", "allow": {"hosts": ["**"]}}]))
        call = "curl -sS http://name.test/; echo"
        agent = self.start(f'mv rules ours && mkdir rules && printf %s "$1" >rules/policy.yaml && echo moved; '
                           f'read line; {call}; read line; {call}', open_to_all)
        try:
            self.assertEqual(agent.stdout.readline(), "moved\n", "else there is nothing to test")
            reload = run_cli("admin", "reload", "--admin", admin)
            self.assertNotEqual(reload.returncode, 0, reload.stdout)
            agent.stdin.write("\n")
            agent.stdin.flush()
            self.assertIn("default_deny", agent.stdout.readline())
            rejected = self.sluice.wait_for_record("policy_rejected")["payload"]
            self.assertIn("its folder is another than when sluice started", rejected["errors"])
            self.assertEqual(len(self.sluice.records("policy_loaded")), 1)
            # The same folder in its place again: what is in it counts.
            policy_file.unlink()
            rules.rmdir()
            (self.sluice.folder / "ours").rename(rules)
            policy_file.write_text(open_to_all)
            reload = run_cli("admin", "reload", "--admin", admin)
            self.assertEqual(reload.returncode, 0, reload.stdout + reload.stderr)
        finally:
            agent.communicate("\n", timeout=20 * SLOW)
        self.assertEqual(len(self.sluice.records("policy_loaded")), 2)
        self.sluice.verify()

    def test_a_folder_of_another_file_system_is_another_folder(self):
        """Its inode number is its maker's to choose: in a tmpfs they are counted up."""
        folder = self.sluice.folder
        (folder / "admin").mkdir()
        self.sluice.config["policy"] = "state/rules/policy.yaml"
        admin = self.with_admin_socket("admin/sluice.sock")
        self.as_somebody()
        self.run_as = ("unshare", "-m", "sh", "-c", 'mkdir state other; '
                       'mount -t tmpfs x state; mount -t tmpfs x other; mkdir state/rules; '
                       'cp policy.yaml state/rules; chmod -R 777 state other; exec "$@"', "sh", *self.run_as)
        agent = self.start('cd other && for n in $(seq 1000); do mkdir $n; '
                           '[ "$(stat -c %i $n)" = "$(stat -c %i ../state/rules)" ] && break; done; '
                           'printf %s "$1" >$n/policy.yaml; cd ../state && mv rules ours && ln -s ../other/$n rules && '
                           'stat -Lc %i ours rules | uniq | wc -l; read line',
                           json.dumps(policy([{"name": "all", "allow": {"hosts": ["**"]}}])))
        try:
            moved = agent.stdout.readline()
            reload = run_cli("admin", "reload", "--admin", admin)
        finally:
            _, said = agent.communicate("\n", timeout=20 * SLOW)
        if moved != "1\n" or "contained: user-namespace" not in said:
            self.skipTest(f"could not be prepared: {moved}{said}")
        self.assertNotEqual(reload.returncode, 0, reload.stdout)
        self.assertEqual(len(self.sluice.records("policy_loaded")), 1)

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
