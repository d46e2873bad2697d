"""How often the packs find something in ordinary files: pack_measure.py SOURCE_DIR PACK MEGABYTES FOLDER...

Not a lint, since what a machine holds differs: run it after adding a format, over text which holds no
secrets (headers, documentation, minified scripts), and read what it prints.
"""

import os
import random
import sys
from pathlib import Path

import yaml
from pack_format import Format

MOST_OF_A_FILE = 8_000_000


def formats(root, pack):
    for path in sorted((root / "policy/redact/packs" / pack).glob("*.yaml")):
        for keys in yaml.safe_load(path.read_text(encoding="utf-8"))["formats"]:
            yield Format(keys, anchored=pack == "secrets")


def sample(folders, most):
    """Whole files in an order which is random and the same every time."""
    paths = sorted(Path(folder) / name for top in folders for folder, _, names in os.walk(top) for name in names)
    random.Random(1).shuffle(paths)
    size = 0
    for path in paths:
        if not path.is_file() or path.is_symlink():
            continue
        with path.open("rb") as file:
            text = file.read(MOST_OF_A_FILE)
        yield path, text
        size += len(text)
        if size > most:
            return


def main():
    if len(sys.argv) < 5:
        print(f"usage: {sys.argv[0]} SOURCE_DIR PACK MEGABYTES FOLDER...", file=sys.stderr)
        return 2
    known, size, count = list(formats(Path(sys.argv[1]), sys.argv[2])), 0, 0
    for path, text in sample(sys.argv[4:], int(sys.argv[3]) * 1_000_000):
        size += len(text)
        for form in known:
            for start, end in form.finds(text):
                count += 1
                print(f"{path}: {form.keys['id']}: {text[max(0, start - 30):end][:120]!r}")
    print(f"{count} found in {size / 1e6:.1f} MB by {len(known)} formats")
    return 0


if __name__ == "__main__":
    sys.exit(main())
