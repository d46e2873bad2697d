"""Certificates for test upstreams, good ones and every bad kind, made with the openssl command."""

import functools
import ssl
import subprocess

from folders import temporary_folder

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


def _openssl(*arguments):
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(f"openssl {arguments[0]} failed: {done.stderr}")


class TestCa:
    """A certificate authority in a temporary folder. `certificate` is what a client trusts."""

    __test__ = False

    def __init__(self, name="Test upstream CA"):
        self.folder = temporary_folder("sluice-ca-")
        self.certificate = self.folder / "ca.pem"
        self.key = self.folder / "ca.key"
        (self.folder / "index.txt").touch()
        (self.folder / "serial").write_text("1000\n")
        (self.folder / "ca.cnf").write_text(_CA_CONFIG.format(folder=self.folder))
        _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                 "-days", "2", "-subj", f"/CN={name}", "-keyout", self.key, "-out", self.certificate)

    @functools.lru_cache(maxsize=None)
    def server_context(self, *names, start=None, end=None):
        """A TLS server context for these names; `start` and `end` as YYYYMMDDHHMMSSZ."""
        certificate, key = self.issue(*names, start=start, end=end)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        return context

    def issue(self, *names, start=None, end=None):
        base = self.folder / f"leaf-{len(list(self.folder.glob('leaf-*.key')))}"
        key, request, out = (base.with_suffix(s) for s in (".key", ".csr", ".pem"))
        extensions = base.with_suffix(".ext")
        alternatives = ",".join(("IP:" if n[0].isdigit() or ":" in n else "DNS:") + n for n in names)
        extensions.write_text(f"subjectAltName={alternatives}\n")
        _openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                 f"/CN={names[0]}", "-keyout", key, "-out", request)
        dates = ["-startdate", start, "-enddate", end] if start else ["-days", "2"]
        _openssl("ca", "-batch", "-notext", "-config", self.folder / "ca.cnf", "-cert", self.certificate,
                 "-keyfile", self.key, "-in", request, "-out", out, "-extfile", extensions, *dates)
        return out, key


@functools.lru_cache(maxsize=None)
def test_ca():
    return TestCa()


def bad_contexts(name):
    """label -> a server context that a client who asked for `name` must not believe."""
    ca = test_ca()
    return {
        "expired": ca.server_context(name, start="20200101000000Z", end="20200201000000Z"),
        "not yet valid": ca.server_context(name, start="20490101000000Z", end="20491231000000Z"),
        "wrong name": ca.server_context("other.test"),
        "unknown CA": TestCa("Somebody else").server_context(name),
    }
