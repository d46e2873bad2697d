"""`sluice policy import`: what it writes checks, decides as the vectors say, and never shows a secret."""

import json

from folders import temporary_folder
from sluice_test import SluiceTestCase, main, run_cli

SECRET = "THE-SECRET-VALUE"
THEIRS = f"""version: "1.0"
agent: {{name: researcher}}
egress:
  - {{domain: api.example.com, ports: [443], methods: [GET], credential: token}}
  - {{domain: mcp.example.com, ports: [443], methods: [POST], mcp_server_id: files}}
credentials:
  - {{id: token, type: header, header: Authorization, value: {SECRET}}}
"""
PACK = """metadata: {id: pack, title: A pack, description: x, version: 0.1.0}
commands: {block: ["rm *"]}
mcp: {allowed_servers: [files]}
"""


class PolicyImport(SluiceTestCase):
    def setUp(self):
        self.folder = temporary_folder("sluice-import-")
        self.theirs = self.folder / "theirs.yaml"
        self.theirs.write_text(THEIRS)

    def verdict(self, method, url):
        done = run_cli("policy", "explain", method, url, "--policy", self.folder / "policy.yaml", "--json")
        return json.loads(done.stdout)["decision"]

    def test_to_stdout_and_to_a_file(self):
        done = run_cli("policy", "import", "--from", "agentpaas", self.theirs)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stderr, r"(?m)^\S*theirs\.yaml:4: lossy: /egress/0/credential: the credential is not taken over \(.+\)$")
        self.assertRegex(done.stderr, r"(?m)^\S*theirs\.yaml:5: lossy: /egress/1: closed: ")
        self.assertNotIn(SECRET, done.stdout + done.stderr)
        to = ("policy", "import", "--from", "agentpaas", self.theirs, "--to", self.folder / "policy.yaml")
        self.assertEqual(run_cli(*to).returncode, 0)
        self.assertEqual((self.folder / "policy.yaml").read_text(), done.stdout)
        again = run_cli(*to)
        self.assertEqual(again.returncode, 2, "never over a file")
        self.assertIn("exists", again.stderr)
        checked = run_cli("check", self.folder / "policy.yaml")
        self.assertEqual((checked.returncode, checked.stderr), (0, ""))
        self.assertEqual(self.verdict("GET", "https://api.example.com/x"), "allow")
        self.assertEqual(self.verdict("POST", "https://api.example.com/x"), "block")
        self.assertEqual(self.verdict("POST", "https://mcp.example.com/mcp"), "block")

    def test_json(self):
        done = run_cli("policy", "import", "--from", "agentpaas", self.theirs, "--json")
        document = json.loads(done.stdout)
        self.assertEqual((document["schema_version"], done.stderr), ("1", ""))
        self.assertEqual([one["pointer"] for one in document["lossy"]],
                         ["/egress", "/egress/0/credential", "/egress/1", "/credentials/0"])
        for one in document["lossy"]:
            self.assertLessEqual({"pointer", "what", "hint", "line"}, set(one))
        (self.folder / "policy.yaml").write_text(document["policy"])
        self.assertEqual(run_cli("check", self.folder / "policy.yaml").returncode, 0)

    def test_a_pack_opens_nothing(self):
        self.theirs.write_text(PACK)
        done = run_cli("policy", "import", "--from", "cavra", self.theirs, "--to", self.folder / "policy.yaml")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("lossy: /commands/block/0: ", done.stderr)
        self.assertEqual(run_cli("check", self.folder / "policy.yaml").returncode, 0)
        self.assertEqual(self.verdict("POST", "https://files/mcp"), "block")

    def test_errors(self):
        self.theirs.write_text(THEIRS.replace("ports: [443]", "port: 443", 1))
        done = run_cli("policy", "import", "--from", "agentpaas", self.theirs)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertRegex(done.stderr, r"theirs\.yaml:4:\d+: /egress/0/port: unknown key \"port\" \(did you mean \"ports\"\?\)")
        self.assertNotIn(SECRET, done.stderr)
        error = json.loads(run_cli("policy", "import", "--from", "agentpaas", self.theirs, "--json").stdout)["error"]
        self.assertTrue(all(one["hint"] for one in error["diagnostics"]))
        for words in (("--from", "opa", self.theirs), (self.theirs,), ("--from", "cavra", self.folder / "gone"),
                      ("--from", "cavra", self.folder)):
            self.assertEqual(run_cli("policy", "import", *words).returncode, 2, words)


if __name__ == "__main__":
    main()
