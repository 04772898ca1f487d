#!/usr/bin/env bash
# Lines and branches of engine/ that the tests run through.
set -euo pipefail

usage() {
    cat <<'USAGE'
Usage: tools/coverage.sh [--quick]

Builds with coverage in build-coverage/, runs the tests, and prints for each file of engine/ how
many of its lines and branches they ran through, the least covered last, and the sums by folder. The
lines that are left stand in build-coverage/left.txt, each with its function and text;
tests/coverage/reasons.txt says by function why, and exit 1 says that it does not explain all of them.
Branches of ENSURE, which only a broken engine takes, are not counted. About ten minutes, and half an
hour on a busy machine.

  --quick  unit tests, fuzz corpora and simulated histories only: no processes; no reasons are asked

Pages for a browser are in build-coverage/html/.
USAGE
}

cd "$(dirname "${BASH_SOURCE[0]}")/.."
folder="build-coverage"
suites=(--suite unit --suite fuzz-corpus --suite sim --suite e2e)
report="report"
gcovr=(gcovr --root . --filter 'engine/' --exclude-unreachable-branches --gcov-ignore-parse-errors
    --exclude-lines-by-pattern '.*_Static_assert.*'
    --exclude-branches-by-pattern '.*(ENSURE|unreachable)\(.*')
case ${1:-} in
"") ;;
--quick)
    suites=(--suite unit --suite fuzz-corpus --suite sim)
    report="part"
    ;;
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
/usr/bin/python3 -B tests/coverage/left.py "$report" "$folder" || code=$?
exit "$code"
