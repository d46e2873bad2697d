"""Upstreams for the tests: a well-behaved recording HTTP server, one that runs a script against each
connection and may do anything wrong, and nginx."""

import contextlib
import http.server
import json
import socket
import socketserver
import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

LOOPBACK = "127.0.0.1"


@dataclass
class Request:
    method: str
    path: str
    headers: list
    body: bytes

    def header(self, name):
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


@dataclass
class Response:
    status: int = 200
    body: bytes = b"hello from upstream\n"
    headers: dict = field(default_factory=lambda: {"Content-Type": "text/plain"})
    chunks: Iterable = None  # sent as chunked, one by one, instead of body
    pause: float = 0.0   # before each chunk


def when_told(first, second, told):
    """Two chunks, the second when the event `told` is set: whoever waits for both never gets them."""
    yield first
    if told.wait(20):
        yield second


def echo(request):
    """Answers with what it got, as JSON."""
    document = {"method": request.method, "path": request.path, "headers": request.headers,
                "body": request.body.decode("latin-1")}
    return Response(body=json.dumps(document).encode(), headers={"Content-Type": "application/json"})


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def _read_body(self):
        if "chunked" not in self.headers.get("Transfer-Encoding", "").lower():
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return body

    def _answer(self):
        if self.headers.get("Expect", "").lower() == "100-continue":
            pass  # the base class has sent the interim answer
        request = Request(self.command, self.path, list(self.headers.items()), self._read_body())
        self.server.requests.append(request)
        response = self.server.respond(request)
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        if response.chunks is not None:
            self.send_header("Transfer-Encoding", "chunked")
        elif response.status not in (204, 304):
            self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        if self.command == "HEAD" or response.status in (204, 304):
            return
        if response.chunks is None:
            self.wfile.write(response.body)
            return
        for chunk in response.chunks:
            time.sleep(response.pause)
            self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_):
        pass


class _Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 1024

    def server_activate(self):
        super().server_activate()
        self.socket.setblocking(False)  # a peer that resets before it is accepted must not hold us

    def get_request(self):
        connection, address = super().get_request()
        connection.setblocking(True)
        self.connections += 1
        return connection, address

    def finish_request(self, connection, address):
        if self.tls:
            connection.settimeout(30)
            try:
                connection = self.tls.wrap_socket(connection, server_side=True)
            except (ssl.SSLError, OSError):
                self.handshake_failures += 1
                return
        with contextlib.closing(connection):
            with contextlib.suppress(ConnectionError, ssl.SSLError, socket.timeout, BrokenPipeError):
                self.RequestHandlerClass(connection, address, self)

    def handle_error(self, *_):
        pass


class _Serving:
    """Runs a server in a thread, as a context manager."""

    def __init__(self, handler, tls, address=(LOOPBACK, 0)):
        kind = type("_Server6", (_Server,), {"address_family": socket.AF_INET6}) if ":" in address[0] else _Server
        self._server = kind(address, handler)
        self._server.tls, self._server.connections, self._server.handshake_failures = tls, 0, 0
        self.port = self._server.server_address[1]

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    @property
    def connections(self):
        return self._server.connections


class HttpUpstream(_Serving):
    """Behaves. `respond` makes the answer; `requests` is everything that arrived."""

    def __init__(self, respond=lambda request: Response(), tls=None, address=(LOOPBACK, 0)):
        super().__init__(_Handler, tls, address)
        self._server.requests, self._server.respond = [], respond

    @property
    def requests(self):
        return self._server.requests

    def respond_with(self, respond):
        self._server.respond = respond


class RawUpstream(_Serving):
    """Runs script(connection, request_bytes_so_far) for each connection, after reading one request
    head (or nothing when read_head is False), then closes. `received` is every byte that arrived."""

    def __init__(self, script, tls=None, read_head=True, address=(LOOPBACK, 0)):
        upstream = self
        self.received = []

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                self.request.settimeout(20)
                head = upstream._read_head(self.request) if read_head else b""
                script(self.request, head)

        super().__init__(Handler, tls, address)

    def _read_head(self, connection):
        data = b""
        while b"\r\n\r\n" not in data:
            chunk = connection.recv(65536)
            if not chunk:
                break
            data += chunk
            self.received.append(chunk)
        return data

    @property
    def everything(self):
        return b"".join(self.received)


def send_and_close(data):
    return lambda connection, head: connection.sendall(data)


def reset(connection, head=b""):
    """Closes with RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()


def drip(data, pause=0.01):
    """One byte at a time."""
    def script(connection, head):
        for byte in data:
            connection.sendall(bytes([byte]))
            time.sleep(pause)
    return script


def free_port():
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return probe.getsockname()[1]


_NGINX = """
daemon off; master_process off; worker_processes 1; user root; pid {folder}/pid;
error_log {folder}/error.log warn;
events {{ worker_connections 512; }}
http {{
  access_log off; keepalive_timeout 30;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{
    listen 127.0.0.1:{port}; {tls}
    location = /hello {{ default_type text/plain; return 200 "hello from nginx\\n"; }}
    location /files/ {{ root {folder}; }}
    location /echo {{ default_type text/plain; return 200 "$request_method $request_uri $http_x_test\\n"; }}
  }}
}}
"""


@contextlib.contextmanager
def nginx(certificate=None, key=None):
    """A real nginx on a free port: /hello, /echo, and /files/big of 1 MiB."""
    with tempfile.TemporaryDirectory(prefix="sluice-nginx-") as folder:
        port = free_port()
        tls = f"ssl_certificate {certificate}; ssl_certificate_key {key};" if certificate else ""
        listen = _NGINX.format(folder=folder, port=port, tls=tls)
        if certificate:
            listen = listen.replace(f"127.0.0.1:{port};", f"127.0.0.1:{port} ssl;")
        (Path(folder) / "nginx.conf").write_text(listen)
        (Path(folder) / "files").mkdir()
        (Path(folder) / "files" / "big").write_bytes(b"0123456789abcdef" * 65536)
        process = subprocess.Popen(["/usr/sbin/nginx", "-p", folder, "-c", f"{folder}/nginx.conf",
                                    "-e", f"{folder}/error.log"], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            for _ in range(200):
                with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, port), 1):
                    break
                time.sleep(0.02)
            else:
                raise AssertionError(f"nginx did not start: {(Path(folder) / 'error.log').read_text()}")
            yield port
        finally:
            process.terminate()
            process.wait(10)
