"""Rules that ask somebody outside: OPA-, AuthZEN- and ext_authz-shaped servers that say yes, no and how
to tighten, and every way of not answering. Whatever is no clear yes lets nothing through."""

import contextlib
import json
import socket
import threading
import time

from certificates import bad_contexts, test_ca
from servers import HttpUpstream, RawUpstream, Response, drip, free_port, send_and_close
from sluice_test import LOOPBACK, SLOW, UP, Sluice, SluiceTestCase, allow, main, policy, run_cli, wait_until

PDP = "pdp.test"
KEY = "AKIA" + "2OGYBAH6" + "SLUICEQS"  # a secret by its format
KNOWN = "only-the-tests-know-this"
MAIL = "jane.doe@example.com"


def answer(document, **more):
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return Response(body=body, headers={"Content-Type": "application/json"}, **more)


def says(document, **more):
    return lambda request: answer(document, **more)


def opa(port, **more):
    return {"opa": f"http://{LOOPBACK}:{port}/v1/data/agent/allow", "deadline": f"{400 * SLOW}ms"} | more


def asking(ask, config=None, **more):
    return Sluice([allow(name="asked", ask=ask, **more)], config=config)


class Points(SluiceTestCase):
    def assert_refused(self, got, reason, said=""):
        problem = self.assert_problem(got, 403 if reason.endswith("denied") else 503, "egress[0]", reason)
        self.assertEqual(problem["rule_name"], "asked")
        self.assertIn(said, problem["detail"])
        return problem

    def assert_failure(self, sluice, upstream, said):
        problem = self.assert_refused(sluice.get(f"http://{UP}:{upstream.port}/x"), "decision_point_failed", said)
        self.assertEqual(upstream.requests, [])
        record = sluice.wait_for_record("policy_denied", call_id=problem["decision_id"])["payload"]
        self.assertEqual(record["reason_code"], "decision_point_failed")
        self.assertEqual((record["rule_id"], record["rule_name"]), ("egress[0]", "asked"))
        self.assertEqual(len(record["asked"]), 1)
        self.assertIn("failed", record["asked"][0])


class Opa(Points):
    def test_yes_and_no_and_what_it_is_told(self):
        def decide(request):
            facts = json.loads(request.body)["input"]
            return answer({"result": facts["method"] == "GET" and facts["path"] == "/good", "decision_id": "d-1"})
        with HttpUpstream() as upstream, HttpUpstream(decide) as point, \
                asking(opa(point.port), config={"workers": 1}) as sluice:
            base = f"http://{UP}:{upstream.port}"
            self.assertEqual(sluice.get(f"{base}/good?token=t-1&q=2").status, 200)
            self.assert_refused(sluice.get(f"{base}/bad"), "decision_point_denied", f"http://{LOOPBACK}:{point.port}")
            self.assert_refused(sluice.get(f"{base}/good", method="DELETE"), "decision_point_denied")
            self.assertEqual(len(upstream.requests), 1)
            allowed = sluice.records("egress_allowed")[0]["payload"]
            self.assertEqual(allowed["asked"], ["egress[0] opa yes"])
            self.assertIn(f"opa http://{LOOPBACK}:{point.port}/v1/data/agent/allow", allowed["obligations"]["ask"][0])
            denied = sluice.records("policy_denied")[0]["payload"]
            self.assertEqual(denied["reason_code"], "decision_point_denied")
            self.assertEqual(denied["asked"], ["egress[0] opa no"])
            self.assertEqual(denied["rule_name"], "asked")

            first = point.requests[0]
            self.assertEqual((first.method, first.path), ("POST", "/v1/data/agent/allow"))
            facts = json.loads(first.body)["input"]
            self.assertEqual(facts["query_keys"], ["token", "q"])
            self.assertEqual(facts["host"], UP)
            self.assertEqual(facts["port"], upstream.port)
            self.assertEqual((facts["scheme"], facts["protocol"], facts["listener"]), ("http", "http", "egress"))
            self.assertEqual((facts["agent_id"], facts["session_id"]), ("e2e", "s-1"))
            self.assertEqual((facts["rule_id"], facts["rule_name"]), ("egress[0]", "asked"))
            self.assertEqual(facts["call_id"], allowed["call_id"])
            self.assertEqual(facts["run_id"], allowed["run_id"])
            self.assertEqual(facts["policy_digest"], allowed["policy_digest"])
            self.assertNotIn(b"t-1", b"".join(request.body for request in point.requests), "no value of a query")
            self.assertEqual(point.connections, 1, "the connection is kept")

    def test_its_words_are_on_record_and_in_the_answer(self):
        said = {"result": {"allow": False, "reason": "not on a\nSunday"}}
        with HttpUpstream() as upstream, HttpUpstream(says(said)) as point, asking(opa(point.port)) as sluice:
            got = sluice.get(f"http://{UP}:{upstream.port}/")
            self.assert_refused(got, "decision_point_denied", "not on a\\x0aSunday")
            self.assertIn("Sunday", sluice.records("policy_denied")[0]["payload"]["detail"])

    def test_it_adds_redaction_and_removes_none(self):
        said = {"result": {"allow": True, "redact": ["pii"]}}
        with HttpUpstream() as upstream, HttpUpstream(says(said)) as point, asking(opa(point.port)) as sluice:
            text = f"{MAIL} and {KEY}".encode()
            url = f"http://{UP}:{upstream.port}/"
            self.assertEqual(sluice.get(url, method="POST", body=text).status, 200)
            point.respond_with(says({"result": {"allow": True, "redact": []}}))
            self.assertEqual(sluice.get(f"{url}2", method="POST", body=text).status, 200)
            masked, plain = (request.body.decode() for request in upstream.requests)
            self.assertNotIn(MAIL, masked)
            self.assertNotIn(KEY, masked)
            self.assertIn(MAIL, plain)
            self.assertNotIn(KEY, plain, "an empty list takes nothing away")
            redacted = [record["payload"]["obligations"]["redact"] for record in sluice.records("egress_allowed")]
            self.assertEqual(redacted, [["pii", "secrets"], ["secrets"]])

    def test_it_adds_redaction_where_the_policy_has_none(self):
        said = {"result": {"allow": True, "redact": ["secrets"]}}
        with HttpUpstream() as upstream, HttpUpstream(says(said)) as point:
            rules = [allow(name="asked", ask=opa(point.port, cache="0s"))]
            with Sluice(policy_text=json.dumps(policy(rules, defaults={"redact": []}))) as sluice:
                url = f"http://{UP}:{upstream.port}/"
                self.assertEqual(sluice.get(url, method="POST", body=KEY.encode()).status, 200)
                self.assert_problem(sluice.get(url, method=KEY), 403, "secret.block", "secret_blocked")
                point.respond_with(says({"result": True}))
                self.assertEqual(sluice.get(url, method="POST", body=KEY.encode()).status, 200)
            self.assertNotIn(KEY.encode(), upstream.requests[0].body)
            self.assertIn(KEY.encode(), upstream.requests[1].body)

    def test_facts_hold_no_secret(self):
        with HttpUpstream() as upstream, HttpUpstream(says({"result": True})) as point, \
                Sluice([allow(name="asked", ask=opa(point.port), redact=["pii"])],
                       config={"secrets": [{"id": "s", "value": {"env": "ASKED_SECRET"}}]},
                       environment={"ASKED_SECRET": KNOWN}) as sluice:
            url = f"http://{UP}:{upstream.port}/a/{KEY}/{MAIL}/{KNOWN}?{KEY}=1"
            self.assertEqual(sluice.get(url, headers={"X-Note": "n-1"}).status, 200)
            everything = b"".join(request.body for request in point.requests) + str(
                [request.headers for request in point.requests]).encode()
            for secret in (KEY, MAIL, KNOWN):
                self.assertNotIn(secret.encode(), everything)
            self.assertNotIn(b"n-1", everything, "no header of the agent")
            self.assertIn(b"REDACTED", everything)

    def test_every_reading_of_a_path_is_asked_about(self):
        def decide(request):
            return answer({"result": json.loads(request.body)["input"]["path"] != "/public/secret"})
        with HttpUpstream() as upstream, HttpUpstream(decide) as point, asking(opa(point.port)) as sluice:
            self.assert_refused(sluice.get(f"http://{UP}:{upstream.port}/public%2Fsecret"), "decision_point_denied")
            self.assertEqual(sluice.get(f"http://{UP}:{upstream.port}/public%2Fother").status, 200)

    def test_only_what_the_rules_allow_is_asked_about(self):
        rules = [allow(name="asked", ask=None), {"name": "no", "block": {"hosts": [UP], "methods": ["DELETE"]}}]
        with HttpUpstream() as upstream, HttpUpstream(says({"result": True})) as point:
            rules[0]["ask"] = opa(point.port)
            with Sluice(rules) as sluice:
                url = f"http://{UP}:{upstream.port}/"
                self.assert_problem(sluice.get(url, method="DELETE"), 403, "egress[1]", "rule_block")
                self.assert_problem(sluice.get("http://else.test/"), 403, "default_deny", "default_deny")
                self.assertEqual(point.requests, [])
                self.assertEqual(sluice.get(url).status, 200)
                self.assertEqual(len(point.requests), 1)

    def test_all_rules_that_match_must_be_answered_yes(self):
        with HttpUpstream() as upstream, HttpUpstream(says({"result": True})) as yes, \
                HttpUpstream(says({"result": False})) as no:
            rules = [allow(name="first", ask=opa(yes.port)),
                     allow(name="second", ask=opa(no.port), match={"paths": ["/two/**"]})]
            with Sluice(rules) as sluice:
                self.assertEqual(sluice.get(f"http://{UP}:{upstream.port}/one").status, 200)
                got = sluice.get(f"http://{UP}:{upstream.port}/two/x")
                self.assertEqual(self.assert_problem(got, 403, "egress[1]", "decision_point_denied")["rule_name"], "second")
                asked = sluice.records("policy_denied")[0]["payload"]["asked"]
                self.assertEqual(asked, ["egress[0] opa yes", "egress[1] opa no"])


class Others(Points):
    def test_authzen(self):
        def decide(request):
            asked = json.loads(request.body)
            allowed = asked["action"]["name"] == "GET" and asked["resource"]["properties"]["path"] == "/good"
            return answer({"decision": allowed, "context": {"redact": ["pii"], "id": 7, "reason": "by role"}})
        with HttpUpstream() as upstream, HttpUpstream(decide) as point:
            ask = {"authzen": f"http://{LOOPBACK}:{point.port}/access/v1/evaluation"}
            with asking(ask) as sluice:
                self.assertEqual(sluice.get(f"http://{UP}:{upstream.port}/good").status, 200)
                self.assert_refused(sluice.get(f"http://{UP}:{upstream.port}/bad"), "decision_point_denied", "by role")
                self.assertEqual(sluice.records("egress_allowed")[0]["payload"]["obligations"]["redact"],
                                 ["pii", "secrets"])
            self.assertEqual(point.requests[0].path, "/access/v1/evaluation")
            asked = json.loads(point.requests[0].body)
            self.assertEqual(asked["subject"]["type"], "agent")
            self.assertEqual(asked["subject"]["id"], "e2e")
            self.assertEqual(asked["resource"]["id"], f"http://{UP}:{upstream.port}/good")
            self.assertEqual(asked["context"]["rule_name"], "asked")

    def test_ext_authz(self):
        def decide(request):
            if request.path == "/check/odd":
                return Response(status=200, headers={"X-Sluice-Redact": "all"})
            return Response(status=200 if request.path == "/check/a/good" else 403, body=b"<p>no</p>",
                            headers={"X-Sluice-Redact": "pii"})
        with HttpUpstream() as upstream, HttpUpstream(decide) as point:
            with asking({"ext_authz_http": f"http://{LOOPBACK}:{point.port}/check/"}) as sluice:
                base = f"http://{UP}:{upstream.port}"
                self.assertEqual(sluice.get(f"{base}/a/good?k=v", method="PUT", body=b"x").status, 200)
                self.assertEqual(sluice.get(f"{base}/a/good", method="HEAD").status, 200)
                self.assert_refused(sluice.get(f"{base}/bad"), "decision_point_denied", "answered 403")
                self.assert_refused(sluice.get(f"{base}/odd"), "decision_point_failed")
                self.assertEqual(sluice.records("egress_allowed")[0]["payload"]["obligations"]["redact"],
                                 ["pii", "secrets"])
            first = point.requests[0]
            self.assertEqual((first.method, first.path, first.body), ("PUT", "/check/a/good", b""))
            self.assertEqual(first.header("host"), f"{UP}:{upstream.port}")
            self.assertEqual(first.header("x-sluice-query-keys"), "k")
            self.assertEqual(first.header("x-sluice-rule-name"), "asked")
            self.assertEqual(first.header("x-sluice-agent-id"), "e2e")

    def test_raw_tcp(self):
        def echo(connection, _):
            connection.sendall(connection.recv(100))
        with HttpUpstream(says({"result": True})) as point, RawUpstream(echo, read_head=False) as upstream:
            document = {"version": 1, "tcp": [{"name": "db", "allow": {"hosts": [UP], "ports": [upstream.port]},
                                               "private": True, "ask": opa(point.port, cache="0s")}]}
            listeners = [{"name": "raw", "kind": "tcp", "bind": f"{LOOPBACK}:0", "upstream": f"{UP}:{upstream.port}"}]
            with Sluice(policy_text=json.dumps(document), listeners=listeners) as sluice:
                with socket.create_connection((LOOPBACK, sluice.port), 5 * SLOW) as peer:
                    peer.sendall(b"ping")
                    self.assertEqual(peer.recv(10), b"ping")
                facts = json.loads(point.requests[0].body)["input"]
                self.assertEqual((facts["protocol"], facts["port"], facts["path"]), ("tcp", upstream.port, ""))
                point.respond_with(says({"result": False}))
                with socket.create_connection((LOOPBACK, sluice.port), 5 * SLOW) as peer:
                    with contextlib.suppress(ConnectionError):
                        peer.sendall(b"ping")
                        self.assertEqual(peer.recv(10), b"")
                sluice.wait_for_record("policy_denied", reason_code="decision_point_denied", rule_id="tcp[0]")

    def test_inside_an_intercepted_tunnel(self):
        tls = test_ca().server_context(UP)
        with HttpUpstream(tls=tls) as upstream, HttpUpstream(says({"result": True})) as point:
            config = {"tls": {"ca_dir": "ca", "upstream_roots": "none", "extra_roots": [str(test_ca().certificate)]}}
            with asking(opa(point.port), config=config) as sluice:
                self.assertEqual(sluice.get_tls(UP, upstream.port, "/inside").status, 200)
            facts = [json.loads(request.body)["input"] for request in point.requests]
            self.assertEqual([(one["path"], one["scheme"]) for one in facts], [("/inside", "https")])


class Failures(Points):
    def test_what_is_no_clear_answer(self):
        lies = {
            "no boolean": says({"result": "true"}), "a number": says({"result": 1}), "null": says({"result": None}),
            "undefined": says({}), "no allow": says({"result": {"redact": []}}),
            "allow is no boolean": says({"result": {"allow": "yes"}}),
            "a list": says([True]), "twice": says(b'{"result": false, "result": true}'),
            "twice by escapes": says(b'{"result": true, "r\\u0065sult": true}'),
            "YAML": says(b"{result: true}"), "two documents": says(b'{"result":true}{"result":true}'),
            "HTML": lambda request: Response(body=b"<html>ok</html>", headers={"Content-Type": "text/html"}),
            "no UTF-8": says(b'{"result": true, "x": "\xff"}'), "empty": says(b""),
            "an unknown pack": says({"result": {"allow": True, "redact": ["everything"]}}),
            "redact is no list": says({"result": {"allow": True, "redact": "pii"}}),
            "reason is no text": says({"result": {"allow": True, "reason": ["x"]}}),
            "too deep": says(b'{"result": true, "x": ' + b"[" * 5000 + b"]" * 5000 + b"}"),
            "500": says({"result": True}, status=500), "201": says({"result": True}, status=201),
            "redirect": lambda request: Response(302, headers={"Location": f"http://{LOOPBACK}:1/"}),
        }
        with HttpUpstream() as upstream, HttpUpstream() as point, asking(opa(point.port)) as sluice:
            for label, respond in lies.items():
                with self.subTest(label):
                    point.respond_with(respond)
                    self.assert_failure(sluice, upstream, f"{LOOPBACK}:{point.port}: it")
            self.assertEqual(len(point.requests), len(lies), "no failure is remembered, none is asked twice")
            point.respond_with(says({"result": True}))
            self.assertEqual(sluice.get(f"http://{UP}:{upstream.port}/x").status, 200)

    def test_what_is_no_answer(self):
        ok = b"HTTP/1.1 200 OK\r\n"
        yes = b'{"result":true}'
        broken = {
            "closes half-way": (ok + b"Content-Length: 99\r\n\r\n" + yes, "HTTP"),
            "no HTTP": (b"yes, go on\r\n\r\n", "HTTP"),
            "nothing": (b"", "HTTP"),
            "two lengths": (ok + b"Content-Length: 15\r\nContent-Length: 16\r\n\r\n" + yes, "HTTP"),
            "switches": (b"HTTP/1.1 101 Go\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "101"),
            "too large": (ok + b"Content-Length: 200015\r\n\r\n" + yes + b" " * 200_000, "64 KiB"),
            "too large without a length": (ok + b"\r\n" + yes + b" " * 200_000, "64 KiB"),
            "endless head": (ok + b"X: " + b"x" * 200_000, ""),
        }
        for label, (said, shown) in broken.items():
            with self.subTest(label), HttpUpstream() as upstream, RawUpstream(send_and_close(said)) as point, \
                    asking(opa(point.port)) as sluice:
                self.assert_failure(sluice, upstream, shown)

    def test_slow(self):
        slow_answer = b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n" + b'{"result":true}'
        with socket.create_server((LOOPBACK, 0)) as silent, RawUpstream(drip(slow_answer, pause=0.2)) as slow, \
                HttpUpstream() as upstream:
            for label, port in (("says nothing", silent.getsockname()[1]), ("drips", slow.port)):
                with self.subTest(label), asking(opa(port, deadline="300ms")) as sluice:
                    began = time.monotonic()
                    self.assert_failure(sluice, upstream, "no answer in 300 ms")
                    self.assertLess(time.monotonic() - began, 1.5 * SLOW)

    def test_a_slow_point_holds_up_only_its_own_calls(self):
        with socket.create_server((LOOPBACK, 0)) as silent, HttpUpstream() as upstream:
            rules = [allow(name="asked", ask=opa(silent.getsockname()[1], deadline="3s"), match={"paths": ["/slow"]}),
                     allow(name="free", match={"paths": ["/fast"]})]
            with Sluice(rules, config={"workers": 1}) as sluice:
                slow = []
                waiting = threading.Thread(target=lambda: slow.append(sluice.get(f"http://{UP}:{upstream.port}/slow")))
                waiting.start()
                began = time.monotonic()
                for _ in range(20):
                    self.assertEqual(sluice.get(f"http://{UP}:{upstream.port}/fast").status, 200)
                self.assertLess(time.monotonic() - began, 2 * SLOW)
                waiting.join()
                self.assert_refused(slow[0], "decision_point_failed")

    def test_only_so_many_questions_are_open(self):
        with socket.create_server((LOOPBACK, 0), backlog=512) as silent, HttpUpstream() as upstream, \
                asking(opa(silent.getsockname()[1], deadline="4s"), config={"workers": 1}) as sluice, \
                contextlib.ExitStack() as peers:
            request = f"GET http://{UP}:{upstream.port}/%d HTTP/1.1\r\nHost: {UP}:{upstream.port}\r\n\r\n"
            calls = [peers.enter_context(socket.create_connection((LOOPBACK, sluice.port), 20 * SLOW))
                     for _ in range(270)]
            for number, peer in enumerate(calls):
                peer.sendall((request % number).encode())
            said = [peer.recv(4096) for peer in calls]
            self.assertEqual(sum(b"too many questions are open" in one for one in said), 14)
            self.assertEqual(sum(b"no answer in 4000 ms" in one for one in said), 256)
            self.assertEqual(upstream.requests, [])

    def test_dead(self):
        with HttpUpstream() as upstream, asking(opa(free_port())) as sluice:
            self.assert_failure(sluice, upstream, "refused")

    def test_a_name_that_is_none_and_one_of_another_machine(self):
        for host, said in (("nowhere.invalid", ""), ("localhost", "not this machine")):
            scheme = "https" if host != "localhost" else "http"
            config = {"resolve": {UP: [LOOPBACK], "localhost": ["192.0.2.1"]}}
            with self.subTest(host), HttpUpstream() as upstream, \
                    asking({"opa": f"{scheme}://{host}:8181/v1/data/x"}, config=config) as sluice:
                self.assert_failure(sluice, upstream, said)

    def test_sluice_does_not_ask_itself(self):
        port = free_port()
        listeners = [{"name": "egress", "kind": "forward", "bind": f"{LOOPBACK}:{port}"}]
        with HttpUpstream() as upstream:
            with Sluice([allow(name="asked", ask=opa(port))], listeners=listeners) as sluice:
                self.assert_failure(sluice, upstream, "Sluice itself")

    def test_over_tls_only_the_right_certificate_is_believed(self):
        config = {"tls": {"ca_dir": "ca", "upstream_roots": "none", "extra_roots": [str(test_ca().certificate)]},
                  "resolve": {UP: [LOOPBACK], PDP: [LOOPBACK]}}
        good = test_ca().server_context(PDP)
        for label, context in {"good": good, **bad_contexts(PDP)}.items():
            with self.subTest(label), HttpUpstream() as upstream, \
                    HttpUpstream(says({"result": True}), tls=context) as point, \
                    asking({"opa": f"https://{PDP}:{point.port}/v1/data/x", "deadline": "5s"}, config=config) as sluice:
                if label == "good":
                    for number in range(3):
                        self.assertEqual(sluice.get(f"http://{UP}:{upstream.port}/{number}").status, 200)
                    self.assertEqual(len(point.requests), 3)
                else:
                    self.assert_failure(sluice, upstream, "certificate is not believed")
                    self.assertEqual(point.requests, [])

    def test_a_kept_connection_that_was_closed_is_no_failure(self):
        def once(connection, head):
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            body = head.split(b"\r\n\r\n", 1)[1]
            while len(body) < length:
                body += connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n" + b'{"result":true}')
        with HttpUpstream() as upstream, RawUpstream(once) as point, asking(opa(point.port)) as sluice:
            for number in range(8):  # it says keep-alive, and closes
                self.assertEqual(sluice.get(f"http://{UP}:{upstream.port}/{number}").status, 200)


class Cache(Points):
    def count(self, cache, paths, wait=0.0):
        with HttpUpstream() as upstream, HttpUpstream(says({"result": True})) as point, \
                asking(opa(point.port, **({"cache": cache} if cache else {})), config={"workers": 1}) as sluice:
            for path in paths:
                self.assertEqual(sluice.get(f"http://{UP}:{upstream.port}{path}").status, 200)
                time.sleep(wait)
            self.cached = [r["payload"]["asked"][0].endswith(", cached") for r in sluice.records("egress_allowed")]
            return len(point.requests)

    def test_equal_facts_are_asked_about_once(self):
        self.assertEqual(self.count(None, ["/a", "/a", "/b", "/a", "/a?x=1", "/a?x=2"]), 3)
        self.assertEqual(self.cached, [False, True, False, True, False, True])

    def test_never_where_the_rule_says_so(self):
        self.assertEqual(self.count("0s", ["/a", "/a", "/a"]), 3)

    def test_only_for_so_long(self):
        self.assertEqual(self.count("200ms", ["/a", "/a"], wait=0.4), 2)

    def test_a_no_is_kept_and_another_policy_asks_again(self):
        with HttpUpstream() as upstream, HttpUpstream(says({"result": False})) as point, \
                asking(opa(point.port, cache="1h"), config={"workers": 1}) as sluice:
            url = f"http://{UP}:{upstream.port}/"
            for _ in range(3):
                self.assert_refused(sluice.get(url), "decision_point_denied")
            self.assertEqual(len(point.requests), 1)
            point.respond_with(says({"result": True}))
            sluice.write_policy(policy([allow(name="asked", reason="new", ask=opa(point.port, cache="1h"))]))
            sluice.hang_up()
            wait_until(lambda: sluice.get(url).status == 200, what="the new policy")
            self.assertEqual(len(point.requests), 2)


class Modes(Points):
    def test_observe_asks_and_lets_pass(self):
        with HttpUpstream() as upstream, HttpUpstream(says({"result": False})) as point, \
                asking(opa(point.port), config={"mode": "observe"}) as sluice:
            self.assertEqual(sluice.get(f"http://{UP}:{upstream.port}/").status, 200)
            record = sluice.records("egress_allowed")[0]["payload"]
            self.assertEqual((record["would"], record["reason_code"]), ("block", "decision_point_denied"))

    def test_dry_run_asks_nobody(self):
        with HttpUpstream(says({"result": True})) as point, \
                asking(opa(point.port), config={"mode": "dry-run"}) as sluice:
            self.assertEqual(sluice.get(f"http://{UP}/").status, 424)
            self.assertEqual(point.requests, [])

    def test_a_kill_switch_that_comes_while_it_is_asked(self):
        asked, told = threading.Event(), threading.Event()

        def wait(request):
            asked.set()
            told.wait(20)
            return answer({"result": True})
        admin = {"admin": {"bind": "unix:./sluice.sock"}}
        with HttpUpstream() as upstream, HttpUpstream(wait) as point, \
                asking(opa(point.port, deadline="10s"), config=admin) as sluice:
            got = []

            def call():
                with contextlib.suppress(OSError):
                    got.append(sluice.get(f"http://{UP}:{upstream.port}/"))
            waiting = threading.Thread(target=call)
            waiting.start()
            self.assertTrue(asked.wait(10))
            self.admin(sluice, "kill")
            told.set()
            waiting.join()
            self.assertEqual(upstream.requests, [])
            sluice.wait_for_record("policy_denied", reason_code="killed")
            self.admin(sluice, "resume")

    def test_a_policy_that_comes_while_it_is_asked(self):
        asked, told = threading.Event(), threading.Event()

        def wait(request):
            asked.set()
            told.wait(20)
            return answer({"result": True})
        with HttpUpstream() as upstream, HttpUpstream(wait) as point, \
                asking(opa(point.port, deadline="10s")) as sluice:
            got = []
            waiting = threading.Thread(target=lambda: got.append(sluice.get(f"http://{UP}:{upstream.port}/")))
            waiting.start()
            self.assertTrue(asked.wait(10))
            sluice.write_policy(policy([allow(hosts=["else.test"])]))
            sluice.hang_up()
            sluice.wait_for_record("policy_loaded", 2)
            told.set()
            waiting.join()
            self.assert_problem(got[0], 403, "guard.policy_changed", "policy_changed")
            self.assertEqual(upstream.requests, [])

    def admin(self, sluice, order):
        done = run_cli("admin", order, "-c", sluice.config_file)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    main()
