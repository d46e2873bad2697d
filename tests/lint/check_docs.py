"""Documentation that cannot lie: README.md names every reason code, and each `sh` block of it and of policy/README.md
marked with `<!-- test -->` on the line before runs to success in an empty directory with sluice on
PATH (SLUICE_BIN, else PATH, else build/*/sluice; without any of them the blocks are skipped)."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from lint_support import Finding, line_of, main

BLOCK = re.compile(r"^<!-- test -->\n```sh\n(.*?)^```$", re.M | re.S)
REASON_ROW = re.compile(r'^\s*ReasonRow\{\w+,\s*"(\w+)"', re.M)
REASONS = "policy/model/reason.cpp"
TIME_LIMIT_S = 120


def find_sluice(root):
    named = os.environ.get("SLUICE_BIN")
    if named:
        return Path(named).resolve()
    on_path = shutil.which("sluice")
    if on_path:
        return Path(on_path).resolve()
    built = [root / "build" / preset / "sluice" for preset in ("release", "dev", "asan")]
    return next((path for path in built if path.exists()), None)


def run_block(block, sluice):
    """None, or what went wrong."""
    with tempfile.TemporaryDirectory() as folder:
        tools = Path(folder) / "bin"
        work = Path(folder) / "work"
        tools.mkdir()
        work.mkdir()
        (tools / "sluice").symlink_to(sluice)
        environment = dict(os.environ, PATH=f"{tools}:{os.environ['PATH']}", HOME=str(work))
        try:
            done = subprocess.run(["bash", "-eu", "-o", "pipefail", "-c", block], cwd=work,
                                  env=environment, stdin=subprocess.DEVNULL, capture_output=True,
                                  text=True, timeout=TIME_LIMIT_S)
        except subprocess.TimeoutExpired:
            return f"the block ran longer than {TIME_LIMIT_S} s"
    if done.returncode == 0:
        return None
    tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-8:])
    return f"the block failed with exit code {done.returncode}:\n{tail}"


def check(root):
    readme = root / "README.md"
    if not readme.exists():
        return [Finding(readme, 1, "README.md does not exist")]
    text, found = readme.read_text(), []
    sluice = find_sluice(root)
    for code in REASON_ROW.findall((root / REASONS).read_text()):
        if not re.search(rf"\b{code}\b", text):
            found.append(Finding(readme, 1, f"reason code {code} of {REASONS} is not mentioned"))
    for document in (readme, root / "policy" / "README.md"):
        if document.exists():
            found += run_blocks(document, sluice)
    return found


def run_blocks(readme, sluice):
    text, found = readme.read_text(), []
    if re.search(r"<!-- test -->(?!\n```sh\n)", text):
        found.append(Finding(readme, 1, "<!-- test --> must stand on the line before ```sh"))
    blocks = list(BLOCK.finditer(text))
    if blocks and sluice is None:
        print(f"check_docs: no sluice binary, {len(blocks)} blocks of {readme.name} not run")
        return found
    for match in blocks:
        problem = run_block(match.group(1), sluice)
        if problem:
            found.append(Finding(readme, line_of(text, match.start()), problem))
    return found


def _docs(readme):
    os.environ.setdefault("SLUICE_BIN", "/bin/true")
    return {REASONS: '    ReasonRow{none, "none", ""},\n    ReasonRow{rule_block, "rule_block", ""},\n',
            "README.md": readme}


def _self_test_trees():
    codes = "`none` and `rule_block`\n"
    bad = {
        "missing code": _docs("only `none`\n"),
        "failing block": _docs(codes + "<!-- test -->\n```sh\nfalse\n```\n"),
        "failing pipe": _docs(codes + "<!-- test -->\n```sh\nfalse | cat\n```\n"),
        "misplaced mark": _docs(codes + "<!-- test -->\n\n```sh\nfalse\n```\n"),
        "no README": {REASONS: ""},
    }
    good = {
        "passing block": _docs(codes + "<!-- test -->\n```sh\nsluice --version\n```\n"),
        "unmarked block": _docs(codes + "```sh\nfalse\n```\n"),
    }
    return bad, good


if __name__ == "__main__":
    given = os.environ.get("SLUICE_BIN")
    trees = _self_test_trees()

    def check_with_real_binary(root):
        if given is None and (root / "CMakeLists.txt").exists():
            os.environ.pop("SLUICE_BIN", None)  # the self-test's stand-in
        return check(root)

    sys.exit(main(check_with_real_binary, *trees))
