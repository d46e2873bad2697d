"""Names that must not appear, each with the only places that may use it and the reason."""

import re
import sys

from lint_support import ALL_FOLDERS, CPP_SUFFIXES, PRODUCT_FOLDERS, Finding, code_only, files, line_of, main

# (pattern, path prefixes that may, message); over code without comments and strings.
CODE_RULES = (
    (r"\b(?:secure_)?(?:getenv|setenv|putenv|unsetenv)\s*\(", ("proxy/runtime/", "proxy/cli/"),
     "the environment is read in proxy/runtime and proxy/cli only: configuration is passed"),
    (r"\bsystem_clock\b", ("policy/base/clock.cpp",), "time comes from policy/base/clock"),
    (r"\b(?:steady_clock|high_resolution_clock)\b", ("policy/base/clock.cpp", "proxy/io/", "proxy/runtime/", "overlay/run/",
                                                           "proxy/cli/scenario_"),
     "time comes from policy/base/clock; deadlines are made where something is waited for"),
    (r"\bstd::regex\b|#\s*include\s*<regex>", (), "std::regex backtracks without bound: use RE2"),
    (r"\bato(?:i|l|ll|f)\s*\(", (), "atoi cannot say that it failed: use std::from_chars"),
    (r"\bs?rand\s*\(", (), "rand is predictable: use policy/base or OpenSSL's generator"),
    (r"\bstd::cout\b|\bprintf\s*\(", ("proxy/cli/", "proxy/main.cpp"),
     "standard output belongs to proxy/cli"),
    (r"\b(?:strcpy|strcat|sprintf|gets)\s*\(", (), "unbounded write"),
    (r"\busing\s+namespace\s+std\s*;", (), "std is spelled out"),
)
# Over the text as it is, comments included, in every source file of the tree.
TEXT_RULES = (
    (r"\b(?:TO" r"DO|FIX" r"ME|X" r"XX)\b", "unfinished work is an issue, not a comment"),
    (r"^[ \t]*#[ \t]*if[ \t]+0\b", "dead code"),
)
TEXT_SUFFIXES = CPP_SUFFIXES | {".py", ".sh", ".md", ".cmake", ".txt", ".yaml", ".yml", ".js"}


def check(root):
    found = []
    for file in files(root, PRODUCT_FOLDERS, CPP_SUFFIXES):
        path, code = file.relative_to(root).as_posix(), code_only(file.read_text())
        for pattern, allowed, message in CODE_RULES:
            if not path.startswith(allowed or ("\0",)):
                found += [Finding(file, line_of(code, m.start()), message)
                          for m in re.finditer(pattern, code)]
    for file in files(root, ALL_FOLDERS, TEXT_SUFFIXES):
        if "corpus" in file.parts:
            continue
        text = file.read_text(errors="replace")
        for pattern, message in TEXT_RULES:
            found += [Finding(file, line_of(text, m.start()), message)
                      for m in re.finditer(pattern, text, re.M)]
    return found


def _at(path, text):
    return {path: text}


BAD = {
    "getenv": _at("policy/base/x.cpp", 'auto p = std::getenv("A");'),
    "system clock": _at("proxy/io/x.cpp", "auto t = std::chrono::system_clock::now();"),
    "steady clock": _at("proxy/call/x.cpp", "std::chrono::steady_clock::time_point t;"),
    "regex": _at("policy/redact/x.cpp", "std::regex r;"),
    "atoi": _at("proxy/cli/x.cpp", "int n = atoi(s);"),
    "rand": _at("certs/x.cpp", "int n = rand();"),
    "cout": _at("policy/evidence/x.cpp", "std::cout << 1;"),
    "unfinished": _at("proxy/io/x.cpp", "// TO" "DO later\n"),
    "unfinished script": _at("tests/x.sh", "# FIX" "ME\n"),
    "if zero": _at("proxy/io/x.cpp", "#if 0\n#endif\n"),
}
GOOD = {
    "getenv in runtime": _at("proxy/runtime/x.cpp", 'auto p = std::getenv("A");'),
    "clock": _at("policy/base/clock.cpp", "std::chrono::system_clock::now();"),
    "deadline": _at("proxy/io/x.cpp", "std::chrono::steady_clock::now();"),
    "in a comment": _at("policy/base/x.cpp", "// not std::regex, not rand()\n"),
    "in a string": _at("policy/base/x.cpp", 'auto s = "getenv(";'),
    "RAND_bytes": _at("certs/x.cpp", "RAND_bytes(p, 8); operand(1); snprintf(b, 4, f);"),
    "cli output": _at("proxy/cli/x.cpp", "std::cout << 1;"),
}

if __name__ == "__main__":
    sys.exit(main(check, BAD, GOOD))
