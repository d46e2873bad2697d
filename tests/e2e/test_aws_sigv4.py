"""Requests that Sluice signs for AWS: as they leave, whatever the agent signed, and nowhere else. The other side
makes the signature again by itself (aws_server.py)."""

import hashlib
import json
import os
import subprocess
import time
import unittest
from datetime import datetime, timezone

import client_setup
from aws_server import ACCESS, REGION, SECRET, TOKEN, AwsServer
from certificates import test_ca
from servers import HttpUpstream, Response, echo
from sluice_test import LOOPBACK, SLOW, SLUICE, UP, Sluice, SluiceTestCase, main, run_cli, wait_until

LAMBDA, OTHER = "lambda.test", "other.test"
MARK = "sluice:credential:"
KEYS = {"OPERATOR_ID": ACCESS, "OPERATOR_KEY": SECRET, "OPERATOR_TOKEN": TOKEN}


def signer(name, service, **more):
    return {"id": name, "type": "aws_sigv4", "service": service, "region": REGION} | more


def rule(host, credential, **more):
    return {"allow": {"hosts": [host]}, "private": True, "credential": credential} | more


def document(keys_of_role=None):
    return {"version": 1, "credentials": [
        signer("s3", "s3", access_key={"env": "OPERATOR_ID"}, secret_key={"env": "OPERATOR_KEY"},
               session_token={"env": "OPERATOR_TOKEN"}),
        signer("role", "lambda", value=keys_of_role or {"file": "keys.json"})],
        "egress": [rule(UP, "s3"), rule(LAMBDA, "role"), {"allow": {"hosts": [OTHER]}, "private": True}]}


def role_document(**more):
    return json.dumps({"Version": 1, "AccessKeyId": ACCESS, "SecretAccessKey": SECRET} | more)


class Signing(SluiceTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        ca = test_ca()
        cls.s3, cls.function = AwsServer("s3"), AwsServer("lambda")
        cls.up = cls.enterClassContext(HttpUpstream(cls.s3, tls=ca.server_context(UP)))
        cls.compute = cls.enterClassContext(HttpUpstream(cls.function, tls=ca.server_context(LAMBDA)))
        cls.other = cls.enterClassContext(HttpUpstream(echo, tls=ca.server_context(OTHER)))
        cls.sluice = Sluice(policy_text=json.dumps(document()), environment=KEYS,
                            config={"tls": {"ca_dir": "ca", "upstream_roots": "none", "extra_roots": [str(ca.certificate)]},
                                    "limits": {"whole_body": 65536},
                                    "resolve": {name: [LOOPBACK] for name in (UP, LAMBDA, OTHER)}})
        (cls.sluice.folder / "keys.json").write_text(role_document())
        cls.enterClassContext(cls.sluice)

    def setUp(self):
        for server in (self.up, self.compute, self.other):
            server.requests.clear()
        self.s3.refusals.clear()
        self.function.refusals.clear()

    def put(self, path, body=None, method="PUT", headers=None):
        return self.sluice.get_tls(UP, self.up.port, path, method=method, body=body, headers=headers)

    def invoke(self, path, body=None, headers=None):
        return self.sluice.get_tls(LAMBDA, self.compute.port, path, method="POST", body=body, headers=headers)

    def test_an_agent_that_signs_nothing(self):
        for path in ("/b/plain", "/b/a%20b/%C3%BC", "/b/a+b(1)~", "/b/k?versionId=&x-id=Put&a=%2f", "/b/k?a=b+c&&b"):
            answer = self.put(path, b"some bytes")
            self.assertEqual((answer.status, self.s3.refusals), (200, []), path)
        sent = self.up.requests[0]
        self.assertEqual(sent.header("x-amz-content-sha256"), hashlib.sha256(b"some bytes").hexdigest())
        self.assertEqual(sent.header("x-amz-security-token"), TOKEN)

    def test_an_agent_that_signs_with_what_it_has(self):
        headers = {"Authorization": f"AWS4-HMAC-SHA256 Credential={MARK}s3/20200101/x/s3/aws4_request, "
                                    "SignedHeaders=host, Signature=00",
                   "X-Amz-Date": "20200101T000000Z", "x_amz_date": "20200101T000000Z",
                   "X-Amz-Security-Token": f"{MARK}s3", "X-Amz-Content-Sha256": "0" * 64}
        answer = self.put("/b/k?X-Amz-Signature=00&x-amz-c%72edential=" + MARK + "s3&X-Amz-Expires=60&id=1", b"x",
                          headers=headers)
        self.assertEqual((answer.status, self.s3.refusals), (200, []))
        self.assertEqual(self.up.requests[0].path, "/b/k?id=1")
        self.assertIsNone(self.up.requests[0].header("x_amz_date"))

    def test_the_body_that_leaves_is_the_one_that_is_signed(self):
        for call in (self.put, self.invoke):
            answer = call("/b/echo", f"the key is {SECRET}, the id {ACCESS}".encode(),
                          headers={"Content-MD5": "AAAA", "X-Amz-Checksum-Crc32": "AAAA",
                                   "X-Amz-Meta-Note": f"of  {SECRET}"})
            self.assertEqual((answer.status, self.s3.refusals, self.function.refusals), (200, [], []))
        for server in (self.up, self.compute):
            sent = server.requests[0]
            self.assertEqual(sent.body, b"the key is [REDACTED:secret:s3.secret_key], the id [REDACTED:secret:s3.access_key]")
            self.assertEqual(sent.header("x-amz-meta-note"), "of  [REDACTED:secret:s3.secret_key]")
            self.assertIsNone(sent.header("x-amz-checksum-crc32"))

    def test_chunks_get_a_length_and_a_digest(self):
        self.assertEqual(self.put("/b/k", iter([b"one, ", b"two"])).status, 200)
        sent = self.up.requests[0]
        self.assertEqual((sent.body, sent.header("content-length")), (b"one, two", "8"))
        self.assertEqual(sent.header("x-amz-content-sha256"), hashlib.sha256(b"one, two").hexdigest())

    def test_a_long_body_goes_to_s3_unsigned_and_nowhere_else(self):
        body = b"0123456789abcdef" * 8192
        for sent in (body, iter([body[:70000], body[70000:]])):
            self.up.requests.clear()
            self.assertEqual((self.put("/b/long", sent).status, self.s3.refusals), (200, []))
            self.assertEqual(self.up.requests[0].header("x-amz-content-sha256"), "UNSIGNED-PAYLOAD")
            self.assertEqual(self.up.requests[0].body, body)
        self.assertEqual(self.invoke("/f", body[:65536]).status, 200)
        self.compute.requests.clear()
        problem = self.assert_problem(self.invoke("/f", body), 413, "limit.body", "body_too_large")
        self.assertIn("limits.whole_body", problem["detail"])
        self.assertEqual(self.compute.requests, [])

    def test_other_services_encode_a_path_twice(self):
        for path in ("/2015-03-31/functions/f/invocations", "/model/x%3A0/invoke", "/a%20b", "/model/x:0/invoke"):
            answer = self.invoke(path, b"{}", headers={"Content-Type": "application/json"})
            self.assertEqual((answer.status, self.function.refusals), (200, []), path)

    def test_an_echo_is_masked(self):
        answer = self.put("/b/echo", b"x")
        self.assertEqual(answer.status, 200)
        for value in (ACCESS, SECRET, TOKEN):
            self.assertNotIn(value.encode(), answer.body)
        self.assertIn(b"REDACTED:secret:s3.access_key", answer.body)
        self.assertIn(b"REDACTED:secret:s3.session_token", answer.body)

    def test_elsewhere_nothing_is_signed(self):
        self.sluice.get_tls(OTHER, self.other.port, "/a")
        self.assertIsNone(self.other.requests[0].header("authorization"))
        self.other.requests.clear()
        for headers in ({"Authorization": f"AWS4-HMAC-SHA256 Credential={MARK}s3/x"},
                        {"X-Amz-Security-Token": f"{MARK}s3"}):
            answer = self.sluice.get_tls(OTHER, self.other.port, "/a", headers=headers)
            self.assert_problem(answer, 403, "guard.credential", "credential_refused")
        self.assertEqual(self.other.requests, [])
        answer = self.sluice.get(f"http://{UP}:{self.up.port}/b/k")
        self.assert_problem(answer, 403, "default_deny", "default_deny")

    def test_chunks_of_aws_are_refused(self):
        for headers in ({"Content-Encoding": "aws-chunked"}, {"X-Amz-Trailer": "x-amz-checksum-crc32"},
                        {"X-Amz-Content-Sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"}):
            answer = self.put("/b/k", b"5\r\nhello\r\n0\r\n\r\n", headers=headers)
            problem = self.assert_problem(answer, 403, "guard.credential", "credential_refused")
            self.assertIn("when_required", problem["detail"])
        self.assertEqual(self.up.requests, [])

    def test_it_is_on_record_and_no_key_is(self):
        self.put("/b/on-record", b"x")
        allowed = self.sluice.wait_for_record("egress_allowed", path="/b/on-record")
        record = self.sluice.wait_for_record("credential_injected", call_id=allowed["payload"]["call_id"])
        self.assertEqual(record["payload"]["credentials"], "s3")
        written = b"".join(p.read_bytes() for p in self.sluice.evidence.rglob("*") if p.is_file())
        written += self.sluice.stderr.encode()
        for value in (ACCESS, SECRET, TOKEN):
            self.assertNotIn(value.encode(), written)

    def test_boto3(self):
        reason = client_setup.install_aws()
        if reason:
            self.skipTest(reason)
        done = subprocess.run([client_setup.AWS_VENV / "bin" / "python", client_setup.CLIENTS / "aws_sdk.py",
                               f"https://{UP}:{self.up.port}", self.sluice.proxy_url],
                              env={"PATH": os.environ["PATH"], "AWS_CA_BUNDLE": str(self.sluice.ca_file),
                                   "AWS_ACCESS_KEY_ID": f"{MARK}s3", "AWS_SECRET_ACCESS_KEY": f"{MARK}s3",
                                   "AWS_SESSION_TOKEN": f"{MARK}s3", "AWS_EC2_METADATA_DISABLED": "true"},
                              capture_output=True, text=True, timeout=60 * SLOW, stdin=subprocess.DEVNULL, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        said = json.loads(done.stdout)
        self.assertEqual(said["listed"], ["a folder/ü+(1).txt"])
        self.assertEqual((said["read"], said["refused"]), ("hello from boto3", 403))
        self.assertEqual(self.s3.refusals, [])


class Keys(SluiceTestCase):
    def run_with(self, text, environment=None):
        ca = test_ca()
        function = AwsServer("lambda")
        upstream = self.enterContext(HttpUpstream(function, tls=ca.server_context(LAMBDA, UP)))
        sluice = Sluice(policy_text=json.dumps(document()), environment=KEYS | (environment or {}),
                        config={"tls": {"ca_dir": "ca", "upstream_roots": "none", "extra_roots": [str(ca.certificate)]},
                                "resolve": {name: [LOOPBACK] for name in (UP, LAMBDA, OTHER)}})
        (sluice.folder / "keys.json").write_text(text)
        return upstream, function, sluice

    def test_new_keys_are_taken_and_the_old_token_stays_masked(self):
        upstream, function, sluice = self.run_with(role_document(SessionToken="first-token-77"))
        with sluice:
            def token():
                upstream.requests.clear()
                answer = sluice.get_tls(LAMBDA, upstream.port, "/f")
                self.assertEqual((answer.status, function.refusals), (200, []))
                return upstream.requests[0].header("x-amz-security-token")
            self.assertEqual(token(), "first-token-77")
            (sluice.folder / "keys.json").write_text(role_document(SessionToken="second-token-78"))
            wait_until(lambda: token() == "second-token-78", what="the new keys in use")
            upstream.respond_with(lambda request: Response(200, b"was first-token-77"))
            answer = sluice.get_tls(LAMBDA, upstream.port, "/f")
            self.assertNotIn(b"first-token", answer.body)

    def test_keys_that_run_out_are_read_again(self):
        upstream, _, sluice = self.run_with("")
        sluice.write_policy(json.dumps(document({"exec": ["cat", "keys.json"]})))
        soon = datetime.fromtimestamp(time.time() + 15, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        keys = sluice.folder / "keys.json"
        keys.write_text(role_document(SessionToken="first-token-77", Expiration=soon))
        with sluice:
            keys.write_text(role_document(SessionToken="second-token-78"))

            def token():
                upstream.requests.clear()
                sluice.get_tls(LAMBDA, upstream.port, "/f")
                return upstream.requests[0].header("x-amz-security-token")
            self.assertEqual(token(), "first-token-77")
            wait_until(lambda: token() == "second-token-78", seconds=15, what="the new keys in use")

    def test_a_start_without_keys_is_refused(self):
        rows = (("hunter2hunter2", "no JSON object"), (role_document(Version=2), "Version is not 1"),
                (role_document(AccessKeyId="a b c d e f"), "access key holds a blank"),
                (role_document(SecretAccessKey="short"), "role.secret_key"))
        for text, why in rows:
            _, _, sluice = self.run_with(text)
            for command in (["run", "-c", sluice.config_file], ["check", sluice.config_file]):
                done = run_cli(*command, cwd=sluice.folder, env=dict(os.environ, **KEYS))
                self.assertEqual(done.returncode, 2, f"{why}: {done.stdout}{done.stderr}")
                self.assertIn(why, done.stdout + done.stderr)
                for value in ("hunter2", SECRET, "a b c d e f"):
                    self.assertNotIn(value, done.stdout + done.stderr)

    def test_check_names_the_key_that_is_missing(self):
        _, _, sluice = self.run_with(role_document())
        done = run_cli("check", sluice.config_file, cwd=sluice.folder,
                       env={k: v for k, v in dict(os.environ, **KEYS).items() if k != "OPERATOR_KEY"})
        self.assertEqual(done.returncode, 2)
        self.assertIn("/credentials/0/secret_key: secret s3.secret_key: the variable OPERATOR_KEY is not set",
                      done.stdout + done.stderr)

    def test_policy_test_shows_the_placeholder(self):
        _, _, sluice = self.run_with(role_document())
        cases = {"version": 1, "cases": [{"call": {"url": f"https://{UP}/k", "headers": {"X-Amz-Date": "mine"}},
                                          "expect": {"credentials": ["s3"], "headers": {"Authorization": f"{MARK}s3"}}}]}
        (sluice.folder / "cases.yaml").write_text(json.dumps(cases))
        done = run_cli("policy", "test", "cases.yaml", "--policy", "policy.yaml", cwd=sluice.folder)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    @unittest.skipUnless(os.geteuid() == 0, "needs root")
    def test_exec_gives_the_command_placeholders(self):
        _, _, sluice = self.run_with(role_document())
        sluice.folder.chmod(0o755)
        done = subprocess.run([SLUICE, "exec", "-c", sluice.config_file, "--", "sh", "-c",
                               "env; cat keys.json; cat /proc/*/environ"], cwd=sluice.folder, capture_output=True,
                              text=True, timeout=60 * SLOW, stdin=subprocess.DEVNULL,
                              env=dict(os.environ, **KEYS), check=False)
        for name in KEYS:
            self.assertIn(f"{name}={MARK}s3\n", done.stdout)
        for value in (ACCESS, SECRET, TOKEN):
            self.assertNotIn(value, done.stdout + done.stderr)


if __name__ == "__main__":
    main()
