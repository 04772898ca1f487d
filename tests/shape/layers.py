#!/usr/bin/python3
"""Every #include in engine/ follows the map in engine/LAYERS, and the map has no circle."""
import re
import sys

import tree

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)
SOURCES = (".c", ".h", ".def")


def include_faults(layers):
    faults = []
    rooms = set(layers.rooms())
    for path in sorted(tree.ENGINE.rglob("*")):
        if path.suffix not in SOURCES:
            continue
        name = path.relative_to(tree.ENGINE).as_posix()
        room = tree.room_of(name)
        if room not in rooms:
            faults.append(f"engine/{name}: the room '{room}' is not in engine/LAYERS")
            continue
        text = path.read_text(encoding="utf-8")
        for match in INCLUDE.finditer(text):
            kind, included = match.groups()
            if not layers.may_include(room, path.name, kind, included):
                line = text.count("\n", 0, match.start(2)) + 1
                faults.append(f"engine/{name}:{line}: '{room}' may not include {included}")
    return faults


def map_faults(layers):
    """Rooms that reach themselves, and words that name no room."""
    rooms = layers.rooms()
    edges = {}
    faults = []
    for room in rooms:
        edges[room] = set()
        for word in layers.words[room]:
            if word.startswith("<") or "*" in word:
                continue
            target = tree.room_of(word) if word.endswith(".h") else word
            if target not in rooms:
                faults.append(f"engine/LAYERS: '{room}' names '{word}', which is no room")
            else:
                edges[room].add(target)
    for room in rooms:
        reached, waiting = set(), list(edges[room])
        while waiting:
            next_room = waiting.pop()
            if next_room not in reached:
                reached.add(next_room)
                waiting.extend(edges[next_room])
        if room in reached:
            faults.append(f"engine/LAYERS: '{room}' may include itself through others")
    return faults


def self_check():
    """The checker must say no where it should; a test that cannot fail is none."""
    layers = tree.Layers("*: <string.h>\na:\na/x.c: <stdio.h>\nb: a c/door.h *.gen.h\nc:\nd: *")
    yes = [("a", "x.c", "<", "stdio.h"), ("a", "y.c", "<", "string.h"), ("b", "y.c", '"', "a/n.h"),
           ("b", "y.c", '"', "c/door.h"), ("b", "y.c", '"', "m.gen.h"), ("d", "z.c", "<", "time.h"),
           ("a", "y.c", '"', "a/other.h")]
    no = [("a", "y.c", "<", "stdio.h"), ("a", "y.c", '"', "b/n.h"), ("b", "y.c", '"', "c/wall.h"),
          ("b", "y.c", '"', "d/n.h"), ("a", "y.c", '"', "m.gen.h"), ("b", "y.c", "<", "time.h"),
          ("a", "y.c", '"', "shard.h")]
    assert all(layers.may_include(*case) for case in yes)
    assert not any(layers.may_include(*case) for case in no)
    assert map_faults(tree.Layers("a: b\nb: c\nc: a"))
    assert not map_faults(tree.Layers("a:\nb: a\nc: b a"))


def main():
    self_check()
    layers = tree.Layers()
    return tree.finish(map_faults(layers) + include_faults(layers),
                       "every include follows engine/LAYERS")


if __name__ == "__main__":
    sys.exit(main())
