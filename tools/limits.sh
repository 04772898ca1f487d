#!/usr/bin/env bash
# Every resource fails once: every allocation, write, sync, file call, read, LMDB call, submission
# and thread of a scripted life, one after the other.
set -euo pipefail

usage() {
    cat <<'USAGE'
Usage: tools/limits.sh [OPTIONS OF tests/limits/limits.py]

Builds what is needed in build/, then lives one life for each use of each kind of resource: that use
fails (once; from then on; or does only a part), the engine must go on rightly or end with a
sentence, and a restart must have everything that was answered. Prints a table of kind x outcome,
each fault with the word that makes it again, and exits with 1 when there was one.

  --kind KIND     alloc map write sync file read lmdb ring op thread commit
                  lookup crypto; may be repeated
  --mode MODE     once, on (from then on) or short; may be repeated
  --every K       only every k-th use
  --minutes N     stop after so long
  --sentences     also what was said, and how often
  --life KIND:N:ERRNO:MODE   one life, and what was said
  --count         only how many uses of each kind a life has

Without options all kinds but crypto, some 5,200 lives: about 45 minutes at two lives a second. With
--kind crypto, the allocations of libcrypto while it sets itself up, 10,000 more.
USAGE
}

case ${1:-} in
-h | --help)
    usage
    exit 0
    ;;
esac

cd "$(dirname "${BASH_SOURCE[0]}")/.."
build=${QINGFEN_BUILD:-build}
if [ ! -f "$build/build.ninja" ]; then
    meson setup "$build" --buildtype=release -Dtests=true
fi
ninja -C "$build" engine/qingfend tools/qingfen/qingfen tests/limits/qingfend_small \
    tests/limits/libfailing.so >/dev/null
QINGFEN_BUILD=$build exec /usr/bin/python3 -B tests/limits/limits.py "$@"
