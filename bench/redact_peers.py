#!/usr/bin/python3 -B
"""`sluice redact` beside those who look for secrets in files, on the same bytes: gitleaks (Go), secretlint
(Node), and grep with eight formats. CPU time (user and system) of the whole process, median of three, the
contestants one after another in each round, and how many of the planted secrets each one names. Installs
peers into build/peers; what cannot be had is left out.     bench/redact_peers.py [MEGABYTES (16)] [SLUICE]"""

import json
import os
import random
import re
import resource
import shutil
import statistics
import string
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PEERS = ROOT / "build" / "peers"
EIGHT = ("ghp_[0-9A-Za-z]{36}|AKIA[0-9A-Z]{16}|sk-[0-9A-Za-z]{48}|glpat-[0-9A-Za-z_-]{20}|xox[bp]-[0-9A-Za-z-]{20,}|"
         "AIza[0-9A-Za-z_-]{35}|npm_[0-9A-Za-z]{36}|eyJ[0-9A-Za-z_-]{20,}")
SECRETLINT_OUT = PEERS / "secretlint.json"  # to a pipe it would be cut
EVERY = 100_000  # bytes between two secrets


def token(chance, prefix, length, alphabet=string.ascii_letters + string.digits):
    return prefix + "".join(chance.choices(alphabet, k=length))


def secrets(chance):
    while True:
        yield token(chance, "ghp_", 36)
        yield token(chance, "AKIA", 16, string.ascii_uppercase + "234567")
        yield token(chance, "glpat-", 20)
        yield token(chance, "AIza", 35)


def corpus(megabytes):
    """Chat bodies, one to a line, of what Debian's Python has to say; and the secrets in it."""
    chance, planted, lines, size = random.Random(1), [], [], 0
    source = secrets(chance)
    files = sorted(Path("/usr/lib/python3.11").rglob("*.py"))
    chance.shuffle(files)
    while size < megabytes << 20:
        for file in files:
            text = file.read_text(errors="ignore")[:EVERY]
            if len(text) < 2000:
                continue
            planted.append(next(source))
            text = f"{text[:1000]} {planted[-1]} {text[1000:]}"
            lines.append(json.dumps({"model": "m", "messages": [{"role": "user", "content": text}]}))
            size += len(lines[-1])
            if size >= megabytes << 20:
                break
    return "\n".join(lines) + "\n", planted


def install(what, present, command, cwd=PEERS, **environment):
    PEERS.mkdir(parents=True, exist_ok=True)
    if not present.exists() and shutil.which(command[0]):
        subprocess.run(command, cwd=cwd, env={**os.environ, **environment}, capture_output=True, check=False, timeout=600)
    if not present.exists():
        print(f"without {what}: it could not be installed", file=sys.stderr)
    return present.exists()


def contestants(sluice, file):
    yield "cat", ["cat", file], None
    yield "grep -E, 8 formats", ["grep", "-aoE", EIGHT, file], None
    yield "sluice redact", [sluice, "redact"], file
    if install("gitleaks", PEERS / "gitleaks", ["go", "install", "github.com/zricethezav/gitleaks/v8@latest"], GOBIN=str(PEERS)):
        yield "gitleaks stdin", [PEERS / "gitleaks", "stdin", "--no-banner", "-l", "error", "-v", "--max-target-megabytes", "0"], file
    if install("secretlint", PEERS / "node_modules/.bin/secretlint",
               ["npm", "install", "--prefix", str(PEERS), "--no-fund", "--no-audit", "secretlint",
                "@secretlint/secretlint-rule-preset-recommend"]):
        (PEERS / ".secretlintrc.json").write_text('{"rules": [{"id": "@secretlint/secretlint-rule-preset-recommend"}]}')
        yield "secretlint", ["node_modules/.bin/secretlint", "--no-color", "--secretlintrc", ".secretlintrc.json",
                             "--format", "json", "--output", SECRETLINT_OUT, file], None


def run(command, stdin):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with open(stdin or os.devnull, "rb") as given:
        done = subprocess.run([str(word) for word in command], stdin=given, capture_output=True, check=False, cwd=PEERS)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime), done.stdout


def found(name, out, planted):
    """A redactor must not show the secret behind its prefix, a finder must."""
    text = out.decode(errors="replace")
    if name == "sluice redact":
        return sum(secret not in text for secret in planted)
    if name == "secretlint":  # it says where
        return len({m["range"][0] for one in json.loads(SECRETLINT_OUT.read_text()) for m in one["messages"]})
    return sum(secret in text for secret in planted) if name != "cat" else 0


def main():
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 16
    sluice = Path(sys.argv[2] if len(sys.argv) > 2 else ROOT / "build/release/sluice").resolve()
    PEERS.mkdir(parents=True, exist_ok=True)
    text, planted = corpus(megabytes)
    file = PEERS / "corpus.ndjson"
    file.write_text(text)
    all_of_them = list(contestants(sluice, file))
    times, named = {}, {}
    for _ in range(3):
        for name, command, stdin in all_of_them:
            seconds, out = run(command, stdin)
            times.setdefault(name, []).append(seconds)
            named[name] = found(name, out, planted)
    ours = statistics.median(times["sluice redact"])
    print(f"{len(text) / 1e6:.1f} MB, {len(planted)} secrets\n\n| | CPU s | MB/s | of sluice's CPU | named |\n|---|---|---|---|---|")
    for name, seconds in times.items():
        median = statistics.median(seconds)
        rate = len(text) / 1e6 / median if median else float("inf")
        print(f"| {name} | {median:.2f} | {rate:.0f} | {median / ours:.1f} | {re.sub('^0$', '-', str(named[name]))} |")


if __name__ == "__main__":
    main()
