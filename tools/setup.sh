#!/usr/bin/env bash
# Installs the Debian 12 packages that are missing, and nothing else; a second run finds nothing to
# do and asks no network.
set -euo pipefail

usage() {
    cat <<'USAGE'
Usage: tools/setup.sh build|test|bench|compare|coverage

Installs what is missing of the packages that are needed (Debian 12, as root):
  build     to build the engine and the command line
  test      the same, and what tools/test.sh needs
  bench     the same as build, and Google Benchmark and valgrind
  compare   the same as bench, and PostgreSQL 15 with its client library; no cluster is made
  coverage  the same as test, and what tools/coverage.sh needs
USAGE
}

build=(gcc g++ meson ninja-build pkg-config python3
    liburing-dev liblmdb-dev libprotobuf-c-dev protobuf-c-compiler libjemalloc-dev
    libxxhash-dev libisal-dev libipsec-mb-dev libssl-dev libjansson-dev
    libxlsxwriter-dev libpango1.0-dev libcairo2-dev fonts-noto-cjk)
test=(libcmocka-dev libfuse3-dev fuse3 protobuf-compiler python3-protobuf python3-openpyxl poppler-utils
    clang clang-format clang-tidy libclang-rt-14-dev shellcheck)
bench=(libbenchmark-dev valgrind)
compare=(libpq-dev postgresql-15)
coverage=(gcovr)

case ${1:-} in
build) wanted=("${build[@]}") ;;
test) wanted=("${build[@]}" "${test[@]}") ;;
bench) wanted=("${build[@]}" "${bench[@]}") ;;
compare) wanted=("${build[@]}" "${bench[@]}" "${compare[@]}") ;;
coverage) wanted=("${build[@]}" "${test[@]}" "${coverage[@]}") ;;
-h | --help)
    usage
    exit 0
    ;;
*)
    usage >&2
    exit 2
    ;;
esac

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "setup: this is no Debian system; the packages wanted are: ${wanted[*]}" >&2
    exit 1
fi

missing=()
for package in "${wanted[@]}"; do
    state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
    echo "setup: packages are missing and only root can install them. Run this as root:" >&2
    echo "  apt-get update && apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
fi

log=$(mktemp "${TMPDIR:-/var/tmp}/qingfen-setup.XXXXXX")
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
echo "setup: installs ${missing[*]}" >&2

# PostgreSQL's package would make a cluster and start it on the usual port: its own switch, which
# another package brings, must be turned before.
no_cluster() {
    local conf=/etc/postgresql-common/createcluster.conf
    case " ${missing[*]} " in *" postgresql-15 "*) ;; *) return 0 ;; esac
    apt-get install -y --no-install-recommends postgresql-common || return
    if ! grep -q '^create_main_cluster' "$conf"; then
        echo 'create_main_cluster = false' >>"$conf"
    fi
}

if ! { apt-get update && no_cluster &&
    apt-get install -y --no-install-recommends "${missing[@]}"; } \
    >"$log" 2>&1 </dev/null; then
    tail -n 30 "$log" >&2
    echo "setup: apt-get could not install the packages; see above" >&2
    exit 1
fi
