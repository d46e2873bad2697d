"""git, a Python package index and an npm registry, as `respond` functions of HttpUpstream. Each has
one tiny thing, made on the spot."""

import base64
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path

from servers import Response

GIT_BACKEND = "/usr/lib/git-core/git-http-backend"
PACKAGE = "sluice-tiny"
VERSION = "1.0.0"
SAYS = "hello from a tiny package"
NOT_FOUND = Response(404, b"not found\n")


# ---- git ------------------------------------------------------------------------------------------

def _git(folder, *arguments):
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1",
                   **{f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER")
                      for what, value in (("NAME", "Test"), ("EMAIL", "test@example.com"))}}
    subprocess.run(["git", *arguments], cwd=folder, env=environment, check=True, capture_output=True)


def make_repository(folder):
    """folder/project.git, with some hundred objects, so that a pack is more than a trifle."""
    work = Path(folder) / "work"
    work.mkdir(parents=True)
    _git(work, "init", "-q", "-b", "main")
    for number in range(100):
        (work / f"file-{number}.txt").write_text(f"line {number}\n" * (number + 1))
    (work / "README").write_text(SAYS + "\n")
    _git(work, "add", ".")
    _git(work, "commit", "-q", "-m", "One")
    _git(Path(folder), "clone", "-q", "--bare", "work", "project.git")


def git_server(folder):
    """Smart HTTP by git-http-backend, a CGI program."""
    root = Path(folder) / "git"
    make_repository(root)

    def respond(request):
        path, _, query = request.path.partition("?")
        environment = {"PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": str(root), "GIT_HTTP_EXPORT_ALL": "1",
                       "REQUEST_METHOD": request.method, "PATH_INFO": path, "QUERY_STRING": query,
                       "CONTENT_TYPE": request.header("Content-Type") or "",
                       "CONTENT_LENGTH": str(len(request.body)), "HOME": str(root),
                       "HTTP_CONTENT_ENCODING": request.header("Content-Encoding") or "",
                       "GIT_PROTOCOL": request.header("Git-Protocol") or "", "REMOTE_USER": ""}
        done = subprocess.run([GIT_BACKEND], input=request.body, env=environment, capture_output=True)
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
        status = int(headers.pop("Status", "200").split()[0])
        return Response(status, body, headers)
    return respond


# ---- Python ---------------------------------------------------------------------------------------

def make_wheel():
    """(file name, bytes) of a wheel with one module."""
    name = PACKAGE.replace("-", "_")
    info = f"{name}-{VERSION}.dist-info"
    members = {f"{name}.py": f"SAYS = {SAYS!r}\n",
               f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {PACKAGE}\nVersion: {VERSION}\n",
               f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"}
    rows = []
    for path, text in members.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        rows.append(f"{path},sha256={digest},{len(text)}\n")
    members[f"{info}/RECORD"] = "".join(rows) + f"{info}/RECORD,,\n"
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in members.items():
            archive.writestr(path, text)
    return f"{name}-{VERSION}-py3-none-any.whl", file.getvalue()


def python_index():
    """The simple index of PEP 503 with one project."""
    wheel, data = make_wheel()
    digest = hashlib.sha256(data).hexdigest()
    page = f'<!DOCTYPE html><html><body><a href="/files/{wheel}#sha256={digest}">{wheel}</a></body></html>'

    def respond(request):
        if request.path == f"/simple/{PACKAGE}/":
            return Response(200, page.encode(), {"Content-Type": "text/html; charset=utf-8"})
        if request.path == f"/files/{wheel}":
            return Response(200, data, {"Content-Type": "application/octet-stream"})
        return NOT_FOUND
    return respond


# ---- npm ------------------------------------------------------------------------------------------

def make_npm_package():
    manifest = {"name": PACKAGE, "version": VERSION, "main": "index.js", "license": "MIT"}
    members = {"package/package.json": json.dumps(manifest), "package/index.js": f"module.exports = {SAYS!r};\n"}
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for path, text in members.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    return manifest, file.getvalue()


def npm_registry(base):
    manifest, data = make_npm_package()
    tarball = f"/{PACKAGE}/-/{PACKAGE}-{VERSION}.tgz"
    integrity = "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()
    version = manifest | {"dist": {"tarball": base + tarball, "integrity": integrity}}
    packument = {"name": PACKAGE, "dist-tags": {"latest": VERSION}, "versions": {VERSION: version}}

    def respond(request):
        if request.path == f"/{PACKAGE}":
            return Response(200, json.dumps(packument).encode(), {"Content-Type": "application/json"})
        if request.path == tarball:
            return Response(200, data, {"Content-Type": "application/octet-stream"})
        return NOT_FOUND
    return respond


def missing():
    """Programs that are needed and not there."""
    return [tool for tool in ("git", GIT_BACKEND) if not shutil.which(tool)]
