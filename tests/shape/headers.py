#!/usr/bin/python3
"""Every header in engine/ compiles alone and twice: it includes what it needs and has a guard.

Usage: headers.py FOLDER-OF-GENERATED-HEADERS COMPILER...
"""
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import tree

FLAGS = ["-std=gnu17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-march=x86-64-v3",
         "-fsyntax-only", "-x", "c", "-"]


def fault_of(path, command):
    name = path.relative_to(tree.ENGINE).as_posix()
    source = f'#include "{name}"\n#include "{name}"\nextern int headers_not_empty;\n'
    run = subprocess.run(command + FLAGS, input=source, capture_output=True, text=True, check=False)
    return "" if run.returncode == 0 else f"engine/{name} does not compile alone:\n{run.stderr}"


def main(generated, compiler):
    command = compiler + [f"-I{tree.ENGINE}", f"-I{tree.ROOT}", f"-I{generated}"]
    headers = sorted(tree.ENGINE.rglob("*.h"))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        faults = [fault for fault in pool.map(lambda path: fault_of(path, command), headers) if fault]
    return tree.finish(faults, f"{len(headers)} headers compile alone")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
