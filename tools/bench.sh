#!/usr/bin/env bash
# The engine's cost in three layers: bodies, the shard without network, the engine under load; and
# the shard's instructions counted. One command each.
set -euo pipefail

usage() {
    cat <<'USAGE'
Usage: tools/bench.sh bodies [--runs N] [--filter REGEX]
       tools/bench.sh shard  [--runs N]
       tools/bench.sh engine [--runs N] [--seconds S] [--quick]
       tools/bench.sh count  [--body NAME] [--messages N]

Builds in build-bench/ and writes JSON and CSV to bench-results/:
  bodies   each stage by itself, by Google Benchmark: bodies.json, bodies.csv
  shard    the shard without network and disk, merges and replay: shard.json, shard.csv
  engine   qingfend under `qingfen load`: one settlement a message, batches of several sizes, and
           every shape of load that `qingfen load` offers: engine.json, engine.csv
  count    instructions an operation by callgrind, SHA-256 apart: count.json, count.csv

  --runs N       repetitions (default 5)
  --seconds S    of each run (default 8)
  --filter R     which bodies (default all)
  --quick        one run of 1 s: only to see that everything goes
  --body NAME    what is counted (default shard)
  --messages N   how many of them (default 20000)
bench/README.md says what each measures and what not to read from it.
USAGE
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
layer=${1:-}
case $layer in
bodies | shard | engine | count) shift ;;
-h | --help)
    usage
    exit 0
    ;;
*)
    usage >&2
    exit 2
    ;;
esac

# shellcheck source=tools/bench_build.sh
. "$root/tools/bench_build.sh"
"$root/tools/setup.sh" bench
case $layer in
bodies | shard) build_bench bench/bench_micro ;;
engine) build_bench engine/qingfend tools/qingfen/qingfen ;;
count) build_bench bench/bench_once ;;
esac
exec /usr/bin/python3 -B "$root/bench/layers.py" "$layer" --build "$bench_build" "$@"
