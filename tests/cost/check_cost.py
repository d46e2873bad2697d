#!/usr/bin/python3 -B
"""Holds the instructions that redaction takes for a byte of each text to the limits in limits.json. Times
vary with the machine and its load; counts do not. `--write` writes what is measured, and a sixth more, as
the new limits.     check_cost.py PROGRAM [--write]"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

LIMITS = Path(__file__).parent / "limits.json"


def measure(program):
    with tempfile.TemporaryDirectory(prefix="sluice-cost-") as folder:
        done = subprocess.run(["valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={folder}/out", program],
                              capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{program} ended with {done.returncode}: {done.stderr}")
        costs = {}
        for number, line in enumerate(done.stdout.splitlines(), 1):
            name, size = line.rsplit("\t", 1)
            dump = (Path(folder) / f"out.{number}").read_text()
            total = next(line for line in dump.splitlines() if line.startswith("totals:"))
            costs[name] = int(total.split()[1]) / int(size)
        return costs


def main():
    costs = measure(sys.argv[1])
    if "--write" in sys.argv:
        LIMITS.write_text(json.dumps({name: round(cost * 7 / 6, 1) for name, cost in costs.items()}, indent=2,
                                     ensure_ascii=False) + "\n")
    limits = json.loads(LIMITS.read_text())
    if set(limits) != set(costs):
        raise SystemExit(f"texts without limits, or limits without texts: {set(limits) ^ set(costs)}")
    failed = 0
    for name, cost in costs.items():
        over = cost > limits[name]
        failed += over
        print(f"{'OVER' if over else 'ok':4} {cost:7.1f} of {limits[name]:7.1f} instructions a byte: {name}")
    raise SystemExit(failed)


if __name__ == "__main__":
    main()
