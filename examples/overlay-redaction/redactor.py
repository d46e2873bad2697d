"""Stands on an edge: hands each request on with the terms masked, and the answer back likewise."""

import http.client
import http.server
import json
import os
import urllib.parse

TERMS = [term for term in json.loads(os.environ["TERMS"]) if term]
UPSTREAM = urllib.parse.urlsplit(os.environ["UPSTREAM"])
HOPS = {"connection", "content-length", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade",
        "accept-encoding"}


def masked(body):
    for term in TERMS:
        for form in (term, json.dumps(term)[1:-1]):
            body = body.replace(form.encode(), b"[REDACTED]")
    return body


class Handler(http.server.BaseHTTPRequestHandler):
    def hand_on(self):
        body = masked(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
        upstream = http.client.HTTPConnection(UPSTREAM.hostname, UPSTREAM.port, timeout=30)
        fields = {name: value for name, value in self.headers.items() if name.lower() not in HOPS}
        try:
            upstream.request(self.command, self.path, body, fields)
            answer = upstream.getresponse()
            status, told, body = answer.status, answer.getheaders(), masked(answer.read())
        except OSError as error:
            status, told, body = 502, [], str(error).encode()
        finally:
            upstream.close()
        self.send_response(status)
        for name, value in told:
            if name.lower() not in HOPS:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = hand_on

    def log_message(self, *args):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
