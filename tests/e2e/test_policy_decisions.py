"""What policy decides is what happens: exact status, exact problem document, exact record, and an
upstream that never hears of a refused call."""

import socket
import time

from servers import HttpUpstream, Response
from sluice_test import LOOPBACK, UP, Sluice, SluiceTestCase, allow, main

RULES = [
    allow(match={"methods": ["GET", "POST"], "paths": ["/v1/**"]}),
    {"name": "no-deletes", "block": {"hosts": ["**"], "methods": ["DELETE"]}, "reason": "not for this agent"},
    {"name": "issues", "require_approval": {"hosts": [UP], "methods": ["POST"], "paths": ["/v1/issues"]},
     "approvers": ["lead"]},
    allow("not-opened", hosts=["inside.test", "10.0.0.7", "169.254.169.254", "linklocal.test"], private=False),
    allow("metadata", hosts=["metadata.test"]),
    allow("fields", match={"paths": ["/fields/**"], "headers": {"X-Team": ["blue", "red-*"]}, "query": {"mode": "read"}}),
    {"name": "forbidden", "block": {"hosts": [UP], "content_types": ["application/x-forbidden"]}},
]
RESOLVE = {UP: [LOOPBACK], "inside.test": [LOOPBACK], "metadata.test": ["169.254.169.254"],
           "linklocal.test": ["169.254.1.1"]}


class PolicyDecisions(SluiceTestCase):
    config, engine = {}, "reference"  # the default

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.upstream = cls.enterClassContext(HttpUpstream())
        cls.sluice = cls.enterClassContext(Sluice(RULES, config={"resolve": RESOLVE, **cls.config}))
        cls.base = f"http://{UP}:{cls.upstream.port}"

    def setUp(self):
        self.upstream.requests.clear()
        self.connections = self.upstream.connections

    def refused(self, answer, status, rule_id, reason_code, event="policy_denied"):
        problem = self.assert_problem(answer, status, rule_id, reason_code)
        record = self.sluice.wait_for_record(event, call_id=problem["decision_id"])["payload"]
        self.assertEqual((record["rule_id"], record["reason_code"]), (rule_id, reason_code))
        self.assertEqual(self.upstream.requests, [])
        self.assertEqual(self.upstream.connections, self.connections)
        return problem, record

    def test_the_engine_is_on_record(self):
        self.assertEqual(self.sluice.records("run_start")[0]["payload"]["engine"], self.engine)
        self.sluice.get(f"{self.base}/v1/models")
        allowed = self.sluice.wait_for_record("egress_allowed")
        self.assertEqual(allowed["payload"]["engine"], self.engine)

    def test_what_a_call_says_decides(self):
        url = f"{self.base}/fields/x"
        self.assertEqual(self.sluice.get(url + "?mode=read", headers={"X-Team": "blue"}).status, 200)
        self.upstream.requests.clear()
        for path, headers in (("?mode=read", {}), ("?mode=read", {"X-Team": "green"}), ("", {"X-Team": "blue"}),
                              ("?mode=read&m%6Fde=write", {"X-Team": "blue"})):
            connections = self.upstream.connections
            answer = self.sluice.get(url + path, headers=headers)
            self.assert_problem(answer, 403, "default_deny", "default_deny")
            self.assertEqual(self.upstream.connections, connections)
        answer = self.sluice.get(url + "?mode=read", headers={"X-Team": "blue", "Connection": "close, X-Team"})
        self.assert_problem(answer, 403, "default_deny", "default_deny")  # it would not arrive
        answer = self.sluice.get(url + "?mode=read", "POST", "{}",
                                 headers={"X-Team": "blue", "Content-Type": "Application/X-Forbidden; a=b"})
        self.assert_problem(answer, 403, "egress[6]", "rule_block")
        self.assertEqual(self.upstream.requests, [])
        self.assertNotIn(b"green", self.sluice.everything_written())

    def test_allowed(self):
        answer = self.sluice.get(f"{self.base}/v1/models?key=value-not-for-the-log")
        self.assertEqual((answer.status, answer.body), (200, b"hello from upstream\n"))
        self.assertEqual([(r.method, r.path) for r in self.upstream.requests],
                         [("GET", "/v1/models?key=value-not-for-the-log")])
        decision = self.sluice.wait_for_record("egress_allowed", path="/v1/models")
        facts = decision["payload"]
        self.assertEqual((facts["decision"], facts["rule_id"], facts["rule_name"]), ("allow", "egress[0]", "up"))
        self.assertEqual(facts["destination"]["host"], UP)
        self.assertEqual(facts["destination"]["port"], self.upstream.port)
        self.assertNotIn(b"value-not-for-the-log", self.sluice.everything_written())
        outcome = self.sluice.wait_for_record("egress_outcome", call_id=facts["call_id"])
        self.assertEqual(outcome["payload"]["status"], "succeeded")
        self.assertGreater(outcome["seq"], decision["seq"])

    def test_default_deny(self):
        self.refused(self.sluice.get(f"{self.base}/elsewhere"), 403, "default_deny", "default_deny")
        self.refused(self.sluice.get("http://unknown.test/"), 403, "default_deny", "default_deny")

    def test_default_deny_by_method(self):
        self.refused(self.sluice.get(f"{self.base}/v1/x", "PUT", b"x"), 403, "default_deny", "default_deny")

    def test_block_names_rule_and_reason(self):
        problem, _ = self.refused(self.sluice.get(f"{self.base}/v1/x", "DELETE"), 403, "egress[1]", "rule_block")
        self.assertIn("not for this agent", problem["detail"])
        self.assertEqual((problem["decision"], problem["retry"]), ("block", "none"))

    def test_approval(self):
        answer = self.sluice.get(f"{self.base}/v1/issues", "POST", b"{}")
        problem, _ = self.refused(answer, 403, "egress[2]", "approval_required", "approval_required")
        self.assertEqual((problem["decision"], problem["retry"]), ("require_approval", "after_approval"))

    def test_private_addresses(self):
        for url, guard, code in (
                (f"http://inside.test:{self.upstream.port}/v1/x", "loopback", "address_loopback"),
                ("http://10.0.0.7/", "private", "address_private"),
                ("http://linklocal.test/", "link_local", "address_link_local"),
                ("http://169.254.169.254/latest/", "metadata", "address_metadata"),
                ("http://metadata.test/latest/", "metadata", "address_metadata")):
            with self.subTest(url=url):
                self.refused(self.sluice.get(url), 403, f"guard.address.{guard}", code)

    def test_every_spelling_of_loopback(self):
        port = self.upstream.port
        for host in ("127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "[::1]",
                     "[::ffff:127.0.0.1]", "127.0.0.1."):
            with self.subTest(host=host):
                answer = self.sluice.get(f"http://{host}:{port}/v1/x")
                self.assertIn(answer.status, (400, 403), answer.body)
                self.assertTrue(answer.problem["rule_id"].startswith(("guard.", "default_deny")))
                self.assertEqual(self.upstream.connections, self.connections)

    def test_connect_to_what_no_rule_allows(self):
        answer = self.sluice.send_raw(b"CONNECT unknown.test:443 HTTP/1.1\r\nHost: unknown.test:443\r\n"
                                      b"Connection: close\r\n\r\n", timeout=2)[0]
        self.assertTrue(answer.startswith(b"HTTP/1.1 403 "), answer)
        self.assertIn(b'"rule_id":"default_deny"', answer)

    def test_connect_to_ourselves(self):
        answer = self.sluice.get(f"http://{UP}:{self.sluice.port}/v1/x")
        self.refused(answer, 403, "guard.self", "self_connect")

    def test_ambiguous_paths(self):
        for path in ("/v1/%2e%2e/secret", "/v1/a%5cb", "/v1/%00"):
            with self.subTest(path=path):
                self.refused(self.sluice.get(self.base + path), 400, "guard.path", "path_ambiguous")

    def test_a_path_is_judged_in_every_reading(self):
        for path in ("/v1/..%2fsecret", "/v1;a%2F..%2Fsecret"):
            self.refused(self.sluice.get(self.base + path), 400, "guard.path", "path_ambiguous")
        self.refused(self.sluice.get(f"{self.base}/v1%2Fx"), 403, "default_deny", "default_deny")
        self.assertEqual(self.sluice.get(f"{self.base}/v1/@scope%2Fname").status, 200)
        self.assertEqual(self.upstream.requests[-1].path, "/v1/@scope%2Fname")

    def test_socks_greeting_one_byte_at_a_time(self):
        with socket.create_connection((LOOPBACK, self.sluice.port), 5) as agent:
            agent.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in b"\5\1\0":
                agent.send(bytes([byte]))
                time.sleep(0.05)
            self.assertEqual(agent.recv(2), b"\5\0")

    def test_dots_are_removed_before_matching(self):
        self.refused(self.sluice.get(f"{self.base}/v1/../secret"), 403, "default_deny", "default_deny")

    def test_upgrade_is_refused(self):
        answer = self.sluice.get(f"{self.base}/v1/x", headers={"Connection": "Upgrade", "Upgrade": "raw"})
        self.refused(answer, 403, "guard.upgrade", "upgrade_unsupported")
        half = self.sluice.get(f"{self.base}/v1/x", headers={"Connection": "Upgrade", "Upgrade": "websocket"})
        self.refused(half, 400, "guard.framing", "framing_invalid")

    def test_a_redirect_is_a_new_decision(self):
        self.upstream.respond_with(lambda r: Response(302, b"", {"Location": "http://unknown.test/"}))
        self.addCleanup(self.upstream.respond_with, lambda r: Response())
        self.assertEqual(self.sluice.get(f"{self.base}/v1/x").status, 302)
        self.assertEqual(len(self.upstream.requests), 1)


class PolicyDecisionsOfTheCompiledEngine(PolicyDecisions):
    config, engine = {"engine": "compiled"}, "compiled"


if __name__ == "__main__":
    main()
