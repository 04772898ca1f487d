#!/usr/bin/env python3
"""Turns files into a C source that holds them as `embedded_tables`, in the order given.

usage: embed.py OUTPUT HEADER FILE...
The declaration is written by hand, in deploy/embedded_tables.h. Standard library only; the output
depends on nothing but the files, so that builds can be repeated byte by byte.
"""

import pathlib
import sys

PER_LINE = 16


def c_array(name: str, data: bytes) -> str:
    lines = []
    for at in range(0, len(data), PER_LINE):
        lines.append("    " + ", ".join(f"0x{byte:02x}" for byte in data[at : at + PER_LINE]) + ",")
    return f"static const uint8_t {name}[] = {{\n" + "\n".join(lines) + "\n};\n"


def main(output: str, header: str, *paths: str) -> None:
    parts = [f'/* Made by tools/embed.py. */\n#include "{header}"\n']
    rows = []
    for index, path in enumerate(paths):
        data = pathlib.Path(path).read_bytes()
        parts.append(c_array(f"file_{index}", data))
        rows.append(f'    {{"{pathlib.Path(path).name}", file_{index}, sizeof file_{index}}},')
    parts.append("const struct embedded_file embedded_tables[] = {\n" + "\n".join(rows) + "\n};\n")
    parts.append(f"const size_t embedded_table_count = {len(paths)};\n")
    pathlib.Path(output).write_text("\n".join(parts), encoding="ascii")


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
