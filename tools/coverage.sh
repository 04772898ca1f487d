#!/usr/bin/env bash
# Lines and branches of engine/ that the tests run through.
set -euo pipefail

usage() {
    cat <<'USAGE'
Usage: tools/coverage.sh [--quick]

Builds with coverage in build-coverage/, runs the tests, and prints for each file of engine/ how
many of its lines and branches they ran through, the least covered last, and the sums by folder. The
lines that are left stand in build-coverage/left.txt, each with its text; docs/reliability.md says why.
Branches of ENSURE, which only a broken engine takes, are not counted. About ten minutes, and half an
hour on a busy machine.

  --quick  unit tests, fuzz corpora and simulated histories only: no processes

Pages for a browser are in build-coverage/html/.
USAGE
}

cd "$(dirname "${BASH_SOURCE[0]}")/.."
folder="build-coverage"
suites=(--suite unit --suite fuzz-corpus --suite sim --suite e2e)
gcovr=(gcovr --root . --filter 'engine/' --exclude-unreachable-branches --gcov-ignore-parse-errors
    --exclude-lines-by-pattern '.*_Static_assert.*'
    --exclude-branches-by-pattern '.*(ENSURE|unreachable)\(.*')
case ${1:-} in
"") ;;
--quick) suites=(--suite unit --suite fuzz-corpus --suite sim) ;;
-h | --help)
    usage
    exit 0
    ;;
*)
    usage >&2
    exit 2
    ;;
esac

tools/setup.sh coverage
rm -rf "$folder" # What an earlier build left would be counted, under lines that have moved.
meson setup "$folder" --buildtype=debug -Dwerror=false -Dtests=true -Db_coverage=true \
    -Dc_args=-fprofile-update=atomic >/dev/null
ninja -C "$folder" >"$folder/build.log" || {
    tail -n 40 "$folder/build.log" >&2
    exit 1
}
export QINGFEN_WALKS=20 # Of the cycle: more of them run through nothing else.
export QINGFEN_COVERAGE=1 # A killed process counts nothing: engines of tests end by themselves.
code=0
meson test -C "$folder" --no-rebuild -t 4 "${suites[@]}" >"$folder/tests.log" 2>&1 || code=$?
tail -n 12 "$folder/tests.log"
mkdir -p "$folder/html"
"${gcovr[@]}" --object-directory "$folder" --json "$folder/latest.json" \
    --csv "$folder/coverage.csv" --html-details "$folder/html/index.html" "$folder" >/dev/null
/usr/bin/python3 -B - "$folder" <<'PYTHON'
import collections
import csv
import json
import sys

FIELDS = ("line_total", "line_covered", "branch_total", "branch_covered")
folder = sys.argv[1]


def share(covered, total):
    return f"{100 * covered / total:6.1f} %" if total else "     - %"


def row(name, counts):
    lines, lines_run, branches, branches_run = counts
    print(f"{name:44} {lines:6} {lines - lines_run:5} {share(lines_run, lines)}  {branches:6} "
          f"{share(branches_run, branches)}")


files = {}
folders = collections.defaultdict(lambda: [0, 0, 0, 0])
with open(f"{folder}/coverage.csv", encoding="utf-8", newline="") as table:
    for record in csv.DictReader(table):
        counts = [int(record[field]) for field in FIELDS]
        files[record["filename"]] = counts
        for room in (record["filename"].rpartition("/")[0], "engine/, all of it"):
            folders[room] = [a + b for a, b in zip(folders[room], counts)]
print(f"{'':44} {'lines':>6} {'left':>5} {'run':>8}  {'branches':>8} {'run':>6}")
for name, counts in sorted(files.items(), key=lambda item: -item[1][1] / max(1, item[1][0])):
    row(name, counts)
print()
for name, counts in sorted(folders.items()):
    row(name, counts)

with open(f"{folder}/latest.json", encoding="utf-8") as found, \
        open(f"{folder}/left.txt", "w", encoding="utf-8") as out:
    for file in json.load(found)["files"]:
        runs = collections.defaultdict(int)
        for line in file["lines"]:
            if not line.get("gcovr/excluded") and not line.get("gcovr/noncode"):
                runs[line["line_number"]] += line["count"]
        with open(file["file"], encoding="utf-8") as source:
            text = source.read().split("\n")
        for number in sorted(number for number in runs if runs[number] == 0):
            out.write(f"{file['file']}:{number}: {text[number - 1].strip()}\n")
PYTHON
exit "$code"
