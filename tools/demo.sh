#!/usr/bin/env bash
# A month of the national clearing from nothing to signed tables and notices: builds, makes a store,
# sends a synthetic month through the engine, cuts it, nets it, takes it through the clearing cycle,
# writes a province's papers, stops the engine and verifies every byte.
set -euo pipefail

usage() {
    cat <<'USAGE'
Usage: tools/demo.sh [--count N] [--month YYYY-MM] [--keep DIR]

Runs a month of cross-province clearing on this machine, in about two minutes on two cores.

  --count N         settlements to make and send (default 3000000)
  --month YYYY-MM   the month they belong to (default 2025-03)
  --keep DIR        work in DIR, which must be empty or new, and leave the store there; otherwise
                    a folder under ${TMPDIR:-/var/tmp} is used and removed at the end
USAGE
}

fail() {
    echo "demo: $*" >&2
    exit 1
}

count=3000000
month=2025-03
keep=
while [ $# -gt 0 ]; do
    case $1 in
    --count | --month | --keep)
        [ $# -ge 2 ] || fail "$1 wants a value; see --help"
        case $1 in
        --count) count=$2 ;;
        --month) month=$2 ;;
        --keep) keep=$2 ;;
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
[[ $count =~ ^[1-9][0-9]{0,8}$ ]] || fail "--count wants a number from 1 to 999999999, not '$count'"
[[ $month =~ ^20[0-9]{2}-(0[1-9]|1[0-2])$ ]] || fail "--month wants YYYY-MM, not '$month'"

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

name=demo
steps=12
# shellcheck source=tools/engine.sh
. "$root/tools/engine.sh"

# Exit code 1 means that something was rejected: told below, with the reasons.
send() {
    local code=0
    "$qingfen" send --to "$address" --rejects "$folder/rejects" "$folder/month.pb" \
        >"$folder/sent" || code=$?
    cat "$folder/sent"
    [ "$code" -le 1 ] && grep -q '^sent=' "$folder/sent"
}

report() {
    local mode
    for mode in gross bilateral multilateral; do
        "$qingfen" report net --to "$address" --period "$month" --mode "$mode" --format csv \
            >"$folder/net-$mode.csv" || return
    done
}

# The cycle up to the notices; the centre signs for all 32.
cycle() {
    local step
    for step in compute publish; do
        "$qingfen" period "$step" "$month" --to "$address" || return
    done
    "$qingfen" period sign "$month" --all --to "$address" &&
        "$qingfen" period notice "$month" --to "$address"
}

tables() {
    /usr/bin/python3 -B - "$folder" "$month" <<'PYTHON'
import csv
import sys
from decimal import Decimal
from itertools import zip_longest

NAMES = """11 Beijing 12 Tianjin 13 Hebei 14 Shanxi 15 Inner-Mongolia 21 Liaoning 22 Jilin
23 Heilongjiang 31 Shanghai 32 Jiangsu 33 Zhejiang 34 Anhui 35 Fujian 36 Jiangxi 37 Shandong
41 Henan 42 Hubei 43 Hunan 44 Guangdong 45 Guangxi 46 Hainan 50 Chongqing 51 Sichuan 52 Guizhou
53 Yunnan 54 Tibet 61 Shaanxi 62 Gansu 63 Qinghai 64 Ningxia 65 Xinjiang 66 XPCC""".split()
NAME = dict(zip(NAMES[::2], NAMES[1::2]))
CLEARING_ACCOUNT = "--"
folder, month = sys.argv[1:]


def rows_of(mode):
    with open(f"{folder}/net-{mode}.csv", newline="", encoding="utf-8") as source:
        return [(row["payer"], row["payee"], Decimal(row["amount"]))
                for row in csv.DictReader(source)]


net = {mode: rows_of(mode) for mode in ("gross", "bilateral", "multilateral")}
pays = [(amount, payer) for payer, _, amount in net["multilateral"] if payer != CLEARING_ACCOUNT]
gets = [(amount, payee) for _, payee, amount in net["multilateral"] if payee != CLEARING_ACCOUNT]

print(f"\nLargest positions of {month}, netted over all provinces (yuan)\n")
print(f"  {'pays':<38}   receives")


def cell(row):
    return f"{row[1]} {NAME.get(row[1], ''):<15}{row[0]:>20,.2f}" if row else " " * 38


for left, right in zip_longest(sorted(pays, reverse=True)[:5], sorted(gets, reverse=True)[:5]):
    print(f"  {cell(left)}   {cell(right)}".rstrip())

total = {mode: sum(amount for payer, _, amount in rows if payer != CLEARING_ACCOUNT)
         for mode, rows in net.items()}
print("\nWhat the same month costs in transfers\n")
print(f"  {'netting':<14}{'payments':>9}{'amount to move (yuan)':>26}{'of gross':>10}")
for mode, rows in net.items():
    share = 100 * total[mode] / total["gross"] if total["gross"] else Decimal(0)
    print(f"  {mode:<14}{len(rows):>9,}{total[mode]:>26,.2f}{share:>9.1f}%")
if sum(amount for amount, _ in pays) != sum(amount for amount, _ in gets):
    sys.exit("demo: what the provinces pay in is not what they are paid out")
PYTHON
}

need_kb=$((200000 + count * 3))
free_kb=$(df -Pk "$folder" | awk 'NR == 2 {print $4}')
[ "$free_kb" -ge "$need_kb" ] ||
    fail "$folder has $((free_kb / 1024)) MiB free and $((need_kb / 1024)) are needed; set TMPDIR"

echo "Qingfen: $count settlements of $month, two shards, in $folder"
run "install what the build needs" "$root/tools/setup.sh" build
run "build the engine and the command line" build
run "make a store" "$qingfen" init --data "$folder/store" --shards 2
run "start the engine" start_engine
live=1 run "make a month of settlements" "$qingfen" gen --month "$month" --count "$count" \
    --seed 2025 --format pb --out "$folder/month.pb"
live=1 run "send them, each answered only when it is durable" send
grep '^sent=' "$folder/sent" | tail -n 1 | sed 's/^/      /'
if [ "$(wc -l <"$folder/rejects")" -gt 1 ]; then
    echo "      some were rejected; the first lines of the list:"
    head -n 3 "$folder/rejects" | sed 's/^/      /'
fi
run "cut the month" "$qingfen" period cut "$month" --to "$address"
run "net it in three modes" report
tables
echo
run "compute, publish, sign, issue the notices" cycle
tail -n 1 "$log" | sed 's/^/      /'
live=1 run "write Anhui's papers: tables, notices" "$qingfen" document bundle --to "$address" \
    --period "$month" --province 34 --out "$folder/papers"
find "$folder/papers" -name '*.pdf' -o -name '*.xlsx' | wc -l | sed 's/.*/      & XLSX and PDF files/'
run "stop the engine" stop_engine
live=1 run "replay the journal from empty and compare" "$qingfen" verify --data "$folder/store" --deep
echo
echo "All of it in $(seconds_since "$begun") s; the month is cleared and verified."
[ -z "$keep" ] || echo "The store is in $folder/store, the papers are in $folder/papers."
