"""sluice overlay run: whole scenarios on this machine, real programs in boxes, sidecars in between."""

import http.server
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path

from sluice_test import SLOW, SLUICE, main, read_evidence, run_cli, wait_until

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "overlay-redaction"
LAUNCH_CODE, API_KEY = "correct-horse-battery", "sk-staple-4711-0815"
OWN_SECRETS = {"AMBER_CONFIG_LAUNCH_CODE": LAUNCH_CODE, "AMBER_CONFIG_API_KEY": API_KEY}
BUILTIN_REDACTION = """{ builtin: "redact", select: { kind: "a2a" },
  config: { terms: ["${config.launch_code}", "${config.api_key}"] } }"""
HELPER_REDACTION = """{
      manifest: "./overlay.json5",
      config: { terms: ["$${config.launch_code}", "$${config.api_key}"] },
    }"""

# Answers every request with what the expression says; `ask(URL)` asks on.
PROGRAM = """
import http.server, json, os, socket, sys, urllib.request, urllib.error
def ask(url, data=None, headers={}):
    try:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(urllib.request.Request(url, data, headers), timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)
def reach(host, port):
    try:
        with socket.create_connection((host, port), 2) as connection:
            connection.settimeout(2)
            connection.sendall(b'GET / HTTP/1.1\\r\\nHost: ' + host.encode() + b'\\r\\n\\r\\n')
            return connection.recv(100).decode('latin-1') or 'closed'
    except OSError as error:
        return 'refused: ' + str(error)
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def do_GET(self):
        body = self.rfile.read(int(self.headers.get('Content-Length') or 0)).decode()
        path = self.path
        answer = EXPRESSION
        data = json.dumps(answer).encode()
        self.send_response(200); self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(data))); self.end_headers(); self.wfile.write(data)
    do_POST = do_GET
    def log_message(self, *args): pass
SETUP
http.server.ThreadingHTTPServer(('127.0.0.1', int(os.environ['PORT'])), Handler).serve_forever()
"""


def program(expression, port, setup="", **env):
    return {"path": "/usr/bin/python3",
            "args": ["-I", "-c", PROGRAM.replace("EXPRESSION", expression).replace("SETUP", setup)],
            "env": {"PORT": str(port)} | env, "network": {"endpoints": [{"name": "e", "port": port}]}}


def component(expression, port=8000, kind="http", slots=None, setup="", **env):
    return {"manifest_version": "0.4.0", "program": program(expression, port, setup, **env),
            "slots": {name: {"kind": what} for name, what in (slots or {}).items()},
            "provides": {"api": {"kind": kind, "endpoint": "e"}}, "exports": {"api": "provides.api"}}


def get(url, data=None, headers=None):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers or {}), timeout=20 * SLOW) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def processes_with(text):
    out = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and text.encode() in (entry / "cmdline").read_bytes():
                out.append(int(entry.name))
        except OSError:
            continue
    return out


class Running:
    """One `sluice overlay run` until the context ends, by SIGINT."""

    def __init__(self, folder, *options, env=None, file="scenario.json5"):
        self.folder, self.exports, self.output = folder, {}, ""
        self.temporary = folder / "tmp"
        self.temporary.mkdir(exist_ok=True)
        self.process = subprocess.Popen(
            [SLUICE, "overlay", "run", file, "--json", "--dir", "state", *options], cwd=folder, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
            env=os.environ | {"TMPDIR": str(self.temporary)} | (env or {}))
        self.lines = []
        self.reader = threading.Thread(target=lambda: self.lines.extend(self.process.stderr), daemon=True)
        self.reader.start()

    def __enter__(self):
        while not self.output.endswith("\n}\n"):
            line = self.process.stdout.readline()
            self.output += line
            if not line:
                break
        if '"exports"' not in self.output:
            self.end()
            raise AssertionError("it did not come up: " + self.said())
        self.exports = {name: one["url"] for name, one in json.loads(self.output)["exports"].items()}
        return self

    def __exit__(self, *args):
        code = self.end()
        if args[0] is None and code != 0:
            raise AssertionError(f"exit code {code}: {self.said()}")

    def said(self):
        return self.output + "".join(self.lines)

    def end(self, with_signal=signal.SIGINT):
        if self.process.poll() is None:
            self.process.send_signal(with_signal)
        code = self.process.wait(40 * SLOW)
        self.reader.join(10)
        self.output += self.process.stdout.read()
        self.process.stdout.close()
        self.process.stderr.close()
        if list(self.temporary.iterdir()):
            raise AssertionError(f"left behind: {list(self.temporary.iterdir())}")
        return code

    def evidence(self, unit):
        return read_evidence(self.folder / "state" / unit / "evidence")


class OverlayRun(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="sluice-overlay-run-")))
        self.folder.chmod(0o755)
        for file in EXAMPLE.iterdir():
            if file.suffix in (".json5", ".py"):
                shutil.copy(file, self.folder)

    def replace(self, old, new, file="scenario.json5"):
        text = (self.folder / file).read_text()
        self.assertIn(old, text)
        (self.folder / file).write_text(text.replace(old, new))

    def write(self, **components):
        for name, what in components.items():
            (self.folder / f"{name}.json5").write_text(json.dumps(what))

    def scenario(self, components, bindings=(), exports=None, **more):
        self.write(scenario={"manifest_version": "0.4.0", "components": {name: f"./{name}.json5" for name in components},
                             "bindings": [{"to": to, "from": source} for to, source in bindings],
                             "exports": exports or {}} | more)
        self.write(**components)

    def verified(self, *units):
        for unit in units:
            done = run_cli("evidence", "verify", "--dir", self.folder / "state" / unit / "evidence")
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def status(self, run):
        def answered():
            status = json.loads(get(run.exports["status"])[1])
            return status if status["received"] or status["error"] else None
        return wait_until(answered, 30, "the caller's status")

    def no_secret_below(self, folder, *secrets):
        for file in folder.rglob("*"):
            if file.is_file():
                content = file.read_bytes()
                for secret in secrets:
                    self.assertNotIn(secret.encode(), content, file)

    def check_redaction(self, run, launch_code, api_key):
        status = self.status(run)
        sent = json.dumps(status["sent"])
        self.assertIn(launch_code, sent)
        self.assertIn(api_key, sent)
        received = json.dumps(status["received"])
        self.assertNotIn(launch_code, received)
        self.assertNotIn(api_key, received)
        self.assertIn("my launch code is [REDACTED", received)

    # ---- the example -----------------------------------------------------------------------------

    def test_the_example_masks_with_its_overlay_s_program(self):
        with Running(self.folder, env=OWN_SECRETS) as run:
            self.check_redaction(run, LAUNCH_CODE, API_KEY)
        units = ["c1-caller", "c2-responder", "c3-overlay-0-0"]
        self.assertEqual(sorted(one.name for one in (self.folder / "state").iterdir()), units)
        self.verified(*units)
        self.no_secret_below(self.folder / "state", LAUNCH_CODE, API_KEY)
        self.assertNotIn(LAUNCH_CODE, run.said())
        self.assertNotIn(API_KEY, run.said())
        self.chained(run, ["c1-caller", "c3-overlay-0-0", "c2-responder"])

    def decisions(self, run, unit, prefix):
        return [one["payload"] for one in run.evidence(unit) if one["event_type"] == "egress_allowed"
                and one["payload"].get("listener", "").startswith(prefix)]

    # One tree through the logs of all: each knows who called, and which call of that one it was.
    def chained(self, run, units):
        calls = {one["call_id"] for one in self.decisions(run, units[0], "slot-")}
        self.assertTrue(calls)
        for caller, unit in zip(units, units[1:]):
            came = self.decisions(run, unit, "in-")
            self.assertTrue(came, unit)
            for one in came:
                self.assertIn(one["parent_call_id"], calls, unit)
                self.assertTrue(one["peer"].startswith("spiffe://scenario-"), one)
            went = self.decisions(run, unit, "slot-")
            for one in went:
                self.assertIn(one["parent_call_id"], {a["call_id"] for a in came})
                self.assertTrue(one["upstream_peer"].startswith("spiffe://scenario-"), one)
            calls = {one["call_id"] for one in went} or {one["call_id"] for one in came}

    def test_defaults_of_the_manifest_and_other_values_are_masked_alike(self):
        with Running(self.folder) as run:
            self.check_redaction(run, "swordfish", "hunter2")
        (self.folder / "values").write_text(f"AMBER_CONFIG_LAUNCH_CODE={LAUNCH_CODE}\n")
        (self.folder / "config.json5").write_text(f"{{ api_key: '{API_KEY}' }}")
        with Running(self.folder, "--env-file", "values", "--config-file", "config.json5") as run:
            self.check_redaction(run, LAUNCH_CODE, API_KEY)

    def test_the_built_in_redactor_does_the_same_without_a_program(self):
        self.replace(HELPER_REDACTION, BUILTIN_REDACTION)
        with Running(self.folder, env=OWN_SECRETS) as run:
            self.check_redaction(run, LAUNCH_CODE, API_KEY)
        units = ["c1-caller", "c2-responder", "c3-overlay-0-0"]
        self.verified(*units)
        self.no_secret_below(self.folder / "state", LAUNCH_CODE, API_KEY)
        self.assertTrue([one for one in run.evidence("c3-overlay-0-0") if one["payload"].get("findings")])

    # ---- what a program can reach ----------------------------------------------------------------

    def test_a_program_reaches_its_slots_and_nothing_else(self):
        beside = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(beside.close)
        port = beside.getsockname()[1]
        self.scenario({"server": component("[path, body]", 8000),
                       "client": component(
                           "{'slot': ask(os.environ['SLOT'] + '/a/b?c=d', b'hi'), 'direct': reach('127.0.0.1', 8000),"
                           f" 'host': reach('127.0.0.1', {port}), 'world': reach('198.51.100.7', 80)}}", 8001,
                           slots={"server": "http"}, SLOT="${slots.server.url}")},
                      [("#client.server", "#server.api")], {"client": "#client.api"})
        with Running(self.folder) as run:
            told = json.loads(get(run.exports["client"])[1])
        self.assertEqual(told["slot"], [200, '["/a/b?c=d", "hi"]'])
        self.assertIn("refused", told["direct"])
        self.assertIn("refused", told["host"])
        self.assertNotIn("200 OK", told["world"])
        self.assertIn("198.51.100.7:80", [one["payload"].get("destination_text") for one in run.evidence("c1-client")
                                          if one["event_type"] == "policy_denied"])

    # In a network of its own, where an address is nobody else's.
    def test_what_goes_out_into_the_world_is_what_an_overlay_s_policy_says(self):
        world = "10.66.0.1"
        (self.folder / "open").mkdir()
        (self.folder / "open" / "a").write_text("hello")
        (self.folder / "shut").write_text("hello")
        asks = f"print('ANSWERS', ask('http://{world}:8000/open/a'), ask('http://{world}:8000/shut'), flush=True)"
        self.scenario({"agent": component("1", 8000, setup=asks)}, exports={"agent": "#agent.api"},
                      use={"out": {"builtin": "policy", "select": {"kind": "egress"}, "config": {"egress": [
                          {"name": "hello", "private": True, "allow": {
                              "hosts": [world], "ports": [8000], "paths": ["/open/**"]}}]}}}, overlays=["#out.apply"])
        script = (f"ip link set lo up; ip address add {world}/32 dev lo; /usr/bin/python3 -m http.server --bind {world} 8000 "
                  "2>/dev/null & server=$!; sleep 1; \"$0\" overlay run scenario.json5 --dir state & run=$!; "
                  "sleep 4; kill -INT $run; wait $run; code=$?; kill $server; exit $code")
        done = subprocess.run(["unshare", "-n", "bash", "-c", script, SLUICE], cwd=self.folder, capture_output=True,
                              text=True, timeout=60 * SLOW)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("ANSWERS (200, 'hello') (403, ", done.stderr)

    # A box has no network, and sockets in files are none.
    def test_programs_cannot_meet_in_files(self):
        name = f"/meeting-{os.getpid()}-{time.monotonic_ns()}"  # of this run alone
        places = "('/tmp', '/var/tmp', '/dev/shm', '/run/lock', os.getcwd())"
        leave = (f"\nfor place in {places}:\n    try:\n        one = socket.socket(socket.AF_UNIX)\n"
                 f"        one.bind(place + '{name}'); os.chmod(place + '{name}', 0o777); one.listen()\n"
                 "        globals()[place] = one\n    except OSError: pass")
        look = f"[place for place in {places} if os.path.exists(place + '{name}')]"
        self.folder.chmod(0o777)
        self.scenario({"a": component(look, 8000, setup=leave), "b": component(look, 8001)},
                      exports={"a": "#a.api", "b": "#b.api"})
        with Running(self.folder) as run:
            self.assertTrue(json.loads(get(run.exports["a"])[1]))  # it has places of its own
            self.assertEqual(json.loads(get(run.exports["b"])[1]), [])

    def test_what_was_left_of_a_killed_run_is_removed(self):
        self.scenario({"a": component("1", 8000)}, exports={"a": "#a.api"})
        run = Running(self.folder).__enter__()
        left = list(run.temporary.glob("sluice-run-*/*"))
        self.assertEqual(len(left), 1)
        run.process.kill()
        run.process.wait()
        self.assertTrue((left[0] / "mesh-ca.pem").exists())
        os.utime(left[0], (0, 0))
        wait_until(lambda: not processes_with(str(self.folder / "state")), 10, "the end of its sidecars")
        time.sleep(1)
        run.process.stdout.close()
        run.process.stderr.close()
        with Running(self.folder) as again:
            self.assertEqual(get(again.exports["a"]), (200, "1"))
            self.assertFalse(left[0].exists())

    def test_one_run_at_a_time_keeps_its_evidence_in_a_folder(self):
        self.scenario({"a": component("1", 8000)}, exports={"a": "#a.api"})
        with Running(self.folder):
            before = (self.folder / "state" / "c1-a" / "sluice.yaml").read_text()
            done = subprocess.run([SLUICE, "overlay", "run", "scenario.json5", "--dir", "state"], cwd=self.folder,
                                  capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn("another run keeps its evidence there", done.stderr)
            self.assertEqual((self.folder / "state" / "c1-a" / "sluice.yaml").read_text(), before)

    # What nobody reads holds up nobody.
    def test_a_reader_that_does_not_read_cannot_keep_it_from_ending(self):
        self.scenario({"a": component("1", 8000, setup="sys.stdout.write(('x' * 999 + '\\n') * 8000)")},
                      exports={"a": "#a.api"})
        run = subprocess.Popen([SLUICE, "overlay", "run", "scenario.json5", "--dir", "state"], cwd=self.folder,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        time.sleep(2 * SLOW)
        run.send_signal(signal.SIGINT)
        self.assertEqual(run.wait(20 * SLOW), 0)
        run.stderr.close()

    def test_a_slot_of_the_root_is_filled_by_who_runs_it(self):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
        self.addCleanup(server.server_close)
        self.write(scenario={"manifest_version": "0.4.0",
                             "slots": {"world": {"kind": "http"}}, "components": {"agent": "./agent.json5"},
                             "bindings": [{"to": "#agent.up", "from": "slots.world", "weak": True}],
                             "exports": {"agent": "#agent.api"}},
                   agent=component("ask(os.environ['UP'])[0]", 8000, slots={"up": "http"}, UP="${slots.up.url}"))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.shutdown)
        with Running(self.folder, env={"AMBER_EXTERNAL_SLOT_WORLD_URL":
                                       f"http://127.0.0.1:{server.server_address[1]}"}) as run:
            self.assertEqual(get(run.exports["agent"]), (200, "200"))
        with Running(self.folder) as run:
            self.assertEqual(get(run.exports["agent"]), (200, "403"))

    # ---- built-in interposers --------------------------------------------------------------------

    def test_built_in_interposers_in_a_row_are_one_sidecar(self):
        self.scenario({"server": component("body", 8000),
                       "client": component("ask(os.environ['SLOT'] + path, body.encode() or None)", 8001,
                                           slots={"server": "http"}, SLOT="${slots.server.url}")},
                      [("#client.server", "#server.api")], {"client": "#client.api"},
                      use={"rules": {"builtin": "policy", "config": {"egress": [
                               {"name": "open", "allow": {"paths": ["/open/**"]}}]}},
                           "few": {"builtin": "limit", "config": {"requests_per_minute": 3}},
                           "mask": {"builtin": "redact", "config": {"terms": ["hush-hush-4711"]}},
                           "log": {"builtin": "record"}},
                      overlays=["#log.apply", "#mask.apply", "#few.apply", "#rules.apply"])
        text = json.loads((self.folder / "scenario.json5").read_text())
        for one in text["use"].values():
            one["select"] = {"edge": "binding"}
        self.write(scenario=text)
        with Running(self.folder) as run:
            def ask(path, body):
                return json.loads(get(run.exports["client"] + path, body)[1])
            self.assertEqual(ask("/open/a", b"it is hush-hush-4711"), [200, '"it is [REDACTED:secret:term-1]"'])
            self.assertEqual(ask("/shut", b"x")[0], 403)
            self.assertEqual(ask("/open/b", b"x")[0], 200)
            self.assertEqual(ask("/open/c", b"x")[0], 200)
            self.assertEqual(ask("/open/d", b"x")[0], 429)
        units = sorted(one.name for one in (self.folder / "state").iterdir())
        self.assertEqual(len(units), 4, units)  # the policy, and the others
        self.verified(*units)

    # ---- how it ends -----------------------------------------------------------------------------

    def test_a_program_that_fails_ends_the_run_and_all_else(self):
        marker = f"marker-{os.getpid()}-{time.monotonic_ns()}"
        self.scenario({"good": component("1", 8000, setup=f"# {marker}"),
                       "bad": component("1", 8001, setup=f"# {marker}\nprint('out of luck', flush=True); sys.exit(3)")},
                      exports={"good": "#good.api"})
        run = Running(self.folder)
        self.assertEqual(run.process.wait(40 * SLOW), 1)
        run.end()
        self.assertIn("/bad ended with exit code 3", run.said())
        self.assertIn("[/bad] out of luck", run.said())
        self.assertEqual(processes_with(marker), [])

    def test_who_is_waited_for_is_said_and_so_is_the_end(self):
        late = component("1", 8000, setup="import time; time.sleep(7)")
        self.scenario({"late": late}, exports={"late": "#late.api"})
        with Running(self.folder) as run:
            self.assertIn("/late does not listen on its ports yet", run.said())
        self.assertIn("stopping; once more", run.said())

    def test_a_program_that_will_not_end_is_ended(self):
        marker = f"marker-{os.getpid()}-{time.monotonic_ns()}"
        stubborn = f"import signal  # {marker}\nfor one in (2, 15): signal.signal(one, signal.SIG_IGN)"
        self.scenario({"a": component("1", 8000, setup=stubborn)}, exports={"a": "#a.api"})
        with Running(self.folder) as run:
            self.assertEqual(get(run.exports["a"]), (200, "1"))
        self.assertEqual(processes_with(marker), [])
        self.verified("c1-a")
        self.assertEqual(run.evidence("c1-a")[-2]["event_type"], "run_complete")

    # The helpers, the sidecars, the programs: wherever it is, nothing is left.
    def test_an_interrupt_at_any_stage_leaves_nothing(self):
        marker = f"marker-{os.getpid()}-{time.monotonic_ns()}"
        for file in ("caller.py", "responder.py", "overlay.py", "redactor.py"):
            path = self.folder / file
            path.write_text(path.read_text() + f"\n# {marker}\n")
        for delay in (0.05, 0.2, 0.4, 0.6, 0.8, 1.0, 1.3, 1.7):
            with self.subTest(delay=delay):
                run = Running(self.folder)
                time.sleep(delay)
                run.end()
                wait_until(lambda: not processes_with(marker), 5, "that no program is left")

    def test_a_kill_leaves_no_process(self):
        marker = f"marker-{os.getpid()}-{time.monotonic_ns()}"
        self.scenario({"a": component("1", 8000, setup=f"# {marker}")}, exports={"a": "#a.api"})
        run = Running(self.folder).__enter__()
        self.assertTrue(processes_with(marker))
        run.process.kill()
        run.process.wait()
        wait_until(lambda: not processes_with(marker), 10, "that no program is left")
        shutil.rmtree(run.temporary)  # keys of a run that is over
        run.temporary.mkdir()
        run.end()

    # ---- what cannot be run ----------------------------------------------------------------------

    def refused(self, *options, **env):
        done = subprocess.run([SLUICE, "overlay", "run", "scenario.json5", "--dir", "state", *options], cwd=self.folder,
                              capture_output=True, text=True, timeout=60 * SLOW, env=os.environ | env)
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        return done.stderr

    def test_what_cannot_be_run_is_said_before_anything_is_started(self):
        self.scenario({"a": component("1", 8000)})
        self.assertIn("no export of this name (it has none)", self.refused("--port", "x=8080"))
        self.assertIn("NAME=PORT", self.refused("--port", "x=0"))
        manifest = component("1", 8000)
        manifest["program"]["mounts"] = [{"path": "/data", "from": "resources.data"}]
        manifest["resources"] = {"data": {"kind": "storage", "params": {}}}
        self.write(a=manifest)
        self.assertIn("mounts are not made in a local run", self.refused())
        manifest = component("1", 8000)
        manifest["program"] = {"image": "agent:1", "entrypoint": ["agent"],
                               "network": manifest["program"]["network"]}
        self.write(a=manifest)
        self.assertIn("only programs that are a path run here", self.refused())
        manifest = component("1", 8000, KEY="${config.key}")
        manifest["config_schema"] = {"type": "object", "properties": {"key": {"type": "string"}}, "required": ["key"]}
        self.write(a=manifest, scenario={
            "manifest_version": "0.4.0", "components": {"a": {"manifest": "./a.json5", "config": {"key": "${config.k}"}}},
            "config_schema": {"type": "object", "properties": {"k": {"type": "string"}}, "required": ["k"]}})
        self.assertIn("config.k (AMBER_CONFIG_K)", self.refused())


if __name__ == "__main__":
    main()
