"""Every header opens with what it is, has #pragma once before its first include, and names only
tests that exist in its "Tested by" line."""

import re
import sys

from lint_support import CPP_SUFFIXES, PRODUCT_FOLDERS, Finding, files, line_of, main

HEADER_FOLDERS = PRODUCT_FOLDERS + ("tests/support",)
TEST_PATH = re.compile(r"\btests/[\w./-]+\.(?:cpp|py)\b")


def check(root):
    found = []
    for file in files(root, HEADER_FOLDERS, {".hpp"}):
        text = file.read_text()
        opening = re.match(r"(?://[^\n]*\n)+", text)
        if not opening:
            found.append(Finding(file, 1, "a header opens with a comment: what it is, what it must never do"))
        first_code = re.search(r"^(?!//|\s*$).*$", text, re.M)
        if not first_code or first_code.group().strip() != "#pragma once":
            line = line_of(text, first_code.start()) if first_code else 1
            found.append(Finding(file, line, "#pragma once comes first after the opening comment"))
    for file in files(root, PRODUCT_FOLDERS, CPP_SUFFIXES):
        text = file.read_text()
        for match in TEST_PATH.finditer(text):
            if not (root / match.group()).exists():
                found.append(Finding(file, line_of(text, match.start()), f"{match.group()} does not exist"))
    return found


_FINE = "// What it is.\n#pragma once\n\n#include <string>\n"
BAD = {
    "no comment": {"policy/base/x.hpp": "#pragma once\n"},
    "no pragma": {"policy/base/x.hpp": "// What it is.\n#include <string>\n"},
    "late pragma": {"policy/base/x.hpp": "// What it is.\n#include <string>\n#pragma once\n"},
    "missing test": {"policy/base/x.hpp": "// Tested by tests/unit/base/x_test.cpp.\n#pragma once\n"},
    "empty": {"policy/base/x.hpp": ""},
}
GOOD = {
    "fine": {"policy/base/x.hpp": _FINE},
    "test exists": {"policy/base/x.hpp": "// Tested by tests/unit/x_test.cpp.\n#pragma once\n",
                    "tests/unit/x_test.cpp": ""},
}

if __name__ == "__main__":
    sys.exit(main(check, BAD, GOOD))
