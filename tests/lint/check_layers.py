"""Holds the layer table of CMakeLists.txt against every #include.

An include of ours must stay in its own folder or go to one reachable through DEPS; third-party
headers and names live where RULES says; only the gate sees both the engine and the evidence log;
only the gate and the tests' support can make a Permit; no file is longer than 500 lines.
"""

import re
import sys

from lint_support import (ALL_FOLDERS, CPP_SUFFIXES, PRODUCT_FOLDERS, Finding, code_only, files,
                          line_of, main)

MAX_LINES = 500
ANY_SOURCE = CPP_SUFFIXES | {".py", ".sh", ".cmake"}
LAYER = re.compile(r"^sluice_layer\(\s*(\w+)\s+([\w/]+)([^)]*)\)", re.M)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)
OURS = re.compile(r"(policy|proxy|certs|overlay)/")

ASYNC_FOLDERS = ("proxy/io/", "proxy/runtime/", "proxy/cli/", "proxy/main.cpp")
# (include prefix, path prefixes of the files that may include it)
RULES = (
    ("boost/asio/buffer.hpp", ASYNC_FOLDERS + ("proxy/wire/",)),
    ("boost/asio", ASYNC_FOLDERS),
    ("boost/beast/http/", ASYNC_FOLDERS + ("proxy/wire/",)),
    ("boost/beast", ASYNC_FOLDERS),
    ("boost/test/", ()),
    ("openssl/", ("policy/base/digest.cpp", "policy/base/ed25519.", "policy/base/hmac.cpp", "policy/evidence/key.",
                  "certs/", "proxy/io/")),
    ("re2/", ("policy/redact/", "policy/engine/", "overlay/manifest/")),
    ("yaml.h", ("policy/base/document.cpp",)),
    ("idn2.h", ("policy/model/",)),
    ("sqlite3.h", ("policy/evidence/database.",)),
    ("zlib.h", ("proxy/wire/",)),
    ("brotli/", ("proxy/wire/",)),
    ("zstd", ("proxy/wire/",)),
    ("CLI/", ("proxy/cli/",)),
    ("nghttp2/", ("proxy/wire/",)),
)
ASIO_NAME = re.compile(r"\b(?:boost::)?asio::")
PERMIT_MAKER = re.compile(r"\bPermitMaker\b")
# permit.* define it; gate.cpp is the one that uses it.
PERMIT_MAKER_FILES = ("proxy/call/permit.", "proxy/io/gate.cpp", "tests/support/",
                      "tests/unit/call/permit_test.cpp")
GATE = ("policy/engine/engine.hpp", "policy/evidence/log.hpp")


def layer_table(root):
    """folder -> folders it may include, itself first."""
    text = (root / "CMakeLists.txt").read_text()
    folder_of, deps_of = {}, {}
    for name, folder, rest in LAYER.findall(text):
        words = rest.split()
        folder_of[name] = folder
        deps = words[words.index("DEPS") + 1 :] if "DEPS" in words else []
        deps_of[name] = deps[: deps.index("USES")] if "USES" in deps else deps

    def reach(name, seen):
        if name not in seen:
            seen.append(name)
            for dep in deps_of.get(name, []):
                reach(dep, seen)
        return seen

    return {folder: [folder_of[n] for n in reach(name, []) if n in folder_of]
            for name, folder in folder_of.items()}


def folder_of_file(table, path):
    return next((f for f in sorted(table, key=len, reverse=True) if path.startswith(f + "/")), None)


def third_party_fault(path, header):
    for prefix, allowed in RULES:
        if header.startswith(prefix):
            return None if path.startswith(allowed) else f"<{header}> is not for this folder"
    return None


def include_faults(root, table, path, text):
    own = folder_of_file(table, path)
    for match in INCLUDE.finditer(text):
        kind, header = match.groups()
        fault = None
        if kind == "<":
            fault = third_party_fault(path, header)
        elif not OURS.match(header):
            fault = f'"{header}" is not written from the repository root'
        elif not (root / header).exists():
            fault = f'"{header}" does not exist'
        elif own and folder_of_file(table, header) not in table[own]:
            fault = f'"{header}" is not a layer that {own} may use (DEPS in CMakeLists.txt)'
        elif own is None and path != "proxy/main.cpp":
            fault = "the file is in no layer of CMakeLists.txt"
        if fault:
            yield match.start(), fault


def name_faults(path, text, code):
    if not path.startswith(ASYNC_FOLDERS):
        for match in ASIO_NAME.finditer(code):
            yield match.start(), "an Asio name outside proxy/io, proxy/runtime and proxy/cli"
    if path.startswith(("proxy/io/", "proxy/call/")) and not path.startswith("proxy/io/gate."):
        if all(f'"{header}"' in text for header in GATE):
            yield 0, "only proxy/io/gate may include both the engine and the evidence log"


def check(root):
    found = []
    table = layer_table(root)
    for file in files(root, PRODUCT_FOLDERS, CPP_SUFFIXES):
        path, text = file.relative_to(root).as_posix(), file.read_text()
        faults = list(include_faults(root, table, path, text))
        faults += name_faults(path, text, code_only(text))
        found += [Finding(file, line_of(text, offset), message) for offset, message in faults]
    for file in files(root, ALL_FOLDERS, ANY_SOURCE):
        path, text = file.relative_to(root).as_posix(), file.read_text()
        lines = text.count("\n")
        if lines > MAX_LINES:
            found.append(Finding(file, MAX_LINES + 1, f"{lines} lines; a file has at most {MAX_LINES}"))
        if file.suffix in CPP_SUFFIXES and not path.startswith(PERMIT_MAKER_FILES):
            found += [Finding(file, line_of(text, m.start()), "only the gate makes a Permit")
                      for m in PERMIT_MAKER.finditer(code_only(text))]
    return found


_TABLE = ("sluice_layer(base policy/base USES X::Y)\nsluice_layer(engine policy/engine DEPS base)\n"
          "sluice_layer(evidence policy/evidence DEPS base)\nsluice_layer(wire proxy/wire DEPS base)\n"
          "sluice_layer(io proxy/io\n  DEPS engine evidence)\n")


def _tree(**named):
    tree = {"CMakeLists.txt": _TABLE, "policy/base/a.hpp": "", "policy/engine/engine.hpp": "",
            "policy/evidence/log.hpp": ""}
    return tree | {name.replace("__", "/").replace("_D_", "."): text for name, text in named.items()}


_BOTH = '#include "policy/engine/engine.hpp"\n#include "policy/evidence/log.hpp"\n'
BAD = {
    "upward include": _tree(policy__base__b_D_cpp='#include "policy/engine/engine.hpp"\n'),
    "sideways include": _tree(policy__engine__b_D_cpp='#include "policy/evidence/log.hpp"\n'),
    "relative include": _tree(policy__base__b_D_cpp='#include "a.hpp"\n'),
    "missing include": _tree(policy__base__b_D_cpp='#include "policy/base/gone.hpp"\n'),
    "file in no layer": _tree(policy__new__b_D_cpp='#include "policy/base/a.hpp"\n'),
    "asio include": _tree(policy__base__b_D_cpp="#include <boost/asio.hpp>\n"),
    "asio name": _tree(proxy__wire__b_D_hpp="void f(boost::asio::io_context&);\n"),
    "openssl include": _tree(policy__engine__b_D_cpp="#include <openssl/evp.h>\n"),
    "gate bypass": _tree(proxy__io__session_D_cpp=_BOTH),
    "permit maker": _tree(proxy__io__session_D_cpp="auto p = PermitMaker::make();\n"),
    "long file": _tree(policy__base__b_D_cpp="\n" * (MAX_LINES + 1)),
}
GOOD = {
    "downward include": _tree(policy__engine__b_D_cpp='#include "policy/base/a.hpp"\n'),
    "transitive include": _tree(proxy__io__b_D_cpp='#include "policy/base/a.hpp"\n'),
    "asio in a comment": _tree(proxy__wire__b_D_hpp="// no boost::asio:: here\n"),
    "the gate": _tree(proxy__io__gate_D_cpp=_BOTH + "PermitMaker m;\n"),
    "wire parser": _tree(proxy__wire__b_D_cpp="#include <boost/beast/http/basic_parser.hpp>\n"),
}

if __name__ == "__main__":
    sys.exit(main(check, BAD, GOOD))
