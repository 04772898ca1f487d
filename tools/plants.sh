#!/usr/bin/env bash
# Plants each known mistake in a copy of the sources and sees it caught: tests/plants/README.md.
set -euo pipefail

usage() {
    cat <<'USAGE'
Usage: tools/plants.sh [--list] [NAME ...]

Plants the mistakes of tests/plants/, all or those named, one after the other in a copy of the
sources, builds, runs the test that must catch each, and says whether it did. Exit 1 when one was not
caught. Half a minute each, a few seconds with ccache; the copy and its build are kept in
build-plants/ for the next time.
USAGE
}

cd "$(dirname "${BASH_SOURCE[0]}")/.."
case ${1:-} in
-h | --help)
    usage
    exit 0
    ;;
--list) exec /usr/bin/python3 -B tests/plants/plants.py list ;;
-*)
    usage >&2
    exit 2
    ;;
esac
tools/setup.sh test
mkdir -p build-plants
exec /usr/bin/python3 -B tests/plants/plants.py run build-plants "$@"
