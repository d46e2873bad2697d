"""The redaction packs: keys, ids, the subset of patterns the matcher runs, and every example."""

import re
import sys

import pack_pattern
import yaml
from lint_support import Finding, main
from pack_format import CHECKS, Format

PACKS = "policy/redact/packs"
REQUIRED = ("id", "title", "source", "pattern", "finds", "leaves")
OPTIONAL = ("entropy", "check", "starts", "ends", "without_digit", "block_end")
LEAST_ANCHOR = 3
MOST_LINES = 500
MOST_PII_LENGTH = 360  # an e-mail address, the longest of them
# The tree must not name a package registry's host: a build that reaches for one would look intended.
REGISTRIES = re.compile(r"pypi\.org|registry\.npmjs|npmjs\.com|crates\.io|rubygems\.org|hub\.docker|nuget\.org|packagist\.org")


def check(root):
    found, seen = [], {}
    for path in sorted((root / PACKS).rglob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        lines = text.splitlines()
        if len(lines) > MOST_LINES:
            found.append(Finding(path, MOST_LINES, f"{len(lines)} lines: at most {MOST_LINES}"))
        try:
            document = yaml.safe_load(text)
        except yaml.YAMLError as error:
            found.append(Finding(path, 1, f"not YAML: {error}"))
            continue
        if not isinstance(document, dict) or list(document) != ["formats"] or not document["formats"]:
            found.append(Finding(path, 1, "the one key is `formats`, and it is not empty"))
            continue
        for keys in document["formats"]:
            line = line_of_id(lines, keys)
            name = keys.get("id", "?") if isinstance(keys, dict) else "?"
            for message in problems(keys, path.parent.name, seen):
                found.append(Finding(path, line, f"{name}: {message}"))
    return found


def line_of_id(lines, keys):
    wanted = f"- id: {keys.get('id')}" if isinstance(keys, dict) else ""
    return next((number for number, line in enumerate(lines, 1) if line.strip() == wanted), 1)


def problems(keys, pack, seen):
    shape = shape_problems(keys, seen)
    if shape:
        return shape
    try:
        form = Format(keys, anchored=pack == "secrets")
    except (pack_pattern.PatternError, re.error) as error:
        return [f"pattern: {error}"]
    rules = secret_problems(form) if pack == "secrets" else pii_problems(form)
    return rules + ending_problems(form) + example_problems(form)


def shape_problems(keys, seen):
    if not isinstance(keys, dict):
        return ["a format is a mapping"]
    out = [f"`{key}` is missing" for key in REQUIRED if not keys.get(key)]
    out += [f"unknown key `{key}`" for key in keys if key not in REQUIRED + OPTIONAL]
    if out:
        return out
    if not re.fullmatch(r"[a-z0-9]+(?:-[a-z0-9]+)*", str(keys["id"])):
        out.append("an id is lower case letters, digits and single dashes")
    if seen.setdefault(keys["id"], keys) is not keys:
        out.append("the id is taken")
    if keys.get("starts", "boundary") not in ("boundary", "anywhere"):
        out.append("starts: boundary or anywhere")
    if keys.get("ends", "anywhere") not in ("boundary", "anywhere"):
        out.append("ends: boundary or anywhere")
    if keys.get("check", "luhn") not in CHECKS:
        out.append("check: " + ", ".join(CHECKS))
    if not isinstance(keys.get("entropy", 1.0), float) or not 0 < keys.get("entropy", 1.0) < 8:
        out.append("entropy: bits per byte, as 3.0")
    for key in ("finds", "leaves"):
        if not isinstance(keys[key], list) or not all(isinstance(text, str) for text in keys[key]):
            out.append(f"{key}: a list of texts")
        elif len(set(keys[key])) < 2:
            out.append(f"{key}: at least two")
    if not all(isinstance(keys[key], str) for key in ("title", "source", "pattern")):
        out.append("title, source and pattern are texts")
    elif REGISTRIES.search(keys["source"] + keys["title"]):
        out.append("name a package registry in words, not by its host")
    return out


def secret_problems(form):
    out = []
    if min(map(len, form.anchors)) < LEAST_ANCHOR:
        out.append(f"no literal anchor: {sorted(form.anchors)[:4]} are shorter than {LEAST_ANCHOR} bytes")
    clash = pack_pattern.overlap(form.node)
    if clash:
        out.append(f"the secret can begin with what stands before it: {bytes(sorted(clash))[:12]}")
    if pack_pattern.unbounded_before_end(form.node):
        out.append("something unbounded stands before the mandatory tail")
    run = pack_pattern.shortest_run(form.node)
    if run is not None and not all(anchor.startswith(b"-----BEGIN") for anchor in form.anchors):
        out.append(f"a match may hold no run longer than {run}: {pack_pattern.RUN_LENGTH} or `://` are needed")
    return out


def pii_problems(form):
    longest = pack_pattern.longest(form.node)
    if longest is None or longest > MOST_PII_LENGTH:
        return [f"a match may be {longest or 'without bound'}: at most {MOST_PII_LENGTH} bytes"]
    return []


def ending_problems(form):
    if form.keys.get("ends") == "boundary" and pack_pattern.unbounded(form.node):
        return ["`ends: boundary` needs a bounded length: the matcher cannot wait for the end"]
    return []


def example_problems(form):
    out = [f"does not find `{text}`" for text in form.keys["finds"] if not form.finds(text.encode())]
    return out + [f"finds `{text}`" for text in form.keys["leaves"] if form.finds(text.encode())]


def _format(pack="secrets", **changes):
    keys = {"id": "one", "title": "One", "source": "Docs", "pattern": "one_[0-9a-z]{20,}",
            "finds": ["one_0123456789abcdefghij", "k=one_0123456789abcdefghij"],
            "leaves": ["one_0123456789", "someone_0123456789abcdefghij"]}
    keys.update(changes)
    keys = {key: value for key, value in keys.items() if value is not None}
    return {f"{PACKS}/{pack}/a.yaml": yaml.safe_dump({"formats": [keys]})}


BAD = {
    "missing key": _format(source=None),
    "unknown key": _format(colour="red"),
    "bad id": _format(id="One_"),
    "one example": _format(finds=["one_0123456789abcdefghij"]),
    "find not found": _format(finds=["one_0123456789abcdefghij", "one_short"]),
    "leave found": _format(leaves=["one_0123456789abcdefghij", "x"]),
    "no anchor": _format(pattern="[0-9a-z_]{24,}"),
    "short anchor": _format(pattern="on[0-9a-z_]{22,}"),
    "look-around": _format(pattern="(?<!x)one_[0-9a-z]{20,}"),
    "lazy": _format(pattern="one_[0-9a-z]{20,}?"),
    "end of line": _format(pattern="one_[0-9a-z]{20,}$"),
    "back-reference": _format(pattern=r"one_(?:[0-9a-z]{20,})\1"),
    "unbounded middle": _format(pattern="one_[0-9a-z]+[a-z]{4}"),
    "short run": _format(pattern="one_[0-9a-z]{11,}"),
    "overlap": _format(pattern="one_[0-9]{1,8}(?P<secret>[0-9a-z]{16,})"),
    "unbounded end": _format(ends="boundary"),
    "low entropy": _format(entropy=4.9),
    "failed check": _format(check="luhn"),
    "registry": _format(source="https://docs.pypi.org/help"),
    "unbounded pii": _format(pack="pii"),
}
GOOD = {
    "plain": _format(),
    "case": _format(pattern="(?i:One_)[0-9a-z]{20,}"),
    "name": _format(pattern=r"""(?i:one)_?["'\s:=\\]{0,8}(?P<secret>[0-9a-z]{20,})"""),
    "pii": _format(pack="pii", pattern="one_[0-9a-z]{20}"),
    "block": _format(pattern="-----BEGIN ONE-----", block_end="-----END", leaves=["BEGIN ONE", "--BEGIN ONE-----"],
                     finds=["-----BEGIN ONE-----", "a -----BEGIN ONE-----"]),
}

if __name__ == "__main__":
    sys.exit(main(check, BAD, GOOD))
