"""For tests of bypasses: origins that must not be reached, a name server that lies, and an agent that
tries (clients/bypass_agent.py), behind the forward listener or captured by `sluice exec`."""

import contextlib
import json
import os
import re
import socket
import struct
import subprocess
import threading
import unittest

import room
from certificates import test_ca
from clients.catalogue import HERE
from origins import NAMES, Origins, UdpOrigin
from servers import HttpUpstream
from sluice_test import SLOW, SLUICE, Sluice, SluiceTestCase, read_evidence, run_cli

UNPRIVILEGED = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
AGENT = ["/usr/bin/python3", "-B", str(HERE / "bypass_agent.py")]
OPENAI, UNLISTED = "api.openai.com", "unlisted.example"
METADATA4, METADATA6 = "169.254.169.254", "fd00:ec2::254"
TARGET = NAMES[UNLISTED][0]  # a private address that no rule opens
_INNER = bytes(int(part) for part in TARGET.split("."))


def six(*pieces):
    """IPv6 text of these bytes."""
    return socket.inet_ntop(socket.AF_INET6, b"".join(pieces))


EMBEDDED = {  # addresses that reach TARGET where a gateway of that kind stands
    "NAT64": six(bytes.fromhex("0064ff9b"), bytes(8), _INNER),
    "NAT64 of the network": six(bytes.fromhex("0064ff9b0001"), bytes(6), _INNER),
    "6to4": six(bytes.fromhex("2002"), _INNER, bytes(9), b"\1"),
    "Teredo": six(bytes.fromhex("20010000"), bytes(8), bytes(255 - byte for byte in _INNER)),
}
CYRILLIC = "\u0430pi.openai.com"  # its first letter is not an a
CYRILLIC_A_LABEL = CYRILLIC.encode("idna").decode()
RESOLVE = NAMES | {"blocked.example": [TARGET], CYRILLIC_A_LABEL: [TARGET], "metadata.example": [METADATA4],
                   "metadata6.example": [METADATA6], "embedded.example": [EMBEDDED["NAT64"]],
                   "mixed.example": [NAMES["dual.example"][0], METADATA4]}

WEB = {"name": "web", "allow": {"hosts": [OPENAI, "dual.example", "v6only.example"], "ports": [80, 443]},
       "private": True}
BLOCKED = {"name": "blocked", "block": {"hosts": ["blocked.example"]}}
EXAMPLES = {"name": "examples", "allow": {"hosts": ["blocked.example", "metadata.example", "metadata6.example",
                                                    "embedded.example", "mixed.example", "*.rebind.example"]},
            "private": True}
ANYTHING = {"name": "anything", "allow": {"hosts": ["**"]}}
STRICT = {"version": 1, "egress": [WEB, BLOCKED, EXAMPLES]}
WIDE = {"version": 1, "egress": [WEB, BLOCKED, EXAMPLES, ANYTHING]}  # only the guards stand


class LyingNames:
    """A name server at room.NOWHERE. The first question for a name under rebind.example is answered with
    `good`, every later one with the metadata address, with no time to live."""

    def __init__(self, good):
        self.good, self.questions = good, []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((room.NOWHERE, 53))

    def __enter__(self):
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                data, peer = self._socket.recvfrom(4096)
                if peer is None:
                    return
                self._socket.sendto(self._answer(data), peer)

    def _answer(self, data):
        labels, at = [], 12
        while data[at]:
            labels.append(data[at + 1:at + 1 + data[at]].decode("latin-1").lower())
            at += 1 + data[at]
        question, kind = data[12:at + 5], struct.unpack("!H", data[at + 1:at + 3])[0]
        name = ".".join(labels)
        seen = self.questions.count((name, kind))
        self.questions.append((name, kind))
        rdata = b""
        if name.endswith("rebind.example") and kind == 1:
            rdata = socket.inet_aton(self.good if seen == 0 and not name.startswith("bad") else METADATA4)
        elif name.startswith("six") and kind == 28:
            rdata = socket.inet_pton(socket.AF_INET6, METADATA6)
        known = name.endswith("rebind.example")
        head = struct.pack("!2sHHHHH", data[:2], 0x8180 if known else 0x8183, 1, 1 if rdata else 0, 0, 0)
        answer = struct.pack("!HHHIH", 0xC00C, kind, 1, 0, len(rdata)) + rdata if rdata else b""
        return head + question + answer


class World(contextlib.ExitStack):
    def __init__(self):
        super().__init__()
        self.folder = room.public_folder("sluice-bypass-")
        self.origins = self.enter_context(Origins(self.folder))
        room.add_addresses(METADATA4, METADATA6, room.NOWHERE, *EMBEDDED.values())
        for address in (METADATA4, METADATA6, *EMBEDDED.values()):
            server = self.enter_context(HttpUpstream(address=(address, 80)))
            self.origins.servers[address, 80] = [server]
        self.names = self.enter_context(LyingNames(NAMES["dual.example"][0]))
        self.time = self.enter_context(UdpOrigin((NAMES["dual.example"][0], 123)))


def set_up_module():
    BypassTestCase.world = World()
    unittest.addModuleCleanup(BypassTestCase.world.close)


def config():
    trust = {"ca_dir": "ca", "upstream_roots": "none", "extra_roots": [str(test_ca().certificate)]}
    return {"tls": trust, "resolve": RESOLVE, "limits": {"header_timeout": "2s"}}


def get(host, path="/", target=None, **fields):
    """The text of a GET whose Host is `host`; `target` for absolute form."""
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    return ["send", f"GET {target or path} HTTP/1.1\r\nHost: {host}\r\n{lines}\r\n"]


def no_containment(sluice):
    """None, or why tests of captured agents cannot run with this binary."""
    said = run_cli("exec", "--require-containment", "-c", sluice.config_file, "--", "true")
    return f"this sluice does not contain: {said.stderr.strip().splitlines()[-1:]}" if said.returncode else None


class BypassTestCase(SluiceTestCase):
    world = None

    def setUp(self):
        self.origins = self.world.origins
        self.origins.forget()
        self.connections = self.count_connections()

    def count_connections(self):
        counted = {end: sum(s.connections for s in servers) for end, servers in self.origins.servers.items()}
        return counted | {("git.example", 22): self.origins.ssh.connections}

    def start_agent(self, prefix, attempts, environment):
        environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LANG": "C.UTF-8", **environment}
        agent = subprocess.Popen([*prefix, *AGENT], env=environment, cwd="/", text=True, stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        agent.stdin.write(json.dumps(attempts))
        agent.stdin.close()
        agent.stdin = None  # for communicate
        return agent

    def end_agent(self, agent, timeout=60, code=0):
        """The observations of each attempt."""
        try:
            said, errors = agent.communicate(timeout=timeout * SLOW)
        finally:
            agent.kill()
        self.assertEqual(agent.returncode, code, f"the agent failed:\n{said}{errors}")
        return [json.loads(line) for line in said.splitlines()]

    def run_agent(self, prefix, attempts, environment, timeout=60):
        return self.end_agent(self.start_agent(prefix, attempts, environment), timeout)

    @staticmethod
    def tunnel(target, host=None):
        """Moves that open a tunnel."""
        return [["connect", "proxy", ""],
                ["send", f"CONNECT {target} HTTP/1.1\r\nHost: {host or target}\r\n\r\n"], ["tunnel"]]

    # What must hold after an attempt

    def arrived(self):
        return [(name, port, request.path) for name, port, request in self.origins.requests()]

    def assert_nothing_left(self, *but):
        """No origin saw a request or even a connection, except of those ends."""
        after = self.count_connections()
        touched = {end for end, count in after.items() if count != self.connections[end]}
        self.assertEqual(touched - set(but), set(), "origins were touched")
        self.assertEqual([a for a in self.arrived() if a[:2] not in but], [])
        self.assertEqual(self.origins.udp.datagrams + self.world.time.datagrams, [])

    def assert_refused(self, seen, *codes):
        """The last thing the agent saw was a refusal (with one of these reason codes) or a dead end; its
        reason code, if it got one."""
        last = seen[-1]
        if last.get("refused"):
            self.assertGreaterEqual(last["status"], 400)
            if codes:
                self.assertIn(last.get("reason_code"), codes, seen)
        else:
            self.assertTrue("error" in last or last.get("closed") and not last.get("text"), seen)
        return last.get("reason_code")

    def reasons(self, records):
        """(reason_code, host) of every refusal on record."""
        found = []
        for record in records:
            facts = record.get("payload") or {}
            if facts.get("decision") in ("block", "require_approval"):
                found.append((facts["reason_code"], (facts.get("destination") or {}).get("host")))
        return found


class ForwardCase(BypassTestCase):
    """The agent is told of the forward listener by HTTP_PROXY and uses it to get elsewhere."""

    @staticmethod
    def behind(policy, **options):
        return Sluice(config=config(), policy_text=json.dumps(policy), **options)

    def attempt(self, sluice, *attempts):
        proxy = {"HTTP_PROXY": sluice.proxy_url}
        return self.run_agent(UNPRIVILEGED, attempts, proxy)

    def tunnelled(self, target, host=None):
        """Moves of a call by TLS in a tunnel."""
        name = target.rpartition(":")[0]
        sni = name if re.fullmatch(r"[a-z][a-z0-9-]*(\.[a-z0-9-]+)*", name) else ""
        return self.tunnel(target, host) + [["tls", sni], get(name), ["answer"]]


class CapturedCase(BypassTestCase):
    """The agent is in the box of `sluice exec` and connects to wherever it likes."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        sluice, _ = cls.box(STRICT)
        why = no_containment(sluice)
        if why:
            raise unittest.SkipTest(why)

    @staticmethod
    def box(policy):
        """(the files of a sluice, a command prefix that runs behind it)"""
        sluice = Sluice(config=config(), policy_text=json.dumps(policy))
        sluice.folder.chmod(0o755)
        return sluice, [SLUICE, "exec", "--require-containment", "-c", str(sluice.config_file), "--"]

    def attempt(self, *attempts, policy=STRICT, timeout=60):
        """(observations of each attempt, the records)"""
        sluice, prefix = self.box(policy)
        seen = self.run_agent(prefix, attempts, {}, timeout)
        sluice.verify()
        return seen, read_evidence(sluice.evidence)
