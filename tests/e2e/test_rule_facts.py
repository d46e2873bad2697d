"""Rules about what no request says: who calls, when, under which server name, and the class of the
address that a name resolves to."""

import http.client
import json
import socket
import time

from servers import HttpUpstream, Response, free_port
from sluice_test import LOOPBACK, SLOW, UP, Sluice, SluiceTestCase, allow, main, policy, run_cli
from test_tcp import TcpServer, echo
from websocket_peers import WebSocketUpstream, close_codes, handshake, read_until_quiet

DB = "db.test"


def window(begin, end):
    """From one moment to another, in whole minutes of UTC."""
    def shown(moment):
        return time.strftime("%H:%M", time.gmtime(moment))
    return f"{shown(begin)}-{shown(end)}"


class RuleFacts(SluiceTestCase):
    def test_a_name_that_resolves_into_a_class(self):
        inside = {"name": "no-inside", "block": {"hosts": ["**"], "address_classes": ["loopback"]}}
        with HttpUpstream() as upstream, Sluice([allow(), inside]) as sluice:
            url = f"http://{UP}:{upstream.port}/"
            self.assert_problem(sluice.get(url), 403, "egress[1]", "rule_block")
            denial = sluice.wait_for_record("policy_denied")["payload"]
            self.assertEqual((denial["rule_name"], denial["destination"]["address_class"]), ("no-inside", "loopback"))
            self.assertEqual(upstream.requests, [])

        # To report is to say so; an allow for another class is none.
        with HttpUpstream() as upstream, Sluice([allow(), inside | {"mode": "report"}]) as sluice:
            self.assertEqual(sluice.get(f"http://{UP}:{upstream.port}/").status, 200)
            reported = sluice.wait_for_record("egress_allowed")["payload"]["reported"]
            self.assertEqual([(one["rule_id"], one["verdict"]) for one in reported], [("egress[1]", "block")])
        with HttpUpstream() as upstream, Sluice([allow(match={"address_classes": ["global"]})]) as sluice:
            url = f"http://{UP}:{upstream.port}/"
            self.assert_problem(sluice.get(url), 403, "guard.address.loopback", "address_loopback")
            sluice.write_policy(policy([allow(match={"address_classes": ["private"]})], defaults={"private": True}))
            sluice.hang_up()
            sluice.wait_for_record("policy_loaded", count=2)
            self.assert_problem(sluice.get(url), 403, "default_deny", "default_deny")
            self.assertEqual(upstream.requests, [])

    def test_every_address_of_a_name_counts(self):
        """A name may resolve to several: what is said of one of them is on record with it, and a stream ends when a
        new policy refuses one, whichever it is connected to."""
        def stream(_):
            return Response(headers={"Content-Type": "application/x-ndjson"}, chunks=[b"{}\n"] * 100, pause=0.1)

        two = {"resolve": {UP: [LOOPBACK, "127.0.0.2"]}}
        with HttpUpstream(stream) as upstream, Sluice([allow()], config=two) as sluice:
            url = f"http://{UP}:{upstream.port}/"
            connection = sluice.connection(timeout=30)
            self.addCleanup(connection.close)
            connection.request("GET", url)
            answer = connection.getresponse()
            self.addCleanup(answer.close)
            self.assertTrue(answer.read(2))
            sluice.write_policy(policy([allow(), {"name": "other", "block": {"hosts": ["127.0.0.2"]}}]))
            sluice.hang_up()
            begun = time.time()
            with self.assertRaises((http.client.IncompleteRead, ConnectionError)):
                answer.read()
            self.assertLess(time.time(), begun + 4 * SLOW)
            sluice.wait_for_record("egress_error", reason_code="policy_changed")
            self.assert_problem(sluice.get(url), 403, "egress[1]", "rule_block")
            denial = sluice.wait_for_record("policy_denied")["payload"]
            self.assertEqual(denial["destination"]["address"], "127.0.0.2")

        def limited(name, address_class):
            return allow(name, match={"address_classes": [address_class]}, limits={"requests_per_day": 1})
        with HttpUpstream() as upstream, Sluice([limited("here", "loopback"), limited("there", "private")],
                                                config=two) as sluice:
            url = f"http://{UP}:{upstream.port}/"
            self.assertEqual([sluice.get(url).status for _ in range(3)], [200, 429, 429])

    def test_agent_and_session_are_those_of_the_configuration(self):
        rules = [allow("mine", match={"agents": ["e*"], "sessions": ["s-1"], "paths": ["/mine"]}),
                 allow("others", match={"agents": ["other"], "paths": ["/others"]}),
                 allow("posts", match={"agents": ["e2e"], "paths": ["/post"], "body": {"/a": {"equals": 1}}}),
                 {"name": "trial", "block": {"hosts": [UP], "sessions": ["s-1"], "paths": ["/trial"]}}]
        with HttpUpstream() as upstream, Sluice(rules) as sluice:
            url = f"http://{UP}:{upstream.port}"
            self.assertEqual(sluice.get(url + "/mine").status, 200)
            claims = {"X-Agent": "other", "User-Agent": "other"}
            self.assert_problem(sluice.get(url + "/others", headers=claims), 403, "default_deny", "default_deny")
            self.assert_problem(sluice.get(url + "/trial"), 403, "egress[3]", "rule_block")
            self.assertEqual(sluice.get(url + "/post", "POST", b'{"a": 1}').status, 200)  # it is read before
            self.assert_problem(sluice.get(url + "/post", "POST", b'{"a": 2}'), 403, "default_deny", "default_deny")
        with HttpUpstream() as upstream, Sluice(rules, config={"agent": {"actor": "test"}}) as sluice:
            self.assert_problem(sluice.get(f"http://{UP}:{upstream.port}/mine"), 403, "default_deny", "default_deny")
            self.assert_problem(sluice.get(f"http://{UP}:{upstream.port}/trial"), 403, "egress[3]", "rule_block")

    def test_the_server_name_of_the_handshake(self):
        rules = [allow("named", match={"sni": [UP], "paths": ["/a"]}), allow("any", match={"paths": ["/b"]}),
                 {"name": "not-that", "block": {"hosts": [UP], "sni": ["*.other.test"]}}]
        closed = free_port()
        with Sluice(rules) as sluice:
            for path in ("/a", "/b"):  # they are allowed, and nobody listens
                self.assertEqual(sluice.get_tls(UP, closed, path).status, 502)
            self.assertEqual({one["payload"]["rule_name"] for one in sluice.records("egress_allowed")}, {"named", "any"})
            context = sluice.client_context()
            context.check_hostname = False
            with socket.create_connection((LOOPBACK, sluice.port), 10 * SLOW) as peer:
                peer.sendall(f"CONNECT {UP}:{closed} HTTP/1.1\r\nHost: {UP}:{closed}\r\n\r\n".encode())
                self.assertTrue(peer.recv(1000).startswith(b"HTTP/1.1 200 "))
                with context.wrap_socket(peer) as inside:  # without a server name
                    inside.sendall(f"GET /b HTTP/1.1\r\nHost: {UP}:{closed}\r\n\r\n".encode())
                    answer = http.client.HTTPResponse(inside)
                    answer.begin()
                    self.assertEqual((answer.status, json.loads(answer.read())["rule_id"]), (403, "egress[2]"))

    def test_a_window_that_closes_cuts_what_is_open(self):
        """It closes with a minute, and there is no other clock than that of the machine."""
        def stream(_):
            return Response(headers={"Content-Type": "text/event-stream"}, chunks=[b"data: x\n\n"] * 800, pause=0.1)

        now = time.time()
        end = now - now % 60 + (60 if now % 60 < 53 else 120)
        hours = {"time": [window(end - 600, end)]}
        names = {"resolve": {UP: [LOOPBACK], DB: [LOOPBACK]}, "limits": {"idle_timeout": "5m"}}
        with (HttpUpstream(stream) as upstream, TcpServer(echo) as database, WebSocketUpstream() as chat,
              Sluice([allow(match=hours)], config=names) as sluice):
            raw = {"hosts": [DB], "ports": [database.port]}
            sluice.write_policy(policy([allow(match=hours), allow("kept", match={"paths": ["/kept"]})],
                                       tcp=[{"allow": raw | hours, "private": True}]))
            sluice.hang_up()
            sluice.wait_for_record("policy_loaded", count=2)
            url = f"http://{UP}:{upstream.port}"
            streams = {}
            for path in ("/", "/kept"):
                connection = sluice.connection(timeout=90)
                self.addCleanup(connection.close)
                connection.request("GET", url + path)
                streams[path] = connection.getresponse()
                self.addCleanup(streams[path].close)
                self.assertTrue(streams[path].read(5))
            talk = self.tunnel(sluice, f"{DB}:{database.port}")
            talk.sendall(b"\0hello")
            self.assertEqual(talk.recv(6), b"\0hello")
            socketed = socket.create_connection((LOOPBACK, sluice.port), 90)
            self.addCleanup(socketed.close)
            socketed.sendall(handshake(f"http://{UP}:{chat.port}/hold", f"{UP}:{chat.port}"))
            self.assertTrue(socketed.recv(4096).startswith(b"HTTP/1.1 101"))
            sluice.wait_for_record("egress_allowed", count=4)
            self.assertLess(time.time(), end - 1, "too slow a machine to begin in time")

            with self.assertRaises((http.client.IncompleteRead, ConnectionError)):
                streams["/"].read()
            self.assertGreaterEqual(time.time(), end - 0.2)
            self.assertLess(time.time(), end + 1.0 * SLOW)
            with self.assertRaises(ConnectionError):
                talk.recv(1)
            data, ended = read_until_quiet(socketed, 3 * SLOW)
            self.assertTrue(ended)
            self.assertEqual(close_codes(data), [1008])
            sluice.wait_for_record("egress_error", reason_code="policy_changed", count=3)
            self.assertTrue(streams["/kept"].read(5))
            streams["/kept"].close()
            self.assert_problem(sluice.get(url), 403, "default_deny", "default_deny")

            # Each is judged again by its own time, not by the time of now.
            done = run_cli("policy", "replay", "--evidence", sluice.evidence, sluice.policy_file, "--json")
            replayed = json.loads(done.stdout)
            self.assertEqual((replayed["changed"], replayed["same"]), (0, 5), done.stdout)

    def tunnel(self, sluice, authority):
        peer = socket.create_connection((LOOPBACK, sluice.port), 90)
        self.addCleanup(peer.close)
        peer.sendall(f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n".encode())
        self.assertTrue(peer.recv(1000).startswith(b"HTTP/1.1 200 "))
        return peer

    def test_the_author_says_the_facts(self):
        rules = [allow(match={"agents": ["e2e"], "time": ["mon 08:00-09:00"], "sni": [UP]}),
                 {"name": "inside", "block": {"hosts": [UP], "address_classes": ["private"]}}]
        sluice = Sluice(rules)
        facts = {"--agent": "e2e", "--time": "2026-06-01T08:30:00Z", "--sni": UP}

        def explain(**changed):
            words = [word for pair in (facts | changed).items() for word in pair]
            done = run_cli("policy", "explain", "GET", f"https://{UP}/", "--policy", sluice.policy_file, "--json", *words)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            return json.loads(done.stdout)
        self.assertEqual(explain()["decision"], "allow")
        for option, value, why in (("--agent", "other", "agent other is not in agents"),
                                   ("--time", "2026-06-01T09:00:00Z", "mon 09:00 is not in time"),
                                   ("--sni", "b.test", "server name b.test is not in sni")):
            found = explain(**{option: value})
            self.assertEqual((found["decision"], found["rules"][0]["why_not"]), ("block", why))
        found = explain(**{"--resolves-to": "10.0.0.1"})
        self.assertEqual((found["decision"], found["rule_id"]), ("block", "egress[1]"))
        for option in ("--time", "--sni", "--resolves-to"):
            done = run_cli("policy", "explain", "GET", f"https://{UP}/", "--policy", sluice.policy_file, option, "a b")
            self.assertEqual(done.returncode, 2, done.stdout)

        cases = {"version": 1, "cases": [
            {"call": {"url": f"https://{UP}/", "agent": "e2e", "time": "2026-06-01T08:30:00Z", "sni": UP, "session": "x",
                      "resolves_to": ["10.0.0.1"]}, "expect": {"decision": "block", "rule": "inside"}},
            {"call": {"url": f"https://{UP}/", "agent": "e2e", "sni": UP}, "expect": {"decision": "block", "rule": "default_deny"}},
            {"call": {"url": f"https://{UP}/", "agent": "e2e", "time": "2026-06-01T08:30:00Z", "sni": UP,
                      "resolves_to": ["8.8.8.8"]}, "expect": {"decision": "allow", "rule": "up"}}]}
        file = sluice.folder / "cases.yaml"
        file.write_text(json.dumps(cases))
        done = run_cli("policy", "test", file, "--policy", sluice.policy_file)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        cases["cases"][0]["call"]["time"] = "noon"
        file.write_text(json.dumps(cases))
        done = run_cli("policy", "test", file, "--policy", sluice.policy_file)
        self.assertEqual(done.returncode, 2)
        self.assertIn("no time is noon", done.stdout + done.stderr)


if __name__ == "__main__":
    main()
