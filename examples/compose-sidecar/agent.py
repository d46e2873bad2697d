"""An agent that knows nothing of Sluice: it makes its call, then tries every other way out. One JSON line
for each attempt. `agent.py NAME…` makes only these; without names it makes all and stays.
"""

import glob
import json
import os
import socket
import ssl
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.request

API, UPSTREAM, FORBIDDEN = "api.demo.test", "10.77.0.10", "10.77.0.20"
FORBIDDEN6, DOCKER_DNS = "fd00:77::20", "127.0.0.11"  # the first where the network has IPv6
SECONDS = 4
ATTEMPTS = {}


def attempt(function):
    ATTEMPTS[function.__name__] = function
    return function


def fetch(url, host=None):
    request = urllib.request.Request(url, headers={"Host": host} if host else {})
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            return {"status": answer.status, "text": answer.read().decode().strip()}
    except urllib.error.HTTPError as refused:
        problem = json.loads(refused.read())
        return {"status": refused.code, "reason": problem["reason_code"], "rule": problem["rule_id"]}


def curl(url):
    done = subprocess.run(["curl", "-sS", "-m", str(SECONDS), url], capture_output=True, text=True, check=False)
    return {"exit": done.returncode, "text": (done.stdout or done.stderr).strip()}


def bind_to_device(line, device="eth0"):
    """No privilege is needed for this, and routes no longer count."""
    if device:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())


def ask(server, name=API, port=53, tcp=False, device=None, source=0):
    """One A question by hand: the answer's code and how many records, or that nobody answers."""
    question = b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0\0\1\0\1"
    query = b"\x12\x34\1\0\0\1\0\0\0\0\0\0" + question
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM) as line:
        line.settimeout(1)
        line.bind(("", source))
        bind_to_device(line, device)
        line.connect((server, port))
        line.sendall(struct.pack("!H", len(query)) + query if tcp else query)
        answer = line.recv(4096)[2 if tcp else 0:]
        if tcp and not answer:
            answer = line.recv(4096)
    if len(answer) < 8:
        return {"error": "closed"}
    return {"rcode": answer[3] & 15, "answers": struct.unpack("!H", answer[6:8])[0]}


def say(address, port, text=b"\0\1\2\3", device=None):
    """TCP, by hand: what comes back."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as line:
        line.settimeout(1)
        bind_to_device(line, device)
        line.connect((address, port))
        line.sendall(text)
        return {"text": line.recv(200).decode(errors="replace")}


def udp(address, port):
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.settimeout(1)
        line.connect((address, port))
        line.send(b"x" * 1200)
        return {"text": line.recv(200).decode(errors="replace")}


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return {"exit": done.returncode, "text": (done.stdout + done.stderr).strip()}


@attempt
def allowed_http():
    return fetch(f"http://{API}/v1/models")


@attempt
def allowed_https():
    return fetch(f"https://{API}/v1/models") | {"issuer": issuer()}


def issuer():
    with socket.create_connection((API, 443), SECONDS) as line:
        with ssl.create_default_context().wrap_socket(line, server_hostname=API) as tls:
            return dict(pair[0] for pair in tls.getpeercert()["issuer"])["commonName"]


@attempt
def allowed_curl():
    return curl(f"https://{API}/v1/models")


@attempt
def other_path():
    return fetch(f"http://{API}/admin")


@attempt
def other_path_https():
    return fetch(f"https://{API}/admin")


@attempt
def other_host():
    """Its address is known, its name is nobody's business here."""
    return fetch(f"http://{FORBIDDEN}/", "forbidden.demo.test")


@attempt
def other_address_under_allowed_name():
    return fetch(f"http://{FORBIDDEN}/v1/models", API)


@attempt
def direct_address():
    return fetch(f"http://{UPSTREAM}/v1/models")


@attempt
def metadata_address():
    return fetch("http://169.254.169.254/latest/meta-data/")


@attempt
def other_port():
    return say(UPSTREAM, 8443)


@attempt
def raw_tcp():
    return say(FORBIDDEN, 80)


@attempt
def bound_to_device():
    return say(FORBIDDEN, 80, b"GET / HTTP/1.0\r\n\r\n", "eth0")


@attempt
def bound_to_device_after_capture():
    """A connection that the sidecar has, and what its last bytes do when nobody owns them any more."""
    with socket.create_connection((API, 80), 1) as line:
        line.sendall(b"GET /v1/models HTTP/1.1\r\n")
        bind_to_device(line)
        line.sendall(b"Host: api.demo.test\r\n\r\n")
        return {"text": line.recv(200).decode()}


@attempt
def listener_itself():
    return say("127.0.0.1", 15006, b"GET / HTTP/1.1\r\nHost: api.demo.test\r\n\r\n")


@attempt
def name_allowed():
    return {"addresses": sorted({entry[4][0] for entry in socket.getaddrinfo(API, 80)})}


@attempt
def name_known_elsewhere():
    """Where the policy allows it and Docker's name server has to ask another for it."""
    return fetch("http://far.demo.test/v1/models")


@attempt
def name_unlisted():
    return {"addresses": sorted({entry[4][0] for entry in socket.getaddrinfo("forbidden.demo.test", 80)})}


@attempt
def docker_dns():
    return ask(DOCKER_DNS, "forbidden.demo.test")


@attempt
def docker_dns_over_tcp():
    return ask(DOCKER_DNS, "forbidden.demo.test", tcp=True)


@attempt
def docker_dns_at_its_real_port():
    """It listens in this very namespace, under a number that everybody can read."""
    ports = {}
    for protocol in ("udp", "tcp"):
        with open(f"/proc/net/{protocol}") as table:
            local = [row.split()[1] for row in table if ":" in row]
        ports[protocol] = [int(entry[9:], 16) for entry in local if entry.startswith("0B00007F")]
    got = [guard(lambda: ask(DOCKER_DNS, API, port, kind == "tcp")) for kind in ports for port in ports[kind]]
    return {"ports": len(got), "answered": [one for one in got if one.get("answers")]}


@attempt
def docker_dns_from_a_used_port():
    """For a while the kernel takes whatever comes from a port that the sidecar asked from for the sidecar's."""
    return ask(DOCKER_DNS, "forbidden.demo.test", source=int(os.environ.get("SOURCE_PORT", 40000)))


@attempt
def foreign_dns():
    """Whoever is asked, the sidecar answers."""
    servers = ("8.8.8.8", UPSTREAM)
    return {"listed": [ask(server) for server in servers],
            "unlisted": [ask(server, "leak.forbidden.test", tcp=tcp) for server in servers for tcp in (False, True)]}


@attempt
def foreign_dns_bound_to_device():
    return ask(UPSTREAM, device="eth0")


@attempt
def quic():
    return udp(UPSTREAM, 443)


def echo(family, protocol, request, address):
    """ICMP as `ping` does it without privilege."""
    with socket.socket(family, socket.SOCK_DGRAM, protocol) as line:
        line.settimeout(1)
        line.connect((address, 0))
        line.send(bytes([request, 0, 0, 0, 0, 0, 0, 1]) + b"x" * 56)
        return {"text": f"{len(line.recv(200))} bytes"}


@attempt
def ping():
    return echo(socket.AF_INET, socket.IPPROTO_ICMP, 8, UPSTREAM)


@attempt
def ping6():
    return echo(socket.AF_INET6, socket.IPPROTO_ICMPV6, 128, FORBIDDEN6)


@attempt
def ipv6():
    return say(FORBIDDEN6, 80, b"GET / HTTP/1.1\r\nHost: forbidden.demo.test\r\n\r\n")


@attempt
def ipv6_udp():
    return udp(FORBIDDEN6, 443)


@attempt
def ipv6_bound_to_device():
    return say(FORBIDDEN6, 80, device="eth0")


@attempt
def change_rules():
    return run("nft", "delete", "table", "inet", "sluice")


@attempt
def raw_socket():
    socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    return {"text": "a raw socket"}


@attempt
def become_the_sidecar():
    os.setuid(1337)
    return {"text": "now uid 1337"}


@attempt
def sidecars_files():
    """Evidence, CA key, admin socket: not here; the bundle is, and holds certificates only."""
    seen = [path for path in ("/var/lib/sluice", "/run/sluice", "/etc/sluice") if os.path.exists(path)]
    with open(os.environ["SSL_CERT_FILE"]) as bundle:
        return {"seen": seen, "trust": sorted(map(os.path.basename, glob.glob("/trust/*"))),
                "key_in_bundle": "PRIVATE" in bundle.read(), "writable": os.access("/trust", os.W_OK)}


@attempt
def sidecars_process():
    return {"names": sorted({open(path).read().strip() for path in glob.glob("/proc/[0-9]*/comm")})}


@attempt
def abstract_sockets():
    """They belong to the network namespace, which we share."""
    with open("/proc/net/unix") as table:
        return {"names": [row.split()[-1] for row in table if "@" in row]}


def guard(function):
    try:
        return function()
    except Exception as error:  # whatever it is, it is the answer
        return {"error": type(error).__name__, "detail": str(error)}


if __name__ == "__main__":
    for name in sys.argv[1:] or ATTEMPTS:
        print(json.dumps({"attempt": name} | guard(ATTEMPTS[name])), flush=True)
    if not sys.argv[1:]:
        time.sleep(1 << 30)
