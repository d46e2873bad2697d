"""An A2A agent: its card, and message/send, which says back the parts it got."""

import http.server
import json
import os

PORT = int(os.environ["PORT"])
CARD = {"name": "responder", "description": "says back what it is told", "version": "1.0.0",
        "protocolVersion": "0.3.0", "url": f"http://127.0.0.1:{PORT}/", "capabilities": {"streaming": False},
        "defaultInputModes": ["text"], "defaultOutputModes": ["text"],
        "skills": [{"id": "echo", "name": "echo", "description": "echo", "tags": ["echo"]}]}


class Handler(http.server.BaseHTTPRequestHandler):
    def say(self, answer, status=200):
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        known = self.path in ("/.well-known/agent-card.json", "/.well-known/agent.json")
        self.say(CARD if known else {"error": "not found"}, 200 if known else 404)

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = {"jsonrpc": "2.0", "id": asked.get("id")}
        if asked.get("method") == "message/send":
            parts = asked["params"]["message"]["parts"]
            answer["result"] = {"kind": "message", "role": "agent", "messageId": "r-1", "parts": parts}
        else:
            answer["error"] = {"code": -32601, "message": "method not found"}
        self.say(answer)

    def log_message(self, *args):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
