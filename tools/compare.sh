#!/usr/bin/env bash
# The engine, PostgreSQL and the bare loop side by side on this machine, in turns.
set -euo pipefail

usage() {
    cat <<'USAGE'
Usage: tools/compare.sh [--runs N] [--seconds S] [--quick] [OPTIONS]
       tools/compare.sh --latency [--runs N] [--seconds S] [--rates R,R,...] [OPTIONS]
       tools/compare.sh --sweep [--runs N] [--seconds S] [OPTIONS]

Builds in build-bench/, installs PostgreSQL 15 where it is missing (as root) and runs in turns, each
on a store or cluster of its own under ${TMPDIR:-/var/tmp}, which is removed again:
  engine      qingfend, 2 shards, under `qingfen load`
  postgresql  the same settlements by COPY and set-based statements, bench/peers
  bare        bench/bare: receives, checks sums, writes durably and answers; nothing else
Prints figures and ratios and writes them to bench-results/. bench/README.md says what to read from
them and what not.

  --runs N        turns (default 5; with --latency 3)
  --seconds S     of each run (default 10; with --latency 5)
  --quick         one turn of 2 s: only to see that everything goes
  --latency       latency over offered rate: one settlement a message, and batched
  --rates R,...   with --latency: the steps (default 1000 to 2000000); max/4 is a quarter of what the
                  engine does in the closed loop, which is measured first
  --sweep         PostgreSQL alone over sizes of its batch: what throughput costs in latency
  --options       all others
Writes compare.json, compare.csv, compare-ratios.csv and throughput.svg; with --latency latency.json,
latency.csv, latency-ratios.csv and latency.svg; with --sweep peers.json and peers.csv.
USAGE
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
for word in "$@"; do
    case $word in
    -h | --help)
        usage
        exit 0
        ;;
    --options) exec /usr/bin/python3 -B "$root/bench/compare.py" --help ;;
    esac
done

"$root/tools/setup.sh" compare
# shellcheck source=tools/bench_build.sh
. "$root/tools/bench_build.sh"
build_bench engine/qingfend tools/qingfen/qingfen bench/bare_loop bench/postgres_peer
exec /usr/bin/python3 -B "$root/bench/compare.py" --build "$bench_build" "$@"
