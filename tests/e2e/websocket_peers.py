"""Both ends of a WebSocket for tests: real ones of the `websockets` package, and raw ones that may do
anything wrong."""

import asyncio
import base64
import contextlib
import hashlib
import os
import socket
import ssl
import struct
import threading

import websockets

LOOPBACK = "127.0.0.1"
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def accept_of(key):
    return base64.b64encode(hashlib.sha1(key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()).decode()


def frame(opcode, payload=b"", masked=True, final=True, rsv=0):
    payload = payload.encode() if isinstance(payload, str) else payload
    out = bytes([(0x80 if final else 0) | rsv | opcode])
    size, bit = len(payload), 0x80 if masked else 0
    if size < 126:
        out += bytes([bit | size])
    elif size < 65536:
        out += bytes([bit | 126]) + struct.pack("!H", size)
    else:
        out += bytes([bit | 127]) + struct.pack("!Q", size)
    if not masked:
        return out + payload
    mask = os.urandom(4)
    return out + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


def frames(data):
    """[(opcode, final, masked, payload)] of whole frames, and what is left over."""
    out = []
    while len(data) >= 2:
        size, at = data[1] & 0x7F, 2
        if size == 126:
            size, at = struct.unpack("!H", data[2:4])[0], 4
        elif size == 127:
            size, at = struct.unpack("!Q", data[2:10])[0], 10
        masked = bool(data[1] & 0x80)
        mask = data[at:at + 4] if masked else bytes(4)
        at += 4 if masked else 0
        if len(data) < at + size:
            break
        payload = bytes(byte ^ mask[i % 4] for i, byte in enumerate(data[at:at + size]))
        out.append((data[0] & 15, bool(data[0] & 0x80), masked, payload))
        data = data[at + size:]
    return out, data


def close_codes(data):
    return [struct.unpack("!H", payload[:2])[0] for opcode, _, _, payload in frames(data)[0] if opcode == CLOSE]


def handshake(target, host, **fields):
    fields = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec_WebSocket_Version": "13",
              "Sec_WebSocket_Key": KEY} | fields
    lines = [f"GET {target} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items() if value is not None]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def switching(head, **fields):
    """The right answer to a handshake, as bytes; `fields` change it."""
    key = next(line.split(": ", 1)[1] for line in head.decode().split("\r\n")
               if line.lower().startswith("sec-websocket-key"))
    fields = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec_WebSocket_Accept": accept_of(key)} | fields
    lines = ["HTTP/1.1 101 Switching Protocols"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items() if value is not None]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def read_until_quiet(peer, seconds=0.5):
    """(bytes, whether the peer ended)."""
    data = b""
    peer.settimeout(seconds)
    try:
        while True:
            piece = peer.recv(65536)
            if not piece:
                return data, True
            data += piece
    except socket.timeout:
        return data, False
    except (ConnectionResetError, ssl.SSLError):
        return data, True


class Loop:
    """An event loop in a thread of its own."""

    def __enter__(self):
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        return self

    def run(self, coroutine, seconds=60):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(seconds)

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(5)
        self.loop.close()


class WebSocketUpstream(Loop):
    """A real server. /echo sends back what it gets, /say what `says` holds and then closes with 4001,
    /hold says nothing. `got` is every message, `closed` every close code."""

    def __init__(self, tls=None, compression="deflate", address=(LOOPBACK, 0)):
        self.tls, self.compression, self.address = tls, compression, address
        self.got, self.closed, self.says, self.offered = [], [], [], []

    def __enter__(self):
        super().__enter__()
        self._server = self.run(self._listen())
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_):
        self._server.close()
        with contextlib.suppress(Exception):
            self.run(self._server.wait_closed(), 5)
        super().__exit__()

    async def _listen(self):
        return await websockets.serve(self._serve, *self.address, ssl=self.tls, compression=self.compression,
                                      max_size=None, ping_interval=None, close_timeout=2, subprotocols=["chat"])

    async def _serve(self, peer):
        self.offered.append(dict(peer.request_headers))
        if peer.path == "/say":
            for one in self.says:
                await peer.send(one)
            await peer.close(4001, "that is all")
        try:
            async for message in peer:
                self.got.append(message)
                if peer.path == "/echo":
                    await peer.send(message)
        except websockets.ConnectionClosed:
            pass
        self.closed.append(peer.close_code)


def tunnel(proxy_port, host, port):
    """A socket behind CONNECT."""
    peer = socket.create_connection((LOOPBACK, proxy_port), 10)
    peer.sendall(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += peer.recv(1)
    if not answer.startswith(b"HTTP/1.1 200"):
        raise ConnectionError(answer.decode())
    return peer
