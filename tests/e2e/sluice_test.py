"""Runs the real `sluice` for a test: writes its files, starts it, reads its evidence, and on the way
out holds it to what must always be true: a clean exit, no sanitizer report, evidence that verifies,
and exactly one outcome for each permitted call.
"""

import contextlib
import http.client
import json
import os
import re
import resource
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from folders import temporary_folder  # noqa: E402

SLUICE = os.environ.get("SLUICE_BIN", "")
LOOPBACK = "127.0.0.1"
SANITIZER = re.compile(r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:|SUMMARY: \w+San")
SANITIZED = "asan" in SLUICE or "tsan" in SLUICE
SLOW = 6 if SANITIZED else 2  # how much longer things may take on two cores that do other things, too

UP = "up.test"  # what the tests call their upstream


def allow(name="up", hosts=(UP,), private=True, **more):
    """An egress rule that allows, for policy([...])."""
    match = {"hosts": list(hosts)} | more.pop("match", {})
    return {"name": name, "allow": match, "private": private} | more


def policy(rules, **more):
    return {"version": 1, "egress": rules} | more


def wait_until(condition, seconds=5.0, what="the condition"):
    deadline = time.monotonic() + seconds * SLOW
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"{what} did not become true in {seconds * SLOW} s")


def run_cli(*arguments, **options):
    """`sluice ARGUMENTS…` to its end; text output, never a terminal."""
    return subprocess.run([SLUICE, *map(str, arguments)], stdin=options.pop("stdin", subprocess.DEVNULL) if
                          "input" not in options else None, capture_output=True, text=True,
                          timeout=60 * SLOW, **options)


def read_evidence(directory):
    records = []
    for segment in sorted(Path(directory).glob("audit*.jsonl")):
        for line in segment.read_text().splitlines():
            with contextlib.suppress(json.JSONDecodeError):  # the line being written
                records.append(json.loads(line))
    return records


class Sluice:
    """One `sluice run`. As a context manager it starts, and checks itself when it ends."""

    def __init__(self, rules=None, *, config=None, listeners=None, upstream=None, preexec=None,
                 command_prefix=(), environment=None, policy_text=None):
        self.folder = temporary_folder("sluice-e2e-")
        self.evidence = self.folder / "evidence"
        self.policy_file = self.folder / "policy.yaml"
        self.ca_file = self.folder / "ca" / "ca.pem"
        self.listeners = listeners or [{"name": "egress", "kind": "forward", "bind": f"{LOOPBACK}:0"}]
        if upstream:
            self.listeners = self.listeners + [{"name": "edge", "kind": "reverse", "upstream": upstream,
                                                "bind": f"{LOOPBACK}:0"}]
        self.config = {
            "version": 1, "mode": "enforce",
            "agent": {"id": "e2e", "session": "s-1", "actor": "test"},
            "listeners": self.listeners, "policy": "policy.yaml",
            "tls": {"ca_dir": "ca", "upstream_roots": "none"},
            "evidence": {"dir": "evidence", "commit": "written"},
            "resolve": {UP: [LOOPBACK]},
        } | (config or {})
        if policy_text is None:
            self.write_policy(policy([allow()] if rules is None else rules))
        else:
            self.policy_file.write_text(policy_text)
        self.config_file = self.folder / "sluice.yaml"
        self.config_file.write_text(json.dumps(self.config, indent=1))  # JSON is YAML
        self.preexec, self.prefix, self.arguments = preexec, list(command_prefix), []
        self.environment = dict(os.environ, **(environment or {}))
        self.process, self.ports, self.stderr = None, {}, ""
        self.exit_code, self.check_books = 0, True
        made = run_cli("ca", "init", "--dir", self.folder / "ca")
        if made.returncode:
            raise AssertionError(f"ca init failed: {made.stdout}{made.stderr}")

    # Life

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.kill()
            raise

    def __exit__(self, kind, *_):
        if kind is not None:
            self.kill()
            sys.stderr.write(f"--- sluice said:\n{self.stderr}\n")
            return
        try:
            self.stop()
        finally:
            self.kill()

    def _before_exec(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        if self.preexec:
            self.preexec()

    def spawn(self):
        self.ports, self.stderr = {}, ""
        self.process = subprocess.Popen(
            [*self.prefix, SLUICE, "run", "-c", str(self.config_file), *self.arguments], cwd=self.folder, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            errors="replace", env=self.environment, preexec_fn=self._before_exec)
        self._reader = threading.Thread(target=self._read_stderr, daemon=True)
        self._reader.start()

    def start(self):
        self.spawn()
        wait_until(lambda: len(self.ports) == len(self.listeners) or self.process.poll() is not None,
                   20, "a `listening` line for each listener")
        if self.process.poll() is not None:
            self._reader.join(5)
            raise AssertionError(f"sluice run ended with {self.process.returncode}:\n{self.stderr}")
        return self

    def _read_stderr(self):
        for line in self.process.stderr:
            self.stderr += line
            port = re.search(r"127\.0\.0\.1:(\d+)", line)
            if "listening" in line and port:
                unnamed = [l["name"] for l in self.listeners if l["name"] not in self.ports]
                named = [n for n in unnamed if re.search(rf"\b{re.escape(n)}\b", line)]
                self.ports[(named or unnamed)[0]] = int(port.group(1))

    def stop(self, seconds=15):
        """SIGTERM, then everything that must be true of a run that ended well."""
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(seconds * SLOW)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"sluice still runs {seconds * SLOW} s after SIGTERM\n{self.stderr}") from None
        self._reader.join(5)
        report = SANITIZER.search(self.stderr)
        assert not report, f"sanitizer report:\n{self.stderr}"
        assert code == self.exit_code, f"exit code {code}, wanted {self.exit_code}:\n{self.stderr}"
        if self.check_books:
            self.verify()
            self._check_outcomes()

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.process:
            self._reader.join(5)
            self.process.stderr.close()

    def hang_up(self):
        self.process.send_signal(signal.SIGHUP)

    @property
    def port(self):
        return self.ports[self.listeners[0]["name"]]

    @property
    def proxy_url(self):
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def reverse_url(self):
        return f"http://{LOOPBACK}:{self.ports['edge']}"

    def write_policy(self, document):
        self.policy_file.write_text(document if isinstance(document, str) else json.dumps(document, indent=1))

    # Evidence

    def records(self, event_type=None, **payload):
        """Records, of one type and with these payload values if given."""
        def fits(record):
            facts = record.get("payload") or {}
            return (event_type in (None, record["event_type"])
                    and all(facts.get(key) == value for key, value in payload.items()))
        return [record for record in read_evidence(self.evidence) if fits(record)]

    def wait_for_record(self, event_type=None, count=1, **payload):
        """The last such record, once there are `count`: an outcome is written after its answer."""
        return wait_until(lambda: (self.records(event_type, **payload) + [None] * count)[count - 1],
                          what=f"{count} record(s) {event_type} {payload}") and self.records(event_type, **payload)[-1]

    def count_outcomes(self):
        """How many calls ended well, once every call that was let go has ended."""
        def count(*types):
            return sum(len(self.records(one)) for one in types)
        wait_until(lambda: count("egress_allowed") == count("egress_outcome", "egress_error"), what="every outcome")
        return count("egress_outcome")

    def verify(self, killed=False):
        """A log whose writer was killed has a tail that no checkpoint covers, as one that is being written."""
        done = run_cli("evidence", "verify", "--dir", self.evidence, *(["--running"] if killed else []))
        assert done.returncode == 0, f"evidence does not verify:\n{done.stdout}{done.stderr}"

    def _check_outcomes(self):
        admitted = [r["payload"]["call_id"] for r in self.records("egress_allowed")
                    if r["payload"].get("method") != "CONNECT"]
        ended = [r["payload"]["call_id"] for r in self.records("egress_outcome") + self.records("egress_error")]
        assert len(set(ended)) == len(ended), "a call has two outcomes"
        missing = set(admitted) - set(ended)
        if self.config["mode"] != "dry-run":
            assert not missing, f"admitted calls without an outcome: {missing}"

    def everything_written(self):
        """All bytes Sluice left behind: what a secret must not be in."""
        files = [p for p in self.folder.rglob("*") if p.is_file() and p.parent.name != "ca"
                 and p not in (self.config_file, self.policy_file)]
        return b"".join(p.read_bytes() for p in files) + self.stderr.encode()

    # Talking to it

    def connection(self, timeout=10):
        return http.client.HTTPConnection(LOOPBACK, self.port, timeout=timeout * SLOW)

    def client_context(self):
        return ssl.create_default_context(cafile=str(self.ca_file))

    def get(self, url, method="GET", body=None, headers=None, timeout=10):
        """One plain call through the forward listener, absolute-form; the body is already read."""
        connection = self.connection(timeout)
        try:
            connection.request(method, url, body=body, headers=headers or {})
            return read_answer(connection.getresponse())
        finally:
            connection.close()

    def get_tls(self, host, port, path="/", method="GET", body=None, headers=None, timeout=10):
        """One intercepted call: CONNECT, TLS with our CA, the request inside."""
        connection = http.client.HTTPSConnection(LOOPBACK, self.port, timeout=timeout * SLOW,
                                                 context=self.client_context())
        connection.set_tunnel(host, port)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            return read_answer(connection.getresponse())
        finally:
            connection.close()

    def send_raw(self, data, port=None, timeout=5, half_close=False):
        """Sends bytes as they are and returns everything that comes back until close or timeout."""
        with socket.create_connection((LOOPBACK, port or self.port), timeout * SLOW) as peer:
            return exchange(peer, data, half_close)


class Answer:
    def __init__(self, status, headers, body, complete=True):
        self.status, self.headers, self.body, self.complete = status, headers, body, complete

    @property
    def problem(self):
        assert self.headers.get("content-type", "").startswith("application/problem+json"), (
            f"not a problem document: {self.status} {dict(self.headers)} {self.body[:200]!r}")
        return json.loads(self.body)


def read_answer(response):
    try:
        return Answer(response.status, response.headers, response.read())
    except (http.client.IncompleteRead, ConnectionError) as error:
        return Answer(response.status, response.headers, getattr(error, "partial", b""), complete=False)


def exchange(peer, data, half_close=False):
    """(everything received, whether the peer closed)."""
    received = b""
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        peer.sendall(data)
        if half_close:
            peer.shutdown(socket.SHUT_WR)
    try:
        while True:
            chunk = peer.recv(65536)
            if not chunk:
                return received, True
            received += chunk
    except socket.timeout:
        return received, False
    except ConnectionResetError:
        return received, True


class SluiceTestCase(unittest.TestCase):
    """Fails early and clearly without a binary."""

    maxDiff = None

    @classmethod
    def setUpClass(cls):
        if not SLUICE or not os.access(SLUICE, os.X_OK):
            raise AssertionError("SLUICE_BIN must name the sluice binary")

    def assert_problem(self, answer, status, rule_id, reason_code):
        """A refusal in full: status, document, header; returns the document."""
        self.assertEqual(answer.status, status, answer.body[:300])
        problem = answer.problem
        for key in ("type", "title", "status", "detail", "decision_id", "decision", "rule_id",
                    "reason_code", "run_id", "retry"):
            self.assertIn(key, problem)
        self.assertEqual(problem["status"], status)
        self.assertEqual(problem["rule_id"], rule_id)
        self.assertEqual(problem["reason_code"], reason_code)
        self.assertEqual(answer.headers.get("x-sluice-decision"), problem["decision_id"])
        return problem


def main():
    unittest.main(verbosity=2 if "-v" in sys.argv else 1)
