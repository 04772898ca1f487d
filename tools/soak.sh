#!/bin/sh
# Lives simulated histories, with other seeds every time, on all cores, for a given time, and prints
# the totals. Stops at the first history that fails, with the command that lives it again; exit 1.
#
#   tools/soak.sh --minutes N [--seed N] [--build DIR] [options of qingfen-sim]
set -eu

cd "$(dirname "$0")/.."
minutes=
seed=
build="build-soak"

usage() {
	sed -n '2,5s/^# \{0,1\}//p' "$0"
}

while [ $# -gt 0 ]; do
	case $1 in
	--minutes) minutes=$2; shift 2 ;;
	--seed) seed=$2; shift 2 ;;
	--build) build=$2; shift 2 ;;
	-h | --help) usage; exit 0 ;;
	*) break ;;
	esac
done
if [ -z "$minutes" ]; then
	usage >&2
	exit 2
fi
# A day's seeds follow one another and are not those of the day before.
[ -n "$seed" ] || seed=$(($(date +%s) * 1000))

[ -d "$build" ] || meson setup "$build" --buildtype=release -Dtests=true >/dev/null
ninja -C "$build" tests/sim/qingfen-sim >/dev/null

results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
core=0
pids=
while [ "$core" -lt "$(nproc)" ]; do
	# Every other core with the load that is nearly all settlements.
	heavy=
	[ $((core % 2)) -eq 0 ] || heavy=--heavy
	# shellcheck disable=SC2086 # $heavy is one word or none
	"$build/tests/sim/qingfen-sim" --minutes "$minutes" --seed "$((seed + core * 1000000))" \
		$heavy "$@" >"$results/$core" 2>/dev/null &
	pids="$pids $!"
	core=$((core + 1))
done
status=0
for pid in $pids; do
	wait "$pid" || status=1
done

grep -h -e FAILS -e '^again:' "$results"/* || true
awk -F= '/^histories=/ {
	count = split($0, fields, " ")
	for (i = 1; i <= count; i++) {
		split(fields[i], pair, "=")
		if (!(pair[1] in sums)) order[++names] = pair[1]
		sums[pair[1]] += pair[2]
	}
}
END {
	for (i = 1; i < names; i++) printf "%s=%s ", order[i], sums[order[i]]
	if (sums["core_seconds"] > 0)
		printf "messages_per_core_minute=%d\n", sums["messages"] / sums["core_seconds"] * 60
}' "$results"/*
exit $status
