# Shared by tools/bench.sh and tools/compare.sh: the release build that is measured. To be sourced
# after `root` is set; says in `bench_build` where it is.
# shellcheck shell=bash
# shellcheck disable=SC2154  # root: see above.

bench_build=${QINGFEN_BENCH_BUILD:-$root/build-bench}

build_bench() { # TARGET...
    local log
    log=$(mktemp "${TMPDIR:-/var/tmp}/qingfen-build.XXXXXX")
    if ! { [ -f "$bench_build/build.ninja" ] ||
        meson setup "$bench_build" "$root" --buildtype=release -Db_lto=true -Dbenches=true -Dtests=false; } >"$log" 2>&1 ||
        ! ninja -C "$bench_build" "$@" >>"$log" 2>&1; then
        tail -n 40 "$log" >&2
        rm -f "$log"
        return 1
    fi
    rm -f "$log"
}
