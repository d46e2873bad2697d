"""An agent that tries to get out. Reads attempts as JSON from standard input, each a list of moves on one
connection, and prints for each what happened, one observation for each move that sees something.

  ["connect", host, port]   a TCP connection; host "proxy" is the one of HTTP_PROXY; port "" is its port
  ["send", text]            bytes, as latin-1
  ["tls", sni]              a handshake, believing any certificate
  ["hello", name]           a ClientHello with these bytes as SNI, and nothing more
  ["answer"]                one HTTP answer, interim ones skipped
  ["tunnel"]                the answer to CONNECT; what is not 200 ends the attempt
  ["read", seconds]         whatever comes
  ["udp", host, port, text] one datagram and what comes back
  ["try", name, arguments…] a function of mischief.py
"""

import contextlib
import json
import os
import socket
import ssl
import sys
import urllib.parse

import mischief

PATIENCE_S = float(os.environ.get("AGENT_PATIENCE_S", "8"))


def describe(error):
    return {"error": type(error).__name__, "detail": str(error)[:120]}


class Attempt:
    def __init__(self):
        self.peer, self.rest, self.over = None, b"", False

    def connect(self, host, port):
        if host == "proxy":
            proxy = urllib.parse.urlsplit(os.environ["HTTP_PROXY"])
            host, port = proxy.hostname, proxy.port
        self.peer = socket.create_connection((host, port), PATIENCE_S)

    def send(self, text):
        self.peer.sendall(text.encode("latin-1"))

    def tls(self, sni):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.peer = context.wrap_socket(self.peer, server_hostname=sni or None)

    def hello(self, name):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        out, stand_in = ssl.MemoryBIO(), "x" * len(name)
        with contextlib.suppress(ssl.SSLWantReadError):
            context.wrap_bio(ssl.MemoryBIO(), out, server_hostname=stand_in).do_handshake()
        record = out.read()
        assert record.count(stand_in.encode()) == 1
        self.peer.sendall(record.replace(stand_in.encode(), name.encode("latin-1")))

    def _more(self):
        data = self.peer.recv(65536)
        self.rest += data
        return bool(data)

    def _head(self):
        while b"\r\n\r\n" not in self.rest:
            if not self._more():
                return None
        head, _, self.rest = self.rest.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        return int(first.split()[1]), fields

    def _body(self, fields):
        if "content-length" in fields:
            wanted = int(fields["content-length"])
            while len(self.rest) < wanted and self._more():
                pass
            body, self.rest = self.rest[:wanted], self.rest[wanted:]
            return body
        while not self.rest.endswith(b"0\r\n\r\n") and self._more():  # chunked, or until the end
            pass
        body, self.rest = self.rest, b""
        return body

    def tunnel(self):
        said = self.answer(to_connect=True)
        self.over = said.get("status") != 200
        return said

    def answer(self, to_connect=False):
        while True:
            head = self._head()
            if head is None:
                return {"closed": True, "text": self.rest[:120].decode("latin-1")}
            status, fields = head
            if status >= 200 or status == 101:
                break
        said = {"status": status, "refused": "x-sluice-decision" in fields}
        if status == 101 or status == 204 or (to_connect and status == 200):
            return said
        body = self._body(fields)
        if said["refused"]:
            with contextlib.suppress(ValueError):
                problem = json.loads(body)
                said |= {"rule_id": problem["rule_id"], "reason_code": problem["reason_code"],
                         "decision_id": problem["decision_id"]}
        return said | {"location": fields.get("location"), "text": body[:120].decode("latin-1")}

    def read(self, seconds):
        self.peer.settimeout(seconds)
        closed = False
        with contextlib.suppress(socket.timeout):
            while self._more():
                pass
            closed = True
        return {"closed": closed, "text": self.rest[:120].decode("latin-1")}

    def udp(self, host, port, text):
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, socket.SOCK_DGRAM) as sender:
            sender.settimeout(min(2, PATIENCE_S))
            sender.connect(address)
            sender.send(text.encode("latin-1"))
            return {"text": sender.recv(2048)[:120].decode("latin-1")}

    def run(self, moves):
        seen = []
        try:
            for verb, *arguments in moves:
                if verb == "try":
                    said = getattr(mischief, arguments[0])(*arguments[1:])
                else:
                    said = getattr(self, verb)(*arguments)
                if said is not None:
                    seen.append(said)
                if self.over:
                    break
        except (OSError, ValueError) as error:
            seen.append(describe(error))
        finally:
            if self.peer:
                self.peer.close()
        return seen


def main():
    for moves in json.load(sys.stdin):
        print(json.dumps(Attempt().run(moves)), flush=True)


if __name__ == "__main__":
    main()
