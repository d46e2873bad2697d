"""Unmodified clients, captured: each makes its calls behind `sluice exec` without knowing it, every call
has one decision and one outcome on record, and what must not get through does not.

Runs in a room of its own (room.py). The same clients first run there without Sluice: if that fails, the
room or the client is wrong, not the capture.
"""

import json
import socket
import os
import subprocess
import sys
import time
import unittest

import client_setup
import postgres
import room
from certificates import test_ca
from clients import catalogue
from origins import NAMES, Origins
from sluice_test import SANITIZED, SLOW, SLUICE, Sluice, SluiceTestCase, main, read_evidence, run_cli

PATIENCE_S = 30
UNPRIVILEGED = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
PATH = os.environ["PATH"]
WEB_HOSTS = [name for name in NAMES if not name.endswith(".internal") and name != "unlisted.example"]
DATABASES = ["db.internal", "dbtls.internal"]
POLICY = {
    "version": 1,
    "egress": [{"name": "web", "allow": {"hosts": WEB_HOSTS, "ports": [80, 443]}, "private": True}],
    "tcp": [{"name": "databases", "allow": {"hosts": DATABASES, "ports": [5432]}, "private": True}],
}


def ca_variables(bundle):
    """The variables `sluice ca env` sets, naming another bundle."""
    folder = room.public_folder("sluice-ca-env-")
    run_cli("ca", "init", "--dir", folder / "ca")
    lines = run_cli("ca", "env", "--dir", folder / "ca").stdout.splitlines()
    names = [line.removeprefix("export ").split("=")[0] for line in lines if line.startswith("export ")]
    assert "SSL_CERT_FILE" in names, lines
    return {name: str(bundle) for name in names if name != "JAVA_TOOL_OPTIONS"}


class World:
    """Origins and databases, made once for both classes."""

    def __init__(self):
        self.folder = room.public_folder("sluice-clients-")
        self.origins = unittest.enterModuleContext(Origins(self.folder))
        self.databases = {}
        if postgres.binaries():
            plain = self.databases["db.internal"] = postgres.Postgres(NAMES["db.internal"][0])
            pair = test_ca().issue("dbtls.internal")
            self.databases["dbtls.internal"] = postgres.Postgres(NAMES["dbtls.internal"][0], *pair, like=plain)
        for database in self.databases.values():
            unittest.enterModuleContext(database)
        self.missing = client_setup.install_all()


def setUpModule():
    Clients.world = World()


class Clients(SluiceTestCase):
    """How a client is run; the classes below say behind what."""

    world = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder, cls.origins, cls.databases = cls.world.folder, cls.world.origins, cls.world.databases
        cls.missing, cls.times = cls.world.missing, {}

    @classmethod
    def tearDownClass(cls):
        rows = "".join(f"  {name:20} {seconds:6.2f} s\n" for name, seconds in cls.times.items())
        print(f"{cls.__name__}:\n{rows}  {'together':20} {sum(cls.times.values()):6.2f} s", file=sys.stderr)
        super().tearDownClass()

    def setUp(self):
        self.origins.forget()

    def run_client(self, client, prefix, environment):
        """Its JSON line; fails when it fails."""
        home = self.folder / f"home-{type(self).__name__}-{client.name}"
        home.mkdir()
        home.chmod(0o1777)
        clean = {"PATH": PATH, "HOME": str(home), "LANG": "C.UTF-8", "PIP_CONFIG_FILE": "/dev/null"} | environment
        started = time.monotonic()
        done = subprocess.run([*prefix, *client.command], env=clean, cwd=home, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=PATIENCE_S * SLOW)
        self.times[client.name] = time.monotonic() - started
        self.assertEqual(done.returncode, 0, f"{client.name}:\n{done.stdout}{done.stderr}")
        return json.loads(done.stdout.strip().splitlines()[-1])

    def arrived(self, host, port):
        """How many calls an origin saw."""
        return len(self.origins.requests(host, port))

    def begin(self, client):
        """First in a subtest: nothing has arrived, and this machine can run the client."""
        reason = client.why_not(self.missing)
        if reason:
            self.skipTest(reason)
        self.origins.forget()


@unittest.skipIf(SANITIZED, "the room is judged once, with the release build")
class DirectClients(Clients):
    """Without Sluice, names from a hosts file: every client gets what it wants, and every way out is open."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.prefix = room.with_hosts(NAMES, cls.folder)
        cls.environment = ca_variables(test_ca().certificate)
        test_ca().folder.chmod(0o755)

    def test_every_client_passes(self):
        for client in catalogue.clients():
            with self.subTest(client=client.name):
                self.begin(client)
                sessions = {name: database.sessions for name, database in self.databases.items()}
                self.run_client(client, self.prefix + UNPRIVILEGED, self.environment)
                for (host, port), count in client.calls.items():
                    seen = self.databases[host].sessions - sessions[host] if port == 5432 else self.arrived(host, port)
                    self.assertEqual(seen, count, f"{host}:{port} saw {[r[2].path for r in self.origins.requests()]}")
        if self.databases:
            self.assertGreater(self.databases["dbtls.internal"].encrypted_sessions, 0)
            self.assertEqual(self.databases["db.internal"].encrypted_sessions, 0)

    def test_every_way_out_is_open(self):
        for client in catalogue.refused_clients(NAMES["dual.example"][0]):
            with self.subTest(client=client.name):
                self.begin(client)
                with self.assertRaisesRegex(AssertionError, '"through": true'):  # exit code 7
                    self.run_client(client, self.prefix, self.environment)


class CapturedClients(Clients):
    """Behind `sluice exec`, each with evidence of its own."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        probe = cls.sluice_files()
        said = run_cli("exec", "--require-containment", "-c", probe.config_file, "--", "true")
        if said.returncode:
            raise unittest.SkipTest(f"this sluice does not contain: {said.stderr.strip().splitlines()[-1:]}")

    @classmethod
    def sluice_files(cls):
        trust = {"ca_dir": "ca", "upstream_roots": "none", "extra_roots": [str(test_ca().certificate)]}
        sluice = Sluice(config={"tls": trust, "resolve": NAMES}, policy_text=json.dumps(POLICY))
        sluice.folder.chmod(0o755)
        return sluice

    def capture(self, client):
        """(its JSON line, the records)"""
        sluice = self.sluice_files()
        prefix = [SLUICE, "exec", "--require-containment", "-c", str(sluice.config_file), "--"]
        said = self.run_client(client, prefix, {})
        sluice.verify()
        return said, read_evidence(sluice.evidence)

    def test_every_client_passes_and_is_on_record(self):
        for client in catalogue.clients():
            with self.subTest(client=client.name):
                self.begin(client)
                _, records = self.capture(client)
                for (host, port), count in client.calls.items():
                    if port != 5432:
                        self.assertEqual(self.arrived(host, port), count)
                    self.assert_on_record(records, host, port, count)
                self.assertEqual(refusals(records), [], client.name)

    def assert_on_record(self, records, host, port, count):
        allowed = [r["payload"] for r in records if r["event_type"] == "egress_allowed"]
        reached = {(p["destination"]["host"], p["destination"]["port"]) for p in allowed}
        self.assertEqual(reached, {(host, port)})
        ids = [payload["call_id"] for payload in allowed if payload.get("method") != "CONNECT"]
        self.assertEqual((len(ids), len(set(ids))), (count, count), "decisions on record")
        self.assertEqual({p["destination"]["address"] for p in allowed} - set(NAMES[host]), set())
        outcomes = [r["payload"] for r in records if r["event_type"] in ("egress_outcome", "egress_error")]
        self.assertEqual(sorted(o["call_id"] for o in outcomes), sorted(ids), "one outcome for each decision")
        # PostgreSQL over TLS ends with an alert unread, which is a reset of one side or the other.
        ends = {(o["protocol"], o["status"], o["reason_code"]) for o in outcomes if o["status"] != "succeeded"}
        self.assertLessEqual(ends, {("tcp", "interrupted", "downstream_closed"), ("tcp", "interrupted", "upstream_closed")})

    def test_refused(self):
        direct_ip = NAMES["dual.example"][0]
        for client in catalogue.refused_clients(direct_ip):
            with self.subTest(client=client.name):
                self.begin(client)
                ssh, connections = self.origins.ssh.connections, self.all_connections()
                said, records = self.capture(client)
                self.assertFalse(said["through"])
                self.assertEqual(self.origins.requests(), [])
                self.assertEqual((self.origins.ssh.connections, self.all_connections()), (ssh, connections))
                self.assertEqual(self.origins.udp.datagrams, [])
                self.assertEqual([r for r in records if r["event_type"] == "egress_allowed"], [])
                if client.calls:  # it reached Sluice, as a connection or as a question for a name
                    self.assertTrue(refusals(records), f"{client.name} left no refusal: {records}")
                if client.name == "quic":
                    self.assertEqual(said["saw"], "ConnectionRefusedError")
                    self.assertLess(said["seconds"], 1)

    def all_connections(self):
        return sum(server.connections for servers in self.origins.servers.values() for server in servers)


def refusals(records):
    """Payloads of records that refuse, but for the probe's, which are meant to."""
    return [r["payload"] for r in records
            if r["payload"].get("decision") in ("block", "require_approval") and r["payload"].get("reason_code")
            and "sluice-probe" not in json.dumps(r["payload"])
            and r["payload"].get("name") != socket.gethostname()]  # git asks who it is


if __name__ == "__main__":
    client_setup.install_all()  # while the machine's network is there
    room.enter()
    main()
