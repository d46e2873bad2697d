"""What an edge of a scenario adds to a call: one client on one kept connection calls nginx directly, through one sidecar,
and through two with mutual TLS between them, as `sluice overlay run` puts them; the three take turns. Shows medians and
the CPU that the sidecars take for a call.
Run as: SLUICE_BIN=build/release/sluice /usr/bin/python3 bench/edge_latency.py [CALLS]"""

import contextlib
import http.client
import os
import sys
import time
from pathlib import Path

from ask_latency import answering, times

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "e2e"))
from mesh_support import MeshCa, entry, sidecar, slot  # noqa: E402
from servers import LOOPBACK  # noqa: E402

ROUNDS = 20


def cpu_of(*sidecars):
    total = 0
    for one in sidecars:
        fields = Path(f"/proc/{one.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def main(calls):
    with answering() as origin, contextlib.ExitStack() as stack:
        ca = MeshCa()
        provider = stack.enter_context(sidecar(ca.identity("provider"), entry("in", origin, "consumer")))
        consumer = stack.enter_context(sidecar(ca.identity("consumer"), slot("out", provider.ports["in"], "provider")))
        single = stack.enter_context(sidecar(ca.identity("single"), {
            "name": "in", "kind": "reverse", "bind": f"{LOOPBACK}:0", "upstream": f"http://up.test:{origin}"}))
        ways = {"directly": (origin, ()), "one sidecar": (single.port, (single,)),
                "an edge: two, mutual TLS": (consumer.port, (provider, consumer))}
        connections = {name: http.client.HTTPConnection(LOOPBACK, port) for name, (port, _) in ways.items()}
        taken, spent = {name: [] for name in ways}, dict.fromkeys(ways, 0.0)
        for _ in range(ROUNDS):
            for name, (_, sidecars) in ways.items():
                before = cpu_of(*sidecars)
                times(connections[name], "/", calls // ROUNDS, taken[name])
                spent[name] += cpu_of(*sidecars) - before
        for name, all_of_it in taken.items():
            all_of_it.sort()
            print(f"| {name} | {all_of_it[len(all_of_it) // 2] / 1000:.0f} µs | {spent[name] / calls * 1e6:.0f} µs |")
        time.sleep(0.1)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
