"""Limits with counters: who used up a rule's requests, bytes or tokens is told when to come back, what
was counted outlives the process, and nothing of it is guessed when the file is damaged."""

import json
import signal
import threading
import time

from servers import HttpUpstream, Response
from sluice_test import LOOPBACK, UP, Sluice, SluiceTestCase, allow, main, policy, run_cli, wait_until

DAY = 86_400
ANTHROPIC = [
    b'event: message_start\ndata: {"type":"message_start","message":{"usage":{"input_tokens":25,"output_tokens":1}}}\n\n',
    b'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"text":"usage: 9"}}\n\n',
    b'event: message_delta\ndata: {"type":"message_delta","usage":{"output_tokens":15}}\n\n',
    b'event: message_stop\ndata: {"type":"message_stop"}\n\n']
OPENAI = [
    b'data: {"choices":[{"delta":{"content":"Hello"}}],"usage":null}\n\n',
    b'data: {"choices":[],"usage":{"prompt_tokens":30,"completion_tokens":10,"total_tokens":40}}\n\n',
    b'data: [DONE]\n\n']


def events(chunks):
    return Response(chunks=chunks, headers={"Content-Type": "text/event-stream"})


def limited(name="llm", **limits):
    return allow(name, limits=limits)


class PolicyLimits(SluiceTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.upstream = cls.enterClassContext(HttpUpstream())
        cls.base = f"http://{UP}:{cls.upstream.port}"

    def setUp(self):
        self.upstream.requests.clear()
        self.upstream.respond_with(lambda request: Response())

    def refused(self, sluice, answer, kind, reason, longest):
        """A 429 that says when to come back, is on record, and never reached the upstream."""
        problem = self.assert_problem(answer, 429, f"limit.{kind}", reason)
        self.assertEqual((problem["decision"], problem["retry"]), ("block", "transient"))
        wait = int(answer.headers["retry-after"])
        self.assertTrue(1 <= wait <= longest, wait)
        record = sluice.wait_for_record("policy_denied", call_id=problem["decision_id"])["payload"]
        self.assertEqual((record["rule_id"], record["reason_code"]), (f"limit.{kind}", reason))
        return problem, record

    def used(self, sluice):
        """What the counters say now, by limit."""
        said = run_cli("admin", "status", "--json", "--admin", sluice.folder / "sluice.sock")
        return {one["limit"]: one["used"] for one in json.loads(said.stdout)["limits"]}

    def with_admin(self, rules, **config):
        return Sluice(rules, config={"admin": {"bind": "unix:./sluice.sock"}} | config)

    def test_requests_of_a_minute(self):
        rules = [limited(requests_per_minute=3), allow("other", match={"paths": ["/free/**"]}, hosts=["free.test"])]
        config = {"resolve": {UP: [LOOPBACK], "free.test": [LOOPBACK]}}
        with self.with_admin(rules, **config) as sluice:
            for _ in range(3):
                self.assertEqual(sluice.get(f"{self.base}/x").status, 200)
            problem, record = self.refused(sluice, sluice.get(f"{self.base}/x"), "requests",
                                           "request_limit_reached", 61)
            self.assertIn("the limit requests_per_minute: 3 of the rule llm is used up", problem["detail"])
            self.assertEqual((problem["rule_name"], record["rule_name"]), ("llm", "llm"))
            self.assertEqual(record["obligations"]["limits"], [{"rule_id": "egress[0]", "requests_per_minute": 3}])
            self.assertEqual(len(self.upstream.requests), 3)
            self.assertEqual(sluice.get(f"http://free.test:{self.upstream.port}/free/x").status, 200)
            self.assertEqual(self.used(sluice), {"requests_per_minute": 3})
            allowed = sluice.records("egress_allowed")[0]["payload"]
            self.assertEqual(allowed["obligations"]["limits"][0]["requests_per_minute"], 3)

    def test_what_another_guard_refuses_is_not_counted(self):
        rules = [limited(requests_per_day=1), {"name": "no", "block": {"hosts": [UP], "methods": ["DELETE"]}}]
        with Sluice(rules) as sluice:
            for _ in range(3):
                self.assertEqual(sluice.get(f"{self.base}/x", "DELETE").status, 403)
            self.assertEqual(sluice.get(f"{self.base}/x").status, 200)
            self.refused(sluice, sluice.get(f"{self.base}/x"), "requests", "request_limit_reached", DAY)

    def test_two_calls_never_take_the_last_place(self):
        with Sluice([limited(requests_per_day=5)], config={"workers": 2}) as sluice:
            statuses, all_at_once = [], threading.Barrier(16)

            def ask():
                all_at_once.wait()
                statuses.append(sluice.get(f"{self.base}/x").status)
            threads = [threading.Thread(target=ask) for _ in range(16)]
            for one in threads:
                one.start()
            for one in threads:
                one.join()
            self.assertEqual(sorted(statuses), [200] * 5 + [429] * 11)
            self.assertEqual(len(self.upstream.requests), 5)

    def test_counters_survive_a_restart_and_a_kill(self):
        rules = [limited(requests_per_day=3, bytes_per_day="1MiB")]
        sluice = self.with_admin(rules)
        with sluice:
            sluice.get(f"{self.base}/x", "POST", b"12345678")
        counters = json.loads((sluice.evidence / "limits.json").read_text())
        self.assertEqual(counters["counters"][0]["counter"], "name:llm")
        with sluice:
            self.assertEqual(self.used(sluice), {"requests_per_day": 1, "bytes_per_day": 8 + 20})
            sluice.get(f"{self.base}/x")
            wait_until(lambda: '"requests_per_day":[%d,2]' % (time.time() // DAY) in
                       (sluice.evidence / "limits.json").read_text(), what="the counters on the disk")
            sluice.process.send_signal(signal.SIGKILL)
            sluice.process.wait()
            # Another rule before it, another limit: what it used stays.
            sluice.write_policy(policy([allow("first", hosts=["first.test"]), limited(requests_per_day=3)]))
            sluice.start()
            self.assertEqual(sluice.get(f"{self.base}/x").status, 200)
            self.refused(sluice, sluice.get(f"{self.base}/x"), "requests", "request_limit_reached", DAY)

    def test_a_reload_keeps_what_was_used(self):
        with Sluice([limited(requests_per_day=1)]) as sluice:
            self.assertEqual(sluice.get(f"{self.base}/x").status, 200)
            sluice.write_policy(policy([limited(requests_per_day=2)]))
            sluice.hang_up()
            sluice.wait_for_record("policy_loaded", count=2)
            self.assertEqual(wait_until(lambda: sluice.get(f"{self.base}/x").status == 200 or None), True)
            self.refused(sluice, sluice.get(f"{self.base}/x"), "requests", "request_limit_reached", DAY)

    def test_a_damaged_file_ends_the_start(self):
        sluice = Sluice([limited(requests_per_day=5)])
        with sluice:
            sluice.get(f"{self.base}/x")
        file = sluice.evidence / "limits.json"
        whole = file.read_text()
        for damaged in (whole[:-10], whole.replace("requests_per_day", "requests_per_dag"), "", "\0" * 100):
            with self.subTest(damaged=damaged[:20]):
                file.write_text(damaged)
                done = run_cli("run", "-c", sluice.config_file)
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertIn("limits_unreadable", done.stderr)
                self.assertIn("limits.json", done.stderr)
                self.assertIn("or remove it: all limits then begin at zero", done.stderr)
        file.unlink()
        with sluice:
            self.assertEqual(sluice.get(f"{self.base}/x").status, 200)

    def test_tokens_of_streams(self):
        for name, chunks in (("anthropic", ANTHROPIC), ("openai", OPENAI)):
            self.upstream.respond_with(lambda request, chunks=chunks: events(chunks))
            with self.subTest(name), self.with_admin([limited(tokens_per_day=50)]) as sluice:
                answer = sluice.get(f"{self.base}/v1/messages", "POST", b"{}")
                self.assertEqual(answer.body, b"".join(chunks))
                wait_until(lambda: self.used(sluice) == {"tokens_per_day": 40}, what="40 tokens")
                self.assertEqual(sluice.get(f"{self.base}/v1/messages", "POST", b"{}").status, 200)
                wait_until(lambda: self.used(sluice) == {"tokens_per_day": 80}, what="80 tokens")
                problem, _ = self.refused(sluice, sluice.get(f"{self.base}/v1/messages", "POST", b"{}"), "tokens",
                                          "token_limit_reached", DAY)
                self.assertIn("tokens_per_day: 50", problem["detail"])

    def test_tokens_of_a_whole_answer(self):
        body = json.dumps({"model": "m", "usage": {"input_tokens": 3, "output_tokens": 4}}).encode()
        self.upstream.respond_with(lambda request: Response(body=body, headers={"Content-Type": "application/json"}))
        for more in ({}, {"redact": []}):
            document = policy([limited(tokens_per_day=7)], defaults={"redact": []} if more else {})
            with self.subTest(more=more), Sluice(policy_text=json.dumps(document)) as sluice:
                self.assertEqual(sluice.get(f"{self.base}/x", "POST", b"{}").body, body)
                sluice.wait_for_record("egress_outcome")
                self.refused(sluice, sluice.get(f"{self.base}/x", "POST", b"{}"), "tokens", "token_limit_reached", DAY)

    def test_bytes_of_a_day(self):
        self.upstream.respond_with(lambda request: Response(body=b"x" * 3_000))
        with self.with_admin([limited(bytes_per_day=10_000)]) as sluice:
            for _ in range(3):
                self.assertEqual(len(sluice.get(f"{self.base}/x", "POST", b"y" * 200).body), 3_000)
            over = sluice.get(f"{self.base}/x", "POST", b"y" * 200)  # held whole, so it can still be told
            self.assert_problem(over, 429, "limit.bytes", "volume_limit_reached")
            self.assertGreaterEqual(int(over.headers["retry-after"]), 1)
            ended = sluice.wait_for_record("egress_outcome", reason_code="volume_limit_reached")["payload"]
            self.assertEqual(ended["detail"], "the limit bytes_per_day: 10000 of the rule llm is used up")
            count = len(self.upstream.requests)
            self.refused(sluice, sluice.get(f"{self.base}/x"), "bytes", "volume_limit_reached", DAY)
            self.assertEqual(len(self.upstream.requests), count)
            self.assertEqual(self.used(sluice), {"bytes_per_day": 10_000})

    def test_a_stream_is_cut_where_the_bytes_end(self):
        self.upstream.respond_with(lambda request: Response(chunks=[b"x" * 1_000] * 20, pause=0.01))
        with Sluice([limited(bytes_per_day=5_500)]) as sluice:
            answer = sluice.get(f"{self.base}/x")
            self.assertFalse(answer.complete)
            self.assertLessEqual(len(answer.body), 5_500)
            ended = sluice.wait_for_record("egress_outcome")["payload"]
            self.assertEqual((ended["status"], ended["reason_code"]), ("blocked", "volume_limit_reached"))
            self.assertLessEqual(ended["bytes_to_downstream"], 5_500)

    def test_observe_counts_and_says_what_it_would_refuse(self):
        with self.with_admin([limited(requests_per_day=1, bytes_per_day=30)], mode="observe") as sluice:
            for _ in range(3):
                self.assertEqual(sluice.get(f"{self.base}/x").status, 200)
            allowed = sluice.wait_for_record("egress_allowed", count=3)["payload"]
            self.assertEqual((allowed["would"], allowed["reason_code"], allowed["rule_id"]),
                             ("block", "request_limit_reached", "limit.requests"))
            self.assertEqual(self.used(sluice), {"requests_per_day": 1, "bytes_per_day": 20})

    def test_dry_run_counts_nothing(self):
        with self.with_admin([limited(requests_per_day=1)], mode="dry-run") as sluice:
            for _ in range(3):
                self.assertEqual(sluice.get(f"{self.base}/x").status, 424)
            self.assertEqual(self.used(sluice), {"requests_per_day": 0})

    def test_explain_shows_the_limits(self):
        sluice = Sluice([limited(requests_per_minute=60, tokens_per_day=2_000_000)])
        said = run_cli("policy", "explain", "POST", f"http://{UP}/x", "--policy", sluice.policy_file).stdout
        self.assertIn('"limits":[{"rule_id":"egress[0]","requests_per_minute":60,"tokens_per_day":2000000}]', said)


class PolicyLimitsOfTheCompiledEngine(PolicyLimits):
    def with_admin(self, rules, **config):
        return super().with_admin(rules, engine="compiled", **config)


if __name__ == "__main__":
    main()
