#!/usr/bin/python3
"""What a backup costs: its own speed, and the engine's rate with and without one beside it.

    QINGFEN_BUILD=$PWD/build /usr/bin/python3 -B bench/backup.py [--seconds 6] [--turns 2]

Load and store are on one machine, so the client takes its part of the processors. Times of a turn with
backups and one without stand beside each other because machines are not the same from minute to minute.
"""
import argparse
import json
import pathlib
import resource
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests" / "e2e"))
import harness  # noqa: E402
from harness import run  # noqa: E402


def load(engine, seconds):
    """The summary of `qingfen load`."""
    done = run("load", "--to", engine.address, "--seconds", seconds, check=False, timeout=120)
    return done.stdout.strip().splitlines()[-1]


def beside(engine, data, out, seconds):
    """The same while one backup follows another."""
    said, runs, size = [], 0, 0
    thread = threading.Thread(target=lambda: said.append(load(engine, seconds)))
    thread.start()
    while thread.is_alive():
        done = run("backup", "--data", data, "--out", out, "--to", engine.address, "--format", "json")
        runs, size = runs + 1, size + json.loads(done.stdout)["new_bytes"]
    thread.join()
    return "%s; %d runs, %.0f MB" % (said[0], runs, size / 1e6)


def cost(what, *arguments, size=None):
    """Runs it; prints MB/s by the clock and by processor time. Gives what it printed."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = run(*arguments).stdout
    wall = time.monotonic() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    size = size or json.loads(done)["new_bytes"]
    print("%-8s %5.0f MB  %5.2f s, %4.0f MB/s  (processor %5.2f s, %4.0f MB/s)"
          % (what, size / 1e6, wall, size / 1e6 / wall, cpu, size / 1e6 / cpu))
    return size


def main():
    parser = argparse.ArgumentParser(description="What a backup costs.")
    parser.add_argument("--seconds", type=int, default=6)
    parser.add_argument("--turns", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="qingfen-bench-") as name:
        folder = pathlib.Path(name)
        data = folder / "data"
        run("init", "--data", data, "--shards", 1)
        engine = harness.Engine(data, "--ids", "64", clock="system")
        load(engine, 2)
        for _ in range(options.turns):
            print("alone    " + load(engine, options.seconds))
            print("beside   " + beside(engine, data, folder / "online", options.seconds))
        engine.stop()
        size = cost("backup", "backup", "--data", data, "--out", folder / "copy", "--format", "json")
        cost("check", "backup", "--check", folder / "copy", size=size)
        cost("restore", "restore", "--from", folder / "copy", "--data", folder / "new", size=size)


if __name__ == "__main__":
    main()
