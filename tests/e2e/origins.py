"""What the real clients talk to: model APIs, an echo, package registries, git, and the ends that no
agent may reach. Each has an address of the room; all of them remember what arrived."""

import contextlib
import json
import socket
import threading

import package_origins
import room
from certificates import test_ca
from servers import HttpUpstream, RawUpstream, Response

ANSWER = "Blue, mostly."
WORDS = ("Blue", ", ", "mostly", ".")
JSON = {"Content-Type": "application/json"}
EVENTS = {"Content-Type": "text/event-stream; charset=utf-8"}

NAMES = {  # name -> its addresses: `resolve:` of sluice.yaml, or /etc/hosts without Sluice
    "api.openai.com": [f"{room.PREFIX4}11"],
    "api.anthropic.com": [f"{room.PREFIX4}12"],
    "git.example": [f"{room.PREFIX4}13"],
    "pypi.example": [f"{room.PREFIX4}14"],
    "registry.example": [f"{room.PREFIX4}15"],
    "db.internal": [f"{room.PREFIX4}16"],
    "dbtls.internal": [f"{room.PREFIX4}17"],
    "v6only.example": [f"{room.PREFIX6}18"],
    "dual.example": [f"{room.PREFIX4}19", f"{room.PREFIX6}19"],
    "unlisted.example": [f"{room.PREFIX4}20"],  # no rule allows it
}


def _json(document, status=200):
    return Response(status, json.dumps(document).encode(), JSON)


def _events(documents, last=b""):
    lines = [b"".join([b"event: %s\n" % d["type"].encode() if "type" in d else b"",
                       b"data: %s\n\n" % json.dumps(d).encode()]) for d in documents]
    return Response(200, headers=EVENTS, chunks=[*lines, *([last] if last else [])], pause=0.01)


def _echo(request):
    if request.path.startswith("/redirect-to-metadata"):
        return Response(302, b"", {"Location": "http://169.254.169.254/latest/meta-data/"})
    return _json({"method": request.method, "path": request.path, "host": request.header("host"),
                  "body": request.body.decode("latin-1")})


def openai_api(request):
    """Chat completions, JSON or server-sent events; everything else is an echo."""
    if request.path != "/v1/chat/completions":
        return _echo(request)
    asked = json.loads(request.body)
    head = {"id": "chatcmpl-1", "created": 1, "model": asked["model"]}
    usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    if not asked.get("stream"):
        message = {"role": "assistant", "content": ANSWER}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return _json(head | {"object": "chat.completion", "choices": [choice], "usage": usage})

    def chunk(delta, finish=None):
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return head | {"object": "chat.completion.chunk", "choices": [choice]}
    parts = [chunk({"role": "assistant", "content": ""}), *(chunk({"content": w}) for w in WORDS), chunk({}, "stop")]
    return _events(parts, b"data: [DONE]\n\n")


def anthropic_api(request):
    """Messages, JSON or server-sent events; everything else is an echo."""
    if request.path.split("?")[0] != "/v1/messages":
        return _echo(request)
    asked = json.loads(request.body)
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": asked["model"], "content": [],
               "stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": 3, "output_tokens": 1}}
    ended = {"stop_reason": "end_turn", "stop_sequence": None}
    if not asked.get("stream"):
        return _json(message | ended | {"content": [{"type": "text", "text": ANSWER}]})
    deltas = [{"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": w}} for w in WORDS]
    return _events([{"type": "message_start", "message": message},
                    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
                    *deltas, {"type": "content_block_stop", "index": 0},
                    {"type": "message_delta", "delta": ended, "usage": {"output_tokens": 4}},
                    {"type": "message_stop"}])


class UdpOrigin:
    """Answers every datagram with itself and remembers it."""

    def __init__(self, address):
        self.datagrams = []
        self._socket = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(address)

    def __enter__(self):
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                data, peer = self._socket.recvfrom(65536)
                if peer is None:  # shut down
                    return
                self.datagrams.append(data)
                self._socket.sendto(data, peer)

    def __exit__(self, *_):
        with contextlib.suppress(OSError):  # not connected, it says, and wakes the thread
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


def ssh_banner(connection, _):
    """As far as an SSH server gets without a key exchange: enough to know that a client reached it."""
    connection.sendall(b"SSH-2.0-origin\r\n")
    connection.recv(1024)


class Origins(contextlib.ExitStack):
    """All HTTP origins of NAMES, ssh on git.example:22, UDP on api.openai.com:443."""

    def __init__(self, folder):
        super().__init__()
        responders = {"api.openai.com": openai_api, "api.anthropic.com": anthropic_api,
                      "git.example": package_origins.git_server(folder),
                      "pypi.example": package_origins.python_index(),
                      "registry.example": package_origins.npm_registry("https://registry.example")}
        self.servers = {}  # (name, port) -> servers, one for each address
        for name, addresses in NAMES.items():
            if name.endswith(".internal"):
                continue
            tls = test_ca().server_context(name, *addresses)
            respond = responders.get(name, _echo)
            self.servers[name, 443] = [self._start(respond, tls, address, 443) for address in addresses]
            self.servers[name, 80] = [self._start(respond, None, address, 80) for address in addresses]
        self.servers["api.openai.com", 8443] = [
            self._start(openai_api, test_ca().server_context("api.openai.com"), NAMES["api.openai.com"][0], 8443)]
        self.ssh = self.enter_context(RawUpstream(ssh_banner, read_head=False, address=(NAMES["git.example"][0], 22)))
        self.udp = self.enter_context(UdpOrigin((NAMES["api.openai.com"][0], 443)))

    def _start(self, respond, tls, address, port):
        return self.enter_context(HttpUpstream(respond, tls, address=(address, port)))

    def requests(self, name=None, port=None):
        """[(name, port, Request)] of everything that arrived, or of one origin."""
        return [(n, p, request) for (n, p), servers in self.servers.items() for server in servers
                for request in server.requests if name in (None, n) and port in (None, p)]

    def connections(self, name, port):
        return sum(server.connections for server in self.servers[name, port])

    def forget(self):
        for servers in self.servers.values():
            for server in servers:
                server.requests.clear()
        self.udp.datagrams.clear()
