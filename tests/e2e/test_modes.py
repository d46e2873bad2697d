"""dry-run never opens an upstream connection; observe forwards and says what enforce would have done;
without a mode it is dry-run, because live traffic is switched on by a person."""

from servers import HttpUpstream
from sluice_test import UP, Sluice, SluiceTestCase, allow, main

RULES = [allow(match={"methods": ["GET"]}), {"name": "no-posts", "block": {"hosts": [UP], "methods": ["POST"]}}]
KEY = "AKIA" + "2OGYBAH6SLUICEQS"


class Modes(SluiceTestCase):
    def dry_run(self, config):
        with HttpUpstream() as upstream, Sluice(RULES, config=config) as sluice:
            for method, verdict in (("GET", "allow"), ("POST", "block")):
                answer = sluice.get(f"http://{UP}:{upstream.port}/", method)
                self.assertEqual(answer.status, 424, answer.body)
                self.assertEqual(answer.problem["decision"], verdict)
                self.assertEqual(answer.problem["reason_code"], "dry_run")
            self.assertEqual(upstream.connections, 0)
            self.assertEqual(sluice.wait_for_record("policy_denied")["payload"]["rule_id"], "egress[1]")
            self.assertEqual({r["payload"]["mode"] for r in sluice.records()
                              if r["event_type"] in ("egress_allowed", "policy_denied")}, {"dry-run"})

    def test_dry_run(self):
        self.dry_run({"mode": "dry-run"})

    def test_dry_run_is_the_default(self):
        with HttpUpstream() as upstream:
            sluice = Sluice(RULES)
            del sluice.config["mode"]
            import json
            sluice.config_file.write_text(json.dumps(sluice.config))
            sluice.config["mode"] = "dry-run"
            with sluice:
                self.assertEqual(sluice.get(f"http://{UP}:{upstream.port}/").status, 424)
                self.assertEqual(upstream.connections, 0)

    def test_dry_run_of_a_tunnel(self):
        with HttpUpstream() as upstream, Sluice(RULES, config={"mode": "dry-run"}) as sluice:
            head = f"CONNECT {UP}:{upstream.port} HTTP/1.1\r\nHost: {UP}:{upstream.port}\r\n\r\n"
            received, _ = sluice.send_raw(head.encode(), timeout=2)
            self.assertTrue(received.startswith(b"HTTP/1.1 200 "), received)  # what is inside is decided
            head = f"CONNECT unknown.test:443 HTTP/1.1\r\nHost: unknown.test:443\r\n\r\n"
            received, _ = sluice.send_raw(head.encode(), timeout=2)
            self.assertTrue(received.startswith(b"HTTP/1.1 424 "), received)
            self.assertIn(b'"decision":"block"', received)
            self.assertEqual(upstream.connections, 0)

    def test_tunnels_without_a_ca(self):
        """Nobody could look into them: said before the tunnel exists, in each mode's own way."""
        passing = {"name": "pass", "allow": {"hosts": ["pass.test"]}, "tls": "passthrough"}
        rules = [*RULES, {"name": "look", "allow": {"hosts": ["look.test"]}}, passing]
        for mode, status, decision in (("dry-run", 424, "allow"), ("enforce", 400, "block")):
            with self.subTest(mode=mode), Sluice(
                    rules, config={"mode": mode, "tls": {"upstream_roots": "none"}}) as sluice:
                received, _ = sluice.send_raw(b"CONNECT look.test:443 HTTP/1.1\r\nHost: look.test:443\r\n\r\n", timeout=2)
                self.assertTrue(received.startswith(f"HTTP/1.1 {status} ".encode()), received)
                self.assertIn(f'"decision":"{decision}"'.encode(), received)
                wanted = "egress_allowed" if decision == "allow" else "policy_denied"
                self.assertEqual(sluice.wait_for_record(wanted)["payload"]["protocol"], "connect")

    def test_observe(self):
        with HttpUpstream() as upstream, Sluice(RULES, config={"mode": "observe"}) as sluice:
            answer = sluice.get(f"http://{UP}:{upstream.port}/", "POST", f"key {KEY}".encode())
            self.assertEqual((answer.status, answer.body), (200, b"hello from upstream\n"))
            self.assertIn(KEY.encode(), upstream.requests[0].body, "observe masks nothing by default")
            records = [r["payload"] for r in sluice.records() if r["payload"].get("would")]
            self.assertEqual([r["would"] for r in records], ["block"])
            self.assertEqual(records[0]["rule_id"], "egress[1]")
            self.assertEqual(sluice.get(f"http://{UP}:{upstream.port}/").status, 200)
            self.assertNotIn(KEY.encode(), sluice.everything_written())


if __name__ == "__main__":
    main()
