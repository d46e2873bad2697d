"""What a decision point adds to a call: one client on one kept connection calls nginx through Sluice, with
no `ask`, with one whose answers are kept, and with one that is asked each time (nginx answers as OPA does).
The three take turns. Run as: SLUICE_BIN=build/release/sluice /usr/bin/python3 bench/ask_latency.py [CALLS]"""

import contextlib
import http.client
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "e2e"))
from servers import LOOPBACK, free_port  # noqa: E402
from sluice_test import UP, Sluice, allow, wait_until  # noqa: E402

ROUNDS = 20
_NGINX = """
daemon off; master_process off; worker_processes 1; user root; pid {folder}/pid; error_log {folder}/error.log warn;
events {{ worker_connections 64; }}
http {{
  access_log off; keepalive_requests 1000000; default_type application/json;
  server {{ listen 127.0.0.1:{port}; location / {{ return 200 '{{"result":true}}'; }} }}
}}
"""


@contextlib.contextmanager
def answering():
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as folder:
        port = free_port()
        (Path(folder) / "nginx.conf").write_text(_NGINX.format(folder=folder, port=port))
        process = subprocess.Popen(["/usr/sbin/nginx", "-p", folder, "-c", f"{folder}/nginx.conf"],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            time.sleep(0.5)
            yield port
        finally:
            process.terminate()
            process.wait(10)


def times(connection, url, calls, taken):
    for _ in range(calls):
        began = time.perf_counter_ns()
        connection.request("GET", url)
        response = connection.getresponse()
        response.read()
        taken.append(time.perf_counter_ns() - began)
        if response.status != 200:
            raise SystemExit(f"answered {response.status}")


def main(calls):
    with answering() as origin, answering() as point, contextlib.ExitStack() as stack:
        base = {"opa": f"http://{LOOPBACK}:{point}/v1/data/agent/allow"}
        kinds = {"no ask": {}, "kept": {"ask": base | {"cache": "1h"}}, "asked each time": {"ask": base | {"cache": "0s"}}}
        running = {}
        for name, more in kinds.items():
            sluice = stack.enter_context(Sluice([allow(**more)], config={"workers": 1}))
            wait_until(lambda one=sluice: one.port, what="a port")
            running[name] = (http.client.HTTPConnection(LOOPBACK, sluice.port), [])
        for turn in range(ROUNDS + 1):
            for connection, taken in running.values():
                times(connection, f"http://{UP}:{origin}/x", calls // ROUNDS, taken)
                if turn == 0:
                    taken.clear()  # to warm up
        for name, (connection, taken) in running.items():
            connection.close()
            taken.sort()
            p50, p99 = taken[len(taken) // 2] / 1000, taken[len(taken) * 99 // 100] / 1000
            print(f"| {name} | {p50:.0f} µs | {p99:.0f} µs |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
