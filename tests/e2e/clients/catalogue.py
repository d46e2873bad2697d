"""Every real client: how it is started, what it needs, and which calls it makes."""

import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import client_setup  # noqa: E402
import package_origins  # noqa: E402
import postgres  # noqa: E402

OPENAI = "https://api.openai.com"
PYTHON, VENV_PYTHON = "/usr/bin/python3", str(client_setup.VENV / "bin" / "python")
PACKAGE, SAYS = package_origins.PACKAGE, package_origins.SAYS


@dataclass
class Client:
    name: str
    command: list
    calls: dict = field(default_factory=dict)  # (host, port) -> how many
    part: str = None    # of client_setup
    tools: tuple = ()   # programs of the system
    modules: tuple = ()  # Python modules of the system

    def why_not(self, missing_parts):
        """None, or what this machine lacks for it."""
        if self.part in missing_parts:
            return missing_parts[self.part]
        lacking = [tool for tool in self.tools if not shutil.which(tool)]
        lacking += [module for module in self.modules if not _has_module(module)]
        return f"needs {', '.join(lacking)} (tests/support/install.sh clients)" if lacking else None


def _has_module(name):
    found = Path("/usr/lib/python3/dist-packages")
    return (found / name).exists()


def _tool(function, *arguments):
    return ["sh", str(HERE / "tools.sh"), function, *arguments]


def _node(script, *arguments):
    return ["node", str(HERE / script), *arguments]


def _sdk(script):
    return _node(script, str(client_setup.NODE_MODULES))


def clients():
    http = {("api.openai.com", 443): 2}
    python = [Client(which, [PYTHON, str(HERE / "python_http.py"), which, OPENAI], http, modules=(which,))
              for which in ("httpx", "aiohttp", "requests")]
    sdks = [Client(f"python-{which}", [VENV_PYTHON, str(HERE / "python_sdks.py"), which], {(host, 443): 2}, "python")
            for which, host in (("openai", "api.openai.com"), ("anthropic", "api.anthropic.com"))]
    psql = str((postgres.binaries() or Path("/usr/bin")) / "psql")
    return [
        Client("node-fetch", _node("fetch.mjs", OPENAI), http, tools=("node",)),
        Client("node-openai", _sdk("openai_sdk.mjs"), http, "node", ("node",)),
        Client("node-anthropic", _sdk("anthropic_sdk.mjs"), {("api.anthropic.com", 443): 2}, "node", ("node",)),
        *python, *sdks,
        Client("go-net-http", [str(client_setup.GO_CLIENT), OPENAI], http, "go"),
        Client("curl-https", _tool("curl_get", OPENAI), http, tools=("curl",)),
        Client("curl-http", _tool("curl_get", "http://api.openai.com"), {("api.openai.com", 80): 2}, tools=("curl",)),
        Client("curl-ipv6-only", _tool("curl_get", "https://v6only.example"), {("v6only.example", 443): 2},
               tools=("curl",)),
        Client("curl-dual-stack", _tool("curl_get", "https://dual.example"), {("dual.example", 443): 2},
               tools=("curl",)),
        Client("node-dual-stack", _node("fetch.mjs", "https://dual.example"), {("dual.example", 443): 2},
               tools=("node",)),
        Client("git-clone", _tool("git_clone", "https://git.example/project.git", SAYS), {("git.example", 443): 3},
               tools=("git",)),
        Client("pip-install", _tool("pip_install", "https://pypi.example/simple/", PACKAGE, PACKAGE.replace("-", "_"),
                                    SAYS), {("pypi.example", 443): 2}, modules=("pip",)),
        Client("npm-install", _tool("npm_install", "https://registry.example/", PACKAGE, SAYS),
               {("registry.example", 443): 2}, tools=("npm",)),
        Client("psql", _tool("psql_select", "host=db.internal user=agent dbname=postgres"), {("db.internal", 5432): 1},
               tools=(psql,)),
        Client("psql-tls", _tool("psql_select", "host=dbtls.internal user=agent dbname=postgres sslmode=require"),
               {("dbtls.internal", 5432): 1}, tools=(psql,)),
    ]


def refused_clients(direct_ip):
    """What must not get through; `calls` says whether a connection can reach Sluice at all."""
    def attempt(which, where):
        return [PYTHON, str(HERE / "refused.py"), which, where]
    return [
        Client("ssh", attempt("ssh", "git.example"), {("git.example", 22): 1}, tools=("ssh",)),
        Client("ping", attempt("ping", "api.openai.com"), tools=("ping",)),
        Client("quic", attempt("quic", "api.openai.com")),
        Client("direct-ip-https", attempt("curl", f"https://{direct_ip}/hello"), {(direct_ip, 443): 1},
               tools=("curl",)),
        Client("direct-ip-http", attempt("curl", f"http://{direct_ip}/hello"), {(direct_ip, 80): 1}, tools=("curl",)),
        Client("unlisted-host", attempt("curl", "https://unlisted.example/hello"), {("unlisted.example", 443): 1},
               tools=("curl",)),
        Client("other-port", attempt("curl", "https://api.openai.com:8443/hello"), {("api.openai.com", 8443): 1},
               tools=("curl",)),
    ]
