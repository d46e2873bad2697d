"""A real PostgreSQL of the test's own, in a temporary folder, as the user postgres; never the system's
cluster."""

import re
import shutil
import subprocess
import time
from pathlib import Path

import room

DROP = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
OPTIONS = {"fsync": "off", "log_connections": "on", "shared_buffers": "8MB", "max_connections": "20",
           "autovacuum": "off", "max_wal_senders": "0", "wal_level": "minimal", "log_line_prefix": "%r "}
TABLE = "create table answers (id int primary key, answer text); insert into answers values (42, 'forty-two')"


def binaries():
    """The folder with initdb and postgres, or None."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


class Postgres:
    """One server on (address, 5432); `certificate` and `key` turn TLS on."""

    def __init__(self, address, certificate=None, key=None, like=None):
        self.folder = room.public_folder("sluice-postgres-")
        self.address, self.log, self.process = address, self.folder / "log", None
        shutil.chown(self.folder, "postgres", "postgres")
        if like:
            subprocess.run(["cp", "-a", like.folder / "data", self.folder / "data"], check=True)
        else:
            self._create()
        self.options = OPTIONS | {"listen_addresses": address, "unix_socket_directories": str(self.folder)}
        if certificate:
            for source, name in ((certificate, "server.pem"), (key, "server.key")):
                shutil.copy(source, self.folder / name)
                shutil.chown(self.folder / name, "postgres", "postgres")
                (self.folder / name).chmod(0o600)
            self.options |= {"ssl": "on", "ssl_cert_file": str(self.folder / "server.pem"),
                             "ssl_key_file": str(self.folder / "server.key")}

    def _create(self):
        data = self.folder / "data"
        subprocess.run([*DROP, binaries() / "initdb", "-D", data, "-A", "trust", "-U", "agent", "-E", "UTF8",
                        "--locale", "C", "--no-sync"], check=True, capture_output=True)
        (data / "pg_hba.conf").write_text("local all all trust\nhost all all 0.0.0.0/0 trust\n")
        single = [*DROP, binaries() / "postgres", "--single", "-F", "-D", data, "postgres"]
        subprocess.run(single, input=TABLE.replace("; ", ";\n") + "\n", text=True, check=True, capture_output=True)

    def __enter__(self):
        command = [*DROP, binaries() / "postgres", "-D", self.folder / "data", "-p", "5432"]
        for name, value in self.options.items():
            command += ["-c", f"{name}={value}"]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        for _ in range(300):
            if "ready to accept connections" in self.log.read_text():
                return self
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise AssertionError(f"postgres did not start:\n{self.log.read_text()}")

    def __exit__(self, *_):
        self.process.terminate()  # SIGTERM: no new clients
        self.process.send_signal(2)  # SIGINT: the ones there are end too
        self.process.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def sessions(self):
        """How many sessions were authorised."""
        return len(re.findall(r"connection authorized", self.log.read_text()))

    @property
    def encrypted_sessions(self):
        return len(re.findall(r"connection authorized.*SSL enabled", self.log.read_text()))
