#!/usr/bin/env bash
# Real crashes of the real programs, for as long as asked: kill -9, kills at crash points, of all
# processes at once, and power cuts on a file system that keeps only what was synced.
set -euo pipefail

usage() {
    cat <<'USAGE'
Usage: tools/crash.sh --minutes N [--seed S] [--build DIR]

Kills engines under load and takes their power, round after round. After each: everything that was
acknowledged must be answered as before; after each store: the end of the same input undisturbed,
and a clean `qingfen verify --deep`. Prints the rounds by kind and the messages acknowledged, lost
and doubled. Exit status 1 at the first that does not hold; the store is kept and named.

  --minutes N   how long; the store that is under way then is brought to its end
  --seed S      of inputs and crashes (default 1). Moments of kills also depend on the machine
  --build DIR   a build folder with tests (default build); it is built, not configured

Power cuts need libfuse3-dev when DIR is configured, and /dev/fuse; without them they are left out,
which is said.
USAGE
}

minutes=
seed=1
build=build
while [ $# -gt 0 ]; do
    case $1 in
    --minutes | --seed | --build)
        if [ $# -lt 2 ]; then
            echo "crash: $1 wants a value; see --help" >&2
            exit 2
        fi
        case $1 in
        --minutes) minutes=$2 ;;
        --seed) seed=$2 ;;
        --build) build=$2 ;;
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
if [ -z "$minutes" ]; then
    usage >&2
    exit 2
fi

cd "$(dirname "${BASH_SOURCE[0]}")/.."
if [ ! -f "$build/build.ninja" ]; then
    echo "crash: $build is no build folder; meson setup $build -Dtests=true makes one" >&2
    exit 2
fi
targets=(engine/qingfend tools/qingfen/qingfen tests/crash/qingfend_crash tests/crash/qingfen_crash)
build=$(realpath "$build")
powerfs=
if grep -q 'build tests/crash/powerfs:' "$build/build.ninja"; then
    targets+=(tests/crash/powerfs)
    powerfs=$build/tests/crash/powerfs
fi
ninja -C "$build" "${targets[@]}" >&2

export QINGFEND=$build/engine/qingfend
export QINGFEN=$build/tools/qingfen/qingfen
export QINGFEND_CRASH=$build/tests/crash/qingfend_crash
export QINGFEN_CRASH=$build/tests/crash/qingfen_crash
export QINGFEN_POWERFS=$powerfs
exec /usr/bin/python3 -B tests/crash/campaign.py --minutes "$minutes" --seed "$seed"
