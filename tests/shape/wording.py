#!/usr/bin/python3
"""No file speaks of work that is left over, and none holds a path of somebody's machine. The engine and
`qingfen verify` tell people amounts in yuan.

The forbidden words are put together here, so that this file may be read by itself."""
import re
import sys

import tree

LEFT_OVER = re.compile(
    r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "X" * 3, "HA" + "CK", "(?i:for n" + "ow)",
                       "(?i:st" + "ub)"]) + r")\b")

# Home folders, and the folders in which these files were once written.
MACHINE = re.compile(
    r"(?<![\w.$}])/(" + "|".join(["ho" + r"me/\w", "Us" + r"ers/\w", "ro" + r"ot/\w", "wo" + "rk/",
                                  "fa" + "rm/", "tmp/stu" + "dio"]) + ")")

# People read yuan with two decimals; fen are for programs.
TELL_YUAN = ("engine/", "tools/verify/")
BARE_FEN = re.compile(r"%(lld|d|\" PRId64 \") fen")

# Texts of others, kept to the letter.
OTHERS = {"LICENSE"}


def faults_of(name, text):
    faults = []
    for number, line in enumerate(text.splitlines(), 1):
        for pattern, says in ((LEFT_OVER, "speaks of work left over"),
                              (MACHINE, "names a path of one machine")):
            match = pattern.search(line)
            if match:
                faults.append(f"{name}:{number}: {says}: {match.group(0)}")
        if name.startswith(TELL_YUAN) and BARE_FEN.search(line):
            faults.append(f"{name}:{number}: tells people fen: {line.strip()}")
    return faults


def self_check():
    for line in ("/* TO" + "DO: more */", "good for n" + "ow", "a st" + "ub here",
                 "cd /ho" + "me/ann/src", 'open("/wo' + 'rk/x")'):
        assert faults_of("x", line), line
    for line in ("stubborn", "stubs made by protoc", "TODOS", "for now_ms", "$HOME/x", "docs" "/wo" "rk/x", "a/home/x",
                 "https://example.org" "/wo" "rk/x"):
        assert not faults_of("x", line), line
    for line in ('"%lld fen are left"', '"by %" PRId64 " fen"'):
        assert faults_of("engine/x.c", line) and faults_of("tools/verify/x.c", line), line
        assert not faults_of("tools/x.c", line), line
    assert not faults_of("engine/x.c", '"%s yuan are left"')


def main():
    self_check()
    faults, count = [], 0
    for path in tree.project_files():
        name = path.relative_to(tree.ROOT).as_posix()
        text = None if name in OTHERS else tree.text_of(path)
        if text is not None:
            faults += faults_of(name, text)
            count += 1
    return tree.finish(faults, f"{count} files say nothing of the kind")


if __name__ == "__main__":
    sys.exit(main())
