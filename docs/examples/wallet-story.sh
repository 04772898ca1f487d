#!/usr/bin/env bash
# A family and its wallets, from opening to the verified month: every command of docs/wallet-story.md
# with what it answers. An engine of its own, two shards, a clock that is set by hand; nothing stays.
set -euo pipefail

usage() {
    cat <<'USAGE'
Usage: docs/examples/wallet-story.sh [--keep DIR]

Runs the story of docs/wallet-story.md and prints each command with its answer.

  --keep DIR        work in DIR, which must be empty or new, and leave the store there; otherwise
                    a folder under ${TMPDIR:-/var/tmp} is used and removed at the end

The programs are those below build/, built first where that is needed; or those that QINGFEN and
QINGFEND name.
USAGE
}

keep=
while [ $# -gt 0 ]; do
    case $1 in
    --keep)
        [ $# -ge 2 ] || { echo "wallet-story: --keep wants a value; see --help" >&2; exit 2; }
        keep=$2
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

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
name=wallet-story
steps=0
# shellcheck source=tools/engine.sh
. "$root/tools/engine.sh"
engine_options=(--clock manual)

# "$ qingfen …", in lines of at most 100 columns; an option and its value stay together.
say() { # WORD...
    local line="$ qingfen" item
    while [ $# -gt 0 ]; do
        item=$1
        shift
        if [[ $item == --* && $# -gt 0 && $1 != --* ]]; then
            item+=" $1"
            shift
        fi
        if [ $((${#line} + ${#item})) -gt 96 ]; then
            printf '%s \\\n' "$line"
            line='     '
        fi
        line+=" $item"
    done
    printf '%s\n' "$line"
}

# A command that is done, and one that is refused. What was said last stays in `said`.
q() {
    say "$@"
    said=$("$qingfen" "$@" 2>&1) || {
        printf '%s\n' "$said"
        fail "that was not to be refused"
    }
    [ -z "$said" ] || printf '%s\n' "$said"
}

refused() {
    say "$@"
    if said=$("$qingfen" "$@" 2>&1); then
        printf '%s\n' "$said"
        fail "that was to be refused"
    fi
    printf '%s\n' "$said"
}

show() { # FILE
    printf '$ cat %s\n' "$1"
    cat "$1"
}

# The value of a line of the answer before: its id.
value() { # NAME
    awk -v name="$1" '$1 == name {print $2; exit}' <<<"$said"
}

chapter() { printf '\n== %s\n' "$1"; }

if [ -z "${QINGFEN:-}" ] || [ -z "${QINGFEND:-}" ]; then
    build >"$log" 2>&1 || {
        tail_of "$log"
        fail "the build failed"
    }
fi
qingfen=${QINGFEN:-$qingfen}
qingfend=${QINGFEND:-$qingfend}

# Persons are numbers here and keys from the first command on; a secret of the story's own.
export QINGFEN_PSN_KEY_FILE=$folder/psn_key
printf '%064d\n' 56 >"$QINGFEN_PSN_KEY_FILE"
mother=MOTHER father=FATHER xue=XUE

"$qingfen" init --data "$folder/store" --shards 2 >>"$log"
start_engine || fail "the engine does not start"
export QINGFEN_TO=$address
cd "$folder"

chapter open
q clock --set 2026-10-08T20:00:00+08:00
q wallet open --psn-no $mother --insu 530100 --use-loc 530100 --insutype 310
mother_wallet=$(value wlt_id)
q wallet open --psn-no $xue --insu 510100 --use-loc 510100 --insutype 310
xue_wallet=$(value wlt_id)
refused wallet transfer --wallet "$mother_wallet" --receiver-no $xue --amount 2000
q wallet bind --giver-no $mother --receiver-no $xue --relation child --consent-giver \
    --consent-receiver

chapter return
q clock --set 2026-10-08T21:59:00+08:00
refused wallet transfer --wallet "$mother_wallet" --receiver-no $xue --amount 2000.01
q wallet transfer --wallet "$mother_wallet" --receiver-no $xue --amount 2000
first=$(value trsf_id)
q outbox get --dest 53 --ack --format table --as 53
q wallet hold-ack --transfer "$first" --amount 2000 --balance 4310.50 --as 53
q clock --set 2026-10-08T22:00:00+08:00
refused wallet transfer --wallet "$mother_wallet" --receiver-no $xue --amount 100
q clock --set 2026-10-09T06:00:00+08:00
refused wallet accept --transfer "$first" --receiver-no $xue
q person wallet --psn-no $mother
q outbox get --dest 53 --ack --format table --as 53

chapter accept
q clock --set 2026-10-09T07:30:00+08:00
q wallet transfer --wallet "$mother_wallet" --receiver-no $xue --amount 2000 --client-no second
second=$(value trsf_id)
q wallet hold-ack --transfer "$second" --amount 2000 --balance 4310.50 --as 53
q wallet accept --transfer "$second" --receiver-no $xue
q person wallet --psn-no $xue

chapter check-up
q wallet institution --code H51010000001 --name 成都某医院 --area 510100 --version 1 --wallet 1 \
    --as 51
q clock --set 2026-10-12T09:40:00+08:00
refused wallet pay --psn-no $xue --setl-id CHECKUP-2 --place 510100 --institution H51010000001 \
    --amount 2300 --person-part 2300 --account 200 --as 51
q wallet pay --psn-no $xue --setl-id CHECKUP-2 --place 510100 --institution H51010000001 \
    --amount 2000 --person-part 2300 --account 200 --as 51
q outbox get --dest 53 --ack --format table --as 53

chapter settlement
q wallet open --psn-no $father --insu 530100 --use-loc 510100 --insutype 390
father_wallet=$(value wlt_id)
q wallet bind --giver-no $mother --receiver-no $father --relation spouse --consent-giver \
    --consent-receiver
q wallet transfer --wallet "$mother_wallet" --receiver-no $father --amount 240
third=$(value trsf_id)
q wallet hold-ack --transfer "$third" --amount 240 --balance 4070.50 --as 53
q wallet accept --transfer "$third" --receiver-no $father
q clock --set 2026-10-15T10:20:00+08:00
{
    echo setl_id,psn_no,insu_admdvs,mdtrtarea_admvs,fixmedins_code,insutype,med_type,setl_time,medfee_sumamt,fund_pay_sumamt,hifp_pay,psn_part_amt,wlt_pay,psn_cash_pay
    echo VISIT-1,$father,530100,510100,H51010000001,390,11,2026-10-15 10:15:00,560.00,280.00,280.00,280.00,240.00,40.00
} >visit.csv
show visit.csv
q send --as 51 visit.csv
q person statement --insu 530100 --setl-id VISIT-1 --psn-no $father

chapter premium
q wallet bind --giver-no $xue --receiver-no $father --relation parent --consent-giver \
    --consent-receiver
q wallet transfer --wallet "$xue_wallet" --receiver-no $father --amount 400
fourth=$(value trsf_id)
q wallet hold-ack --transfer "$fourth" --amount 400 --balance 200 --as 51
q wallet accept --transfer "$fourth" --receiver-no $father
q premium quote --psn-no $father --insu 530100 --year 2027
q outbox get --dest 53 --ack --format table --as 53
q premium due --psn-no $father --insu 530100 --year 2027 --amount 400 --order-no JF-2027-1 --as 53
refused premium pay --psn-no $father --insu 530100 --year 2027 --wallet "$father_wallet" --amount 400
q premium pay --psn-no $father --insu 530100 --year 2027 --wallet "$father_wallet" --amount 400 \
    --order-no JF-2027-1 --commitment
q premium pay --psn-no $father --insu 530100 --year 2027 --wallet "$father_wallet" --amount 400 \
    --order-no JF-2027-1 --commitment

chapter month
q clock --set 2026-11-01T00:05:00+08:00
q period cut 2026-10
q report position --period 2026-10
q report net --period 2026-10 --mode gross
q report net --period 2026-10 --mode bilateral

chapter look
q person records --psn-no $xue
q person year 2026 --psn-no $father

chapter verify
stop_engine || fail "the engine did not stop"
q verify --data store --deep
