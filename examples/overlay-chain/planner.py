"""Works for a client: hands each question on to the researcher, and shows what came back."""

import http.server
import json
import os
import urllib.request

CLIENT, RESEARCHER = os.environ["CLIENT"], os.environ["RESEARCHER"]


def call(method, params):
    with urllib.request.urlopen(RESEARCHER + "/.well-known/agent-card.json", timeout=20) as answer:
        url = json.load(answer)["url"]
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    with urllib.request.urlopen(urllib.request.Request(url, body, {"Content-Type": "application/json"}),
                                timeout=30) as answer:
        return json.load(answer)


def asked(path, text):
    if path == "/forget":
        return call("tasks/cancel", {"id": text})
    return call("message/send", {"message": {"kind": "message", "role": "user", "messageId": "m-1", "parts": [
        {"kind": "text", "text": f"{text} It is for {CLIENT}."}]}})


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        body = json.dumps(asked(self.path, text), indent=2).encode() + b"\n"
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
