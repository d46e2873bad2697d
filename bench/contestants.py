"""Who takes part in the bench and how each is set up: one core, no access log, no caching."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time

HOST = "bench.test"
RULES = 100  # what Sluice's policy has; the peers have none


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port, process, seconds=20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"ended with {process.returncode} before it listened")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise RuntimeError(f"did not listen on {port}")


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


class Machine:
    """The folder, the cores, the certificates and the origin that all contestants share."""

    def __init__(self, folder, load, sluice, relay, websocket):
        self.folder, self.load, self.sluice, self.relay, self.websocket = folder, load, sluice, relay, websocket
        folder.chmod(0o755)  # squid drops root
        cores = sorted(os.sched_getaffinity(0))
        self.load_core, self.proxy_core = str(cores[0]), str(cores[-1])
        self.origin_ca, self.mitm_ca = folder / "origin-ca.pem", folder / "mitm-ca.pem"
        self.mitm_key = folder / "mitm-ca.key"
        self._make_certificates()
        self.plain_port, self.tls_port, self.origin = free_port(), free_port(), None

    def _make_certificates(self):
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3"]
        for name, certificate in (("origin", self.origin_ca), ("mitm", self.mitm_ca)):
            openssl("req", "-x509", *key, "-subj", f"/CN=Bench {name} CA", "-keyout",
                    certificate.with_suffix(".key"), "-out", certificate)
        names = self.folder / "names"
        names.write_text(f"subjectAltName=DNS:{HOST},DNS:localhost\n")
        openssl("req", *key[:-2], "-subj", f"/CN={HOST}", "-keyout", self.folder / "origin.key",
                "-out", self.folder / "origin.csr")
        openssl("x509", "-req", "-in", self.folder / "origin.csr", "-CA", self.origin_ca, "-CAkey",
                self.origin_ca.with_suffix(".key"), "-CAcreateserial", "-days", "3", "-extfile", names,
                "-out", self.folder / "origin.pem")
        (self.folder / "mitm-both.pem").write_text(self.mitm_key.read_text() + self.mitm_ca.read_text())

    def start_origin(self):
        body = "0123456789abcdef" * 64
        f = self.folder
        (f / "origin.conf").write_text(f"""
daemon off; master_process off; user root; pid {f}/origin.pid; error_log {f}/origin.log crit;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 100000000; keepalive_timeout 600; ssl_session_cache off;
  client_body_temp_path {f}/ob; proxy_temp_path {f}/op; fastcgi_temp_path {f}/of;
  uwsgi_temp_path {f}/ou; scgi_temp_path {f}/os;
  ssl_certificate {f}/origin.pem; ssl_certificate_key {f}/origin.key;
  server {{
    listen 127.0.0.1:{self.plain_port}; listen 127.0.0.1:{self.tls_port} ssl;
    location / {{ default_type text/plain; return 200 "{body}"; }}
  }}
}}
""")
        self.origin = subprocess.Popen(
            ["taskset", "-c", self.load_core, "/usr/sbin/nginx", "-c", f"{f}/origin.conf", "-p", str(f), "-e",
             f"{f}/origin.log"], stdin=subprocess.DEVNULL)
        wait_for_port(self.plain_port, self.origin)

    def stop_origin(self):
        if self.origin:
            self.origin.terminate()
            self.origin.wait(10)


class Contestant:
    """One proxy doing one kind of work. Sub-classes say which program and how it is configured."""

    program, mode, ca, connections, host = "", "direct", None, 32, HOST

    def __init__(self, machine, work, name):
        self.machine, self.work, self.name = machine, work, name
        self.key = f"{work}:{name}"
        self.folder = machine.folder / self.key.replace(":", "-").replace(" ", "-").replace("/", "-")
        self.port, self.sink, self.process = free_port(), free_port(), None

    @property
    def origin_port(self):
        return self.sink if self.work == "websocket" else self.machine.plain_port

    @property
    def url(self):
        if self.work == "forwarding":
            return f"http://{self.host}:{self.machine.plain_port}/"
        return f"https://{self.host}:{self.machine.tls_port}/"

    def missing(self):
        return None if shutil.which(self.program) else f"{self.program} is not installed"

    def command(self):
        raise NotImplementedError

    def start(self):
        self.folder.mkdir()
        self.folder.chmod(0o777)
        log = open(self.folder / "log", "wb")
        command = ["taskset", "-c", self.machine.proxy_core, *map(str, self.command())]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                        cwd=self.folder, start_new_session=True)
        try:
            wait_for_port(self.port, self.process)
        except RuntimeError as error:
            self.stop()
            raise RuntimeError(f"{self.name} {error}: {(self.folder / 'log').read_text()[-800:]}") from None

    def stop(self):
        """Ends the session we started it in: squid and its helpers are a group."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)
            try:
                self.process.wait(5)
                return
            except subprocess.TimeoutExpired:
                continue

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path


class Haproxy(Contestant):
    program = "haproxy"

    def command(self):
        return "haproxy", "-db", "-f", self.write("haproxy.cfg", f"""
global
  nbthread 1
  maxconn 4096
defaults
  mode http
  option http-keep-alive
  http-reuse always
  timeout client 60s
  timeout server 60s
  timeout connect 5s
frontend in
  bind 127.0.0.1:{self.port}
  default_backend origin
backend origin
  server one 127.0.0.1:{self.origin_port}
""")


class HaproxyRelay(Contestant):
    """With `splice`: what a relay costs when the bytes never leave the kernel."""
    program = "haproxy"

    def __init__(self, machine, name, splice):
        super().__init__(machine, "relay", name)
        self.splice = splice

    def command(self):
        return "haproxy", "-db", "-f", self.write("haproxy.cfg", f"""
global
  nbthread 1
  maxconn 4096
defaults
  mode tcp
  timeout client 60s
  timeout server 60s
  timeout connect 5s
  {"option splice-auto" if self.splice else ""}
listen relay
  bind 127.0.0.1:{self.port}
  server one 127.0.0.1:{self.sink}
""")


class Direct(Contestant):
    """No proxy at all."""
    program = "sleep"

    def command(self):
        return "sleep", "infinity"

    def start(self):
        self.port = self.sink
        self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, start_new_session=True)


class Nginx(Contestant):
    program = "/usr/sbin/nginx"

    def command(self):
        f = self.folder
        return self.program, "-p", f, "-e", f / "error.log", "-c", self.write("nginx.conf", f"""
daemon off; worker_processes 1; user root; pid {f}/pid; error_log {f}/error.log crit;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 100000000; keepalive_timeout 600;
  client_body_temp_path {f}/b; proxy_temp_path {f}/p; fastcgi_temp_path {f}/f; uwsgi_temp_path {f}/u;
  scgi_temp_path {f}/s;
  upstream origin {{ server 127.0.0.1:{self.machine.plain_port}; keepalive 64; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{self.port};
    location / {{ proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection ""; }}
  }}
}}
""")


class Squid(Contestant):
    program = "/usr/sbin/squid"

    def __init__(self, machine, work, name):
        super().__init__(machine, work, name)
        self.mode = "absolute" if work == "forwarding" else "connect"
        self.ca = None if work == "forwarding" else machine.mitm_ca

    def command(self):
        m, f = self.machine, self.folder
        self.write("hosts", f"127.0.0.1 {HOST}\n")
        listen = f"http_port 127.0.0.1:{self.port}"
        bump = ""
        if self.work != "forwarding":
            subprocess.run(["/usr/lib/squid/security_file_certgen", "-c", "-s", f / "ssl_db", "-M", "4MB"],
                           check=True, capture_output=True)
            subprocess.run(["chown", "-R", "proxy:proxy", f / "ssl_db"], check=True)
            os.chmod(m.folder / "mitm-both.pem", 0o644)
            listen += (f" ssl-bump generate-host-certificates=on dynamic_cert_mem_cache_size=4MB "
                       f"cert={m.folder}/mitm-both.pem")
            bump = (f"sslcrtd_program /usr/lib/squid/security_file_certgen -s {f}/ssl_db -M 4MB\n"
                    f"sslcrtd_children 1\nacl step1 at_step SslBump1\nssl_bump peek step1\nssl_bump bump all\n"
                    f"tls_outgoing_options cafile={m.origin_ca}\n")
        return self.program, "-N", "-f", self.write("squid.conf", f"""
{listen}
{bump}
http_access allow all
cache deny all
cache_mem 0
access_log none
cache_log {f}/cache.log
cache_store_log none
pid_filename {f}/squid.pid
coredump_dir {f}
hosts_file {f}/hosts
shutdown_lifetime 0 seconds
server_persistent_connections on
client_persistent_connections on
pinger_enable off
""")


class Mitmproxy(Contestant):
    program, connections, host = "mitmdump", 8, "localhost"

    def __init__(self, machine, work, name):
        super().__init__(machine, work, name)
        self.mode = "absolute" if work == "forwarding" else "connect"
        self.ca = None if work == "forwarding" else machine.mitm_ca

    def command(self):
        settings = self.folder / "conf"
        settings.mkdir()
        shutil.copy(self.machine.folder / "mitm-both.pem", settings / "mitmproxy-ca.pem")
        return ("mitmdump", "-q", "--listen-host", "127.0.0.1", "--listen-port", self.port, "--set",
                f"confdir={settings}", "--set", f"ssl_verify_upstream_trusted_ca={self.machine.origin_ca}",
                "--set", "flow_detail=0")


class Sluice(Contestant):
    """Everything on: a policy of RULES rules, redaction of secrets, evidence `written`."""

    def __init__(self, machine, work, name, kind):
        super().__init__(machine, work, name)
        self.kind = kind
        self.mode = {"reverse": "direct", "forward": "absolute", "intercept": "connect"}[kind]

    def missing(self):
        return None if self.machine.sluice else "no sluice binary (build the release preset or set SLUICE_BIN)"

    def rules(self):
        lines = [f"  - {{name: other-{n}, allow: {{hosts: [\"host-{n}.example\", \"*.host-{n}.example\"], ports: [443], "
                 f"methods: [GET, POST], paths: [\"/v{n}/**\"]}}}}" for n in range(RULES - 1)]
        lines.append(f"  - {{name: bench, allow: {{hosts: [{HOST}]}}, private: true}}")
        return "version: 1\negress:\n" + "\n".join(lines) + "\n"

    def command(self):
        m = self.machine
        subprocess.run([m.sluice, "ca", "init", "--dir", self.folder / "ca"], check=True, capture_output=True)
        if self.kind == "intercept":
            self.ca = self.folder / "ca" / "ca.pem"
        self.write("policy.yaml", self.rules())
        upstream = f", upstream: \"http://{HOST}:{self.origin_port}\"" if self.kind == "reverse" else ""
        kind = "reverse" if self.kind == "reverse" else "forward"
        return m.sluice, "run", "-c", self.write("sluice.yaml", f"""
version: 1
mode: enforce
agent: {{id: bench, session: bench, actor: bench}}
listeners:
  - {{name: bench, kind: {kind}, bind: "127.0.0.1:{self.port}"{upstream}}}
policy: policy.yaml
tls: {{ca_dir: ca, upstream_roots: none, extra_roots: ["{m.origin_ca}"]}}
evidence: {{dir: evidence, commit: written}}
resolve: {{{HOST}: ["127.0.0.1"]}}
workers: 1
""")


class SluiceRelay(Sluice):
    """The tcp listener; masked: every byte passes the redactor."""

    def __init__(self, machine, name, masked):
        super().__init__(machine, "relay", name, "reverse")
        self.masked = masked

    def command(self):
        packs = "[secrets]" if self.masked else "[]"
        self.write("policy.yaml", f"""version: 1
defaults: {{redact: {packs}}}
tcp:
  - {{name: sink, allow: {{hosts: [{HOST}], ports: [{self.sink}]}}, private: true}}
""")
        return self.machine.sluice, "run", "-c", self.write("sluice.yaml", f"""
version: 1
mode: enforce
listeners:
  - {{name: bench, kind: tcp, bind: "127.0.0.1:{self.port}", upstream: "{HOST}:{self.sink}"}}
policy: policy.yaml
evidence: {{dir: evidence, commit: written}}
resolve: {{{HOST}: ["127.0.0.1"]}}
workers: 1
""")


def contestants(machine):
    """In the order in which each round runs them."""
    yield Haproxy(machine, "forwarding", "HAProxy")
    yield Nginx(machine, "forwarding", "nginx")
    yield Sluice(machine, "forwarding", "sluice reverse", "reverse")
    yield Sluice(machine, "forwarding", "sluice forward", "forward")
    yield Squid(machine, "forwarding", "squid")
    yield Mitmproxy(machine, "forwarding", "mitmproxy")
    yield HaproxyRelay(machine, "HAProxy splice", True)
    yield HaproxyRelay(machine, "HAProxy", False)
    yield SluiceRelay(machine, "sluice", False)
    yield SluiceRelay(machine, "sluice, masking", True)
    yield Direct(machine, "websocket", "direct")
    yield Haproxy(machine, "websocket", "HAProxy")
    yield Sluice(machine, "websocket", "sluice", "reverse")
    for work in ("intercepted", "intercepted-new"):
        yield Sluice(machine, work, "sluice", "intercept")
        yield Squid(machine, work, "squid ssl_bump")
        yield Mitmproxy(machine, work, "mitmproxy")
