#!/usr/bin/env python3
"""docs/coverage.md names every row of the inventory, and only files and tests that exist."""

import pathlib
import re
import sys

ROWS = [str(n) for n in range(1, 132)] + ["54a", "73a", "73b"]
PATH = re.compile(r"(?:engine|tools|tests|deploy|docs)/[\w./-]*")


def main(root: pathlib.Path) -> int:
    wrong = []
    seen = []
    for line in (root / "docs/coverage.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("| ") or cells[0] in ("row", "---"):
            continue
        if len(cells) != 6:
            wrong.append("row %s has %d cells, not 6" % (cells[0], len(cells)))
            continue
        row, _, group, _, code, test = cells
        seen.append(row)
        if group in ("1", "2") and (code == "-" or test == "-") and "outside the engine" not in code \
                and "in-province scheme" not in code:
            wrong.append("row %s of class %s names no code or no test" % (row, group))
        for path in PATH.findall(code + " " + test):
            if not (root / path).exists():
                wrong.append("row %s names %s, which does not exist" % (row, path))
        for path, name in re.findall(r"(\S+)::(\w+)", test):
            if (root / path).exists() and name not in (root / path).read_text(encoding="utf-8"):
                wrong.append("row %s: %s has no %s" % (row, path, name))
    for row in ROWS:
        if seen.count(row) != 1:
            wrong.append("row %s stands there %d times" % (row, seen.count(row)))
    for row in sorted(set(seen) - set(ROWS)):
        wrong.append("there is no row %s" % row)
    for text in wrong:
        print("coverage.md: " + text)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(__file__).resolve().parents[2]))
