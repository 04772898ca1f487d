#!/usr/bin/env bash
# What hostile clients do to an engine and to the provinces beside them: a table of figures. The same
# attacks, smaller, are a test of the suite (tests/e2e/test_hostile.py).
set -euo pipefail

usage() {
    cat <<'USAGE'
Usage: tools/hostile.sh [--seconds N] [--build DIR] [-- OPTIONS OF qingfend]

Starts an engine of two shards on a store of its own and 31 provinces that each post a settlement some
twenty times a second. Beside them, one after the other:

  flood        one province: 200 connections, batches of 1,024 records without end
  deaf         the same, and nothing is read
  questions    one province: 100 connections, questions to the desk without end, nothing read
  bad_frames   50 connections at a time with frames that are wrong in every way
  silent       10,000 connections that say nothing
  half_frames  2,000 connections that each say a long frame but for its end
  drip         1,000 connections that say a byte a second

and prints for each what the 31 wait before and during it in milliseconds, the engine's resident
memory, its share of a processor and its open files.

  --seconds N  of each measurement (default 10)
  --build DIR  where the programs are (default build)
USAGE
}

seconds=10
build=build
while [ $# -gt 0 ]; do
    case $1 in
    --seconds | --build)
        if [ $# -lt 2 ]; then
            echo "hostile: $1 wants a value; see --help" >&2
            exit 2
        fi
        if [ "$1" = --seconds ]; then seconds=$2; else build=$2; fi
        shift 2
        ;;
    -h | --help)
        usage
        exit 0
        ;;
    --)
        shift
        break
        ;;
    *)
        usage >&2
        exit 2
        ;;
    esac
done
if ! [[ $seconds =~ ^[1-9][0-9]{0,3}$ ]]; then
    echo "hostile: --seconds wants a number; see --help" >&2
    exit 2
fi
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$(cd "$build" && pwd)
QINGFEN_BUILD=$build exec timeout $((60 + 7 * (2 * seconds + 60))) /usr/bin/python3 -B \
    "$root/tests/e2e/hostile.py" --seconds "$seconds" -- "$@"
