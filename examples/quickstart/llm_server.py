"""A chat-completions server over TLS, for the quickstart: plain answers and `stream: true` events.

Appends every request body it receives to --log, so that one can see what really arrived.
Prints the port it listens on, then serves until it is ended.
"""

import argparse
import json
import ssl
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ANSWER = ["The ", "sky ", "is ", "blue."]


class ChatHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.received.write(body.decode(errors="replace") + "\n")
        self.server.received.flush()
        if self.path != "/v1/chat/completions":
            return self._send(404, b'{"error":{"message":"no such path"}}')
        request = json.loads(body)
        if request.get("stream"):
            return self._stream(request["model"])
        message = {"role": "assistant", "content": "".join(ANSWER)}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        usage = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}
        document = self._document("chat.completion", request["model"], [choice]) | {"usage": usage}
        return self._send(200, json.dumps(document).encode())

    def _document(self, kind, model, choices):
        return {"id": "chatcmpl-1", "object": kind, "created": int(time.time()), "model": model,
                "choices": choices}

    def _send(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, model):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in ANSWER:
            choice = {"index": 0, "delta": {"content": piece}, "finish_reason": None}
            self._event(json.dumps(self._document("chat.completion.chunk", model, [choice])))
        last = {"index": 0, "delta": {}, "finish_reason": "stop"}
        self._event(json.dumps(self._document("chat.completion.chunk", model, [last])))
        self._event("[DONE]")
        self.wfile.write(b"0\r\n\r\n")

    def _event(self, data):
        event = f"data: {data}\n\n".encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))
        self.wfile.flush()

    def log_message(self, *_):
        pass


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--certificate", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--log", required=True)
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()

    server = ThreadingHTTPServer(("127.0.0.1", options.port), ChatHandler)
    server.daemon_threads = True
    server.received = open(options.log, "a", encoding="utf-8")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(options.certificate, options.key)
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    print(server.server_port, flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        sys.exit(0)


if __name__ == "__main__":
    main()
