"""limits -- lets every resource of a scripted life fail, one n after the other; see rig.py.

    limits.py                        every n of every kind but crypto: once, from then on, short
    limits.py --kind alloc --mode on --every 10
    limits.py --life lmdb:17:5:once  one life, and what was said
    limits.py --count                only how many uses of each kind a life has

Prints a table of kind x outcome; each fault with the word that makes it again. Exit code 1 when
there was one. tools/limits.sh builds and calls this.
"""

from __future__ import annotations

import argparse
import collections
import concurrent.futures
import os
import pathlib
import re
import shutil
import sys
import tempfile
import threading
import time

import rig

OUTCOMES = ("went on", "refused", "stopped", "told", "library", "FAULT")


def plan(kind: str, mode: str, counts: dict[str, int], every: int, first: int = 1):
    """Failures of one kind and mode: every n-th use, the errnos in turn, or each for a full run."""
    errnos = rig.KINDS[kind][mode]
    # Beyond what was counted: threads make two lives a little different.
    last = counts[kind] + max(3, counts[kind] // 20)
    for place, n in enumerate(range(first, last + 1, every)):
        for errno in errnos if every == 1 else (errnos[place % len(errnos)],):
            yield rig.Failure(kind, n, errno, mode)


def counts_of(lives: rig.Lives) -> dict[str, int]:
    """Uses of each kind in a life in which nothing fails."""
    _, told, _ = lives.one(None)
    return {kind: told.counts[place] for place, kind in enumerate(rig.COUNTED)}


class Campaign:
    """Lives in parallel, and the table of how they ended."""

    def __init__(self, lives: rig.Lives, jobs: int, quiet: bool, end: float = float("inf")):
        self.lives, self.jobs, self.quiet, self.end = lives, jobs, quiet, end
        self.left = 0  # Lives for which there was no time.
        self.table: dict[tuple[str, str], collections.Counter] = {}
        self.faults: list[str] = []
        self.said: collections.Counter = collections.Counter()
        self.lock = threading.Lock()
        self.lives_lived = 0

    def _one(self, failure: rig.Failure) -> None:
        if time.monotonic() > self.end:
            with self.lock:
                self.left += 1
            return
        try:
            outcome, told, said = self.lives.one(failure)
            where = told.where()
        except rig.Fault as fault:
            outcome, where, said = "FAULT", "", ""
            with self.lock:
                self.faults.append(str(fault))
                if not self.quiet:
                    print("FAULT %s" % fault, flush=True)
        with self.lock:
            self.lives_lived += 1
            if outcome == "unreached":
                return
            self.table.setdefault((failure.kind, failure.mode), collections.Counter())[outcome] += 1
            if outcome in ("refused", "stopped", "told"):
                line = said.strip().splitlines()[-1] if said.strip() else ""
                line = re.sub(r"at \d+|\d{4,}", "N", re.sub(r"/\S*/life-[^/]*", "", line))
                self.said["%-8s %s: %s" % (outcome, failure.kind, line)] += 1

    def run(self, failures) -> None:
        with concurrent.futures.ThreadPoolExecutor(self.jobs) as pool:
            for _ in pool.map(self._one, failures):
                pass

    def print_table(self) -> None:
        print("%-8s %-6s" % ("kind", "mode") + "".join("%10s" % o for o in OUTCOMES) + "%10s"
              % "together")
        total = collections.Counter()
        for (kind, mode), counter in sorted(self.table.items()):
            print("%-8s %-6s" % (kind, mode) + "".join("%10d" % counter[o] for o in OUTCOMES)
                  + "%10d" % sum(counter.values()))
            total.update(counter)
        print("%-8s %-6s" % ("all", "") + "".join("%10d" % total[o] for o in OUTCOMES)
              + "%10d" % sum(total.values()))


def folder_for_lives() -> str:
    """In memory where that is possible: nothing here is about a real disk, and there are thousands."""
    shared = "/dev/shm"
    place = shared if os.access(shared, os.W_OK) else None
    return tempfile.mkdtemp(prefix="qingfen-limits-", dir=os.environ.get("LIMITS_FOLDER", place))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--kind", action="append", choices=rig.COUNTED)
    parser.add_argument("--mode", action="append", choices=rig.MODES)
    parser.add_argument("--every", type=int, default=1, help="only every k-th use (default 1)")
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--minutes", type=float, default=0, help="stop after so long")
    parser.add_argument("--life", action="append", help="KIND:N:ERRNO:MODE")
    parser.add_argument("--count", action="store_true")
    parser.add_argument("--sentences", action="store_true", help="what was said, and how often")
    options = parser.parse_args()
    folder = pathlib.Path(folder_for_lives())
    begun = time.monotonic()
    try:
        lives = rig.Lives(folder)
        if options.life:
            for text in options.life:
                try:
                    outcome, told, said = lives.one(rig.Failure.parse(text))
                    print("%s: %s, %s\n%s" % (text, outcome, told.where(), said), end="")
                except rig.Fault as fault:
                    print("FAULT %s" % fault)
            return 0
        counts = counts_of(lives)
        print("uses in one life: " + ", ".join("%s %d" % (k, counts[k]) for k in rig.COUNTED),
              flush=True)
        if options.count:
            return 0
        end = begun + 60 * options.minutes if options.minutes else float("inf")
        campaign = Campaign(lives, options.jobs, False, end)
        failures = (failure for kind in options.kind or rig.COUNTED[:-1]
                    for mode in options.mode or rig.MODES if mode in rig.KINDS[kind]
                    for failure in plan(kind, mode, counts, options.every, options.first))
        campaign.run(failures)
        campaign.print_table()
        if options.sentences:
            for line, count in sorted(campaign.said.items()):
                print("%6d  %s" % (count, line))
        print("%d lives in %.0f s, %d faults" % (campaign.lives_lived, time.monotonic() - begun,
                                                 len(campaign.faults)))
        if campaign.left:
            print("no time for %d more" % campaign.left)
        return 1 if campaign.faults else 0
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
