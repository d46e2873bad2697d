"""Answers the question of an overlay: which interposers there shall be on which edges of this scope."""

import http.server
import json
import os
import sys

TERMS = json.loads(os.environ["TERMS"])  # references into the config of the scenario, never values
REDACTOR = sys.argv[1]  # the source of redactor.py


def filled_in_later(name):
    return "$" + "{" + name + "}"  # in one piece it would be filled in here, as in any argument of a manifest


def redactor(edge):
    a2a = {"kind": "a2a", "profile": edge["capability"]["profile"]}
    return {
        "interposer": {
            "config": {"terms": TERMS},
            "config_schema": {"type": "object", "required": ["terms"], "properties": {
                "terms": {"type": "array", "items": {"type": "string", "secret": True}}}},
            "program": {
                "path": "/usr/bin/env", "args": ["python3", "-c", REDACTOR],
                "env": {"PORT": "8130", "UPSTREAM": filled_in_later("slots.upstream.url"),
                        "TERMS": filled_in_later("config.terms")},
                "network": {"endpoints": [{"name": "redactor", "port": 8130}]}},
            "slots": {"upstream": a2a},
            "provides": {"downstream": a2a | {"endpoint": "redactor"}}},
        "attachments": [{"target": edge["id"], "interposer_slot": "upstream", "interposer_provide": "downstream"}]}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        try:
            scope = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["scope"]
            edges = [edge for kind in ("imports", "bindings", "exports") for edge in scope[kind]]
            status, answer = 200, {"interpositions": [redactor(edge) for edge in edges
                                                      if edge["capability"]["kind"] == "a2a"]}
        except (ValueError, KeyError, TypeError) as error:
            status, answer = 400, {"error": repr(error)}
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
