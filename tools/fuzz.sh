#!/usr/bin/env bash
# Searches on where the corpora in tests/fuzz end: builds every libFuzzer target with clang and the
# sanitizers in a folder of its own, lets each search for its share of the time on all processors,
# and says what each did. What it finds is left beside the build: new corpus items, and the input of
# every crash or hang.
set -euo pipefail

usage() {
    cat <<'USAGE'
Usage: tools/fuzz.sh [--minutes N] [--jobs N] [TARGET...]

Runs the fuzz targets of tests/fuzz (all of them, or those named).

  --minutes N   for all targets together (default 10)
  --jobs N      processes at a time (default: the processors)
  --list        names the targets and ends

Exit 1 when a target crashed, hung or leaked; the path of its input is printed.
USAGE
}

minutes=10
jobs=$(nproc)
targets=()
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
mapfile -t known < <(sed -n "s/^  '\([a-z]*\)': \['fuzz_.*/\1/p" tests/fuzz/meson.build)

while [ $# -gt 0 ]; do
    case $1 in
    --minutes | --jobs)
        if ! [[ ${2:-} =~ ^[1-9][0-9]*$ ]]; then
            echo "fuzz: $1 wants a number above 0; see --help" >&2
            exit 2
        fi
        if [ "$1" = --minutes ]; then minutes=$2; else jobs=$2; fi
        shift 2
        ;;
    --list)
        printf '%s\n' "${known[@]}"
        exit 0
        ;;
    -h | --help)
        usage
        exit 0
        ;;
    *)
        if [[ " ${known[*]} " != *" $1 "* ]]; then
            echo "fuzz: no target \"$1\"; there are ${known[*]}" >&2
            exit 2
        fi
        targets+=("$1")
        shift
        ;;
    esac
done
[ ${#targets[@]} -gt 0 ] || targets=("${known[@]}")

build=$root/build-fuzz
found=$build/found
if ! [ -f "$build/build.ninja" ]; then
    cc=clang
    if command -v ccache >/dev/null; then cc='ccache clang'; fi
    CC=$cc meson setup "$build" --buildtype=debugoptimized -Dtests=true -Dfuzzers=true \
        -Db_sanitize=address,undefined -Db_lundef=false >/dev/null
fi
ninja -C "$build" "${targets[@]/#/tests/fuzz/fuzz_}" | tail -n 1

# Sanitizers of this age lose their way in a widely randomised address space.
calm=()
if setarch "$(uname -m)" -R true 2>/dev/null; then calm=(setarch "$(uname -m)" -R); fi
export ASAN_OPTIONS=detect_stack_use_after_return=1
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1

seconds=$((minutes * 60 * jobs / ${#targets[@]}))
[ "$seconds" -gt 0 ] || seconds=1

# One target's share; its log tells the rest.
search() {
    local target=$1 folder=$found/$1
    mkdir -p "$folder/corpus"
    rm -f "$folder"/*-????????????????????????????????????????
    nice "${calm[@]}" "$build/tests/fuzz/fuzz_$target" -max_total_time="$seconds" -timeout=20 \
        -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$folder/" \
        "$folder/corpus" "tests/fuzz/corpus/$target" >"$folder/log" 2>&1 || true
}

# What a log says: executions, exec/s, edges and features reached.
report() {
    local target=$1 log=$found/$1/log inputs
    inputs=$(find "$found/$target" -maxdepth 1 -type f ! -name log ! -name 'slow-unit-*')
    printf '%-10s %12s %9s %8s %8s %8s  %s\n' "$target" \
        "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")" \
        "$(sed -n 's/^stat::average_exec_per_sec: *//p' "$log")" \
        "$(sed -n 's/.* cov: \([0-9]*\).*/\1/p' "$log" | tail -n 1)" \
        "$(sed -n 's/.* ft: \([0-9]*\).*/\1/p' "$log" | tail -n 1)" \
        "$(find "$found/$target/corpus" -type f | wc -l)" "${inputs:-sound}"
    [ -z "$inputs" ]
}

echo "${#targets[@]} targets, $seconds s each, $jobs at a time"
running=0
for target in "${targets[@]}"; do
    search "$target" &
    running=$((running + 1))
    if [ "$running" -ge "$jobs" ]; then
        wait -n
        running=$((running - 1))
    fi
done
wait

printf '%-10s %12s %9s %8s %8s %8s  %s\n' target executions exec/s cov ft corpus crashes
status=0
for target in "${targets[@]}"; do
    report "$target" || status=1
done
exit "$status"
