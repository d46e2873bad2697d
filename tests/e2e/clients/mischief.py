"""What an agent may try against the sidecar itself and against its box. Each function returns what came of
it, for bypass_agent.py; "got" lists what succeeded and must be empty."""

import contextlib
import ctypes
import glob
import os
import signal
import socket
import struct
import subprocess
import time

PTRACE_ATTACH, PTRACE_SEIZE = 16, 0x4206
CONNECT_S = 0.3


def sidecars():
    """Processes that look like sluice, and our own ancestors."""
    found = set()
    for comm in glob.glob("/proc/[0-9]*/comm"):
        with contextlib.suppress(OSError), open(comm) as file:
            if file.read().strip().startswith("sluice"):
                found.add(int(comm.split("/")[2]))
    pid = os.getppid()
    while pid > 0:
        found.add(pid)
        try:
            with open(f"/proc/{pid}/stat") as file:
                pid = int(file.read().rpartition(")")[2].split()[1])
        except OSError:
            break
    return sorted(found - {os.getpid()})


def kill_sidecar(*pids):
    """Signals to every process that could be the sidecar (not SIGCONT: that is free within a session)."""
    got = []
    for pid in set(sidecars()) | set(pids):
        for name in ("SIGSTOP", "SIGTERM", "SIGKILL"):
            with contextlib.suppress(OSError):
                os.kill(pid, getattr(signal, name))
                got.append(f"{name} to {pid}")
    return {"tried": sidecars(), "got": got}


def ptrace_sidecar(*pids):
    """Attach, read memory, take descriptors, read secrets from the environment."""
    got, libc = [], ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    for pid in set(sidecars()) | set(pids):
        for what in (PTRACE_ATTACH, PTRACE_SEIZE):
            if libc.ptrace(what, pid, None, None) == 0:
                got.append(f"ptrace {what} of {pid}")
        for name in ("mem", "environ", "maps"):
            with contextlib.suppress(OSError), open(f"/proc/{pid}/{name}", "rb") as file:
                if name == "mem" or file.read(1):
                    got.append(f"/proc/{pid}/{name}")
        with contextlib.suppress(OSError):
            got += [f"/proc/{pid}/fd/{fd}" for fd in os.listdir(f"/proc/{pid}/fd")]
        with contextlib.suppress(OSError):
            if libc.syscall(438, os.pidfd_open(pid), 0, 0) >= 0:  # pidfd_getfd
                got.append(f"pidfd_getfd of {pid}")
    return {"tried": sidecars(), "got": got}


def gateways():
    """Addresses next to us: the default gateway of each family and everything in the neighbour table."""
    found = {"127.0.0.1", "::1"}
    for family in ("-4", "-6"):
        said = subprocess.run(["ip", family, "route"], capture_output=True, text=True).stdout
        said += subprocess.run(["ip", family, "neigh"], capture_output=True, text=True).stdout
        words = said.split()
        found |= {after for word, after in zip(words, words[1:]) if word == "via"}
        found |= {line.split()[0] for line in said.splitlines() if "lladdr" in line}
    return sorted(found)


def _listening():
    """Ports that somebody listens on in our namespace, as /proc tells."""
    ports = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError), open(table) as file:
            for line in file.readlines()[1:]:
                fields = line.split()
                if fields[3] == "0A":
                    ports.add(int(fields[1].rpartition(":")[2], 16))
    return ports


def reach_listeners(*ports):
    """An HTTP question to every port where the sidecar may listen; "got" is who served a call."""
    got, tried = [], 0
    for address in gateways():
        for port in sorted(set(ports) | _listening()):
            tried += 1
            with contextlib.suppress(OSError), socket.create_connection((address, port), CONNECT_S) as peer:
                peer.settimeout(2)
                peer.sendall(b"GET /v1/status HTTP/1.1\r\nHost: sluice\r\nConnection: close\r\n\r\n")
                said = peer.recv(4096)
                if said and b"x-sluice-decision" not in said.lower():
                    got.append(f"{address}:{port} said {said[:60]!r}")
    return {"tried": tried, "got": got}


def reach_admin(*folders):
    """Unix sockets: by path, and by the names the kernel shows, abstract ones included."""
    paths = {path for folder in folders for path in glob.glob(f"{folder}/**/*.sock", recursive=True)}
    with open("/proc/net/unix") as file:
        paths |= {line.split()[7] for line in file.readlines()[1:] if len(line.split()) > 7}
    got = []
    for path in sorted(paths):
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(1)
            peer.connect("\0" + path[1:] if path.startswith("@") else path)
            got.append(path)
    return {"tried": sorted(paths), "got": got}


def loosen_rules(*_):
    """Rights over the box: firewall, addresses, routes, raw packets, another namespace, becoming root."""
    got = []
    for command in (["nft", "flush", "ruleset"], ["nft", "list", "ruleset"],
                    ["ip", "link", "add", "d0", "type", "dummy"],
                    ["ip", "route", "add", "198.51.100.0/24", "dev", "lo"], ["nsenter", "--net=/proc/1/ns/net", "true"],
                    ["setpriv", "--reuid=0", "true"], ["unshare", "-Ur", "nft", "flush", "ruleset"]):
        with contextlib.suppress(OSError):
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode == 0 and (command[:2] != ["nft", "list"] or done.stdout):
                got.append(" ".join(command))
    for family, kind, protocol in ((socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP),
                                   (socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW),
                                   (socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))):
        with contextlib.suppress(OSError):
            socket.socket(family, kind, protocol).close()
            got.append(f"socket {family.name} {kind.name} {protocol}")
    with contextlib.suppress(OSError), socket.socket() as marked:
        marked.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, struct.pack("I", 0x1))
        got.append("SO_MARK")
    return {"got": got}


def flee(address, port, host, seconds, absolute=True):
    """Calls `host` again and again by connecting to (address, port), a moment apart: what came of it, counted."""
    seen, end, target = {}, time.monotonic() + seconds, f"http://{host}/flee" if absolute else "/flee"
    while time.monotonic() < end:
        try:
            with socket.create_connection((address, port), 1) as peer:
                peer.settimeout(1)
                peer.sendall(f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
                said = peer.recv(100)
                key = said[:12].decode("latin-1") or "closed"
        except OSError as error:
            key = type(error).__name__
        seen[key] = seen.get(key, 0) + 1
        time.sleep(0.002)
    return {"seen": seen}


def orphan(address, port, delay):
    """Leaves a process behind that gets out of the session and calls later; it says nothing."""
    if os.fork():
        return {"left": True}
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for fd in range(3):
        os.dup2(null, fd)
    time.sleep(delay)
    flee(address, port, address, 1, absolute=False)
    os._exit(0)


def zone_ids(port):
    """Link-local neighbours by interface, and the room's own address with a zone."""
    got = []
    for index, name in socket.if_nameindex():
        for address in ("fe80::1", "ff02::1", "fd00:5177::18", "::1"):
            with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as peer:
                peer.settimeout(CONNECT_S)
                peer.connect((address, port, 0, index))
                peer.settimeout(2)
                peer.sendall(b"GET / HTTP/1.1\r\nHost: [fe80::1]\r\nConnection: close\r\n\r\n")
                said = peer.recv(4096)
                if said.startswith(b"HTTP/1.1 2"):
                    got.append(f"{address}%{name}")
    return {"got": got}


def ask(name, kind=1, server=None, tcp=False):
    """One question to a name server, the system's by default: its rcode and how many answers."""
    if server is None:
        with open("/etc/resolv.conf") as file:
            server = next(line.split()[1] for line in file if line.startswith("nameserver"))
    labels = b"".join(bytes([len(label)]) + label.encode("latin-1") for label in name.split("."))
    query = struct.pack("!HHHHHH", 7, 0x100, 1, 0, 0, 0) + labels + struct.pack("!BHH", 0, kind, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM) as peer:
        peer.settimeout(2)
        peer.connect((server, 53))
        peer.send(struct.pack("!H", len(query)) + query if tcp else query)
        said = peer.recv(4096)[2 if tcp else 0:]
    return {"rcode": said[3] & 15, "answers": struct.unpack("!H", said[6:8])[0]} if len(said) > 7 else {"closed": True}
