#!/usr/bin/env bash
# Builds what is shipped: optimised at link time, and by what a short run of it was seen to do.
set -euo pipefail

usage() {
    cat <<'USAGE'
Usage: tools/release.sh [--into DIR] [--benches] [TARGET...]

Builds the engine and the command line as they are shipped, in DIR (default build), in some three
minutes of two cores:
  1. a build that counts which way its branches go;
  2. that build clears settlements and transfers for ten seconds, on a store of its own under
     ${TMPDIR:-/var/tmp} that is removed again, and replays their journal;
  3. the build itself, arranged by those counts. Code that the run did not reach is compiled as
     in any other release build.
Nothing is checked less. Where DIR is from such a run and no source is newer than it, this is
ninja and no more.

  --into DIR   where to build
  --benches    with bench/ (Google Benchmark)
  TARGET...    what to build (default engine/qingfend tools/qingfen/qingfen)

After a change of sources `ninja -C DIR` builds them, too; what changed then does without counts
until this is run again. Counts of two runs differ a little, and so may the programs' bytes.
USAGE
}

fail() {
    echo "release: $*" >&2
    exit 1
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
programs=(engine/qingfend tools/qingfen/qingfen)
into=$root/build
benches=false
targets=()
while [ $# -gt 0 ]; do
    case $1 in
    --into)
        [ $# -ge 2 ] || fail "--into wants a folder; see --help"
        into=$2
        shift
        ;;
    --benches) benches=true ;;
    -h | --help)
        usage
        exit 0
        ;;
    -*)
        usage >&2
        exit 2
        ;;
    *) targets+=("$1") ;;
    esac
    shift
done
[ ${#targets[@]} -gt 0 ] || targets=("${programs[@]}")
trained=$into/trained

# True when the counts in the build folder are those of these sources.
is_trained() {
    [ -f "$trained" ] && [ -z "$(find "$root"/{engine,proto,deploy,tools/client,tools/qingfen} \
        "$root/meson.build" \( -name '*.[ch]' -o -name '*.def' -o -name '*.proto' \
        -o -name meson.build \) -newer "$trained" -print -quit)" ]
}

engine_pid=
folder=
finish() {
    local code=$?
    trap - EXIT
    if [ -n "$engine_pid" ] && kill -TERM "$engine_pid" 2>/dev/null; then
        wait "$engine_pid" 2>/dev/null || true
    fi
    [ -z "$folder" ] || rm -rf "$folder"
    exit "$code"
}

# What the engine does all day, in the order of how often.
train() {
    local qingfen=$into/tools/qingfen/qingfen address=
    "$qingfen" init --data "$folder/store" --shards 2
    "$into/engine/qingfend" --data "$folder/store" --listen 127.0.0.1:0 \
        >"$folder/ready" </dev/null &
    engine_pid=$!
    for _ in $(seq 600); do
        address=$(sed -n 's/^qingfend ready on //p' "$folder/ready")
        if [ -n "$address" ] || ! kill -0 "$engine_pid" 2>/dev/null; then break; fi
        sleep 0.1
    done
    [ -n "$address" ] || fail "the engine that counts was not ready within 60 s"
    "$qingfen" load --to "$address" --seconds 5 --shape month
    "$qingfen" load --to "$address" --seconds 2 --batch 1
    "$qingfen" load --to "$address" --seconds 2 --transfers --pairs 2000
    kill -TERM "$engine_pid"
    wait "$engine_pid"
    engine_pid=
    "$qingfen" verify --data "$folder/store" --deep
}

"$root/tools/setup.sh" build
if ! is_trained; then
    trap finish EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    folder=$(mktemp -d "${TMPDIR:-/var/tmp}/qingfen-release.XXXXXX")
    rm -f "$trained"
    options=(--buildtype=release -Db_lto=true -Db_pgo=generate -Dtests=false -Dbenches="$benches")
    if [ -f "$into/build.ninja" ]; then
        meson configure "$into" "${options[@]}"
        find "$into" -name '*.gcda' -delete
    else
        meson setup "$into" "$root" "${options[@]}"
    fi
    touch "$folder/sources" # What changes while this runs is newer.
    ninja -C "$into" "${programs[@]}"
    train
    meson configure "$into" -Db_pgo=use
    touch -r "$folder/sources" "$trained"
    rm -rf "$folder"
    folder=
fi
ninja -C "$into" "${targets[@]}"
