#!/usr/bin/python3
"""How long `sluice overlay apply` takes for a scenario of 500 components with 50 overlays (goal: 2 s): declared ones,
which Sluice answers itself, and programs, which are started in boxes and asked. The best of three each, wall clock and
CPU of all processes.    overlay_compile.py SLUICE_BINARY"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TEAMS, AGENTS, OVERLAYS = 10, 49, 5  # of each team; 10 * (1 + 49) components and 50 overlays
ANSWERS_NOTHING = """
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers['Content-Length']))
        body = b'{"interpositions": []}'
        self.send_response(200); self.send_header('Content-Length', str(len(body))); self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args): pass
http.server.HTTPServer(('127.0.0.1', 8120), Handler).serve_forever()
"""
AGENT = {"manifest_version": "0.4.0",
         "program": {"path": "/usr/bin/true", "env": {"PEER": "${slots.peer.url}"},
                     "network": {"endpoints": [{"name": "e", "port": 8000}]}},
         "slots": {"peer": {"kind": "a2a", "optional": True}}, "provides": {"a2a": {"kind": "a2a", "endpoint": "e"}},
         "exports": {"a2a": "provides.a2a"}}
HELPER = {"manifest_version": "0.4.0",
          "program": {"path": "/usr/bin/python3", "args": ["-I", "-S", "-c", ANSWERS_NOTHING],
                      "network": {"endpoints": [{"name": "e", "port": 8120}]}},
          "provides": {"apply": {"kind": "http", "profile": "overlay", "endpoint": "e"}},
          "exports": {"apply": "provides.apply"}}
BUILTINS = ("redact", "policy", "record", "limit", "redact")


def write(folder, programs):
    def put(name, what):
        (folder / f"{name}.json5").write_text(json.dumps(what))
    put("agent", AGENT)
    put("helper", HELPER)
    for team in range(TEAMS):
        uses = {f"o{i}": "./helper.json5" if programs else
                {"builtin": BUILTINS[i], "select": {"kind": "a2a"}, "config": {}} for i in range(OVERLAYS)}
        put(f"team{team}", {
            "manifest_version": "0.4.0", "components": {f"a{i}": "./agent.json5" for i in range(AGENTS)},
            "bindings": [{"to": f"#a{i}.peer", "from": f"#a{i - 1}.a2a"} for i in range(1, AGENTS)],
            "use": uses, "overlays": [f"#o{i}.apply" for i in range(OVERLAYS)], "exports": {"a2a": f"#a{AGENTS - 1}.a2a"}})
    put("scenario", {"manifest_version": "0.4.0", "components": {f"t{i}": f"./team{i}.json5" for i in range(TEAMS)},
                     "exports": {f"t{i}": f"#t{i}.a2a" for i in range(TEAMS)}})


def measure(sluice, folder):
    best = (1e9, 1e9)
    for _ in range(3):
        before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        done = subprocess.run([sluice, "overlay", "apply", "scenario.json5"], cwd=folder, capture_output=True, check=True)
        took, after = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        best = min(best, (took, cpu))
    return (*best, json.loads(done.stdout))


for name, programs in (("declared", False), ("programs", True)):
    with tempfile.TemporaryDirectory() as place:
        write(Path(place), programs)
        took, cpu, made = measure(sys.argv[1], place)
        added = sum("provenance" in one for one in made["components"])
        print(f"{name:9} {took:5.2f} s, {cpu:5.2f} s CPU: {len(made['components']) - added} components, "
              f"{TEAMS * OVERLAYS} overlays, {added} interposers", flush=True)
