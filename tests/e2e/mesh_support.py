"""Identities for sidecars, good ones and every bad kind, made with the openssl command; sidecars that
know each other by them; and a wire between two of them that counts connections."""

import socket
import ssl
import subprocess
import threading

from folders import temporary_folder
from sluice_test import LOOPBACK, SLOW, Sluice, allow, policy

DOMAIN = "scn-1f2e.sluice"

_CA_CONFIG = """
[ca]
default_ca = one
[one]
database = {folder}/index.txt
new_certs_dir = {folder}
serial = {folder}/serial
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
"""


def spiffe(name):
    return f"spiffe://{DOMAIN}/component/{name}"


def _openssl(*arguments):
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(f"openssl {arguments[0]} failed: {done.stderr}")


class MeshCa:
    """Signs whatever it is asked to."""

    def __init__(self):
        self.folder = temporary_folder("sluice-mesh-")
        self.roots, self._key = self.folder / "mesh-ca.pem", self.folder / "ca-of-test.key"
        (self.folder / "index.txt").touch()
        (self.folder / "serial").write_text("1000\n")
        (self.folder / "ca.cnf").write_text(_CA_CONFIG.format(folder=self.folder))
        _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                 "-subj", "/CN=Mesh CA", "-keyout", self._key, "-out", self.roots)

    def issue(self, *uris, dates=("-days", "2"), usage="serverAuth,clientAuth"):
        """(certificate, key) with these URI names."""
        base = self.folder / f"leaf-{len(list(self.folder.glob('leaf-*.key')))}"
        key, request, out = (base.with_suffix(s) for s in (".key", ".csr", ".pem"))
        base.with_suffix(".ext").write_text(
            "subjectAltName=" + ",".join(f"URI:{one}" for one in uris) + f"\nextendedKeyUsage={usage}\n"
            "basicConstraints=critical,CA:FALSE\n")
        _openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=any",
                 "-keyout", key, "-out", request)
        key.chmod(0o600)
        _openssl("ca", "-batch", "-notext", "-config", self.folder / "ca.cnf", "-cert", self.roots,
                 "-keyfile", self._key, "-in", request, "-out", out, "-extfile", base.with_suffix(".ext"), *dates)
        return out, key

    def identity(self, *names, **how):
        """`identity` of a sluice.yaml."""
        certificate, key = self.issue(*map(spiffe, names), **how)
        return {"certificate": str(certificate), "key": str(key), "roots": str(self.roots)}

    def context(self, *uris, server=False, roots=None, maximum=None, **how):
        """A TLS context that shows these names and believes `roots`."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(str(roots or self.roots))
        if uris:
            context.load_cert_chain(*self.issue(*uris, **how))
        if maximum:
            context.maximum_version = maximum
        return context


EXPIRED = ("-startdate", "20200101000000Z", "-enddate", "20200201000000Z")


def slot(name, port, peer, host="net.test"):
    """A listener for the program beside this sidecar, that leads to another sidecar."""
    return {"name": name, "kind": "reverse", "bind": f"{LOOPBACK}:0", "upstream": f"https://{host}:{port}",
            "upstream_peer": spiffe(peer)}


def entry(name, port, *peers, host="up.test", bind=0):
    """A listener for other sidecars, that leads to the program beside this one."""
    return {"name": name, "kind": "reverse", "bind": f"{LOOPBACK}:{bind}", "upstream": f"http://{host}:{port}",
            "peers": [spiffe(one) for one in peers]}


def sidecar(identity, *listeners, tcp=None, limits=None, rules=None):
    hosts = ("up.test", "net.test", "other.test")
    one = Sluice(rules or [allow(hosts=hosts)], listeners=list(listeners),
                 config={"identity": identity, "resolve": {name: [LOOPBACK] for name in (*hosts, "db.test")},
                         "limits": limits or {}})
    if tcp is not None:
        one.write_policy(policy([], tcp=tcp))
    return one


class Wire:
    """Passes bytes on to `port` and counts the connections."""

    def __init__(self, port):
        self.target, self.connections = port, 0
        self._listener = socket.create_server((LOOPBACK, 0), backlog=256)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
                far = socket.create_connection((LOOPBACK, self.target), 10 * SLOW)
            except OSError:
                return
            self.connections += 1
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pass, args=(source, sink), daemon=True).start()

    @staticmethod
    def _pass(source, sink):
        try:
            source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            for one in (source, sink):
                one.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listener.close()
