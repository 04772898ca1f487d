#!/usr/bin/env bash
# A national year through the clearing cycle on a manual clock: twelve months of settlements with
# mismatches, holds, deductions, disputes, late payments, refunds after clearing and into the next
# year, all twelve clearings and the yearly prefund. Every month's books are kept a second time
# outside the engine and compared to the fen; at the end the store is verified and replayed.
set -euo pipefail

usage() {
    cat <<'USAGE'
Usage: tools/year.sh [--count N] [--year YYYY] [--seed S] [--mode MODE] [--keep DIR]

Runs a year of cross-province clearing on this machine, in about a minute on two cores; the first
time three more, to build (tools/release.sh).

  --count N     settlements a month (default 20000)
  --year YYYY   the year (default 2026)
  --seed S      of the settlements (default 2026)
  --mode MODE   what the notices ask for: gross, bilateral or multilateral (default bilateral)
  --keep DIR    work in DIR, which must be empty or new, and leave the store there; otherwise a
                folder under ${TMPDIR:-/var/tmp} is used and removed at the end
USAGE
}

name=year
steps=6
count=20000
year=2026
seed=2026
mode=bilateral
keep=
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

while [ $# -gt 0 ]; do
    case $1 in
    --count | --year | --seed | --mode | --keep)
        if [ $# -lt 2 ]; then
            echo "year: $1 wants a value; see --help" >&2
            exit 2
        fi
        case $1 in
        --count) count=$2 ;;
        --year) year=$2 ;;
        --seed) seed=$2 ;;
        --mode) mode=$2 ;;
        --keep) keep=$2 ;;
        esac
        shift 2
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
done
if ! [[ $count =~ ^[1-9][0-9]{0,6}$ && $year =~ ^20[0-9]{2}$ && $seed =~ ^[0-9]{1,18}$ ]]; then
    echo "year: --count, --year and --seed want numbers; see --help" >&2
    exit 2
fi

if ! [[ $mode =~ ^(gross|bilateral|multilateral)$ ]]; then
    echo "year: --mode wants gross, bilateral or multilateral, not '$mode'" >&2
    exit 2
fi

# shellcheck source=tools/engine.sh
. "$root/tools/engine.sh"
engine_options=(--clock manual)

echo "Qingfen: the year $year, $count settlements a month, two shards, in $folder"
run "install what the build needs" "$root/tools/setup.sh" build
run "build the engine and the command line" build
run "make a store" "$qingfen" init --data "$folder/store" --shards 2
run "start the engine" start_engine
echo
/usr/bin/python3 -B "$root/tools/year/year.py" --qingfen "$qingfen" --to "$address" \
    --folder "$folder" --year "$year" --count "$count" --seed "$seed" \
    --mode "$mode"
echo
run "stop the engine" stop_engine
run "replay the journal from empty and compare" "$qingfen" verify --data "$folder/store" --deep
echo
echo "All of it in $(seconds_since "$begun") s."
[ -z "$keep" ] || echo "The store is in $folder/store."
