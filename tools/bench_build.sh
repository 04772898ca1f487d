# Shared by tools/bench.sh and tools/compare.sh: the release build that is measured. To be sourced
# after `root` is set; says in `bench_build` where it is.
# shellcheck shell=bash
# shellcheck disable=SC2154  # root: see above.

bench_build=${QINGFEN_BENCH_BUILD:-$root/build-bench}

build_bench() { # TARGET...
    if [ ! -f "$bench_build/build.ninja" ]; then
        meson setup "$bench_build" "$root" --buildtype=release -Dbenches=true -Dtests=false >&2
    fi
    ninja -C "$bench_build" "$@" >&2
}
