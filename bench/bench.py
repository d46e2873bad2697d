"""Runs Sluice beside HAProxy, nginx, squid and mitmproxy on loopback and compares them.

Called by bench/run.sh. Contestants are interleaved round by round, the proxy pinned to one core,
origin and load generator to another. The first figure is CPU per call (user + system time of the
proxy's processes): it holds on a noisy machine, which times do not. Writes results.json and
results.md beside this file unless --out says otherwise.
"""

import argparse
import datetime
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from contestants import Machine, contestants

WORK_TITLES = {
    "forwarding": "HTTP/1.1 keep-alive, 1 KiB",
    "intercepted": "intercepted TLS, keep-alive, 1 KiB",
    "intercepted-new": "intercepted TLS, new connection each call, 1 KiB",
    "relay": "raw TCP relay, one way; a call is a MiB",
    "websocket": "WebSocket, 4,000 messages a second, each an event of a model; a call is a message",
}
MARKS = ("<!-- results -->", "<!-- end of results -->")
TICKS = os.sysconf("SC_CLK_TCK")


def process_tree(pid):
    found, queue = [], [pid]
    while queue:
        one = queue.pop()
        found.append(one)
        for task in Path(f"/proc/{one}/task").glob("*/children"):
            try:
                queue += [int(child) for child in task.read_text().split()]
            except OSError:
                pass
    return found


def cpu_seconds(pid):
    """User and system time of the process, its living children, and those it has waited for."""
    total = 0
    for one in process_tree(pid):
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        total += sum(int(fields[n]) for n in (11, 12, 13, 14))
    return total / TICKS


def resident_mib(pid):
    pages = 0
    for one in process_tree(pid):
        try:
            pages += int(Path(f"/proc/{one}/statm").read_text().split()[1])
        except OSError:
            continue
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def load(machine, contestant, seconds):
    if contestant.work == "relay":
        command = ["taskset", "-c", machine.load_core, str(machine.relay), "--to", f"127.0.0.1:{contestant.port}",
                   "--sink", f"127.0.0.1:{contestant.sink}", "--seconds", str(seconds)]
        return json.loads(subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60,
                                         check=True).stdout)
    if contestant.work == "websocket":
        command = ["taskset", "-c", machine.load_core, str(machine.websocket), "--to", f"127.0.0.1:{contestant.port}",
                   "--sink", f"127.0.0.1:{contestant.sink}", "--host", contestant.host, "--seconds", str(seconds)]
        return json.loads(subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60,
                                         check=True).stdout)
    command = ["taskset", "-c", machine.load_core, str(machine.load), "--to", f"127.0.0.1:{contestant.port}",
               "--url", contestant.url, "--mode", contestant.mode, "--connections",
               str(contestant.connections), "--seconds", str(seconds)]
    command += ["--ca", str(contestant.ca)] if contestant.ca else []
    command += ["--reconnect"] if contestant.work == "intercepted-new" else []
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60)
    if done.returncode:
        raise RuntimeError(f"{contestant.name}: {done.stderr.strip() or done.stdout.strip()}")
    return json.loads(done.stdout)


def measure(machine, contestant, seconds):
    before = cpu_seconds(contestant.process.pid)
    result = load(machine, contestant, seconds)
    used = cpu_seconds(contestant.process.pid) - before
    return {"cpu_us_per_call": used / result["calls"] * 1e6, "per_second": result["per_second"],
            "p50_us": result["p50_us"], "p99_us": result["p99_us"], "calls": result["calls"],
            "rss_mib": resident_mib(contestant.process.pid)}


def run_rounds(machine, all_contestants, rounds, seconds):
    runs = {contestant.key: [] for contestant in all_contestants}
    for contestant in all_contestants:
        load(machine, contestant, 1)  # leaf certificates, pools, caches
    for number in range(rounds):
        for contestant in all_contestants:
            run = measure(machine, contestant, seconds)
            runs[contestant.key].append(run)
            print(f"round {number + 1}: {contestant.work:16} {contestant.name:28} "
                  f"{run['cpu_us_per_call']:9.1f} us CPU/call {run['per_second']:10.0f} calls/s", flush=True)
    return runs


def summarise(contestant, runs):
    summary = {"work": contestant.work, "name": contestant.name, "runs": runs}
    for key in ("cpu_us_per_call", "per_second", "p50_us", "p99_us", "rss_mib"):
        values = [run[key] for run in runs]
        summary[key] = round(statistics.median(values), 1)
        summary[key + "_spread"] = round(max(values) - min(values), 1)
    return summary


def version_of(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except OSError:
        return "missing"
    lines = (done.stdout + done.stderr).strip().splitlines()
    return lines[0].strip() if lines else "unknown"


def describe_machine(sluice):
    model = next((line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.machine())
    peers = {"haproxy": ("haproxy", "-v"), "nginx": ("/usr/sbin/nginx", "-v"),
             "squid": ("/usr/sbin/squid", "-v"), "mitmproxy": ("mitmdump", "--version")}
    versions = {name: version_of(*command) for name, command in peers.items()}
    versions["openssl"] = version_of("openssl", "version")
    versions["sluice"] = version_of(str(sluice), "--version") if sluice else "missing"
    return {"cpu": model, "cores": os.cpu_count(), "kernel": platform.release(), "versions": versions,
            "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")}


def table_of(work, summaries):
    rows = [s for s in summaries if s["work"] == work]
    ours = [s for s in rows if s["name"].startswith("sluice")]
    peers = [s for s in rows if s not in ours]
    lines = [f"## {WORK_TITLES[work]}", "",
             "| proxy | CPU µs/call | spread | ratio to the best peer | calls/s | p50 µs | p99 µs | RSS MiB |",
             "|---|---:|---:|---:|---:|---:|---:|---:|"]
    best = min((s["cpu_us_per_call"] for s in peers if s["cpu_us_per_call"]), default=None)
    for s in sorted(rows, key=lambda row: row["cpu_us_per_call"]):
        ratio = f"{s['cpu_us_per_call'] / best:.2f}" if best else "-"
        lines.append(f"| {s['name']} | {s['cpu_us_per_call']:.1f} | {s['cpu_us_per_call_spread']:.1f} | {ratio} | "
                     f"{s['per_second']:.0f} | {s['p50_us']:.0f} | {s['p99_us']:.0f} | {s['rss_mib']:.0f} |")
    return "\n".join(lines) + "\n"


def write_results(out, machine, summaries, rounds, seconds, skipped):
    document = {"schema_version": "1", "machine": machine, "rounds": rounds, "seconds": seconds,
                "skipped": skipped, "results": summaries}
    (out / "results.json").write_text(json.dumps(document, indent=1) + "\n")
    versions = "; ".join(f"{name}: {text}" for name, text in machine["versions"].items())
    head = (f"# Results\n\nMade by `bench/run.sh` on {machine['date']}: {machine['cpu']}, {machine['cores']} cores, "
            f"Linux {machine['kernel']}. {rounds} rounds of {seconds} s, interleaved; medians, spread = largest "
            f"minus smallest. Proxy on one core, origin (nginx) and load generator on another.\n\n{versions}\n\n")
    tables = [table_of(work, summaries) for work in WORK_TITLES if any(s["work"] == work for s in summaries)]
    notes = "".join(f"- skipped: {text}\n" for text in skipped)
    text = head + "\n".join(tables) + ("\n" + notes if notes else "")
    (out / "results.md").write_text(text)
    readme = out / "README.md"
    if readme.exists():
        before, _, rest = readme.read_text().partition(MARKS[0])
        readme.write_text(before + MARKS[0] + "\n" + text.replace("# ", "## ", 1).replace("\n## ", "\n### ")
                          + MARKS[1] + rest.partition(MARKS[1])[2])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--load", type=Path, required=True)
    parser.add_argument("--relay", type=Path, required=True)
    parser.add_argument("--websocket", type=Path, required=True)
    parser.add_argument("--sluice", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--only", default="", help="words; contestants whose key has none of them are left out")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    options = parser.parse_args()

    folder = Path(tempfile.mkdtemp(prefix="sluice-bench-"))
    machine = Machine(folder, options.load.resolve(), options.sluice and options.sluice.resolve(),
                      options.relay.resolve(), options.websocket.resolve())
    entered, skipped = [], []
    try:
        machine.start_origin()
        words = options.only.split()
        for contestant in contestants(machine):
            if words and not any(word in contestant.key for word in words):
                continue
            missing = contestant.missing()
            if missing:
                print(f"skipped: {contestant.key}: {missing}", flush=True)
                skipped.append(f"{contestant.key}: {missing}")
                continue
            contestant.start()
            entered.append(contestant)
        runs = run_rounds(machine, entered, options.rounds, options.seconds)
        summaries = [summarise(c, runs[c.key]) for c in entered]
        write_results(options.out, describe_machine(machine.sluice), summaries, options.rounds,
                      options.seconds, skipped)
    finally:
        for contestant in entered:
            contestant.stop()
        machine.stop_origin()
        shutil.rmtree(folder, ignore_errors=True)
    print((options.out / "results.md").read_text())
    return 0


if __name__ == "__main__":
    started = time.monotonic()
    code = main()
    print(f"bench: {time.monotonic() - started:.0f} s")
    sys.exit(code)
