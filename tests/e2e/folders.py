"""Temporary folders of a script: gone when it ends well, kept and named when a test failed."""

import atexit
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

_made = []
_failed = []  # anything in it: keep the folders


def temporary_folder(prefix):
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    _made.append(folder)
    return folder


def _notice(method):
    """Every runner's result ends up in these methods, whatever started it."""
    original = getattr(unittest.TestResult, method)

    def noticing(result, test, outcome, *more):
        if method != "addSubTest" or (more and more[0] is not None):
            _failed.append(test)
        return original(result, test, outcome, *more)

    setattr(unittest.TestResult, method, noticing)


for _method in ("addError", "addFailure", "addSubTest"):
    _notice(_method)


@atexit.register
def _remove():
    for folder in _made:
        if not _failed:
            shutil.rmtree(folder, ignore_errors=True)
        elif folder.exists():
            print(f"kept: {folder}", file=sys.stderr)
