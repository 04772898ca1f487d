# Shared by tools/bench.sh and tools/compare.sh: the build that is measured is the one that is
# shipped (tools/release.sh). To be sourced after `root` is set; says in `bench_build` where it is.
# shellcheck shell=bash
# shellcheck disable=SC2154  # root: see above.

bench_build=${QINGFEN_BENCH_BUILD:-$root/build-bench}

build_bench() { # TARGET...
    local log
    log=$(mktemp "${TMPDIR:-/var/tmp}/qingfen-build.XXXXXX")
    if ! "$root/tools/release.sh" --into "$bench_build" --benches "$@" >"$log" 2>&1; then
        tail -n 40 "$log" >&2
        rm -f "$log"
        return 1
    fi
    rm -f "$log"
}
