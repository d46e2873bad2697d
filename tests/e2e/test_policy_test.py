"""`sluice policy test`, and the redactor as a filter with the rules of a policy."""

import hashlib
import hmac
import json

from folders import temporary_folder
from sluice_test import SluiceTestCase, main, run_cli

POLICY = r"""
version: 1
redaction:
  rules:
    - {id: employee, pattern: '\bEMP-\d{6}\b'}
    - {id: code-name, pattern: '(?i)falcon-[a-z]+', action: block}
    - {id: ticket, pattern: 'TCK-\d{4}', action: report}
egress:
  - {name: llm, allow: {hosts: [api.test], methods: [POST, GET]}, redact: [pii]}
  - {name: no-deletes, block: {hosts: ["**"], methods: [DELETE]}}
"""
CASES = r"""
version: 1
cases:
  - name: masked
    call: {method: POST, url: "https://api.test/v1?mail=a@b.example", headers: {X-Note: EMP-123456},
           body: "EMP-123456 TCK-1234", response: "call 415-555-0123"}
    expect: {decision: allow, rule: llm, headers: {X-Note: "[REDACTED:employee]"},
             url: "https://api.test/v1?mail=%5bREDACTED:email%5d",
             body: "[REDACTED:employee] TCK-1234", response: "call [REDACTED:phone-nanp]",
             findings: [email, employee, phone-nanp, ticket]}
  - call: {method: POST, url: "https://api.test/v1", body: "a falcon-heavy b"}
    expect: {decision: block, rule: secret.block, reason_code: secret_blocked, findings: [code-name]}
  - call: {method: DELETE, url: "https://api.test/v1"}
    expect: {decision: block, rule: no-deletes, reason_code: rule_block}
  - call: {method: GET, url: "https://api.test?q=falcon-heavy"}
    expect: {decision: block, rule: secret.block}
  - call: {method: POST, url: "https://api.test/", headers: {Content-Encoding: rot13}, body: x}
    expect: {decision: block, reason_code: content_undecodable}
  - call: {method: POST, url: "https://api.test/", headers: {Content-Type: 'multipart/x; boundary=""'}, body: x}
    expect: {decision: block, reason_code: content_undecodable}
  - call: {method: POST, url: "https://api.test/", headers: {Content-Type: multipart/x; boundary=b},
           body: "--b\nContent-Encoding: rot13\n\nx\n--b--"}
    expect: {decision: block, reason_code: content_undecodable}
  - call: {method: TCP, url: "tcp://db.test:5432"}
    expect: {decision: block, rule: default_deny}
"""


TOKENS = r"""
version: 1
redaction: {rules: [{id: employee, pattern: 'EMP-\d{6}', action: tokenize}]}
egress:
  - {allow: {hosts: [model.test]}}
  - {allow: {hosts: [tool.test]}, restore: [request]}
"""
TOKEN_CASES = """
version: 1
cases:
  - call: {method: POST, url: "https://model.test/", body: "ask EMP-123456", response: "TOKEN"}
    expect: {body: "ask TOKEN", response: TOKEN, findings: [employee]}
  - call: {method: POST, url: "https://tool.test/?q=TOKEN", body: "TOKEN EMP-654321", response: "EMP-123456"}
    expect: {body: "EMP-123456 EMP-654321", url: "https://tool.test/?q=EMP-123456", response: TOKEN}
"""


def token_of(rule, secret):
    """As the cases of a file have it, whose key everybody knows."""
    code = hmac.new(b"sluice policy test", f"{rule}\0{secret}".encode(), hashlib.sha256).digest()
    bits = int.from_bytes(code[:10], "big")
    return f"sl_{rule}_" + "".join("0123456789abcdefghjkmnpqrstvwxyz"[bits >> shift & 31] for shift in range(75, -1, -5))


class PolicyTest(SluiceTestCase):
    def setUp(self):
        self.folder = temporary_folder("sluice-e2e-")
        (self.folder / "policy.yaml").write_text(POLICY)

    def run_cases(self, cases, *more):
        (self.folder / "cases.yaml").write_text(cases)
        return run_cli("policy", "test", "cases.yaml", "--policy", "policy.yaml", *more, cwd=self.folder)

    def test_all_as_expected(self):
        done = self.run_cases(CASES)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("ok    masked\n", done.stdout)
        self.assertIn("8 of 8 cases are as expected", done.stdout)
        document = json.loads(self.run_cases(CASES, "--json").stdout)
        self.assertEqual((document["passed"], document["failed"]), (8, 0))

    def test_a_difference_is_shown(self):
        wrong = CASES.replace("rule: llm", "rule: other").replace("TCK-1234\",", "TCK-9999\",")
        done = self.run_cases(wrong)
        self.assertEqual(done.returncode, 1)
        self.assertIn("FAIL  masked\n      rule\n      - other\n      + egress[0]\n", done.stdout)
        document = json.loads(self.run_cases(wrong, "--json").stdout)
        self.assertEqual(document["failed"], 1)
        self.assertEqual(document["cases"][0]["differences"][0], {"what": "rule", "expected": "other", "got": "egress[0]"})

    def test_tokens_are_those_of_a_run_of_its_own(self):
        (self.folder / "policy.yaml").write_text(TOKENS)
        done = self.run_cases(TOKEN_CASES.replace("TOKEN", token_of("employee", "EMP-123456")))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_a_broken_file(self):
        for cases, said in (("version: 1\ncases: []\n", "the list is empty"),
                            ("version: 1\ncases: [{call: {url: nowhere}, expect: {}}]\n", "/cases/0/call/url"),
                            ("version: 1\ncases: [{call: {url: 'http://a.test/'}, expect: {decisions: allow}}]\n",
                             "did you mean \"decision\"?")):
            done = self.run_cases(cases)
            self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
            self.assertIn(said, done.stderr)
        self.assertEqual(run_cli("policy", "test", "none.yaml", "--policy", self.folder / "policy.yaml").returncode, 2)

    def test_filter_with_rules(self):
        text = "EMP-123456 TCK-1234 a@b.example\n"
        done = run_cli("redact", "--rules", "policy.yaml", "--findings", "found.jsonl", input=text, cwd=self.folder)
        self.assertEqual(done.stdout, "[REDACTED:employee] TCK-1234 [REDACTED:email]\n")
        found = [json.loads(line) for line in (self.folder / "found.jsonl").read_text().splitlines()]
        self.assertEqual([(one["rule"], one["count"], one["action"], one["place"]) for one in found],
                         [("email", 1, "mask", "stdin"), ("employee", 1, "mask", "stdin"), ("ticket", 1, "report", "stdin")])
        self.assertTrue(all(len(one["fingerprint"]) == 16 for one in found))
        done = run_cli("redact", "--pii", input="pay 4111 1111 1111 1111\n")
        self.assertEqual(done.stdout, "pay [REDACTED:payment-card]\n")
        self.assertEqual(run_cli("redact", input=text).stdout, text)
        blocked = run_cli("redact", "--rules", "policy.yaml", "--exit-code", input="falcon-heavy\n", cwd=self.folder)
        self.assertEqual((blocked.returncode, blocked.stdout), (10, "[REDACTED:code-name]\n"))


if __name__ == "__main__":
    main()
