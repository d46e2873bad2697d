"""Logins that Sluice puts into calls: where they are bound and nowhere else, over TLS, masked when they come
back, read again when they change, and never seen by the agent."""

import base64
import json
import os
import subprocess
import time
import unittest

from certificates import test_ca
from servers import HttpUpstream, Response, echo
from sluice_test import LOOPBACK, SLOW, SLUICE, UP, Sluice, SluiceTestCase, main, run_cli, wait_until

OTHER = "other.test"
BEARER, QUERY, PASSWORD, HELPED = "bearer-7d1f0c42aa", "query&9b=e3/f1", "correct horse 81", "helper-55aa0192"


def document(rules, **more):
    return {"version": 1, "credentials": [
        {"id": "bearer", "type": "header", "header": "Authorization", "value": {"env": "BEARER_KEY"},
         "format": "Bearer {value}"},
        {"id": "query", "type": "query", "parameter": "key", "value": {"file": "query.key"}},
        {"id": "basic", "type": "basic", "username": "ci", "value": {"file": "password"}, "plaintext": True},
        {"id": "helped", "type": "header", "header": "X-Api-Key", "value": {"exec": ["sh", "helper.sh"]},
         "refresh": "10s"}], "egress": rules} | more


def rule(path, credential, host=UP, **more):
    return {"allow": {"hosts": [host], "paths": [path]}, "private": True, "credential": credential} | more


RULES = [rule("/bearer/**", "bearer"), rule("/query/**", "query"), rule("/basic/**", "basic"),
         rule("/helped/**", "helped"), rule("/two/**", ["bearer", "query"]),
         rule("/clash/**", "bearer"), rule("/clash/x", "basic"),
         {"allow": {"hosts": [UP], "paths": ["/free/**"]}, "private": True},
         {"allow": {"hosts": [OTHER]}, "private": True}]


class Credentials(SluiceTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        ca = test_ca()
        cls.upstream = cls.enterClassContext(HttpUpstream(echo, tls=ca.server_context(UP, OTHER)))
        cls.plain = cls.enterClassContext(HttpUpstream(echo))
        cls.sluice = Sluice(policy_text=json.dumps(document(RULES)), environment={"BEARER_KEY": BEARER},
                            config={"tls": {"ca_dir": "ca", "upstream_roots": "none", "extra_roots": [str(ca.certificate)]},
                                    "resolve": {UP: [LOOPBACK], OTHER: [LOOPBACK]}})
        folder = cls.sluice.folder
        (folder / "query.key").write_text(QUERY + "\n")
        (folder / "password").write_text(PASSWORD + "\n")
        (folder / "helped").write_text(HELPED)
        (folder / "helper.sh").write_text(f"cat {folder}/helped\n")
        cls.enterClassContext(cls.sluice)

    def setUp(self):
        self.upstream.requests.clear()
        self.plain.requests.clear()

    def call(self, path, host=UP, **more):
        return self.sluice.get_tls(host, self.upstream.port, path, **more)

    def sent(self):
        self.assertEqual(len(self.upstream.requests), 1)
        return self.upstream.requests[0]

    def test_each_goes_where_it_is_bound(self):
        self.call("/bearer/a", headers={"Authorization": "Bearer sluice:credential:bearer"})
        self.assertEqual(self.sent().header("authorization"), f"Bearer {BEARER}")
        self.upstream.requests.clear()
        self.call("/query/a?a=1&key=mine&k%65y=mine")
        self.assertEqual(self.sent().path, "/query/a?a=1&key=query%269b%3De3%2Ff1")
        self.upstream.requests.clear()
        self.call("/basic/a", headers={"Authorization": "Basic bWluZTptaW5l"})
        self.assertEqual(len([name for name, _ in self.sent().headers if name.lower() == "authorization"]), 1)
        self.assertEqual(self.sent().header("authorization"),
                         "Basic " + base64.b64encode(f"ci:{PASSWORD}".encode()).decode())
        self.upstream.requests.clear()
        self.call("/helped/a")
        self.assertEqual(self.sent().header("x-api-key"), HELPED)
        self.upstream.requests.clear()
        self.call("/two/a")
        self.assertEqual(self.sent().header("authorization"), f"Bearer {BEARER}")
        self.assertIn("key=query", self.sent().path)

    def test_an_echo_is_masked_in_every_spelling(self):
        for path in ("/bearer/a", "/query/a", "/basic/a", "/helped/a"):
            self.upstream.respond_with(echo)
            answer = self.call(path)
            said = answer.body + str(answer.headers).encode()
            for value in (BEARER, QUERY, PASSWORD, HELPED):
                for form in (value.encode(), base64.b64encode(f"ci:{value}".encode())):
                    self.assertNotIn(form, said, path)
            self.assertIn(b"REDACTED", said)

    def test_elsewhere_nothing_is_given(self):
        for path, host in (("/free/a", UP), ("/bearer/a", OTHER)):
            self.upstream.requests.clear()
            self.call(path, host=host)
            self.assertIsNone(self.sent().header("authorization"))
            self.upstream.requests.clear()
            answer = self.call(path, host=host, headers={"Authorization": "Bearer sluice:credential:bearer"})
            self.assert_problem(answer, 403, "guard.credential", "credential_refused")
            self.assertEqual(self.upstream.requests, [])

    def test_a_placeholder_in_another_place_goes_nowhere(self):
        for path, headers in (("/bearer/a?key=sluice:credential:bearer", {}),
                              ("/bearer/a", {"X-Note": "sluice:credential:bearer"})):
            answer = self.call(path, headers=headers)
            self.assert_problem(answer, 403, "guard.credential", "credential_refused")
        self.assertEqual(self.upstream.requests, [])

    def test_a_body_may_speak_of_one(self):
        self.assertEqual(self.call("/free/a", method="POST", body="env: sluice:credential:bearer").status, 200)
        self.assertEqual(self.sent().body, b"env: sluice:credential:bearer")

    def test_only_over_tls_unless_it_says_so(self):
        url = f"http://{UP}:{self.plain.port}"
        self.assert_problem(self.sluice.get(url + "/bearer/a"), 403, "default_deny", "default_deny")
        self.assertEqual(self.plain.requests, [])
        self.assertEqual(self.sluice.get(url + "/basic/a").status, 200)
        self.assertTrue(self.plain.requests[0].header("authorization").startswith("Basic "))

    def test_pieces_of_it_are_guesses_and_tell_nothing(self):
        for at in range(0, len(BEARER) - 8):
            answer = self.call("/free/a", method="POST", body=BEARER[at:at + 8])
            self.assertEqual(answer.status, 200, BEARER[at:at + 8])

    def test_an_escaped_placeholder_and_one_in_a_trailer_go_nowhere(self):
        answer = self.call("/bearer/a?k=sluice%3Acredential%3abearer")
        self.assert_problem(answer, 403, "guard.credential", "credential_refused")
        body = b"5\r\nhello\r\n0\r\nX-Note: sluice:credential:bearer\r\n\r\n"
        request = (f"POST http://{UP}:{self.plain.port}/basic/a HTTP/1.1\r\nHost: {UP}:{self.plain.port}\r\n"
                   "Transfer-Encoding: chunked\r\nTrailer: X-Note\r\nConnection: close\r\n\r\n").encode() + body
        received, _ = self.sluice.send_raw(request)
        self.assertIn(b"credential_refused", received)

    def test_what_never_left_is_not_on_record_as_injected(self):
        before = len(self.sluice.records("credential_injected"))
        answer = self.call("/bearer/a", method="POST", body="x", headers={"Content-Encoding": "gzip"})
        self.assertEqual(answer.status, 403)
        self.sluice.wait_for_record("egress_outcome", status="blocked")
        self.assertEqual(len(self.sluice.records("credential_injected")), before)

    def test_two_for_one_place(self):
        self.assertEqual(self.call("/clash/y").status, 200)
        answer = self.call("/clash/x")
        problem = self.assert_problem(answer, 403, "guard.credential", "credential_refused")
        self.assertIn("authorization", problem["detail"])

    def test_a_redirect_takes_nothing_along(self):
        def redirect(request):
            found = echo(request)
            found.status, found.headers = 302, {"Location": f"https://{OTHER}:{self.upstream.port}/bearer/a"}
            return found
        self.upstream.respond_with(redirect)
        self.addCleanup(self.upstream.respond_with, echo)
        answer = self.call("/bearer/a", headers={"Authorization": "Bearer sluice:credential:bearer"})
        self.assertEqual(answer.status, 302)
        self.upstream.respond_with(echo)
        again = self.call("/bearer/a", host=OTHER, headers={"Authorization": "Bearer sluice:credential:bearer"})
        self.assertEqual(again.status, 403)

    def test_what_the_agent_says_itself_is_masked(self):
        self.call("/free/a", method="POST", body=f"my key is {BEARER}")
        self.assertEqual(self.sent().body, b"my key is [REDACTED:secret:bearer]")

    def test_it_is_on_record_and_its_value_is_not(self):
        self.call("/bearer/on-record")
        allowed = self.sluice.wait_for_record("egress_allowed", path="/bearer/on-record")
        call = allowed["payload"]["call_id"]
        record = self.sluice.wait_for_record("credential_injected", call_id=call)
        self.assertEqual(record["payload"]["credentials"], "bearer")
        self.assertEqual(allowed["payload"]["obligations"]["credentials"], ["bearer"])
        written = b"".join(p.read_bytes() for p in self.sluice.evidence.rglob("*") if p.is_file())
        written += self.sluice.stderr.encode()
        for value in (BEARER, QUERY, PASSWORD, HELPED):
            for form in (value.encode(), base64.b64encode(value.encode()), value.encode().hex().encode()):
                self.assertNotIn(form, written)


class Changes(SluiceTestCase):
    def run_with(self, rules, files, **more):
        ca = test_ca()
        upstream = self.enterContext(HttpUpstream(echo, tls=ca.server_context(UP)))
        sluice = Sluice(policy_text=json.dumps(document(rules)), environment={"BEARER_KEY": BEARER},
                        config={"tls": {"ca_dir": "ca", "upstream_roots": "none", "extra_roots": [str(ca.certificate)]}})
        for name, text in files.items():
            (sluice.folder / name).write_text(text)
        return upstream, sluice

    FILES = {"query.key": QUERY, "password": PASSWORD, "helper.sh": "cat helped", "helped": HELPED}

    def test_a_file_that_changes_is_read_again_and_a_bad_one_is_not(self):
        upstream, sluice = self.run_with(RULES, self.FILES)
        with sluice:
            path = sluice.folder / "password"

            def header():
                upstream.requests.clear()
                sluice.get_tls(UP, upstream.port, "/basic/a")
                return base64.b64decode(upstream.requests[0].header("authorization")[6:]).decode()
            self.assertEqual(header(), "ci:" + PASSWORD)
            path.write_text("another horse 82")
            wait_until(lambda: header() == "ci:another horse 82", what="the new password in use")
            upstream.respond_with(lambda request: Response(200, f"last was {PASSWORD}".encode()))
            answer = sluice.get_tls(UP, upstream.port, "/basic/a")
            self.assertEqual(answer.body, b"last was [REDACTED:secret:basic.2]")  # it may be good for a while
            upstream.respond_with(echo)
            path.write_text("")  # as while it is being written
            wait_until(lambda: sluice.records("policy_rejected"), what="a record of the refused file")
            self.assertEqual(header(), "ci:another horse 82")

    def test_a_helper_is_asked_again(self):
        upstream, sluice = self.run_with(RULES, self.FILES)
        with sluice:
            (sluice.folder / "helped").write_text("helper-second-0193")

            def header():
                upstream.requests.clear()
                sluice.get_tls(UP, upstream.port, "/helped/a")
                return upstream.requests[0].header("x-api-key")
            self.assertEqual(header(), HELPED)
            wait_until(lambda: header() == "helper-second-0193", seconds=15, what="the new value in use")

    def test_a_slow_helper_keeps_nobody_from_the_kill_switch(self):
        upstream, sluice = self.run_with(RULES, self.FILES)
        sluice.config["admin"] = {"bind": "unix:./sluice.sock"}
        sluice.config_file.write_text(json.dumps(sluice.config))
        with sluice:
            (sluice.folder / "helper.sh").write_text("touch began; sleep 8; cat helped")
            reload = subprocess.Popen([SLUICE, "admin", "reload", "--admin", sluice.folder / "sluice.sock"],
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            self.addCleanup(reload.wait)
            wait_until((sluice.folder / "began").exists, what="the helper")
            for order in ("status", "kill"):
                began = time.monotonic()
                done = run_cli("admin", order, "--admin", sluice.folder / "sluice.sock")
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertLess(time.monotonic() - began, 5)
            self.assertIsNone(reload.poll())
            self.assertEqual(sluice.get_tls(UP, upstream.port, "/free/a").status, 503)

    def test_a_start_without_a_value_is_refused(self):
        rows = (({"helped": HELPED}, "query.key"), (self.FILES | {"password": "two\nlines"}, "control character"),
                (self.FILES | {"helper.sh": "exit 3"}, "the helper failed"), (self.FILES | {"helped": "short"}, "helped"))
        for files, why in rows:
            _, sluice = self.run_with(RULES, files)
            done = run_cli("run", "-c", sluice.config_file, cwd=sluice.folder,
                           env=dict(os.environ, BEARER_KEY=BEARER))
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(why, done.stderr)
            for value in (BEARER, QUERY, PASSWORD, HELPED):
                self.assertNotIn(value, done.stdout + done.stderr)

    def test_check_says_what_a_start_would(self):
        _, sluice = self.run_with(RULES, {})
        done = run_cli("check", sluice.config_file, cwd=sluice.folder, env={k: v for k, v in os.environ.items()})
        self.assertEqual(done.returncode, 2)
        self.assertIn("/credentials/0/value: secret bearer: the variable BEARER_KEY is not set", done.stderr + done.stdout)
        self.assertIn("/credentials/1/value", done.stderr + done.stdout)

    @unittest.skipUnless(os.geteuid() == 0, "needs root")
    def test_exec_gives_the_command_a_placeholder(self):
        upstream, sluice = self.run_with(RULES, self.FILES)
        sluice.folder.chmod(0o755)
        script = (f'echo "$BEARER_KEY"; cat query.key password; echo "$SECOND"; cat /proc/*/environ 2>/dev/null | tr "\\0" "\\n" | grep -c {BEARER};'
                  f' curl -sS -m 20 -H "Authorization: Bearer $BEARER_KEY" https://{UP}:{upstream.port}/bearer/a')
        done = subprocess.run([SLUICE, "exec", "-c", sluice.config_file, "--", "sh", "-c", script], cwd=sluice.folder,
                              capture_output=True, text=True, timeout=60 * SLOW, stdin=subprocess.DEVNULL,
                              env=dict(os.environ, BEARER_KEY=BEARER, SECOND=f"key={BEARER}"), check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.splitlines()[:3],
                         ["sluice:credential:bearer", "key=sluice:credential:bearer", "0"])
        self.assertEqual(upstream.requests[0].header("authorization"), f"Bearer {BEARER}")
        self.assertNotIn(BEARER, done.stdout + done.stderr)

    @unittest.skipUnless(os.geteuid() == 0, "needs root")
    def test_a_value_that_a_placeholder_holds_does_not_stop_exec(self):
        _, sluice = self.run_with(RULES, self.FILES)
        sluice.folder.chmod(0o755)
        done = subprocess.run([SLUICE, "exec", "-c", sluice.config_file, "--", "sh", "-c", 'echo "$BEARER_KEY"'],
                              cwd=sluice.folder, capture_output=True, text=True, timeout=30 * SLOW,
                              stdin=subprocess.DEVNULL, env=dict(os.environ, BEARER_KEY="credential"), check=False)
        self.assertEqual((done.returncode, done.stdout), (0, "sluice:credential:bearer\n"), done.stderr)

    def test_neither_a_core_nor_a_neighbour_sees_it(self):
        _, sluice = self.run_with(RULES, self.FILES)
        with sluice:
            uid = os.stat(f"/proc/{sluice.process.pid}/mem").st_uid
            self.assertEqual(uid, 0)  # of a process that may not be dumped
            status = subprocess.run(["setpriv", "--reuid=65534", "--clear-groups", "head", "-c1",
                                     f"/proc/{sluice.process.pid}/environ"], capture_output=True, check=False)
            self.assertNotEqual(status.returncode, 0)


if __name__ == "__main__":
    main()
