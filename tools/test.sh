#!/usr/bin/env bash
# Everything a change is asked, by hand and in CI alike: form, both compilers, every test, the
# sanitizers. The last line is "N passed, N failed"; the exit code is 0 when nothing failed.
set -euo pipefail

usage() {
    cat <<'USAGE'
Usage: tools/test.sh [--quick]

Installs what is missing (Debian 12, as root), then checks the form of the sources, builds with gcc
and runs every test, builds with clang under AddressSanitizer and UBSan and runs the tests of one
process, runs those of many threads under ThreadSanitizer, and reads the sources with clang-tidy.
About 15 minutes on two cores.

  --quick   form, gcc build and all its tests; no clang, no sanitizers, no clang-tidy

The last line counts the tests of all builds, and each other check as one.
USAGE
}

quick=
case ${1:-} in
--quick) quick=1 ;;
-h | --help)
    usage
    exit 0
    ;;
"") ;;
*)
    usage >&2
    exit 2
    ;;
esac

cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec </dev/null
builds=build-test # Beside build/, which is the release that the demo uses too.
logs=$builds/logs
tidy_seconds=120
passed=0
failed=0
skipped=0
failures=()

announce() { printf '%-58s' "$1"; }

# Ends the line that announce() began.
verdict() { # NAME WORD SECONDS LOG
    printf '%-7s %5d s\n' "$2" "$3"
    if [ "$2" = FAILED ]; then
        failures+=("$1")
        tail -n 150 "$4" | sed 's/^/    /'
    fi
}

# One check that passes or fails as a whole.
check() { # NAME TEXT COMMAND...
    local name=$1 text=$2 from=$SECONDS
    shift 2
    announce "$text"
    if "$@" >"$logs/$name.log" 2>&1; then
        passed=$((passed + 1))
        verdict "$name" ok $((SECONDS - from))
    else
        failed=$((failed + 1))
        verdict "$name" FAILED $((SECONDS - from)) "$logs/$name.log"
        return 1
    fi
}

# Runs tests in a build folder and counts them from meson's own record.
tests() { # NAME TEXT FOLDER MESON-TEST-OPTIONS...
    local name=$1 text=$2 folder=$3 from=$SECONDS code=0 ok=0 bad=0 left=0
    shift 3
    announce "$text"
    rm -f "$folder/meson-logs/$name.json"
    "${calm[@]}" meson test -C "$folder" --logbase "$name" --print-errorlogs "$@" \
        >"$logs/$name.log" 2>&1 || code=$?
    if [ -f "$folder/meson-logs/$name.json" ]; then
        read -r ok bad left < <(/usr/bin/python3 -B - "$folder/meson-logs/$name.json" <<'PYTHON'
import json
import sys

ok = bad = left = 0
with open(sys.argv[1], encoding="utf-8") as lines:
    for line in lines:
        result = json.loads(line)["result"]
        ok += result in ("OK", "EXPECTEDFAIL")
        left += result == "SKIP"
        bad += result not in ("OK", "EXPECTEDFAIL", "SKIP")
print(ok, bad, left)
PYTHON
        )
    fi
    # A test program that could not even be built leaves no record.
    [ "$code" -eq 0 ] || [ "$bad" -gt 0 ] || bad=1
    passed=$((passed + ok))
    failed=$((failed + bad))
    skipped=$((skipped + left))
    if [ "$bad" -eq 0 ]; then
        [ "$ok" -gt 0 ] && ok="ok $ok" || ok=none
        verdict "$name" "$ok" $((SECONDS - from))
    else
        verdict "$name" FAILED $((SECONDS - from)) "$logs/$name.log"
    fi
}

# Configures a build folder, or brings one that is there to the same options.
configure() { # FOLDER OPTIONS...
    local folder=$1
    shift
    if [ -f "$folder/build.ninja" ]; then
        meson configure "$folder" "$@"
    else
        rm -rf "$folder"
        meson setup "$folder" "$@"
    fi
}

compile() { # FOLDER OPTIONS...
    configure "$@" && ninja -C "$1"
}

compile_with_clang() { CC=clang CXX=clang++ compile "$@"; }

files_of() { # FIND-NAME-EXPRESSION...
    find . \( -path './build*' -o -path ./.git \) -prune -o -type f \( "$@" \) -print | sort
}

check_format() {
    files_of -name '*.c' -o -name '*.h' -o -name '*.cc' |
        xargs -r clang-format --dry-run --Werror --ferror-limit=5
}

check_scripts() {
    files_of -name '*.sh' -o -path ./.ci/run | xargs -r shellcheck -x
}

# The sources that the clang build knows, two at a time; what does not fit into the time is named.
check_tidy() {
    local list=$logs/tidy-files
    /usr/bin/python3 -B - "$builds/clang/compile_commands.json" \
        >"$list" <<'PYTHON' || return 1
import json
import os
import sys

names = set()
with open(sys.argv[1], encoding="utf-8") as source:
    for command in json.load(source):
        path = os.path.join(command["directory"], command["file"])
        names.add(os.path.relpath(os.path.realpath(path)))
print("\n".join(sorted(name for name in names
                       if name.endswith(".c") and name.startswith(("engine/", "tools/")))))
PYTHON
    # shellcheck disable=SC2016 # The inner shell reads these.
    timeout "$tidy_seconds" xargs -r -P "$(nproc)" -n 1 -a "$list" bash -c '
        if clang-tidy -p "$0" --quiet "$2" 2>/dev/null; then
            echo "$2" >>"$1"
        else
            echo "$2: clang-tidy is not content"
            exit 1
        fi' "$builds/clang" "$logs/tidy-done" || {
        [ $? -eq 124 ] || return 1
        echo "out of time after $tidy_seconds s; not read:"
        sort "$logs/tidy-done" | comm -13 - "$list"
    }
}

# Sanitizers of this age lose their way in a widely randomised address space.
calm=()
if setarch "$(uname -m)" -R true 2>/dev/null; then
    calm=(setarch "$(uname -m)" -R)
fi

begun=$SECONDS
announce "packages"
tools/setup.sh test || exit 1
verdict setup ok $((SECONDS - begun))

rm -rf "$logs"
mkdir -p "$logs"
: >"$logs/tidy-done"

check format "form: clang-format" check_format || true
check scripts "form: shellcheck" check_scripts || true
if check gcc-build "gcc, release: build" compile build --buildtype=release -Dtests=true; then
    tests gcc "gcc, release: all tests" build
fi

if [ -z "$quick" ]; then
    export ASAN_OPTIONS=abort_on_error=1:detect_stack_use_after_return=1
    export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
    export TSAN_OPTIONS=halt_on_error=1
    export QINGFEN_WALKS=10 # Of the cycle's; all of them have walked under gcc.
    if check clang-build "clang, AddressSanitizer, UBSan: build without a warning" \
        compile_with_clang "$builds/clang" --buildtype=debugoptimized -Dtests=true \
        -Db_sanitize=address,undefined -Db_lundef=false; then
        tests clang "clang, AddressSanitizer, UBSan: all but e2e" "$builds/clang" \
            -t 4 --no-suite long --suite unit --suite shape --suite fuzz-corpus --suite sim \
            --suite smoke
        check tidy "clang-tidy, at most $tidy_seconds s" check_tidy || true
        if grep -q '^out of time' "$logs/tidy.log"; then sed 's/^/    /' "$logs/tidy.log"; fi
    fi
    if check tsan-configure "ThreadSanitizer: configure" configure "$builds/tsan" \
        --buildtype=debugoptimized -Dtests=true -Db_sanitize=thread; then
        tests tsan "ThreadSanitizer: threads" "$builds/tsan" -t 4 --suite threads
    fi
fi

echo
echo "took $((SECONDS - begun)) s; logs are in $logs"
[ "$skipped" -eq 0 ] || echo "$skipped skipped"
[ ${#failures[@]} -eq 0 ] || echo "failed: ${failures[*]}"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
