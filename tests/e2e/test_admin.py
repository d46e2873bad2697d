"""The admin server: health, readiness, counters, the four orders, and who may give them."""

import http.client
import json
import os
import socket
import stat
import time

from servers import HttpUpstream, Response
from sluice_test import LOOPBACK, SLOW, UP, Sluice, SluiceTestCase, allow, main, policy, run_cli, wait_until


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("sluice", timeout=10 * SLOW)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def ask(connection, method, path):
    connection.request(method, path)
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, body


class Admin(SluiceTestCase):
    def sluice(self, bind="unix:./sluice.sock", **options):
        config = {"admin": {"bind": bind}} | options.pop("config", {})
        return Sluice(config=config, **options)

    def order(self, sluice, method, path):
        return ask(UnixConnection(sluice.folder / "sluice.sock"), method, path)

    def test_health_readiness_status_and_counters(self):
        with HttpUpstream() as upstream, self.sluice() as sluice:
            self.assertEqual(stat.S_IMODE(os.stat(sluice.folder / "sluice.sock").st_mode), 0o600)
            self.assertEqual(self.order(sluice, "GET", "/healthz")[0], 200)
            self.assertEqual(self.order(sluice, "GET", "/readyz")[0], 200)
            sluice.get(f"http://{UP}:{upstream.port}/")
            sluice.get("http://elsewhere.test/")
            status = json.loads(self.order(sluice, "GET", "/v1/status")[1])
            self.assertEqual(status["mode"], "enforce")
            self.assertEqual(status["listeners"][0]["kind"], "forward")
            self.assertTrue(status["evidence_healthy"])
            sluice.wait_for_record("egress_outcome")
            counters = self.order(sluice, "GET", "/metrics")[1]
            for line in ('sluice_decisions_total{decision="allow"} 1', 'sluice_decisions_total{decision="block"} 1',
                         'sluice_refusals_total{reason="default_deny"} 1', "sluice_evidence_healthy 1",
                         'sluice_outcomes_total{status="succeeded"} 1'):
                self.assertIn(line + "\n", counters)
        self.assertFalse((sluice.folder / "sluice.sock").exists())

    def test_reload_by_order_and_a_broken_policy_changes_nothing(self):
        with HttpUpstream() as upstream, self.sluice() as sluice:
            url = f"http://{UP}:{upstream.port}/"
            sluice.write_policy("version: 1\negress: [{alow: {hosts: [x]}}]\n")
            status, body = self.order(sluice, "POST", "/v1/reload")
            self.assertEqual(status, 422)
            self.assertIn("/egress/0/alow", "".join(json.loads(body)["diagnostics"]))
            self.assertEqual(sluice.get(url).status, 200)
            sluice.write_policy(policy([]))
            self.assertEqual(self.order(sluice, "POST", "/v1/reload")[0], 200)
            wait_until(lambda: sluice.get(url).status == 403, what="the new policy")
            counters = self.order(sluice, "GET", "/metrics")[1]
            self.assertIn('sluice_policy_reloads_total{result="rejected"} 1', counters)

    def test_the_kill_switch_stops_everything_and_can_be_taken_back(self):
        def stream(_):
            return Response(headers={"Content-Type": "text/event-stream"}, chunks=[b"data: x\n\n"] * 200, pause=0.1)
        with HttpUpstream(stream) as upstream, self.sluice() as sluice:
            url = f"http://{UP}:{upstream.port}/"
            connection = sluice.connection()
            connection.request("GET", url)
            answer = connection.getresponse()
            self.assertTrue(answer.read(5))
            started = time.monotonic()
            self.assertEqual(self.order(sluice, "POST", "/v1/kill")[0], 200)
            with self.assertRaises((http.client.IncompleteRead, ConnectionError)):
                answer.read()
            self.assertLess(time.monotonic() - started, 1.0 * SLOW)
            self.assertEqual(sluice.wait_for_record("egress_error")["payload"]["reason_code"], "killed")
            refused = sluice.get(url)
            self.assertEqual((refused.status, refused.problem["reason_code"]), (503, "killed"))
            self.assertEqual(self.order(sluice, "GET", "/readyz")[0], 503)
            self.assertEqual(self.order(sluice, "POST", "/v1/resume")[0], 200)
            self.assertEqual([r["payload"]["state"] for r in sluice.records("kill_switch")], ["on", "off"])
            self.assertEqual(self.order(sluice, "GET", "/readyz")[0], 200)

    def test_a_stream_is_cut_when_its_host_is_no_longer_allowed(self):
        def stream(_):
            return Response(headers={"Content-Type": "text/event-stream"}, chunks=[b"data: x\n\n"] * 200, pause=0.1)
        with HttpUpstream(stream) as upstream, self.sluice() as sluice:
            connection = sluice.connection()
            connection.request("GET", f"http://{UP}:{upstream.port}/")
            answer = connection.getresponse()
            self.assertTrue(answer.read(5))
            sluice.write_policy(policy([allow(hosts=["other.test"])]))
            started = time.monotonic()
            self.assertEqual(self.order(sluice, "POST", "/v1/reload")[0], 200)
            with self.assertRaises((http.client.IncompleteRead, ConnectionError)):
                answer.read()
            self.assertLess(time.monotonic() - started, 1.0 * SLOW)
            self.assertEqual(sluice.wait_for_record("egress_error")["payload"]["reason_code"], "policy_changed")

    def test_drain_by_order_ends_the_process(self):
        with self.sluice() as sluice:
            self.assertEqual(self.order(sluice, "POST", "/v1/drain")[0], 202)
            self.assertEqual(sluice.process.wait(10 * SLOW), 0)

    def test_over_tcp_it_only_tells(self):
        with socket.create_server((LOOPBACK, 0)) as probe:
            port = probe.getsockname()[1]
        with self.sluice(rules=[allow(hosts=[LOOPBACK])],
                         bind=["unix:./sluice.sock", f"{LOOPBACK}:{port}"]) as sluice:
            def tcp(method, path):
                return ask(http.client.HTTPConnection(LOOPBACK, port, timeout=10), method, path)
            self.assertEqual(tcp("GET", "/readyz")[0], 200)
            status, body = tcp("POST", "/v1/kill")
            self.assertEqual((status, json.loads(body)["error"]["code"]), (403, "read_only"))
            refused = sluice.get(f"http://{LOOPBACK}:{port}/metrics")
            self.assertEqual((refused.status, refused.problem["reason_code"]), (403, "self_connect"))

    def test_what_is_not_a_request_is_refused(self):
        with self.sluice() as sluice:
            self.assertEqual(self.order(sluice, "GET", "/nothing")[0], 404)
            self.assertEqual(self.order(sluice, "GET", "/v1/kill")[0], 405)
            for bad in (b"\0\0\0\0\r\n\r\n", b"GET / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
                        b"POST /v1/kill HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 100_000):
                peer = socket.socket(socket.AF_UNIX)
                peer.connect(str(sluice.folder / "sluice.sock"))
                peer.settimeout(15)
                with peer:
                    try:
                        peer.sendall(bad)
                        self.assertIn(b" 400 ", peer.recv(200))
                    except ConnectionError:
                        pass
            self.assertEqual(self.order(sluice, "GET", "/readyz")[0], 200)
            self.assertEqual(sluice.records("kill_switch"), [])

    def test_a_socket_that_somebody_uses_is_not_taken(self):
        with self.sluice() as sluice:
            second = run_cli("run", "-c", sluice.config_file, "--dir", sluice.folder / "other", cwd=sluice.folder)
            self.assertEqual(second.returncode, 2, second.stderr)
            self.assertIn("sluice.sock", second.stderr)

    def test_the_verbs(self):
        with self.sluice() as sluice:
            def admin(*words):
                return run_cli("admin", *words, "--admin", sluice.folder / "sluice.sock")
            self.assertEqual(admin("ready").returncode, 0)
            self.assertEqual(json.loads(admin("status", "--json").stdout)["mode"], "enforce")
            self.assertIn("sluice_decisions_total", admin("metrics").stdout)
            self.assertEqual(admin("kill").returncode, 0)
            self.assertEqual(admin("ready").returncode, 1)
            self.assertEqual(admin("resume").returncode, 0)
            self.assertEqual(admin("reload").returncode, 0)
        gone = run_cli("admin", "status", "--json", "--admin", sluice.folder / "sluice.sock")
        self.assertEqual(gone.returncode, 1)
        self.assertEqual(json.loads(gone.stdout)["error"]["code"], "admin_unreachable")


if __name__ == "__main__":
    main()
