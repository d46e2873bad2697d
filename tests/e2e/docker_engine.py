"""A Docker engine of the test's own: in the room's network, mount and process namespaces, with its own data,
its own cgroup parent, and nothing left when it ends. Images are built from scratch: no registry is reached.
"""

import contextlib
import json
import os
import shutil
import subprocess
import time
import unittest
from pathlib import Path

import room

TOOLS = ("dockerd", "docker", "docker-compose", "nft", "busybox", "setpriv", "curl", "openssl", "strip")
CGROUPS = Path("/sys/fs/cgroup")


def why_not():
    """None, or what this machine lacks."""
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    return f"needs {', '.join(missing)}: tests/support/install.sh image docker" if missing else None


class Engine:
    def __enter__(self):
        self.folder = room.public_folder("sluice-dk-")
        self.cgroup = self.folder.name
        os.environ["DOCKER_HOST"] = f"unix://{self.folder}/docker.sock"
        with open(self.folder / "log", "w") as log:
            self.process = subprocess.Popen(
                ["dockerd", "--data-root", f"{self.folder}/data", "--exec-root", f"{self.folder}/exec", "--pidfile",
                 f"{self.folder}/docker.pid", "-H", os.environ["DOCKER_HOST"], "--cgroup-parent", f"/{self.cgroup}",
                 "--storage-driver", "overlay2"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        for _ in range(120):
            if self.run("version", check=False).returncode == 0:
                return self
            if self.process.poll() is not None:
                break
            time.sleep(0.25)
        said = (self.folder / "log").read_text()
        self.__exit__()
        raise unittest.SkipTest(f"dockerd does not start on this machine:\n{said[-2000:]}")

    def __exit__(self, *_):
        containers = self.run("ps", "-aq", check=False).stdout.split()
        if containers:
            self.run("rm", "-f", "-v", *containers, check=False)
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(20)
        self.process.kill()
        self.process.wait()
        for hierarchy in (CGROUPS, *CGROUPS.iterdir()):
            for level in sorted((hierarchy / self.cgroup).glob("**/"), reverse=True):
                with contextlib.suppress(OSError):
                    level.rmdir()

    def run(self, *arguments, check=True):
        done = subprocess.run(["docker", *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=60, check=False)
        assert not check or done.returncode == 0, f"docker {arguments}: {done.stdout}{done.stderr}"
        return done

    def inspect(self, container):
        return json.loads(self.run("inspect", container).stdout)[0]
