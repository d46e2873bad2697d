"""The house rule for g++ 12: nothing is constructed in a statement that contains co_await.

g++ 12 destroys an aggregate, a braced initialiser or a capturing lambda twice when it is written
in the same full expression as co_await. So such a statement holds names, calls and literals only:
a `{` or a lambda in it is flagged, on either side of the co_await.
"""

import re
import sys

from lint_support import ALL_FOLDERS, CPP_SUFFIXES, Finding, code_only, files, line_of, main

CO_AWAIT = re.compile(r"\bco_await\b")
OPEN, CLOSE = "([", ")]"
# What follows the `}` of an initialiser; a block's `}` is followed by a new statement instead.
AFTER_INITIALISER = set(",).]?:|+-/=")
LAMBDA_HEAD = re.compile(r"\)(?:\s|mutable|noexcept)*(?:->[\s\w:<>,&*]+)?$")


def _is_lambda(code, bracket):
    """Whether the `[` at this offset opens a lambda's capture list."""
    if code[bracket + 1 : bracket + 2] == "[" or code[bracket - 1 : bracket] == "[":
        return False  # an attribute
    before = code[:bracket].rstrip()
    if re.search(r"\bauto\s*&{0,2}$", before):
        return False  # a structured binding
    return not (before[-1:].isalnum() or before[-1:] in "_)]") or bool(
        re.search(r"\b(return|co_return|co_await|co_yield)$", before))


def forward_fault(code, start):
    """Offset of what is constructed between this co_await and the end of its statement."""
    depth, i = 0, start
    while i < len(code):
        c = code[i]
        if c == "[" and _is_lambda(code, i):
            return i
        if c in OPEN:
            depth += 1
        elif c in CLOSE:
            depth -= 1
        elif c == "{":
            # Below zero we have left the parentheses of an if, while, for or switch: a block.
            return None if depth < 0 else i
        elif c in ";}":
            return None
        i += 1
    return None


def backward_fault(code, start):
    """Offset of what is constructed between the beginning of the statement and this co_await."""
    i = start - 1
    while i >= 0:
        c = code[i]
        if c == "[" and _is_lambda(code, i):
            return i
        if c == "}":
            return i if code[i + 1 :].lstrip()[:1] in AFTER_INITIALISER else None
        if c in ";{":
            return i if c == "{" and _opens_initialiser(code, i) else None
        i -= 1
    return None


def _opens_initialiser(code, brace):
    """Whether the `{` just before a co_await belongs to an initialiser: `Agg{co_await f()}`."""
    before = code[:brace].rstrip()
    if LAMBDA_HEAD.search(before):
        return False
    if before[-1:] in "=,(":
        return True
    word = re.search(r"([\w:]+|>)$", before)
    if not word or word.group(1) in {"else", "do", "try", "const", "noexcept", "mutable", "override"}:
        return False
    # `Task<int> f() -> X {` and `namespace a {` are blocks; an initialiser closes with more to come.
    depth, i = 1, brace + 1
    while i < len(code) and depth:
        depth += {"{": 1, "}": -1}.get(code[i], 0)
        i += 1
    return code[i:].lstrip()[:1] in AFTER_INITIALISER | {";"}


def check(root):
    found = []
    for file in files(root, ALL_FOLDERS, CPP_SUFFIXES):
        code = code_only(file.read_text())
        for match in CO_AWAIT.finditer(code):
            fault = forward_fault(code, match.end())
            if fault is None:
                fault = backward_fault(code, match.start())
            if fault is not None:
                found.append(Finding(file, line_of(code, match.start()),
                                     "constructed in a statement with co_await: name it first"))
    return found


def _in_function(statement):
    return {"proxy/io/x.cpp": "Task<void> f() {\n  " + statement + "\n}\n"}


BAD = {name: _in_function(name) for name in (
    "co_await f(Agg{a, b});",
    "co_await f({a, b});",
    "auto x = co_await f(\n    Agg{a});",
    "co_await f([s] { return 1; });",
    "co_await f([] { return 1; });",
    "co_await co_spawn(ex, [s]() -> Task<void> { co_return; }, token);",
    "co_await (f(Agg{1}) || timer());",
    "auto y = cond ? co_await f(Agg{1}) : x;",
    "g(Agg{a}, co_await f());",
    "g([s] { h(); }, co_await f());",
    "Agg z{co_await f()};",
    "auto z = Agg{co_await f()};",
    "if (co_await f(Agg{1})) { h(); }",
    "co_return g({1, 2}, co_await f());",
)}
GOOD = {name: _in_function(name) for name in (
    "Agg x{a, b}; co_await f(std::move(x));",
    "if (auto r = co_await f(x); !r) { h(); }",
    "while (co_await f(x)) { h(); }",
    "for (auto& x : co_await f()) { h(x); }",
    "auto [n, ec] = co_await s.read(buffers[i], token);",
    "co_spawn(ex, [s]() -> Task<void> { co_await s->run(); }, detached);",
    "if (x) { h(); } co_await f();",
    "if (x) { h(); } else { co_await f(); }",
    'co_await f("{[not code]}");  // { nor this',
    "try { co_await f(); } catch (...) { h(); }",
    "do { co_await f(); } while (x);",
    "switch (co_await f()) { case 1: break; }",
    "case 1: { co_await f(); break; }",
)}

if __name__ == "__main__":
    sys.exit(main(check, BAD, GOOD))
