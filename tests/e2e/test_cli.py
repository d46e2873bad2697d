"""The command line's contract: exit codes, one JSON document with --json, errors with a position,
and a starter directory that checks clean."""

import json
import os
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from servers import HttpUpstream
from sluice_test import SLOW, UP, Sluice, SluiceTestCase, main, run_cli

KEY = "AKIA" + "2OGYBAH6SLUICEQS"
POLICY = """version: 1
egress:
  - {name: up, allow: {hosts: [up.test], methods: [GET]}}
  - {name: ask, require_approval: {hosts: [up.test], methods: [POST]}}
"""
TCP_POLICY = """tcp:
  - {name: warehouse, allow: {hosts: [db.internal], ports: [5432]}, private: true, limits: {bytes: 1MiB}}
  - {name: mail, require_approval: {hosts: [mail.test], ports: [25]}}
  - {name: replica, block: {hosts: [replica.test]}}
"""


class Cli(SluiceTestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="sluice-cli-")))
        self.policy = self.folder / "policy.yaml"
        self.policy.write_text(POLICY)

    def run_ok(self, *arguments, code=0, **options):
        done = run_cli(*arguments, cwd=self.folder, **options)
        self.assertEqual(done.returncode, code, f"{arguments}: {done.stdout}{done.stderr}")
        return done

    def run_json(self, *arguments, code=0, **options):
        """Exactly one JSON document on stdout."""
        done = self.run_ok(*arguments, "--json", code=code, **options)
        document = json.loads(done.stdout)
        self.assertEqual(document["schema_version"], "1")
        return document

    def assert_error(self, document):
        self.assertLessEqual({"code", "message", "hint"}, set(document["error"]))

    def test_help_everywhere(self):
        self.assertIn("sluice", self.run_ok("--help").stdout)
        for verb in (["run"], ["exec"], ["init"], ["check"], ["doctor"], ["policy", "explain"],
                     ["policy", "digest"], ["policy", "new-key"], ["policy", "sign"], ["policy", "verify"], ["policy", "import"], ["redact"], ["ca", "init"], ["ca", "env"],
                     ["evidence", "verify"], ["evidence", "show"]):
            with self.subTest(verb=verb):
                self.assertIn(f"sluice {' '.join(verb)}", self.run_ok(*verb, "--help").stdout)

    def test_wrong_usage(self):
        for arguments in (["nonsense"], ["run", "--nonsense"], ["policy"], ["evidence", "verify", "--head", "x"],
                          ["exec"], ["policy", "explain", "GET"]):
            with self.subTest(arguments=arguments):
                self.run_ok(*arguments, code=2)

    def test_error_as_json(self):
        self.assert_error(self.run_json("run", "-c", "missing.yaml", code=2))
        error = self.run_json("ca", "init", "--dir", "ca") and self.run_json("ca", "init", "--dir", "ca", code=2)["error"]
        self.assertEqual(error["code"], "ca_exists")
        self.assertNotIn("ca_exists", error["message"])

    def test_an_unknown_verb_names_the_nearest(self):
        for words, unknown, nearest in ((["chekc"], 'sluice has no verb "chekc"', "check"),
                                        (["--json", "evidense"], 'sluice has no verb "evidense"', "evidence"),
                                        (["policy", "explian"], 'sluice policy has no verb "explian"', "explain"),
                                        (["admin", "stauts", "--admin", "x"], 'sluice admin has no verb "stauts"', "status")):
            with self.subTest(words=words):
                done = self.run_ok(*words, code=2)
                self.assertIn(unknown, done.stdout.replace('\\"', '"') + done.stderr)
                self.assertIn(f"did you mean {nearest}?", done.stdout + done.stderr)
        self.assertIn("see sluice --help", self.run_ok("xyzzy", code=2).stderr)

    def test_a_method_in_lower_case_is_another_method(self):
        for method in ("get", "Post", "tcp"):
            error = self.run_json("policy", "explain", method, "https://a.test/", "--policy", "policy.yaml", code=2)["error"]
            self.assertEqual(error["hint"], f"did you mean {method.upper()}?")
        self.run_ok("policy", "explain", "mine", "https://a.test/", "--policy", "policy.yaml")

    def test_a_password_in_a_url_is_not_said_again(self):
        explain = ("policy", "explain", "GET", "--policy", "policy.yaml")
        for url in ("https://me:hunter2@a.test/", "ftp://me:hunter2@a.test/", "https://me:hunt/hunter2@a/"):
            for words in ((*explain, url), (*explain, "https://a.test/", url), ("check", url), ("exec", "--allow", url, "--", "x")):
                for options in ((), ("--json",)):
                    at = words.index("--") if "--" in words else len(words)
                    done = run_cli(*words[:at], *options, *words[at:], cwd=self.folder)
                    self.assertEqual(done.returncode, 2, f"{words} {done.stdout}{done.stderr}")
                    self.assertNotIn("hunter2", done.stdout + done.stderr, words)
        self.assertIn("***@a.test: ", self.run_ok(*explain, "me:hunter2@a.test", code=2).stderr)

    def test_init_check_doctor(self):
        self.run_ok("init", "starter")
        self.assertTrue((self.folder / "starter/sluice.yaml").exists())
        self.assertTrue((self.folder / "starter/policy.yaml").exists())
        self.assertIn("mode: enforce", (self.folder / "starter/sluice.yaml").read_text())
        self.assertIn("/tls/ca_dir: ", self.run_ok("check", "starter/sluice.yaml", code=2).stderr)
        self.run_ok("ca", "init", "-c", "starter/sluice.yaml")
        self.run_ok("check", "starter/sluice.yaml", "starter/policy.yaml")
        self.run_json("check", "starter/sluice.yaml")
        before = (self.folder / "starter/policy.yaml").read_text()
        self.assertNotEqual(run_cli("init", "starter", cwd=self.folder).returncode, 0, "init overwrites nothing")
        self.assertEqual((self.folder / "starter/policy.yaml").read_text(), before)
        done = run_cli("doctor", cwd=self.folder / "starter")
        self.assertIn(done.returncode, (0, 1))
        self.assertTrue(done.stdout)

    def test_check_reports_every_problem(self):
        bad = self.folder / "bad.yaml"
        bad.write_text("version: 1\negress:\n  - alow: {hosts: [a.test]}\n  - block: {hosst: [b.test]}\n")
        done = self.run_ok("check", "bad.yaml", code=2)
        said = done.stdout + done.stderr
        self.assertRegex(said, r"bad\.yaml:3:\d+: /egress/0")
        self.assertRegex(said, r"bad\.yaml:4:\d+: /egress/1")
        self.assertIn("allow", said)
        self.assertIn("hosts", said)

    def test_a_secret_id_is_plain(self):
        """It stands in masks and records: nothing that a header, a URL or a terminal takes for more than text."""
        text = ('version: 1\nlisteners: [{{name: e, kind: forward, bind: "127.0.0.1:0"}}]\npolicy: policy.yaml\n'
                'secrets:\n  - id: pass\n    value: {{env: PATH}}\n  - id: "{id}"\n    value: {{env: PATH}}\n')
        config = self.folder / "sluice.yaml"
        for plain in ("a", "A.b-c_9", "x" * 64):
            config.write_text(text.format(id=plain))
            self.run_ok("check", "sluice.yaml")
        for odd in ("two words", "a/b", "a\\n", "a\\x1b[2J", "a\\x00", "a:b", "schl\u00fcssel", "x" * 65):
            with self.subTest(odd):
                config.write_text(text.format(id=odd))
                for verb in (("check", "sluice.yaml"), ("run", "-c", "sluice.yaml")):
                    done = self.run_ok(*verb, code=2)
                    said = done.stdout + done.stderr
                    self.assertRegex(said, r"sluice\.yaml:7:9: /secrets/1/id: (an id is letters|a string holds a NUL)")
                    self.assertEqual(len(said.splitlines()), 1, said)
                    self.assertTrue(said.strip().isprintable(), repr(said))

    def test_check_finds_what_run_would_refuse(self):
        (self.folder / "sluice.yaml").write_text(
            "version: 1\nlisteners: [{name: a, kind: forward, bind: \"127.0.0.1:0\"}]\npolicy: policy.yaml\n"
            "tls:\n  ca_dir: nowhere\n  extra_roots: [gone.pem, policy.yaml]\nsecrets:\n"
            "  - {id: a, value: {env: SLUICE_TEST_NOT_SET}}\n  - {id: b, value: {file: gone}}\n"
            "  - {id: c, value: {file: short}}\n  - {id: d, value: {exec: [touch, ran]}}\n")
        (self.folder / "short").write_text("xyzzy\n")
        said = self.run_ok("check", "sluice.yaml", code=2).stderr
        for place in ("5:11: /tls/ca_dir: ", "6:17: /tls/extra_roots/0: ", "6:27: /tls/extra_roots/1: ",
                      "8:20: /secrets/0/value: ", "9:20: /secrets/1/value: ", "10:20: /secrets/2/value: "):
            self.assertRegex(said, rf"(?m)^sluice\.yaml:{place}.* \(.+\)$")
        self.assertIn("sluice.yaml:11:20: warning: /secrets/3/value: the helper was not run", said)
        self.assertFalse((self.folder / "ran").exists())
        self.assertNotIn("xyzzy", said)
        self.assertNotEqual(run_cli("run", "-c", "sluice.yaml", cwd=self.folder).returncode, 0)

    def test_missing_files(self):
        for arguments in (["check", "gone.yaml"], ["policy", "digest", "--policy", "gone.yaml"],
                          ["evidence", "verify", "--dir", "gone"], ["evidence", "show", "--dir", "gone"]):
            with self.subTest(arguments=arguments):
                self.assertIn(run_cli(*arguments, cwd=self.folder).returncode, (2, 3, 4))

    def test_policy_explain(self):
        self.assertIn("egress[0]", self.run_ok("policy", "explain", "GET", f"https://{UP}/x", "--policy", "policy.yaml").stdout)
        explain = ("policy", "explain", "--exit-code", "--policy", "policy.yaml")
        self.run_ok(*explain, "GET", f"https://{UP}/x", code=0)
        self.run_ok(*explain, "DELETE", f"https://{UP}/x", code=10)
        self.run_ok(*explain, "POST", f"https://{UP}/x", code=11)
        self.run_json("policy", "explain", "GET", "http://10.0.0.1/", "--policy", "policy.yaml")

    def test_policy_explain_raw_tcp(self):
        self.policy.write_text(POLICY + TCP_POLICY)
        explain = ("policy", "explain", "--exit-code", "--policy", "policy.yaml", "TCP")
        said = self.run_ok(*explain, "tcp://db.internal:5432").stdout
        self.assertTrue(said.startswith("allow  tcp[0] (warehouse)  none\n  tcp[0] (warehouse) allow: matches\n"), said)
        self.assertIn('obligations: {"redact":["secrets"],"private":true,"bytes":1048576}\n', said)
        self.assertNotIn("egress[", said)
        self.assertIn("port 22 is not in ports", self.run_ok(*explain, "tcp://db.internal:22", code=10).stdout)
        self.run_ok(*explain, f"tcp://{UP}:443", code=10)
        self.run_ok(*explain, "tcp://mail.test:25", code=11)
        for url, rule in (("tcp://10.0.0.7:5432", "guard.address.private"), ("tcp://[::1]:1", "guard.address.loopback"),
                          ("tcp://replica.test:5432", "tcp[2]")):
            self.assertEqual(self.run_json(*explain, url, code=10)["rule_id"], rule)
        rules = self.run_json(*explain, "tcp://replica.test:5432", code=10)["rules"]
        self.assertEqual([rule["rule_id"] for rule in rules], ["tcp[0]", "tcp[1]", "tcp[2]"])
        egress = self.run_json("policy", "explain", "GET", f"https://{UP}/x", "--policy", "policy.yaml")["rules"]
        self.assertTrue(all(rule["rule_id"].startswith("egress[") for rule in egress))

    def test_policy_explain_what_is_no_call(self):
        explain = ("policy", "explain", "--policy", "policy.yaml")
        for method, url in (("TCP", "https://a.test/"), ("GET", "tcp://a.test:1"), ("CONNECT", "tcp://a.test:1"),
                            ("TCP", "tcp://a.test"), ("TCP", "tcp://a.test:0"), ("TCP", "tcp://a.test:1/x"),
                            ("TCP", "tcp://"), ("GET", "ftp://a.test/"), ("GET", "/x")):
            with self.subTest(method=method, url=url):
                document = self.run_json(*explain, method, url, code=2)
                self.assert_error(document)
                self.assertIn("tcp://host:port", document["error"]["hint"])

    def test_policy_digest(self):
        first = self.run_ok("policy", "digest", "--policy", "policy.yaml").stdout
        self.assertRegex(first, r"sha256:[0-9a-f]{64}")
        self.policy.write_text("# a comment changes nothing\n" + POLICY)
        self.assertEqual(self.run_ok("policy", "digest", "--policy", "policy.yaml").stdout, first)
        self.policy.write_text(POLICY.replace("GET", "PUT"))
        self.assertNotEqual(self.run_ok("policy", "digest", "--policy", "policy.yaml").stdout, first)

    def test_redact(self):
        done = run_cli("redact", input=f"before {KEY} after\n", cwd=self.folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn(KEY, done.stdout)
        self.assertRegex(done.stdout, r"^before (AKIA)?\[REDACTED:[^\]]+\] after\n$")
        self.assertEqual(run_cli("redact", input="nothing here\n").stdout, "nothing here\n")

    def test_ca(self):
        self.run_ok("ca", "init", "--dir", "ca")
        self.assertEqual(os.stat(self.folder / "ca/ca.key").st_mode & 0o777, 0o600)
        self.assertNotEqual(run_cli("ca", "init", "--dir", "ca", cwd=self.folder).returncode, 0)
        self.assertIn("Sluice interception CA", self.run_ok("ca", "show", "--dir", "ca").stdout)
        self.assertIn("BEGIN CERTIFICATE", self.run_ok("ca", "export", "--dir", "ca").stdout)
        variables = self.run_ok("ca", "env", "--dir", "ca").stdout
        for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "CURL_CA_BUNDLE"):
            self.assertIn(name, variables)
        self.assertNotIn("PRIVATE KEY", variables)

    def test_ca_env_is_quoted_for_a_shell(self):
        folder = "it's $(touch made) `touch made` \\a \"b\" c"
        self.run_ok("ca", "init", "--dir", folder)
        script = self.run_ok("ca", "env", "--dir", folder).stdout + 'printf "%s" "$SSL_CERT_FILE"'
        done = subprocess.run(["sh", "-c", script], cwd=self.folder, capture_output=True, text=True, check=True)
        self.assertEqual(done.stdout, str(self.folder.resolve() / folder / "ca.pem.bundle.pem"))
        self.assertFalse((self.folder / "made").exists())

    def test_evidence(self):
        with HttpUpstream() as upstream, Sluice() as sluice:
            sluice.get(f"http://{UP}:{upstream.port}/")
            sluice.get("http://unknown.test/")
        where = ("--dir", sluice.evidence)
        head = sluice.records()[-1]
        self.run_json("evidence", "verify", *where)
        self.run_ok("evidence", "verify", *where, "--head", f"{head['seq']}:{head['record_hash']}")
        self.run_ok("evidence", "verify", *where, "--head", f"{head['seq']}:{'0' * 64}", code=4)
        self.run_ok("evidence", "verify", *where, "--head", f"{head['seq'] + 1}:{head['record_hash']}", code=4)
        shown = self.run_ok("evidence", "show", *where).stdout
        self.assertIn("default_deny", shown)
        self.assertIn(UP, shown)
        self.run_json("evidence", "show", *where)
        log = sluice.evidence / "audit.jsonl"
        whole = log.read_bytes()
        for name, tampered in {
                "a flipped bit": whole[:100] + bytes([whole[100] ^ 1]) + whole[101:],
                "a missing line": b"".join(whole.splitlines(True)[:1] + whole.splitlines(True)[2:]),
                "swapped lines": b"".join(whole.splitlines(True)[1::-1] + whole.splitlines(True)[2:]),
                "an empty log": b""}.items():
            with self.subTest(name):
                log.write_bytes(tampered)
                self.run_ok("evidence", "verify", *where, code=4)
                self.run_json("evidence", "verify", *where, code=4)

    def write_log(self, *lines):
        (self.folder / "log").mkdir()
        (self.folder / "log/audit.jsonl").write_text("".join(lines), newline="")
        return "--dir", "log"

    @staticmethod
    def record(seq, payload, event="run_start"):
        return (f'{{"seq":{seq},"prev_hash":"{"0" * 64}","record_hash":"{"0" * 64}","timestamp":"2026-01-01T00:00:00Z",'
                f'"event_type":"{event}","deployment_mode":"local","actor":"a","payload":{payload}}}\n')

    def test_evidence_show_says_what_it_cannot_read(self):
        where = self.write_log(self.record(1, "{}"), "junk\n", self.record(3, "{}"), '{"seq":')
        done = self.run_ok("evidence", "show", *where, code=4)
        self.assertEqual([line.split()[0] for line in done.stdout.splitlines()], ["1", "3"])
        self.assertRegex(done.stderr, r"(?m)^log/audit\.jsonl:2: malformed: .+\nlog/audit\.jsonl:4: tail_truncation: ")
        shown = self.run_json("evidence", "show", *where, "--last", "1", code=4)
        self.assertEqual([record["seq"] for record in shown["records"]], [3])
        self.assertEqual([issue["line"] for issue in shown["issues"]], [2, 4])

    def test_evidence_show_takes_any_payload(self):
        payloads = ('{"method":7,"path":["x"],"rule_id":{"a":1}}', '{"findings":5}', '{"findings":[1,"x",{"count":"c"}]}',
                    '{"findings":[{"count":{},"rule":9}]}', "{}", '{"n":' + "9" * 400 + "}")
        where = self.write_log(*(self.record(n + 1, payload) for n, payload in enumerate(payloads)))
        self.assertEqual(len(self.run_ok("evidence", "show", *where).stdout.splitlines()), len(payloads))
        self.run_json("evidence", "show", *where)

    def test_evidence_show_drives_no_terminal(self):
        hostile = "\\u001b[2J\\n\x9b31m\x7f\\b"
        where = self.write_log(self.record(1, f'{{"path":"{hostile}"}}', event=hostile))
        for options in ((), ("--json",)):
            said = self.run_ok("evidence", "show", *where, *options).stdout
            self.assertEqual([c for c in said if ord(c) < 32 and c != "\n" or 0x7F <= ord(c) < 0xA0], [])
        self.assertEqual(self.run_json("evidence", "show", *where)["records"][0]["payload"]["path"],
                         "\x1b[2J\n\x9b31m\x7f\b")
        self.assertEqual(len(self.run_ok("evidence", "show", *where).stdout.splitlines()), 1)

    def test_evidence_show_last_is_linear(self):
        where = self.write_log(*(self.record(n, "{}") for n in range(1, 60_001)))
        started = time.monotonic()
        said = self.run_ok("evidence", "show", *where, "--last", "30000").stdout
        self.assertEqual(said.splitlines()[0].split()[0], "30001")
        self.assertLess(time.monotonic() - started, 5 * SLOW)

    def test_a_port_is_not_shared_with_another_sluice(self):
        with Sluice() as first:
            for bind in (f"127.0.0.1:{first.port}", f"0.0.0.0:{first.port}"):
                second = Sluice(listeners=[{"name": "mine", "kind": "forward", "bind": bind}])
                error = self.run_json("run", "-c", second.config_file, code=2)["error"]
                self.assertEqual((error["code"], error["message"]),
                                 ("cannot_listen", f"listener mine, {bind}: Address already in use"))
                self.assertIn("end who uses that address", error["hint"])

    @unittest.skipUnless(os.geteuid() == 0, "needs root")
    def test_exec(self):
        config = {"agent": {"id": "x", "session": "s", "actor": "a"}}
        with HttpUpstream() as upstream:
            sluice = Sluice(config=config)
            run = ("exec", "-c", sluice.config_file, "--")
            for code in (0, 1, 7, 42):
                self.assertEqual(run_cli(*run, "sh", "-c", f"exit {code}", cwd=sluice.folder).returncode, code)
            url = f"http://{UP}:{upstream.port}/through-exec"
            done = run_cli(*run, "curl", "-sS", url, cwd=sluice.folder)
            self.assertEqual((done.returncode, done.stdout), (0, "hello from upstream\n"), done.stderr)
            self.assertEqual([r.path for r in upstream.requests], ["/through-exec"])
            done = run_cli(*run, "env", cwd=sluice.folder)
            for name in ("HTTP_PROXY", "https_proxy", "ALL_PROXY", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"):
                self.assertRegex(done.stdout, rf"(?m)^{name}=\S+")
            self.assertRegex(done.stdout, r"(?m)^NO_PROXY=localhost,127.0.0.1,::1$")
            done = run_cli(*run, "nosuchcommand", cwd=sluice.folder)
            self.assertEqual(done.returncode, 127)
            self.assertIn("sluice: nosuchcommand: not in PATH (", done.stderr)
            for command, code, word in (("/no/such/program", 127, "command_not_found"),
                                        ("/etc/passwd", 126, "command_not_executable")):
                done = run_cli(*run[:-1], "--json", "--", command, cwd=sluice.folder)
                self.assertEqual((done.returncode, json.loads(done.stdout)["error"]["code"]), (code, word))
            done = run_cli(*run, "sh", "-c", "kill -9 $$", cwd=sluice.folder)
            self.assertEqual(done.returncode, 137)
            self.assertTrue(sluice.records("run_start"))
            sluice.verify()


if __name__ == "__main__":
    main()
