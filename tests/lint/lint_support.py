"""What the lints share: a C++ scanner that blanks comments and strings, and the way they run.

A lint is a function `check(root) -> [Finding]` plus a table of bad and good snippets. Running one
always runs its self-test first, so a lint that can no longer find anything fails by itself.
"""

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

CPP_SUFFIXES = {".cpp", ".hpp"}
PRODUCT_FOLDERS = ("policy", "proxy", "certs", "overlay")
ALL_FOLDERS = PRODUCT_FOLDERS + ("tests", "bench", "examples")


@dataclass(frozen=True)
class Finding:
    path: Path
    line: int
    message: str


def files(root, folders, suffixes):
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in suffixes and path.is_file() and "__pycache__" not in path.parts:
                yield path


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def _skip_quoted(text, start):
    """The offset after a "..." or '...' that begins at start."""
    quote, i = text[start], start + 1
    while i < len(text) and text[i] != quote and text[i] != "\n":
        i += 2 if text[i] == "\\" else 1
    return min(i + 1, len(text))


def _skip_raw_string(text, start):
    """The offset after R"delimiter(...)delimiter"; start is at the quote."""
    delimiter = text[start + 1 : text.index("(", start)]
    end = text.find(")" + delimiter + '"', start)
    return len(text) if end < 0 else end + len(delimiter) + 2


def code_only(text):
    """The text with comments, and the insides of strings and characters, as spaces; same offsets."""
    out, i = list(text), 0

    def blank(first, last):
        for k in range(first, min(last, len(out))):
            if out[k] != "\n":
                out[k] = " "

    while i < len(text):
        two, c = text[i : i + 2], text[i]
        if two == "//":
            end = text.find("\n", i)
            end = len(text) if end < 0 else end
            blank(i, end)
        elif two == "/*":
            end = text.find("*/", i)
            end = len(text) if end < 0 else end + 2
            blank(i, end)
        elif c == '"' and i > 0 and text[i - 1] == "R":
            end = _skip_raw_string(text, i)
            blank(i + 1, end - 1)
        elif c == '"' or (c == "'" and not (i > 0 and text[i - 1].isalnum())):  # 1'000 is a number
            end = _skip_quoted(text, i)
            blank(i + 1, end - 1)
        else:
            end = i + 1
        i = end
    return "".join(out)


def _self_test(check, bad, good):
    """Each snippet is a dict of file name -> text; a bad one must be found, a good one must not."""
    problems = []
    for expected_found, snippets in ((True, bad), (False, good)):
        for name, snippet in snippets.items():
            with tempfile.TemporaryDirectory() as folder:
                root = Path(folder)
                for file, text in snippet.items():
                    (root / file).parent.mkdir(parents=True, exist_ok=True)
                    (root / file).write_text(text)
                found = check(root)
            if bool(found) != expected_found:
                verb = "was not found" if expected_found else f"was found: {found[0].message}"
                problems.append(f"self-test: snippet '{name}' {verb}")
    return problems


def main(check, bad, good):
    arguments = sys.argv[1:]
    problems = _self_test(check, bad, good)
    for problem in problems:
        print(f"{Path(sys.argv[0]).name}:1: {problem}")
    if problems:
        return 1
    if arguments == ["--self-test"]:
        print(f"self-test: {len(bad)} bad snippets found, {len(good)} good ones left alone")
        return 0
    if len(arguments) != 1:
        print(f"usage: {sys.argv[0]} SOURCE_DIR | --self-test", file=sys.stderr)
        return 2
    root = Path(arguments[0]).resolve()
    findings = check(root)
    for finding in findings:
        path = finding.path.relative_to(root) if finding.path.is_relative_to(root) else finding.path
        print(f"{path}:{finding.line}: {finding.message}")
    return 1 if findings else 0
