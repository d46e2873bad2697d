"""--anchor: each signed checkpoint is handed to an outside witness; one that fails stops nothing and is on record."""

import functools
import json
import socket
import time

from certificates import bad_contexts, test_ca
from servers import LOOPBACK, HttpUpstream, RawUpstream, Response, drip, send_and_close
from sluice_test import SLOW, UP, Sluice, SluiceTestCase, main, run_cli, wait_until

WITNESS = "witness.test"


def anchored(command, heartbeat="50ms"):
    return Sluice(config={"evidence": {"dir": "evidence", "heartbeat": heartbeat, "anchor": {"exec": command}}})


def posting(url, **more):
    return Sluice(config={"evidence": {"dir": "evidence", "heartbeat": "50ms", "anchor": {"url": url}},
                          "resolve": {UP: [LOOPBACK], WITNESS: [LOOPBACK]},
                          "tls": {"ca_dir": "ca", "upstream_roots": "none",
                                  "extra_roots": [str(test_ca().certificate)]}} | more)


def witness(**more):
    return HttpUpstream(tls=test_ca().server_context(WITNESS), **more)


class Anchors(SluiceTestCase):
    def test_every_checkpoint_reaches_the_witness(self):
        sluice = anchored(["/bin/sh", "-c", "cat >> witness"])
        with HttpUpstream() as upstream, sluice:
            for call in range(3):
                sluice.get(f"http://{UP}:{upstream.port}/{call}")
            wait_until(lambda: (sluice.folder / "witness").exists())
        marks = [json.loads(line) for line in (sluice.evidence / "audit.checkpoints").read_text().splitlines()]
        seen = [json.loads(line) for line in (sluice.folder / "witness").read_text().splitlines()]
        self.assertEqual(seen[-1], marks[-1], "the last one too, which signs the clean stop")
        self.assertEqual(seen[0], marks[0])
        self.assertTrue(all(one in marks for one in seen))
        head = f"{seen[-1]['head_anchor_seq']}:{seen[-1]['head_anchor_hash']}"
        self.assertEqual(run_cli("evidence", "verify", "--dir", sluice.evidence, "--head", head).returncode, 0)
        self.assertEqual(sluice.records("anchor_failed"), [])

    def test_a_witness_that_fails_is_on_record_and_stops_nothing(self):
        sluice = anchored(["/bin/sh", "-c", "test -e there"])
        with HttpUpstream() as upstream, sluice:
            sluice.wait_for_record("anchor_failed")
            self.assertEqual(sluice.get(f"http://{UP}:{upstream.port}/").status, 200)
            time.sleep(0.3)
            self.assertEqual(len(sluice.records("anchor_failed")), 1, "once, not at every checkpoint")
            (sluice.folder / "there").touch()
            back = sluice.wait_for_record("anchor_recovered")
            self.assertGreater(int(back["payload"]["missed"]), 1)
            (sluice.folder / "there").unlink()
            sluice.wait_for_record("anchor_failed", 2)
        self.assertIn("was not handed to the witness", sluice.stderr)

    def test_a_witness_that_hangs_delays_nothing(self):
        with HttpUpstream() as upstream, anchored(["/bin/sleep", "60"]) as sluice:
            began = time.monotonic()
            for call in range(10):
                self.assertEqual(sluice.get(f"http://{UP}:{upstream.port}/{call}").status, 200)
            self.assertLess(time.monotonic() - began, 5 * SLOW)
            sluice.process.terminate()
            sluice.process.wait(40 * SLOW)
            sluice.check_books = False
            sluice.verify()

    def test_a_witness_that_is_not_there(self):
        with anchored(["/no/such/program"]) as sluice:
            self.assertIn("No such file", sluice.wait_for_record("anchor_failed")["payload"]["error"])

    def test_config(self):
        for wrong in ("cmd", {"exec": []}, {"url": "x"}, {"exec": ["a"], "more": 1}, {}, {"url": "https://w.test/", "exec": ["a"]},
                      {"url": "http://w.test/"}, {"url": "ftp://w.test/"}, {"url": ["https://w.test/"]}):
            sluice = Sluice(config={"evidence": {"dir": "evidence", "anchor": wrong}})
            done = run_cli("check", sluice.config_file)
            self.assertEqual(done.returncode, 2, f"{wrong}: {done.stdout}{done.stderr}")
            self.assertIn("/evidence/anchor", done.stderr)


class UrlAnchors(SluiceTestCase):
    """evidence.anchor: {url}: each checkpoint is posted, and only a whole 2xx of the right server counts."""

    def test_every_checkpoint_is_posted(self):
        with HttpUpstream() as upstream, witness() as other:
            other.respond_with(lambda request: Response(status=204))
            with posting(f"https://{WITNESS}:{other.port}/take?key=k-1") as sluice:
                sluice.get(f"http://{UP}:{upstream.port}/")
                wait_until(lambda: len(other.requests) > 2)
            requests = list(other.requests)
        marks = [json.loads(line) for line in (sluice.evidence / "audit.checkpoints").read_text().splitlines()]
        seen = [json.loads(request.body) for request in requests]
        self.assertEqual(seen[0], marks[0])
        self.assertEqual(seen[-1], marks[-1], "the last one too, which signs the clean stop")
        self.assertTrue(all(one in marks for one in seen))
        first = requests[0]
        self.assertEqual((first.method, first.path), ("POST", "/take?key=k-1"))
        self.assertEqual(first.header("content-type"), "application/json")
        self.assertEqual(first.header("host"), f"{WITNESS}:{other.port}")
        self.assertEqual(sluice.records("anchor_failed"), [])

    def test_any_other_answer_is_a_failure_on_record(self):
        answers = {
            "answered 500": lambda request: Response(status=500),
            "answered 404": lambda request: Response(status=404),
            "answered 307": lambda request: Response(status=307, headers={"Location": f"https://{WITNESS}:1/"}),
            "more than 64 KiB": lambda request: Response(body=b"x" * 100_000),
        }
        for said, respond in answers.items():
            with self.subTest(said), HttpUpstream() as upstream, witness(respond=respond) as other:
                with posting(f"https://{WITNESS}:{other.port}/take?key=k-1") as sluice:
                    failed = sluice.wait_for_record("anchor_failed")["payload"]["error"]
                    self.assertIn(said, failed)
                    self.assertNotIn("k-1", failed, "the URL may hold a key")
                    self.assertEqual(sluice.get(f"http://{UP}:{upstream.port}/").status, 200)
                    other.respond_with(lambda request: Response(status=201))
                    sluice.wait_for_record("anchor_recovered")
                    self.assertTrue(all(request.path == "/take?key=k-1" for request in other.requests))

    def test_an_answer_that_is_none(self):
        broken = {"not HTTP": b"+OK taken\r\n", "cut": b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "none": b""}
        for label, said in broken.items():
            with self.subTest(label), RawUpstream(send_and_close(said), tls=test_ca().server_context(WITNESS)) as other:
                with posting(f"https://{WITNESS}:{other.port}/") as sluice:
                    sluice.wait_for_record("anchor_failed")
                self.assertIn("was not handed to the witness", sluice.stderr)

    def test_only_the_right_certificate_is_believed(self):
        for label, context in bad_contexts(WITNESS).items():
            with self.subTest(label), HttpUpstream(tls=context) as other:
                with posting(f"https://{WITNESS}:{other.port}/") as sluice:
                    failed = sluice.wait_for_record("anchor_failed")["payload"]["error"]
                    self.assertIn("certificate is not believed", failed)
                self.assertEqual(other.requests, [])

    def test_a_witness_that_hangs_delays_nothing_and_is_given_up(self):
        endless = b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n" + b"x" * 60_000
        with socket.create_server((LOOPBACK, 0)) as silent, HttpUpstream() as upstream, \
                RawUpstream(drip(endless, pause=0.1), tls=test_ca().server_context(WITNESS)) as slow:
            for label, port in (("says nothing", silent.getsockname()[1]), ("never ends", slow.port)):
                with self.subTest(label), posting(f"https://{WITNESS}:{port}/") as sluice:
                    began = time.monotonic()
                    for call in range(10):
                        self.assertEqual(sluice.get(f"http://{UP}:{upstream.port}/{call}").status, 200)
                    self.assertLess(time.monotonic() - began, 5 * SLOW)
                    failed = wait_until(functools.partial(sluice.records, "anchor_failed"), 15)
                    self.assertIn("took over 10 s", failed[0]["payload"]["error"])
                    sluice.process.kill()  # it would give the last one its ten seconds, too
                    sluice.exit_code, sluice.check_books = -9, False
                    sluice.process.wait()
                    sluice.verify(killed=True)

    def test_nobody_there_and_no_such_name(self):
        with posting(f"https://{LOOPBACK}:1/") as sluice:
            self.assertIn("refused", sluice.wait_for_record("anchor_failed")["payload"]["error"])
        with posting("https://witness.invalid/") as sluice:
            wait_until(lambda: sluice.records("anchor_failed"), 10)

    def test_plain_http_is_for_this_machine_only(self):
        with HttpUpstream() as other:
            with posting(f"http://{LOOPBACK}:{other.port}/") as sluice:
                wait_until(lambda: other.requests)
            self.assertEqual(sluice.records("anchor_failed"), [])
            with posting(f"http://localhost:{other.port}/", resolve={UP: [LOOPBACK], "localhost": ["192.0.2.1"]}) as sluice:
                self.assertIn("not this machine", sluice.wait_for_record("anchor_failed")["payload"]["error"])

    def test_on_the_command_line(self):
        with HttpUpstream() as other:
            sluice = Sluice()
            sluice.arguments = ["--anchor", f"http://{LOOPBACK}:{other.port}/take"]
            with sluice:
                pass
            self.assertEqual({request.path for request in other.requests}, {"/take"})
        done = run_cli("run", "-c", sluice.config_file, "--anchor", "http://witness.test/?key=k-1")
        self.assertEqual(done.returncode, 2)
        self.assertIn("--anchor: without TLS only to a loopback address", done.stderr)
        self.assertNotIn("k-1", done.stderr)


if __name__ == "__main__":
    main()
