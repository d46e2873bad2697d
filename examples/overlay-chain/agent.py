"""An A2A agent: its card, and message/send. Says what it was told, and what it knows or is told by whom it ASKS."""

import http.server
import json
import os
import urllib.request

PORT, NAME = int(os.environ["PORT"]), os.environ["NAME"]
CARD = {"name": NAME, "description": "answers", "version": "1.0.0", "protocolVersion": "0.3.0",
        "url": f"http://127.0.0.1:{PORT}/", "capabilities": {"streaming": False}, "defaultInputModes": ["text"],
        "defaultOutputModes": ["text"], "skills": [{"id": "ask", "name": "ask", "description": "ask", "tags": ["ask"]}]}


def fetch(url, document=None, call=None):
    fields = {"Content-Type": "application/json"}
    if call:
        fields["x-sluice-call"] = call  # which of our callers this is for, should there be several
    body = None if document is None else json.dumps(document).encode()
    with urllib.request.urlopen(urllib.request.Request(url, body, fields), timeout=20) as answer:
        return json.load(answer)


def ask(agent, text, call):
    url = fetch(agent + "/.well-known/agent-card.json", call=call)["url"]
    answer = fetch(url, {"jsonrpc": "2.0", "id": 1, "method": "message/send", "params": {"message": {
        "kind": "message", "role": "user", "messageId": "m-1", "parts": [{"kind": "text", "text": text}]}}}, call)
    return answer["result"]["parts"][0]["text"]


class Handler(http.server.BaseHTTPRequestHandler):
    def say(self, answer, status=200):
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        known = self.path == "/.well-known/agent-card.json"
        self.say(CARD if known else {"error": "not found"}, 200 if known else 404)

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = {"jsonrpc": "2.0", "id": asked.get("id")}
        if asked.get("method") == "message/send":
            told = asked["params"]["message"]["parts"][0]["text"]
            more = os.environ.get("KNOWS") or ask(os.environ["ASKS"], told, self.headers["x-sluice-call"])
            text = f"{NAME} was told '{told}'; {more}"
            answer["result"] = {"kind": "message", "role": "agent", "messageId": "r-1",
                                "parts": [{"kind": "text", "text": text}]}
        else:
            answer["error"] = {"code": -32601, "message": f"{NAME} has no {asked.get('method')}"}
        self.say(answer)

    def log_message(self, *args):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
