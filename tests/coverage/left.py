#!/usr/bin/env python3
"""Lines of engine/ that no test runs through, and why: reasons.txt beside this file has each of them
by file and function, so that it does not age with every line that moves.

    left.py report FOLDER   the tables of a run, and what of it no reason explains (tools/coverage.sh)
    left.py part FOLDER     the same of a part of the tests: nothing has to be explained
    left.py table           the reasons as docs/reliability.md has them
    left.py check           every function that is named is there, and so is the table
"""
import collections
import csv
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs/reliability.md"
FIELDS = ("line_total", "line_covered", "branch_total", "branch_covered")


def read_reasons():
    """[(reason, {(file, function): lines at most})]: a reason begins a line, its files are indented."""
    reasons = []
    text = pathlib.Path(__file__).with_name("reasons.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        if line.startswith(" "):
            file, functions = line.split(None, 1)
            for name, count in (part.split() for part in functions.split(",")):
                reasons[-1][1]["engine/" + file, name] = int(count)
        elif line and not line.startswith("#"):
            reasons.append((line, {}))
    return reasons


def table(reasons):
    rows = ["| why no test runs through it | lines | where |", "|---|---:|---|"]
    for reason, places in reasons:
        files = collections.defaultdict(list)
        for file, function in places:
            files[file.removeprefix("engine/")].append(function)
        where = "; ".join("`%s` %s" % (file, ", ".join(names)) for file, names in files.items())
        rows.append("| %s | %d | %s |" % (reason, sum(places.values()), where))
    return "\n".join(rows) + "\n"


def check(reasons):
    wrong = []
    for file, function in (place for _, places in reasons for place in places):
        path = ROOT / file
        if not path.exists() or not re.search(r"\b%s\(" % function, path.read_text(encoding="utf-8")):
            wrong.append("tests/coverage/reasons.txt: %s has no %s()" % (file, function))
    if table(reasons) not in DOCUMENT.read_text(encoding="utf-8"):
        wrong.append("docs/reliability.md: its table is not that of tests/coverage/left.py table")
    return wrong


def share(covered, total):
    return f"{100 * covered / total:6.1f} %" if total else "     - %"


def row(name, counts):
    lines, lines_run, branches, branches_run = counts
    print(f"{name:44} {lines:6} {lines - lines_run:5} {share(lines_run, lines)}  {branches:6} "
          f"{share(branches_run, branches)}")


def print_tables(folder):
    """A row of each file, the least covered last, and the sums by folder."""
    files = {}
    folders = collections.defaultdict(lambda: [0, 0, 0, 0])
    with open(folder / "coverage.csv", encoding="utf-8", newline="") as counted:
        for record in csv.DictReader(counted):
            counts = files[record["filename"]] = [int(record[field]) for field in FIELDS]
            for room in (record["filename"].rpartition("/")[0], "engine/, all of it"):
                folders[room] = [a + b for a, b in zip(folders[room], counts)]
    print(f"{'':44} {'lines':>6} {'left':>5} {'run':>8}  {'branches':>8} {'run':>6}")
    for name, counts in sorted(files.items(), key=lambda item: -item[1][1] / max(1, item[1][0])):
        row(name, counts)
    print()
    for name, counts in sorted(folders.items()):
        row(name, counts)


def functions_of(text):
    """[(first line, name)] of a source as clang-format leaves it: a body's brace stands alone."""
    found = []
    for at in (at for at, line in enumerate(text) if line == "{"):
        first = at
        while first > 0 and text[first - 1] and not text[first - 1].endswith(("}", ";", "*/")):
            first -= 1
        words = re.sub(r"__attribute__\(\(.*?\)\)\)?", "", " ".join(text[first:at]))
        found.append((first + 1, re.search(r"(\w+)\(", words).group(1)))
    return found


def write_left(folder):
    """left.txt; gives the lines by file and function."""
    left = collections.defaultdict(list)
    found = json.loads((folder / "latest.json").read_text(encoding="utf-8"))
    with open(folder / "left.txt", "w", encoding="utf-8") as out:
        for file in found["files"]:
            runs = collections.defaultdict(int)
            for line in file["lines"]:
                if not line.get("gcovr/excluded") and not line.get("gcovr/noncode"):
                    runs[line["line_number"]] += line["count"]
            text = (ROOT / file["file"]).read_text(encoding="utf-8").split("\n")
            begins = functions_of(text)
            for number in sorted(number for number in runs if runs[number] == 0):
                function = [name for begin, name in begins if begin <= number][-1]
                left[file["file"], function].append(number)
                out.write(f"{file['file']}:{number}: {function}: {text[number - 1].strip()}\n")
    return left


def unexplained(left, reasons):
    """Says what no reason explains, and which reason explains what is not left; True: something of
    the first kind."""
    known = collections.Counter()
    for _, places in reasons:
        known.update(places)
    more = {place for place, lines in left.items() if len(lines) > known[place]}
    for file, function in sorted(more):
        lines = left[file, function]
        print(f"not explained: {file} {function}(): {len(lines)} lines left, reasons for "
              f"{known[file, function]}: {', '.join(map(str, lines))}")
    for place in sorted(place for place in known if known[place] > len(left.get(place, []))):
        print(f"run through after all: {place[0]} {place[1]}(): {len(left.get(place, []))} lines left, "
              f"reasons for {known[place]}")
    return bool(more)


def main(task, folder=None):
    reasons = read_reasons()
    if task == "table":
        print(table(reasons), end="")
        return 0
    if task == "check":
        wrong = check(reasons)
        print("\n".join(wrong), end="\n" if wrong else "")
        return bool(wrong)
    print_tables(pathlib.Path(folder))
    left = write_left(pathlib.Path(folder))
    return task == "report" and unexplained(left, reasons)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
