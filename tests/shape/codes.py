#!/usr/bin/python3
"""Every error code is given somewhere in the engine, and at least one test sees it: as ERROR_SYMBOL, or
in a test that speaks over the wire as its number."""
import re
import sys

import tree

LIST = "engine/types/error.def"
OVER_THE_WIRE = "tests/e2e/"
# What no test can bring about, and why.
UNSEEN: dict[str, str] = {}


def texts(top, endings):
    for path in sorted((tree.ROOT / top).rglob("*")):
        name = path.relative_to(tree.ROOT).as_posix()
        if path.suffix in endings and name != LIST and "tests/shape/" not in name:
            yield name, path.read_text(encoding="utf-8")


def symbols_in(text):
    return set(re.findall(r"\bERROR_([A-Z0-9_]+)\b", text))


def seen_by(name, text):
    """Symbols a test names, and the numbers of one that has no symbols."""
    if not name.startswith(OVER_THE_WIRE):
        return symbols_in(text)
    return set(re.findall(r"(?<![\w.\"])\d{4}(?![\w.\"])", text))


def faults(codes, engine, tests):
    given, seen = set(), set()
    for _, text in engine:
        given |= symbols_in(text)
    for name, text in tests:
        seen |= seen_by(name, text)
    found = [f"{LIST}: {number} {symbol} is given nowhere in engine/"
             for number, symbol in codes if symbol not in given]
    found += [f"{LIST}: no test sees {number} {symbol}" for number, symbol in codes
              if symbol not in seen and number not in seen and symbol not in UNSEEN]
    found += [f"tests/shape/codes.py: {symbol} is no code, or is seen by now"
              for symbol in UNSEEN
              if not any(symbol == s and s not in seen and n not in seen for n, s in codes)]
    return found


def self_test():
    codes = [("1", "OK"), ("2001", "ONE"), ("2002", "TWO")]
    unseen = [f for f in faults(codes, [("e.c", "ERROR_OK ERROR_ONE")],
                                [("tests/unit/t.c", "ERROR_OK 2001"),
                                 ("tests/e2e/t.py", "code=2002")]) if LIST in f]
    assert unseen == [f"{LIST}: 2002 TWO is given nowhere in engine/",
                      f"{LIST}: no test sees 2001 ONE"], unseen


def main():
    self_test()
    text = (tree.ROOT / LIST).read_text(encoding="utf-8")
    codes = re.findall(r"^X\((\d+), (\w+),", text, re.MULTILINE)
    found = faults(codes, texts("engine", (".c", ".h")), texts("tests", (".c", ".h", ".py")))
    for fault in found:
        print(fault, file=sys.stderr)
    print(f"codes: {len(codes)} codes, {len(found)} faults")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
