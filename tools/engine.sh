# Shared by the scripts that run an engine of their own: building, starting, stopping, steps.
# To be sourced, with `set -euo pipefail`, after these are set:
#   name    of the script, for messages
#   root    of the source tree
#   keep    a folder to work in that stays, or empty: one is made and removed
#   steps   how many there will be
# It makes `folder`, and says what an engine was started with in `address`.
# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034  # Set by who sources this; used by it.

fail() {
    echo "$name: $*" >&2
    exit 1
}

if [ -n "$keep" ]; then
    mkdir -p "$keep"
    [ -z "$(ls -A "$keep")" ] || fail "$keep is not empty"
    folder=$(cd "$keep" && pwd)
else
    folder=$(mktemp -d "${TMPDIR:-/var/tmp}/qingfen-$name.XXXXXX")
fi

qingfen=$root/build/tools/qingfen/qingfen
qingfend=$root/build/engine/qingfend
log=$folder/$name.log
engine_log=$folder/engine.log
engine_out=$folder/engine.out
engine_pid=
engine_options=()

# The engine is stopped by its own number, whatever ends this script.
finish() {
    local code=$?
    trap - EXIT
    if [ -n "$engine_pid" ] && kill -TERM "$engine_pid" 2>/dev/null; then
        for _ in $(seq 100); do
            kill -0 "$engine_pid" 2>/dev/null || break
            sleep 0.1
        done
        kill -KILL "$engine_pid" 2>/dev/null || true
        wait "$engine_pid" 2>/dev/null || true
    fi
    [ -n "$keep" ] || rm -rf "$folder"
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

now_ms() { echo $((${EPOCHREALTIME/[^0-9]/} / 1000)); }

seconds_since() { # MS
    local ms=$(($(now_ms) - $1))
    printf '%d.%d' $((ms / 1000)) $((ms % 1000 / 100))
}

tail_of() { # FILE
    [ -s "$1" ] || return 0
    echo "--- end of $(basename "$1"):" >&2
    tail -n 20 "$1" >&2
}

begun=$(now_ms)
step=0

# Runs one step and says how long it took. What it prints goes to the log; with live=1 its progress
# bar goes to the terminal, where stderr is one.
run() { # TEXT COMMAND...
    local text=$1 from code=0
    shift
    step=$((step + 1))
    from=$(now_ms)
    printf '[%2d/%d] %-50s' "$step" "$steps" "$text"
    if [ -n "${live:-}" ] && [ -t 2 ]; then
        printf '\n'
        "$@" >>"$log" </dev/null || code=$?
        printf '%-58s' ''
    else
        "$@" >>"$log" 2>&1 </dev/null || code=$?
    fi
    if [ "$code" -ne 0 ]; then
        printf ' failed\n'
        tail_of "$log"
        tail_of "$engine_log"
        fail "step $step ($text) failed with exit code $code"
    fi
    printf ' %7s s\n' "$(seconds_since "$from")"
}

# The steps that are more than one command. `set -e` does not hold inside them, because run() asks
# for their exit code: every command says itself what follows from its failure.

build() {
    if [ ! -f "$root/build/build.ninja" ]; then
        meson setup "$root/build" "$root" --buildtype=release -Db_lto=true -Dtests=false || return
    fi
    ninja -C "$root/build" engine/qingfend tools/qingfen/qingfen
}

start_engine() {
    "$qingfend" --data "$folder/store" --listen 127.0.0.1:0 "${engine_options[@]}" \
        >"$engine_out" 2>"$engine_log" </dev/null &
    engine_pid=$!
    for _ in $(seq 600); do
        address=$(sed -n 's/^qingfend ready on //p' "$engine_out")
        [ -z "$address" ] || return 0
        if ! kill -0 "$engine_pid" 2>/dev/null; then
            echo "the engine ended before it was ready"
            return 1
        fi
        sleep 0.1
    done
    echo "the engine was not ready within 60 s"
    return 1
}

stop_engine() {
    local code=0
    kill -TERM "$engine_pid" || return
    for _ in $(seq 1200); do
        kill -0 "$engine_pid" 2>/dev/null || break
        sleep 0.1
    done
    if kill -0 "$engine_pid" 2>/dev/null; then
        echo "the engine did not stop within 120 s of SIGTERM"
        return 1
    fi
    wait "$engine_pid" || code=$?
    engine_pid=
    [ "$code" -eq 0 ] || echo "the engine ended with exit code $code"
    return "$code"
}
