#!/usr/bin/python3
"""The README names the two commands, every link between our documents leads somewhere, every
document that a source file names is there, and docs/rules.md lists every error code and every
provincial rule as the code has them."""
import os
import re
import sys
from urllib.parse import unquote

import tree

COMMANDS = ("tools/demo.sh", "tools/test.sh")
LINK = re.compile(r"\]\(<?([^)<>\s]+)>?(?:\s+\"[^\"]*\")?\)")
MENTION = re.compile(r"(?<![\w/.-])docs/[\w./-]+\.md\b")
HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*$")
NO_TREE_YET = 77  # meson counts it as skipped


def prose_of(text):
    """The lines outside fenced code."""
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced:
            yield number, line


def anchors_of(text):
    """The anchors that a forge gives to the headings."""
    anchors, seen = set(), {}
    for _, line in prose_of(text):
        match = HEADING.match(line)
        if match:
            title = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", match.group(1)).lower()
            anchor = re.sub(r"[^\w\- ]", "", title).replace(" ", "-")
            seen[anchor] = seen.get(anchor, -1) + 1
            anchors.add(anchor if seen[anchor] == 0 else f"{anchor}-{seen[anchor]}")
    return anchors


def link_faults(path, text):
    name = path.relative_to(tree.ROOT).as_posix()
    faults = []
    for number, line in prose_of(text):
        for target in LINK.findall(re.sub(r"`[^`]*`", "", line)):
            if re.match(r"[a-z][a-z0-9+.-]*:", target):
                continue
            file_part, _, anchor = unquote(target).partition("#")
            goal = (path.parent / file_part).resolve() if file_part else path
            if not goal.exists():
                faults.append(f"{name}:{number}: {target} is not there")
            elif anchor and goal.suffix == ".md" and \
                    anchor.lower() not in anchors_of(goal.read_text(encoding="utf-8")):
                faults.append(f"{name}:{number}: {file_part or name} has no heading #{anchor}")
    return faults


def mention_faults(path, text):
    name = path.relative_to(tree.ROOT).as_posix()
    return [f"{name}: speaks of {mention}, which is not there"
            for mention in sorted(set(MENTION.findall(text)))
            if not (tree.ROOT / mention).exists()]


def rows_below(text, header):
    """Cells of the rows of the table with that header line."""
    lines = text.splitlines()
    rows = []
    for line in lines[lines.index(header) + 2:] if header in lines else []:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def list_faults(rules, name, header, wanted):
    """`wanted`: the first cells of each row that there must be, in this order."""
    listed = [tuple(row[:len(wanted[0])]) for row in rows_below(rules, header)]
    faults = [f"docs/rules.md: {name} does not list {' '.join(row)}" for row in wanted
              if row not in listed]
    faults += [f"docs/rules.md: {name} lists {' '.join(row)}, which is not in the code"
               for row in listed if row not in wanted]
    if not faults and listed != wanted:
        faults.append(f"docs/rules.md: {name} has another order than the code, or a row twice")
    return faults


def table_faults():
    rules = (tree.ROOT / "docs/rules.md").read_text(encoding="utf-8")
    errors = (tree.ROOT / "engine/types/error.def").read_text(encoding="utf-8")
    params = (tree.ROOT / "engine/wallet/params.def").read_text(encoding="utf-8")
    codes = re.findall(r'^X\((\d+), (\w+), "([^"]*)", "([^"]*)"\)', errors, re.MULTILINE)
    names = re.findall(r'^X\(\w+, "(\w+)"', params, re.MULTILINE)
    return (list_faults(rules, "the table of error codes",
                        "| code | symbol | means | 中文 | what to do |", codes) +
            list_faults(rules, "the table of provincial rules",
                        "| name | default | range | means | sure |",
                        [(f"`{name}`",) for name in names]))


def main():
    files = [(path, tree.text_of(path)) for path in tree.project_files()]
    files = [(path, text) for path, text in files if text is not None]
    faults = []
    for path, text in files:
        if path.suffix == ".md":
            faults += link_faults(path, text)
    faults += table_faults()
    readme = tree.ROOT / "README.md"
    if readme.exists():
        text = readme.read_text(encoding="utf-8")
        for command in COMMANDS:
            if command not in text:
                faults.append(f"README.md does not name {command}")
            if not os.access(tree.ROOT / command, os.X_OK):
                faults.append(f"{command} cannot be run")
        for path, text in files:
            faults += mention_faults(path, text)
    elif not faults:
        print("links hold; there is no README.md, so the rest was not asked")
        return NO_TREE_YET
    return tree.finish(faults, "commands, links and mentions hold")


if __name__ == "__main__":
    sys.exit(main())
