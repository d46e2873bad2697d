"""Who may change the policy: with require_signature only what a trusted key signed is ever in force,
at a start, at each reload, in `check` and in `exec`; everything else is refused and on record."""

import json

from folders import temporary_folder
from servers import HttpUpstream
from sluice_test import SLOW, UP, Sluice, SluiceTestCase, allow, main, policy, run_cli, wait_until

STOP = {"name": "stop", "block": {"hosts": [UP]}}
ASK_ADMIN = {"admin": {"bind": "unix:./sluice.sock"}}


def sign(file, key):
    done = run_cli("policy", "sign", file, "--key", key, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


class PolicySignature(SluiceTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.keys = temporary_folder("sluice-keys-")
        cls.fingerprints = {}
        for name in ("author", "stranger"):
            made = run_cli("policy", "new-key", cls.keys / name, "--json")
            cls.fingerprints[name] = json.loads(made.stdout)["fingerprint"]

    def sluice(self, **config):
        return Sluice(config={"require_signature": True, "trusted_policy_keys": [str(self.keys / "author.pub")]}
                      | ASK_ADMIN | config)

    def refused_start(self, sluice, *words):
        sluice.spawn()
        code = sluice.process.wait(20 * SLOW)
        sluice.kill()
        self.assertEqual(code, 2, sluice.stderr)
        for word in words:
            self.assertIn(word, sluice.stderr)
        self.assertEqual(sluice.records(), [], "nothing ran")

    def test_new_key(self):
        folder = temporary_folder("sluice-keys-")
        key = folder / "a.key"
        said = json.loads(run_cli("policy", "new-key", key, "--json").stdout)
        self.assertEqual(key.stat().st_mode & 0o777, 0o600)
        self.assertEqual((folder / "a.key.pub").stat().st_mode & 0o777, 0o644)
        self.assertEqual(len(said["fingerprint"]), 64)
        self.assertTrue(key.read_text().startswith("-----BEGIN PRIVATE KEY-----"))  # PKCS#8
        before = key.read_bytes()
        self.assertEqual(run_cli("policy", "new-key", key).returncode, 2)
        (folder / "a.key.pub").unlink()
        self.assertEqual(run_cli("policy", "new-key", key).returncode, 2, "never over another key")
        self.assertEqual(key.read_bytes(), before)
        self.assertFalse((folder / "a.key.pub").exists())
        (folder / "b.key.pub").write_text("")
        self.assertEqual(run_cli("policy", "new-key", folder / "b.key").returncode, 2)
        self.assertFalse((folder / "b.key").exists())

    def test_sign_and_verify(self):
        file = temporary_folder("sluice-signed-") / "policy.yaml"
        file.write_text(json.dumps(policy([allow()])))
        author = self.keys / "author.pub"
        verify = ("policy", "verify", file, "--public-key", author)
        self.assertEqual(run_cli(*verify).returncode, 3, "not signed")
        said = sign(file, self.keys / "author")
        self.assertEqual(said["signed_by"], self.fingerprints["author"])
        signature = json.loads((file.parent / "policy.yaml.sig").read_text())
        self.assertEqual(signature["schema_version"], "1")
        self.assertEqual(signature["policy_digest"], said["digest"])

        good = json.loads(run_cli(*verify, "--json").stdout)
        self.assertEqual((good["valid"], good["signed_by"]), (True, self.fingerprints["author"]))
        pinned = ("policy", "verify", file, "--fingerprint")
        self.assertEqual(run_cli(*pinned, self.fingerprints["author"].upper()).returncode, 0)
        wrong = run_cli(*pinned, self.fingerprints["stranger"], "--json")
        self.assertEqual(wrong.returncode, 4)
        self.assertIn("not trusted", json.loads(wrong.stdout)["error"]["message"])
        self.assertEqual(run_cli(*pinned, "zz").returncode, 2)
        self.assertEqual(run_cli("policy", "verify", file).returncode, 2, "no key to believe")

        file.write_text(json.dumps(policy([allow()]), indent=4) + "\n# a comment\n")
        self.assertEqual(run_cli(*verify).returncode, 0, "an edit that changes no meaning")
        file.write_text(json.dumps(policy([allow(), STOP])))
        changed = run_cli(*verify)
        self.assertEqual(changed.returncode, 4)
        self.assertIn("policy.yaml.sig:1:1: /policy_digest: the signature is not of this policy", changed.stderr)

    def test_what_signs_must_be_private(self):
        file = temporary_folder("sluice-signed-") / "policy.yaml"
        file.write_text(json.dumps(policy([allow()])))
        key = file.parent / "open.key"
        key.write_bytes((self.keys / "author").read_bytes())
        key.chmod(0o644)
        done = run_cli("policy", "sign", file, "--key", key)
        self.assertEqual(done.returncode, 2)
        self.assertIn("can be read by others", done.stderr)
        self.assertFalse((file.parent / "policy.yaml.sig").exists())
        self.assertEqual(run_cli("policy", "sign", file, "--key", file.parent / "gone").returncode, 3)
        self.assertEqual(run_cli("policy", "sign", file, "--key", self.keys / "author.pub").returncode, 2)
        file.write_text("version: 1\negress: 7\n")
        self.assertEqual(run_cli("policy", "sign", file, "--key", self.keys / "author").returncode, 2)

    def test_start_needs_the_signature(self):
        sluice = self.sluice()
        self.refused_start(sluice, "policy.yaml.sig", "the policy is not signed", "sluice policy sign")
        sign(sluice.policy_file, self.keys / "stranger")
        self.refused_start(sluice, "a key that is not trusted", self.fingerprints["stranger"])
        sign(sluice.policy_file, self.keys / "author")
        signed = sluice.policy_file.read_text()
        sluice.write_policy(policy([allow(), STOP]))
        self.refused_start(sluice, "the signature is not of this policy")
        signature = sluice.folder / "policy.yaml.sig"
        good = signature.read_text()
        for name, text in {"huge": "{" + " " * 10_000_000, "text": "hello", "cut": good[:-40], "empty": ""}.items():
            with self.subTest(name):
                sluice.policy_file.write_text(signed)
                signature.write_text(text)
                self.refused_start(sluice, "policy.yaml.sig:")
        signature.write_text(good)
        with sluice:
            loaded = sluice.wait_for_record("policy_loaded")["payload"]
            self.assertEqual(loaded["signed_by"], self.fingerprints["author"])

    def test_reload_needs_the_signature(self):
        sluice = self.sluice()
        sign(sluice.policy_file, self.keys / "author")
        with HttpUpstream() as upstream, sluice:
            url = f"http://{UP}:{upstream.port}/"
            self.assertEqual(sluice.get(url).status, 200)
            digest = sluice.wait_for_record("policy_loaded")["payload"]["policy_digest"]

            # The file alone, as an agent that can write it would: seen, refused, on record.
            sluice.write_policy(policy([allow(), STOP]))
            rejected = sluice.wait_for_record("policy_rejected")["payload"]
            self.assertIn("the signature is not of this policy", rejected["errors"])
            self.assertEqual(rejected["policy_digest"], digest)
            count = len(sluice.records("policy_rejected"))
            sluice.hang_up()
            sluice.wait_for_record("policy_rejected", count=count + 1)
            ordered = run_cli("admin", "reload", "--admin", sluice.folder / "sluice.sock")
            self.assertNotEqual(ordered.returncode, 0, ordered.stdout + ordered.stderr)
            sluice.wait_for_record("policy_rejected", count=count + 2)
            self.assertEqual(sluice.get(url).status, 200, "the old policy stays")

            # Signed by somebody, and then not at all.
            sign(sluice.policy_file, self.keys / "stranger")
            stranger = sluice.wait_for_record("policy_rejected", count=count + 3)["payload"]
            self.assertIn("a key that is not trusted", stranger["errors"])
            (sluice.folder / "policy.yaml.sig").unlink()
            sluice.hang_up()
            unsigned = sluice.wait_for_record("policy_rejected", count=count + 4)["payload"]
            self.assertIn("the policy is not signed", unsigned["errors"])
            self.assertEqual(len(sluice.records("policy_loaded")), 1)

            # A new signature is enough: nobody has to say so.
            sign(sluice.policy_file, self.keys / "author")
            loaded = sluice.wait_for_record("policy_loaded", count=2)["payload"]
            self.assertEqual(loaded["signed_by"], self.fingerprints["author"])
            wait_until(lambda: sluice.get(url).status == 403, what="the new policy")

    def test_the_keys_are_those_of_the_start(self):
        key = temporary_folder("sluice-keys-") / "trusted.pub"
        key.write_text((self.keys / "author.pub").read_text())
        sluice = self.sluice(trusted_policy_keys=[str(key)])
        sign(sluice.policy_file, self.keys / "author")
        with sluice:
            key.write_text((self.keys / "stranger.pub").read_text())
            sluice.write_policy(policy([allow(), STOP]))
            sign(sluice.policy_file, self.keys / "stranger")
            sluice.hang_up()
            sluice.wait_for_record("policy_rejected")
            self.assertEqual(len(sluice.records("policy_loaded")), 1)

    def test_without_the_demand_a_signature_is_only_told(self):
        sluice = self.sluice(require_signature=False)
        with sluice:
            self.assertEqual(sluice.wait_for_record("policy_loaded")["payload"]["signed_by"], "")
            sign(sluice.policy_file, self.keys / "author")
            sluice.wait_for_record("policy_loaded", count=2)
            self.assertEqual(sluice.records("policy_loaded")[-1]["payload"]["signed_by"], self.fingerprints["author"])
            sluice.write_policy(policy([allow(), STOP]))
            sluice.wait_for_record("policy_loaded", count=3)
            self.assertEqual(sluice.records("policy_loaded")[-1]["payload"]["signed_by"], "")
            wait_until(lambda: "warning: /policy_digest: the signature is not of this policy" in sluice.stderr)

    def test_config(self):
        for config, word in (({"trusted_policy_keys": []}, "/trusted_policy_keys"),
                             ({"require_signature": "yes"}, "/require_signature: expected true or false"),
                             ({"trusted_policy_keys": ["gone.pub"]}, "/trusted_policy_keys/0"),
                             ({"trusted_policy_keys": [str(self.keys / "author")]}, "no Ed25519 public key")):
            with self.subTest(config):
                sluice = self.sluice(**config)
                sign(sluice.policy_file, self.keys / "author")
                checked = run_cli("check", sluice.config_file)
                self.assertEqual(checked.returncode, 2)
                self.assertRegex(checked.stderr, r"sluice\.yaml:\d+:\d+: ")
                self.assertIn(word, checked.stderr)
                self.refused_start(sluice, word)
        nobody = Sluice(config={"require_signature": True})
        self.assertIn("nobody is trusted to sign", run_cli("check", nobody.config_file).stderr)
        self.refused_start(nobody, "nobody is trusted to sign")

    def test_check_and_exec_demand_it_too(self):
        sluice = self.sluice()
        command = ("exec", "-c", sluice.config_file, "--", "true")
        checked = run_cli("check", sluice.config_file)
        self.assertEqual(checked.returncode, 2)
        self.assertIn("the policy is not signed", checked.stderr)
        refused = run_cli(*command, cwd=self.keys)
        self.assertEqual(refused.returncode, 2, refused.stderr)
        self.assertIn("the policy is not signed", refused.stderr)
        sign(sluice.policy_file, self.keys / "author")
        checked = run_cli("check", sluice.config_file)
        self.assertEqual(checked.returncode, 0, checked.stderr)
        done = run_cli(*command, cwd=self.keys)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(sluice.records("policy_loaded")[0]["payload"]["signed_by"], self.fingerprints["author"])
        other = sluice.folder / "other.yaml"
        other.write_text(json.dumps(policy([allow()])))
        instead = run_cli("run", "-c", sluice.config_file, "--policy", other)
        self.assertEqual(instead.returncode, 2, "another policy is not signed by being named")


if __name__ == "__main__":
    main()
