"""Tells the responder two secrets, once, and shows at every path what was sent and what came back."""

import http.server
import json
import os
import threading
import time
import urllib.request

MESSAGE = {"jsonrpc": "2.0", "id": 1, "method": "message/send", "params": {"message": {
    "role": "user", "messageId": "m-1", "kind": "message", "parts": [
        {"kind": "text", "text": f"my launch code is {os.environ['LAUNCH_CODE']}"},
        {"kind": "data", "data": {"api_key": os.environ["API_KEY"]}}]}}}
STATUS = {"sent": MESSAGE, "received": None, "error": None}


def tell():
    request = urllib.request.Request(os.environ["AGENT_URL"] + "/", json.dumps(MESSAGE).encode(),
                                     {"Content-Type": "application/json"})
    for _ in range(60):
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                STATUS.update(received=json.load(answer), error=None)
                return
        except OSError as error:
            STATUS["error"] = str(error)
            time.sleep(0.5)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps(STATUS).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


threading.Thread(target=tell, daemon=True).start()
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
