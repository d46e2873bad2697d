"""The admin server: health, readiness, counters, the four orders, and who may give them."""

import contextlib
import fcntl
import http.client
import json
import os
import socket
import stat
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from servers import HttpUpstream, Response
from sluice_test import (LOOPBACK, SLOW, SLUICE, UP, Sluice, SluiceTestCase, allow, exchange, main, policy,
                         read_answer, run_cli, wait_until)

SLOW_NAME = "slow.test"


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


def connecting_to(port):
    """Whether a connection to this port is still asked for (SYN_SENT)."""
    fields = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return any(line[2].endswith(f":{port:04X}") and line[3] == "02" for line in fields)


class SlowNames:
    """A name server of the test's own: every name is 127.0.0.1, told when `answer` is set. Only what is run
    with `command_prefix` asks it."""

    ADDRESS = "127.77.53.53"

    def __init__(self):
        self.asked, self.answer = threading.Event(), threading.Event()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.settimeout(0.1)
        self._socket.bind((self.ADDRESS, 53))
        self._folder = tempfile.TemporaryDirectory(prefix="sluice-names-")
        file = Path(self._folder.name) / "resolv.conf"
        file.write_text(f"nameserver {self.ADDRESS}\noptions timeout:20 attempts:1\n")
        self.command_prefix = ("unshare", "-m", "sh", "-c",
                               f'mount --bind {file} "$(readlink -f /etc/resolv.conf)" && exec "$@"', "sh")

    def __enter__(self):
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def _serve(self):
        waiting = []
        with contextlib.suppress(OSError):
            while True:
                with contextlib.suppress(TimeoutError):
                    waiting.append(self._socket.recvfrom(4096))
                    self.asked.set()
                while self.answer.is_set() and waiting:
                    self._socket.sendto(*self._reply(*waiting.pop()))

    @staticmethod
    def _reply(query, peer):
        question = query[12:query.index(b"\0", 12) + 5]
        address = b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4" + socket.inet_aton(LOOPBACK)
        records = [address] if question[-3] == 1 else []  # AAAA: none
        head = query[:2] + b"\x81\x80\0\1" + bytes([0, len(records)]) + b"\0\0\0\0"
        return head + question + b"".join(records), peer

    def __exit__(self, *_):
        self._socket.close()
        self._thread.join(5)
        self._folder.cleanup()


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

    def test_a_stream_that_begins_after_its_host_was_forbidden_is_cut(self):
        """Admitted before the reload, but the head that shows a stream comes after it."""
        go_on = threading.Event()

        def late(_):
            go_on.wait(20 * SLOW)
            return Response(headers={"Content-Type": "text/event-stream"}, chunks=[b"data: late\n\n"] * 100, pause=0.05)
        with HttpUpstream(late) as upstream, self.sluice() as sluice:
            connection = sluice.connection()
            connection.request("GET", f"http://{UP}:{upstream.port}/")
            wait_until(lambda: upstream.requests, what="the call at the upstream")
            sluice.write_policy(policy([allow(hosts=["other.test"])]))
            self.assertEqual(self.order(sluice, "POST", "/v1/reload")[0], 200)
            wait_until(lambda: sluice.get(f"http://{UP}:{upstream.port}/").status == 403, what="the new policy")
            started = time.monotonic()
            go_on.set()
            try:
                answer = read_answer(connection.getresponse())
            except ConnectionError:  # also what http.client says when the connection ends without an answer
                answer = None
            connection.close()
            self.assertLess(time.monotonic() - started, 2.0 * SLOW)
            if answer is not None:
                self.assertTrue(answer.status == 403 or not answer.complete, answer.status)
                self.assertNotIn(b"data: late\n\ndata: late", answer.body)
            self.assertEqual(sluice.wait_for_record("egress_error")["payload"]["reason_code"], "policy_changed")

    def test_a_raw_connection_that_is_made_after_its_host_was_forbidden_is_cut(self):
        """Admitted before the reload, but its upstream takes its time to accept."""
        with socket.socket() as upstream, contextlib.ExitStack() as waiting:
            upstream.bind((LOOPBACK, 0))
            upstream.listen(0)  # one connection may wait, and no other is let in before it is accepted
            port = upstream.getsockname()[1]
            waiting.enter_context(socket.create_connection((LOOPBACK, port)))
            listeners = [{"name": "raw", "kind": "tcp", "bind": f"{LOOPBACK}:0", "upstream": f"{UP}:{port}"}]
            rule = {"name": "raw", "allow": {"hosts": [UP], "ports": [port]}, "private": True}
            with self.sluice(listeners=listeners, policy_text=json.dumps(policy([], tcp=[rule]))) as sluice, \
                    socket.create_connection((LOOPBACK, sluice.port), 10 * SLOW) as peer:
                peer.sendall(b"not for this host any more")
                sluice.wait_for_record("egress_allowed")  # which comes before the first byte
                wait_until(lambda: connecting_to(port), what="the connection on its way")
                sluice.write_policy(policy([]))
                self.assertEqual(self.order(sluice, "POST", "/v1/reload")[0], 200)
                self.assertTrue(connecting_to(port), "it must still be on its way")
                self.assertEqual(sluice.records("egress_error"), [])
                upstream.accept()[0].close()
                upstream.settimeout(10 * SLOW)
                late, _ = upstream.accept()
                with late, self.assertRaises(ConnectionResetError):
                    late.settimeout(10 * SLOW)
                    self.fail(f"the upstream got {late.recv(1000)!r}")
                with self.assertRaises(ConnectionResetError):
                    peer.recv(1000)
                outcome = sluice.wait_for_record("egress_error")["payload"]
                self.assertEqual((outcome["reason_code"], outcome["bytes_to_upstream"]), ("policy_changed", 0))

    def test_the_kill_switch_stops_a_call_whose_name_is_being_resolved(self):
        for kind in ("forward", "tcp"):
            with self.subTest(kind), SlowNames() as names, HttpUpstream() as upstream:
                port = upstream.port
                listener = {"name": "in", "kind": kind, "bind": f"{LOOPBACK}:0"}
                if kind == "tcp":
                    listener["upstream"] = f"{SLOW_NAME}:{port}"
                rules = policy([allow(hosts=[SLOW_NAME])],
                               tcp=[{"allow": {"hosts": [SLOW_NAME], "ports": [port]}, "private": True}])
                with self.sluice(listeners=[listener], policy_text=json.dumps(rules),
                                 command_prefix=names.command_prefix) as sluice, \
                        socket.create_connection((LOOPBACK, sluice.port), 10 * SLOW) as peer:
                    peer.sendall(f"GET http://{SLOW_NAME}:{port}/ HTTP/1.1\r\nHost: {SLOW_NAME}:{port}\r\n\r\n"
                                 .encode())
                    self.assertTrue(names.asked.wait(5 * SLOW))
                    self.assertEqual(run_cli("admin", "kill", "--admin", sluice.folder / "sluice.sock").returncode, 0)
                    names.answer.set()
                    refusal = sluice.wait_for_record("policy_denied")["payload"]
                    self.assertEqual((refusal["reason_code"], refusal["rule_id"]), ("killed", "guard.kill_switch"))
                    received, closed = exchange(peer, b"")
                    self.assertTrue(closed)
                    self.assertTrue(received == b"" or received.startswith(b"HTTP/1.1 503 "), received)
                    self.assertEqual(sluice.records("egress_allowed"), [])
                self.assertEqual(upstream.connections, 0)

    def test_the_slow_name_server_serves(self):
        """Without the kill the call goes through: else the test above would show nothing."""
        with SlowNames() as names, HttpUpstream() as upstream:
            names.answer.set()
            with self.sluice(rules=[allow(hosts=[SLOW_NAME])], command_prefix=names.command_prefix) as sluice:
                self.assertEqual(sluice.get(f"http://{SLOW_NAME}:{upstream.port}/").status, 200)

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

    def test_of_many_that_start_at_once_one_gets_the_socket(self):
        with self.sluice() as sluice:
            path = sluice.folder / "sluice.sock"
        stale = socket.socket(socket.AF_UNIX)
        stale.bind(str(path))  # somebody was here, and is gone
        stale.close()
        for _ in range(3):
            started = [subprocess.Popen([SLUICE, "run", "-c", sluice.config_file, "--dir", sluice.folder / f"log-{n}"],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                        text=True) for n in range(6)]
            try:
                wait_until(lambda: sum(one.poll() is not None for one in started) >= 5, 20, "five that gave up")
                time.sleep(0.2)
                running = [one for one in started if one.poll() is None]
                self.assertEqual(len(running), 1)
                self.assertEqual(self.order(sluice, "GET", "/healthz")[0], 200)
            finally:
                for one in started:
                    one.terminate()
                    one.communicate()

    def test_the_place_is_taken_under_a_lock(self):
        with self.sluice() as sluice:
            pass
        with open(sluice.folder / "sluice.sock.lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            refused = run_cli("run", "-c", sluice.config_file, cwd=sluice.folder)
        self.assertEqual(refused.returncode, 2, refused.stderr)
        self.assertIn("sluice.sock", refused.stderr)

    def test_a_socket_that_is_not_its_own_any_more_stays(self):
        with self.sluice() as sluice:
            path = sluice.folder / "sluice.sock"
            path.rename(sluice.folder / "moved.sock")
            other = self.enterContext(socket.socket(socket.AF_UNIX))
            other.bind(str(path))
        self.assertTrue(path.exists())

    def test_few_connections_at_a_time(self):
        with self.sluice() as sluice:
            def connect():
                peer = self.enterContext(socket.socket(socket.AF_UNIX))
                peer.settimeout(5 * SLOW)
                peer.connect(str(sluice.folder / "sluice.sock"))
                return peer
            idle = [connect() for _ in range(32)]
            self.assertEqual(connect().recv(1), b"")
            idle[0].close()
            wait_until(lambda: self.answers(sluice), what="an answer again")

    def answers(self, sluice):
        try:
            return self.order(sluice, "GET", "/healthz")[0] == 200
        except (ConnectionError, http.client.HTTPException):
            return False

    def test_the_verbs(self):
        with self.sluice() as sluice:
            def admin(*words):
                return run_cli("admin", *words, "--admin", sluice.folder / "sluice.sock")
            self.assertEqual(admin("ready").returncode, 0)
            status = json.loads(admin("status", "--json").stdout)
            self.assertEqual((status["mode"], status["schema_version"]), ("enforce", "1"))
            said = admin("status").stdout
            self.assertRegex(said, r"(?m)^mode +enforce$")
            self.assertRegex(said, rf"(?m)^listeners +127\.0\.0\.1:{sluice.port}  forward  egress$")
            self.assertNotIn("{", said)
            self.assertIn("sluice_decisions_total", admin("metrics").stdout)
            self.assertEqual(admin("kill").returncode, 0)
            self.assertEqual(admin("ready").returncode, 1)
            self.assertEqual(admin("resume").returncode, 0)
            self.assertRegex(admin("reload").stdout, r"\Apolicy_digest +sha256:\w+\nreloaded +true\n\Z")
            sluice.write_policy("version: 2\n")
            broken = admin("reload")
            self.assertEqual(broken.returncode, 1)
            self.assertRegex(broken.stdout, r"\Adiagnostics +.*policy.yaml:1:10: /version: ")
        gone = run_cli("admin", "status", "--json", "--admin", sluice.folder / "sluice.sock")
        self.assertEqual(gone.returncode, 1)
        self.assertEqual(json.loads(gone.stdout)["error"]["code"], "admin_unreachable")


if __name__ == "__main__":
    main()
