"""Rules of a policy in real calls: masked, blocked before or while the body leaves, reported; in the
places they name; and personal data where a rule or the defaults ask for it."""

import gzip
import json

from servers import HttpUpstream, Response, echo
from sluice_test import UP, Sluice, SluiceTestCase, main

CARD = "4111 1111 1111 1111"
MAIL = "jane.doe@example.com"


class RedactionRules(SluiceTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.upstream = cls.enterClassContext(HttpUpstream(echo))
        cls.sluice = cls.enterClassContext(Sluice(policy_text=json.dumps({
            "version": 1,
            "redaction": {"rules": [
                {"id": "employee", "pattern": r"\bEMP-\d{6}\b"},
                {"id": "code-name", "pattern": "(?i)falcon-[a-z]+", "action": "block"},
                {"id": "ticket", "pattern": r"TCK-\d{4}", "action": "report"},
                {"id": "answer-only", "pattern": "zebra-[0-9]{2}", "locations": ["response"]},
                {"id": "us-ssn", "action": "block"}]},
            "egress": [{"allow": {"hosts": [UP]}, "private": True},
                       {"allow": {"hosts": [UP], "paths": ["/people/**"]}, "private": True,
                        "redact": ["pii"]}]})))

    def setUp(self):
        self.upstream.requests.clear()
        self.upstream.respond_with(echo)
        self.url = f"http://{UP}:{self.upstream.port}/"

    def outcome(self, before):
        records = self.sluice.wait_for_record("egress_outcome", count=before + 1)
        return records["payload"]

    def test_masked_in_both_directions(self):
        before = self.sluice.count_outcomes()
        answer = self.sluice.get(self.url, "POST", "a EMP-123456 b")
        self.assertEqual(self.upstream.requests[0].body, b"a [REDACTED:employee] b")
        self.assertEqual(answer.status, 200)
        found = {one["rule"] for one in self.outcome(before)["findings"]}
        self.assertEqual(found, {"employee"})

    def test_blocked_body_never_leaves(self):
        before = self.sluice.count_outcomes()
        answer = self.sluice.get(self.url, "POST", "about Falcon-heavy today")
        self.assertEqual(answer.status, 403)
        problem = json.loads(answer.body)
        self.assertEqual(problem["reason_code"], "secret_blocked")
        self.assertEqual(problem["rule_id"], "secret.block")
        self.assertIn("code-name", problem["detail"])
        self.assertEqual([one for one in self.upstream.requests if b"alcon" in one.body], [])
        outcome = self.outcome(before)
        self.assertEqual(outcome["status"], "blocked")
        self.assertEqual(outcome["findings"][0]["rule"], "code-name")
        self.assertEqual(outcome["findings"][0]["action"], "block")
        self.assertNotIn(b"alcon-heavy", self.sluice.everything_written())

    def test_blocked_in_header_and_url(self):
        for url, headers in ((self.url, {"X-Note": "falcon-nine"}), (self.url + "?q=falcon-nine", {})):
            answer = self.sluice.get(url, headers=headers)
            self.assertEqual(answer.status, 403)
            self.assertEqual(json.loads(answer.body)["reason_code"], "secret_blocked")
        self.assertEqual(self.upstream.requests, [])

    def test_blocked_while_it_streams(self):
        before = self.sluice.count_outcomes()
        body = b"x " * 900_000 + b"falcon-heavy" + b" y" * 10  # longer than is held whole
        answer = self.sluice.get(self.url, "POST", body)
        self.assertEqual(answer.status, 403)
        self.assertEqual([one for one in self.upstream.requests if b"falcon" in one.body], [])
        self.assertEqual(self.outcome(before)["reason_code"], "secret_blocked")

    def test_blocked_answer(self):
        before = self.sluice.count_outcomes()
        self.upstream.respond_with(lambda request: Response(200, b"falcon-heavy", {"Content-Type": "text/plain"}))
        answer = self.sluice.get(self.url)
        self.assertEqual(answer.status, 403)
        self.assertNotIn(b"falcon-heavy", answer.body)
        self.assertEqual(self.outcome(before)["status"], "blocked")

    def test_reported_is_left_as_it_is(self):
        before = self.sluice.count_outcomes()
        body = b"see TCK-1234 and TCK-1234"
        self.sluice.get(self.url, "POST", body)
        self.assertEqual(self.upstream.requests[0].body, body)
        found = {(one["direction"], one["rule"]): one for one in self.outcome(before)["findings"]}
        self.assertEqual(found["request", "ticket"]["count"], 2)
        self.assertEqual(found["request", "ticket"]["action"], "report")

    def test_only_where_it_is_told_to(self):
        answer = self.sluice.get(self.url, "POST", "a zebra-12 b")
        self.assertEqual(self.upstream.requests[0].body, b"a zebra-12 b")
        self.assertNotIn(b"zebra-12", answer.body)

    def test_personal_data_by_rule(self):
        text = f"pay {CARD} for {MAIL}"
        self.sluice.get(self.url, "POST", text)
        self.assertEqual(self.upstream.requests[0].body.decode(), text)
        before = self.sluice.count_outcomes()
        self.sluice.get(self.url + "people/1?mail=" + MAIL.replace("@", "%40"), "POST", text)
        sent = self.upstream.requests[1]
        self.assertEqual(sent.body, b"pay [REDACTED:payment-card] for [REDACTED:email]")
        self.assertNotIn("jane", sent.path)
        self.assertEqual({one["rule"] for one in self.outcome(before)["findings"]}, {"payment-card", "email"})

    def test_a_built_in_rule_blocks(self):
        self.assertEqual(self.sluice.get(self.url, "POST", "ssn 123-45-6789").status, 200)
        self.upstream.requests.clear()
        answer = self.sluice.get(self.url + "people/1", "POST", "ssn 123-45-6789")
        self.assertEqual(answer.status, 403)
        self.assertEqual([one for one in self.upstream.requests if b"6789" in one.body], [])



class Dripped(SluiceTestCase):
    """A known secret in pieces: each call alone shows less than half of it."""

    VALUE = "q7Wm2xZt9LbV4nRk8sYd3fGh6jPc1aEu"

    def start(self):
        return Sluice(config={"secrets": [{"id": "key", "value": {"env": "E2E_SECRET"}}]},
                      environment={"E2E_SECRET": self.VALUE})

    def test_over_requests_of_a_run(self):
        with HttpUpstream(echo) as upstream, self.start() as sluice:
            url = f"http://{UP}:{upstream.port}/"
            self.assertEqual(sluice.get(f"{url}?part={self.VALUE[:10]}").status, 200)
            self.assertEqual(sluice.get(url, "POST", "nothing of it").status, 200)
            for body in (self.VALUE[10:20], gzip.compress(self.VALUE[20:].encode())):
                coded = {"Content-Encoding": "gzip"} if isinstance(body, bytes) else {}
                answer = sluice.get(url, "POST", body, coded)
                self.assert_problem(answer, 403, "secret.block", "secret_blocked")
                self.assertIn("secret:key", json.loads(answer.body)["detail"])
            self.assertEqual(sluice.get(url, "POST", "still nothing of it").status, 200)
            sent = b"".join(r.body + r.path.encode() for r in upstream.requests)
            self.assertNotIn(self.VALUE[10:18].encode(), sent)
            self.assertNotIn(self.VALUE[20:28].encode(), sent)
        with HttpUpstream(echo) as upstream, self.start() as sluice:  # another run
            self.assertEqual(sluice.get(f"http://{UP}:{upstream.port}/", "POST", self.VALUE[10:20]).status, 200)

    def test_over_the_parameters_of_one_request(self):
        with HttpUpstream(echo) as upstream, self.start() as sluice:
            answer = sluice.get(f"http://{UP}:{upstream.port}/?a={self.VALUE[:12]}&b={self.VALUE[12:]}")
            self.assert_problem(answer, 403, "secret.block", "secret_blocked")
            self.assertEqual(upstream.requests, [])


if __name__ == "__main__":
    main()
