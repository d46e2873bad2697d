"""Puts what the real clients need into build/clients, once: Node modules, Python packages, a Go program.
Quick when everything is there; what cannot be had is a reason to skip those clients, never to fail."""

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

CLIENTS = Path(__file__).resolve().parent / "clients"
BUILD = Path(__file__).resolve().parents[2] / "build" / "clients"
NODE_MODULES = BUILD / "node"
VENV = BUILD / "venv"
AWS_VENV = BUILD / "venv-aws"
AGENTS_VENV = BUILD / "venv-agents"
A2A_JS = BUILD / "a2a-js"
GO_CLIENT = BUILD / "go-client"
PATIENCE_S = 120
TOLD = "SLUICE_TEST_CLIENTS_MISSING"


def _run(*command, **options):
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=PATIENCE_S, **options)
    if done.returncode:
        raise RuntimeError(f"{Path(command[0]).name} failed: {(done.stderr or done.stdout).strip()[-300:]}")


def _needs(*programs):
    missing = [program for program in programs if not shutil.which(program)]
    if missing:
        raise RuntimeError(f"{', '.join(missing)} not installed (tests/support/install.sh clients)")


def _once(stamp, sources, make):
    """Makes it again when its sources changed, and remembers that it is whole."""
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()
    if not stamp.exists() or stamp.read_text() != digest:
        stamp.unlink(missing_ok=True)
        make()
        stamp.write_text(digest)


def _npm(folder, source):
    lists = [source / "package.json", source / "package-lock.json"]

    def make():
        _needs("node", "npm")
        folder.mkdir(parents=True, exist_ok=True)
        for name in lists:
            shutil.copy(name, folder)
        _run("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", cwd=folder)
    _once(folder.with_suffix(".done"), lists, make)


def _node():
    _npm(NODE_MODULES, CLIENTS)


def _venv(folder, requirements):
    def make():
        shutil.rmtree(folder, ignore_errors=True)
        _run("/usr/bin/python3", "-m", "venv", folder)
        _run(folder / "bin" / "pip", "install", "-q", "--only-binary", ":all:", "-r", requirements)
    _once(folder.with_suffix(".done"), [requirements], make)


def _python():
    _venv(VENV, CLIENTS / "requirements.txt")


def _go():
    source = CLIENTS / "go"

    def make():
        _needs("go")
        environment = {"PATH": os.environ["PATH"], "HOME": str(BUILD), "GOFLAGS": "-buildvcs=false",
                       "GOPROXY": "off", "GOTOOLCHAIN": "local", "GOCACHE": str(BUILD / "go-cache"), "CGO_ENABLED": "0"}
        _run("go", "build", "-p", "1", "-o", GO_CLIENT, ".", cwd=source, env=environment)
        shutil.rmtree(BUILD / "go-cache", ignore_errors=True)
    _once(BUILD / "go.done", [source / "main.go", source / "go.mod"], make)


PARTS = {"node": _node, "python": _python, "go": _go}


def _install(make):
    """None, or why this part cannot be had."""
    try:
        BUILD.mkdir(parents=True, exist_ok=True)
        make()
    except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return None


def install_all():
    """{part: reason} of what is missing. Needs the machine's network: a script calls it before it enters a
    room, and again there to read what came of it."""
    if TOLD not in os.environ:
        os.environ[TOLD] = json.dumps({part: reason for part in PARTS if (reason := _install(PARTS[part]))})
    return json.loads(os.environ[TOLD])


def install_aws():
    """None, or why boto3 cannot be had. One script asks for it, so that no two install at once."""
    return _install(lambda: _venv(AWS_VENV, CLIENTS / "requirements-aws.txt"))


def install_agents():
    """None, or why the SDKs of MCP and A2A cannot be had. One script asks for them."""
    return _install(lambda: _venv(AGENTS_VENV, CLIENTS / "requirements-agents.txt"))


def install_a2a_js():
    """None, or why the SDK of A2A for JavaScript cannot be had. One script asks for it. Its agents lie beside it."""
    def make():
        _npm(A2A_JS, CLIENTS / "a2a-js")
        for script in (CLIENTS / "a2a-js").glob("*.mjs"):
            shutil.copy(script, A2A_JS)
    return _install(make)


if __name__ == "__main__":
    for part, reason in install_all().items():
        print(f"{part}: {reason}")
