#!/usr/bin/env bash
# The settlements of 2025 in twelve months through the durable path: made, sent, cut, computed,
# netted, and at the end the totals beside the published ones and every byte verified. How much and
# how fast; tools/year.sh is the year in which everything goes wrong that can.
set -euo pipefail

usage() {
    cat <<'USAGE'
Usage: tools/year-replay.sh [--count N | --full] [--month-stores] [--no-verify] [--seed S] [--log FILE]
                            [--keep DIR]

Generates and clears the cross-province settlements of 2025 on this machine, in about two minutes on
two cores: each month's share of the year (the first quarter's is published), each record answered
only when it is durable, then the cut, the tables and the netting of the month.

  --count N        settlements of the year (default 12000000)
  --full           all 308,000,000 of them
  --month-stores   a store for each month, removed when it is verified: a twelfth of the disk; then
                   nothing of a month before is refunded. Otherwise one store holds the year
  --no-verify      without a verify of the stores, which takes as long as sending; that each
                   month's positions hold what was sent is asked for anyway
  --seed S         of the settlements (default 2025)
  --log FILE       write FILE.json and FILE.csv: everything that was measured
  --keep DIR       work in DIR, which must be empty or new, and leave the store there; otherwise a
                   folder under ${TMPDIR:-/var/tmp} is used and removed at the end

It asks for 450 bytes of disk a settlement and 1 GB before it begins, and for 13.4 bytes of memory a
settlement of a store beside the engine's 2 GB.
USAGE
}

name=year-replay
steps=2
count=12000000
seed=2025
log_to=
keep=
month_stores=()
verify=()
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

while [ $# -gt 0 ]; do
    case $1 in
    --full)
        count=308000000
        shift
        ;;
    --month-stores)
        month_stores=(--month-stores)
        shift
        ;;
    --no-verify)
        verify=(--no-verify)
        shift
        ;;
    --count | --seed | --log | --keep)
        if [ $# -lt 2 ]; then
            echo "year-replay: $1 wants a value; see --help" >&2
            exit 2
        fi
        case $1 in
        --count) count=$2 ;;
        --seed) seed=$2 ;;
        --log) log_to=$2 ;;
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
if ! [[ $count =~ ^[1-9][0-9]{3,9}$ && $seed =~ ^[0-9]{1,18}$ ]]; then
    echo "year-replay: --count wants a number from 1200, --seed one; see --help" >&2
    exit 2
fi
logs=()
if [ -n "$log_to" ]; then
    log_to=$(realpath -m "$log_to")
    logs=(--json "$log_to.json" --csv "$log_to.csv")
fi

# shellcheck source=tools/engine.sh
. "$root/tools/engine.sh"

build_all() {
    build && ninja -C "$root/build" tools/year/month_feed
}

run "install what the build needs" "$root/tools/setup.sh" build
run "build the engine, the command line and the loader" build_all
echo
# In the background, so that a signal to this script is acted on at once: the driver stops its engine.
/usr/bin/python3 -B "$root/tools/year/year_replay.py" --qingfen "$qingfen" --qingfend "$qingfend" \
    --feed "$root/build/tools/year/month_feed" --folder "$folder" --count "$count" \
    --seed "$seed" "${month_stores[@]}" "${verify[@]}" "${logs[@]}" &
engine_pid=$!
code=0
wait "$engine_pid" || code=$?
engine_pid=
[ "$code" -eq 0 ] || exit "$code"
echo
echo "All of it in $(seconds_since "$begun") s."
[ -z "$keep" ] || [ ${#month_stores[@]} -gt 0 ] || echo "The store is in $folder/store."
