"""A network of the test's own. The script runs itself again in new network, mount and process
namespaces: no port is taken there, nothing can leave, and whatever it started dies with it.

Origins have addresses of 10.213.77.0/24 and fd00:5177::/64 on the room's loopback device. They are not
127.0.0.0/8, because a contained agent has a loopback of its own.
"""

import atexit
import os
import shutil
import subprocess
import sys
from pathlib import Path

from folders import temporary_folder

MARK = "SLUICE_TEST_ROOM"  # set in the room only
PREFIX4, PREFIX6 = "10.213.77.", "fd00:5177::"
ADDRESSES = [f"{PREFIX4}{n}" for n in range(10, 40)] + [f"{PREFIX6}{n}" for n in range(10, 40)]
NOWHERE = "192.0.2.53"  # the resolver of the room: documentation range, and no route leads there
TOOLS = ("unshare", "ip", "mount")


def why_not():
    """None, or why this machine cannot make a room."""
    if os.geteuid() != 0:
        return "needs root to make network and mount namespaces"
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        return f"needs {', '.join(missing)}"
    trial = subprocess.run(["unshare", "--net", "--mount", "--propagation", "private", "--pid", "--fork", "--mount-proc",
                            "true"], capture_output=True, text=True, check=False)
    return None if trial.returncode == 0 else f"cannot make namespaces here: {trial.stderr.strip()}"


def enter():
    """Called first by a script: returns in the room, or ends the script, saying why."""
    if os.environ.get(MARK) == "made":
        return
    if os.environ.get(MARK) == "entered":
        _furnish()
        os.environ[MARK] = "made"
        return
    reason = why_not()
    if reason:
        print(f"skipped: {Path(sys.argv[0]).name} {reason}", file=sys.stderr)
        sys.exit(0)
    os.environ[MARK] = "entered"
    os.execvp("unshare", ["unshare", "--net", "--mount", "--propagation", "private", "--pid", "--fork",
                          "--kill-child", "--mount-proc", sys.executable, "-B", *sys.argv])


def _run(*command):
    subprocess.run([str(word) for word in command], check=True, stdin=subprocess.DEVNULL)


def _furnish():
    _run("ip", "link", "set", "lo", "up")
    add_addresses(*ADDRESSES)
    folder = public_folder("sluice-room-")
    lay_over("/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n", folder)
    lay_over("/etc/resolv.conf", f"nameserver {NOWHERE}\noptions timeout:1 attempts:1\n", folder)


def add_addresses(*addresses):
    """To the loopback device: whoever is reached there is us, and no packet goes further."""
    batch = "".join(f"addr add {a}/{128 if ':' in a else 32} dev lo{' nodad' if ':' in a else ''}\n" for a in addresses)
    subprocess.run(["ip", "-batch", "-"], input=batch, text=True, check=True)


def public_folder(prefix):
    """A temporary folder that agents of another uid can read."""
    folder = temporary_folder(prefix)
    folder.chmod(0o755)
    return folder


def lay_over(path, text, folder):
    """Lays a file of ours over a file of the system, in the room's mount namespace only."""
    file = Path(folder) / Path(path).name
    file.write_text(text)
    file.chmod(0o644)
    _run("mount", "--bind", file, os.path.realpath(path))
    # What is mounted upon cannot be removed, and a second layer is mounted upon the first one's file.
    atexit.register(subprocess.run, ["umount", os.path.realpath(path)], check=False)


def with_hosts(names, folder):
    """A command prefix: what runs behind it knows `names` ({name: [addresses]}) by /etc/hosts alone."""
    file = Path(folder) / "hosts.direct"
    lines = [f"{address} {name}\n" for name, addresses in names.items() for address in addresses]
    file.write_text("127.0.0.1 localhost\n" + "".join(lines))
    file.chmod(0o644)
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c",
            f'mount --bind "{file}" "$(readlink -f /etc/hosts)" && exec "$@"', "sh"]
