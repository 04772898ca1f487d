#!/usr/bin/python3
"""What a pure room calls, asked of its objects: an include can be avoided, the linker cannot.

A pure room may call a few functions of libc that depend on nothing, what its own sources define,
and what the rooms that engine/LAYERS lets it include define. No clock, no file, no randomness; the
heap only in the files to which engine/LAYERS gives <stdlib.h>.

Usage: purity.py ROOM LIBRARY [ROOM LIBRARY]...
"""
import re
import subprocess
import sys

import tree

PURE = ("types", "codec", "journal", "ledger", "netting")

HARMLESS = re.compile(
    "mem(cpy|move|set|cmp|chr)|bcmp|str(len|nlen|cmp)|(ensure|need)_failed"
    # What compilers put in by themselves: 128-bit arithmetic, position-independent code.
    "|__(u?div|u?mod|u?divmod|mul|mulo)[dt]i[34]|_GLOBAL_OFFSET_TABLE_|__stack_chk_fail"
    # Sanitizers and coverage.
    "|__(asan|lsan|ubsan|tsan|msan|sanitizer|odr_asan|gcov|llvm|sancov)_.*")

# The door's functions are defined in world/linux or a test's world: whoever may include the header
# may call them.
DOOR = {"world/store.h": re.compile("store_[a-z_]+"), "world": re.compile("(store|world)_[a-z_]+")}

# With <stdlib.h> in engine/LAYERS: memory and sorting; still no environment and no randomness.
STDLIB = re.compile("malloc|calloc|realloc|aligned_alloc|free|qsort|bsearch")

# One file of a pure room that knows more, and what that is.
KNOWS = {
    "types/ensure.c": re.compile("abort|_Exit|fprintf|stderr|strerror|program_invocation_short_name|"
                                 "__fprintf_chk|__errno_location"),
    "codec/centre.c": re.compile("protobuf_c_.*|qingfen__v1__.*"),
    "codec/cycle.c": re.compile("protobuf_c_.*|qingfen__v1__.*"),
    "codec/cycle_query.c": re.compile("protobuf_c_.*|qingfen__v1__.*"),
    "codec/cycle_reply.c": re.compile("protobuf_c_.*|qingfen__v1__.*"),
    "codec/packing.c": re.compile("protobuf_c_.*|qingfen__v1__.*"),
    "codec/person.c": re.compile("protobuf_c_.*|qingfen__v1__.*"),
}


def symbols_of(text):
    """nm's listing: {member: (defined, called)}."""
    members, current = {}, ("", (set(), set()))
    for line in text.splitlines():
        if line.endswith(":"):
            current = (line[:-1], (set(), set()))
            members[current[0]] = current[1]
            continue
        words = line.split()
        if len(words) < 2:
            continue
        kind, symbol = words[-2], words[-1].split("@")[0]
        if len(words) == 2 and kind in ("U", "w", "v"):
            current[1][1].add(symbol)
        elif kind.isupper():
            current[1][0].add(symbol)
    return members


def file_of(room, member):
    """'codec/centre.c' of 'libcodec.a.p/codec_centre.c.o'."""
    name = member.rsplit("/", 1)[-1].removesuffix(".o")
    return room + "/" + name.removeprefix(room.replace("/", "_") + "_")


def faults_of(room, members, defined, layers):
    """What the members of that room call and may not. `defined`: {room: symbols}."""
    words = layers.words.get(room, set())
    own = set().union(*(defined.get(name, set()) for name in words | {room}))
    patterns = [HARMLESS] + [DOOR[word] for word in words if word in DOOR]
    faults = []
    for member, (_, called) in sorted(members.items()):
        file_name = file_of(room, member)
        may = patterns + ([KNOWS[file_name]] if file_name in KNOWS else [])
        if "<stdlib.h>" in layers.allowed(room, file_name.rsplit("/", 1)[-1]):
            may.append(STDLIB)
        for symbol in sorted(called - own):
            if not any(pattern.fullmatch(symbol) for pattern in may):
                faults.append(f"engine/{file_name}: calls {symbol}, which '{room}' must not know")
    return faults


def self_check():
    listing = "librules.a.p/rules_a.c.o:\n" \
              "0000000000000000 T rules_judge\n                 U memcpy\n" \
              "                 U time\n                 U util_sum\n" \
              "0000000000000010 t inner\n                 U malloc\n"
    members = symbols_of(listing)
    defined = {"util": {"util_sum"}}
    assert members == {"librules.a.p/rules_a.c.o":
                       ({"rules_judge"}, {"memcpy", "time", "util_sum", "malloc"})}

    def called(layers):
        return [fault.split()[2] for fault in
                faults_of("rules", members, defined, tree.Layers(layers))]

    assert called("rules: util\nrules/a.c: <stdlib.h>") == ["time,"]
    assert called("rules: util") == ["malloc,", "time,"]
    assert called("rules:\nrules/b.c: <stdlib.h>") == ["malloc,", "time,", "util_sum,"]


def main(arguments):
    self_check()
    libraries = dict(zip(arguments[::2], arguments[1::2]))
    layers = tree.Layers()
    listed = {}
    for room, library in libraries.items():
        run = subprocess.run(["nm", library], capture_output=True, text=True, check=True)
        listed[room] = symbols_of(run.stdout)
    defined = {room: set().union(*(symbols[0] for symbols in members.values()))
               for room, members in listed.items()}
    faults = []
    for room in PURE:
        if room in listed:
            faults += faults_of(room, listed[room], defined, layers)
        elif list((tree.ENGINE / room).glob("*.c")):
            faults.append(f"engine/{room}: has sources, and tests/shape/meson.build was not given "
                          f"a static_library named {room}")
    return tree.finish(faults, "the pure rooms are pure: " + ", ".join(r for r in PURE if r in listed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
