#!/usr/bin/python3
"""What grows with a store, and what must not: memory, rate, replay, bytes, the cut.

    QINGFEN_BUILD=$PWD/build /usr/bin/python3 -B bench/growth.py [--memory 5,50] [--rate 1,100] \\
        [--replay 10] [--cut 0.1,1,5] [--folder DIR] [--json FILE] [--csv FILE]

Sizes are millions of settlements of the national workload, two shards; a size of 0 leaves its part
out. Five parts, each on a store of its own that is removed again:

  memory  resident memory of qingfend at each size, its own (anonymous) apart from what the kernel
          keeps of the store's file; what a shard says it has reserved
  rate    settlements a second into a store that holds so many, over the next --stretch of them
  replay  the journal of so many into an empty state: seconds to ready, entries a second and core,
          beside the rate end to end on the same store
  bytes   written to the device and at rest, a settlement, of the store of `replay`
  cut     a month of each size cut and computed, and all of its tables

On a busy machine only memory and bytes mean anything.
"""
import argparse
import csv
import json
import math
import os
import pathlib
import shutil
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / folder) for folder in ("tools/lib", "tools/year", "tests/e2e")]
import wire_client as wire  # noqa: E402
from engine_process import EngineProcess, allocated  # noqa: E402
from processes import Failed, run  # noqa: E402

BUILD = pathlib.Path(os.environ.get("QINGFEN_BUILD", ROOT / "build"))
QINGFEND, QINGFEN = BUILD / "engine" / "qingfend", BUILD / "tools" / "qingfen" / "qingfen"
FEED = BUILD / "tools" / "year" / "month_feed"
MILLION = 1_000_000
BYTES_A_RECORD = 450  # Asked for, not measured.
BYTES_A_STORE = 1 << 30
MONTH_RECORDS = 20 * MILLION  # A store of several months is what a large one is.
LINES_A_PAGE = 1000


def month_of(index):
    return f"{2025 + index // 12}-{index % 12 + 1:02}"


class Store:
    """A store that is filled month by month, and its engine."""

    def __init__(self, folder, shards, options):
        self.data = pathlib.Path(folder) / "store"
        self.options = options
        self.shards = shards
        self.records = 0  # Accepted.
        self.record_bytes = 0  # Of all that were sent, as protobuf.
        self.months = 0
        run(QINGFEN, "init", "--data", self.data, "--shards", shards)
        self.engine = None
        self.start()

    def start(self):
        self.engine = EngineProcess(QINGFEND, self.data, "--clock", "manual", *self.options)

    def stop(self):
        engine, self.engine = self.engine, None
        return engine.stop()

    def remove(self):
        if self.engine is not None:
            self.engine.kill()
        shutil.rmtree(self.data, ignore_errors=True)

    def ask(self, *arguments):
        return run(QINGFEN, *arguments, "--to", self.engine.address)

    def feed(self, records):
        """Sends so many more, in months of MONTH_RECORDS; gives the seconds it took."""
        seconds = 0
        while records > 0:
            count = min(records, MONTH_RECORDS)
            records -= count
            self.ask("clock", "--set", f"{month_of(self.months + 1)}-01T09:00:00+08:00")
            fed = json.loads(run(FEED, "--to", self.engine.address, "--month",
                                 month_of(self.months), "--count", count))
            if fed["accepted"] != count:
                raise Failed(f"{count} were sent: {fed}")
            self.months += 1
            self.records += count
            self.record_bytes += fed["record_bytes"]
            seconds += fed["seconds"]
        return seconds

    def feed_to(self, records):
        return self.feed(records - self.records)

    def status(self):
        """The shards, as `qingfen status` lists them."""
        rows = csv.DictReader(self.ask("status", "--format", "csv").splitlines())
        return [{name: int(value) for name, value in row.items()} for row in rows]

    def settle(self):
        """Waits until no checkpoint is under way: their number stands still for two seconds."""
        seen, since = None, time.monotonic()
        while time.monotonic() - since < 2:
            now = [shard["checkpoints"] for shard in self.status()]
            if now != seen:
                seen, since = now, time.monotonic()
            time.sleep(0.2)


# -- the parts ------------------------------------------------------------------------------------

def measure_memory(store, sizes, say):
    rows = []
    for size in sizes:
        store.feed_to(round(size * MILLION))
        store.settle()
        memory = store.engine.memory()
        rows.append({"settlements": store.records, **memory,
                     "reserved_a_shard": max(s["memory_bytes"] for s in store.status()),
                     "state_bytes": store.engine.state_bytes()})
        one = rows[-1]
        more = 100 * (one["anon"] / rows[0]["anon"] - 1)
        say(f"{one['settlements'] / MILLION:>8,.1f} M  {one['anon'] / 1e6:>9,.1f} MB own "
            f"({more:+.1f} %)  {one['file'] / 1e6:>9,.1f} MB of the store's file  "
            f"{one['shmem'] / 1e6:.1f} MB shared  reserved {one['reserved_a_shard'] / 1e6:,.1f} MB "
            "a shard")
    return rows


def measure_rate(store, sizes, stretch, say):
    rows = []
    for size in sizes:
        store.feed_to(round(size * MILLION))
        store.settle()
        before = store.engine.processor_seconds()
        seconds = store.feed(stretch)
        spent = store.engine.processor_seconds() - before
        rows.append({"settlements": store.records - stretch, "per_second": round(stretch / seconds),
                     "engine_ns": round(spent / stretch * 1e9)})
        one = rows[-1]
        say(f"{one['settlements'] / MILLION:>8,.1f} M  {one['per_second']:>9,}/s "
            f"({one['per_second'] / rows[0]['per_second']:.2f} of the first)  "
            f"{one['engine_ns']:,} ns of the engine's processors a settlement "
            f"({one['engine_ns'] / rows[0]['engine_ns']:.2f})")
    return rows


def measure_bytes(store, journal_used, cached_writes):
    """After the engine has stopped: everything is where it rests. Segments are made ahead and whole,
    so at rest a small store's journal is more than what is in it."""
    written = cached_writes + journal_used
    journal = sum(allocated(path) for path in store.data.glob("shard-*/journal"))
    state = sum(allocated(path) for path in store.data.glob("shard-*/state"))
    one = {"settlements": store.records, "record": store.record_bytes / store.records,
           "journal_used": journal_used / store.records,
           "journal_at_rest": journal / store.records, "state_at_rest": state / store.records,
           "written": written / store.records}
    one["written_over_record"] = one["written"] / one["record"]
    one["at_rest_over_record"] = (journal + state) / store.record_bytes
    return one


def tell_bytes(one):
    print(f"  {one['settlements'] / MILLION:>8,.1f} M  a record {one['record']:.0f} bytes  at rest: "
          f"journal {one['journal_at_rest']:.0f} (used {one['journal_used']:.0f}), state {one['state_at_rest']:.0f} "
          f"({one['at_rest_over_record']:.2f} times)  written to the device {one['written']:.0f} "
          f"({one['written_over_record']:.2f} times)")


def measure_replay(store, size, say):
    """Fills, stops, drops the state and starts again. Gives the row of replay and that of bytes."""
    seconds = store.feed(round(size * MILLION))
    store.settle()
    shards = store.status()
    entries = sum(shard["last_seq"] for shard in shards)
    journal = sum(shard["journal_bytes"] for shard in shards)
    spent = store.engine.processor_seconds()
    bytes_row = measure_bytes(store, journal, store.stop())
    for path in store.data.glob("shard-*/state/*"):
        path.unlink()
    store.start()
    again = store.engine
    took, replay_spent = again.start_seconds, again.processor_seconds()
    if sum(shard["last_seq"] for shard in store.status()) != entries:
        raise Failed("the replay did not reach the last entry")
    one = {"settlements": store.records, "entries": entries, "seconds": took,
           "per_second": round(entries / took),
           "per_second_and_core": round(entries / replay_spent),
           "journal_mb_per_second": journal / took / 1e6,
           "end_to_end_per_second": round(store.records / seconds),
           "end_to_end_per_second_and_core": round(store.records / spent)}
    say(f"{store.records / MILLION:>8,.1f} M  {one['seconds']:.2f} s to ready: "
        f"{one['per_second']:,}/s, {one['per_second_and_core']:,} a second of processor; end to end "
        f"{one['end_to_end_per_second']:,}/s, {one['end_to_end_per_second_and_core']:,} a second of "
        f"processor ({one['per_second_and_core'] / one['end_to_end_per_second_and_core']:.2f} times)")
    return one, bytes_row


def measure_cut(folder, sizes, options, shards, say):
    rows = []
    for size in sizes:
        store = Store(folder, shards, options)
        try:
            store.feed(round(size * MILLION))
            store.settle()
            rows.append({"settlements": store.records, **cut_one(store)})
        finally:
            store.remove()
        one = rows[-1]
        say(f"{one['settlements'] / MILLION:>8,.2f} M  cut {one['cut_ms']:>7.1f} ms (the engine says "
            f"{one['cut_engine_ms']:.1f})  computed {one['compute_ms']:>7.1f} ms  all tables "
            f"{one['tables_ms']:>7.1f} ms  {one['cells']:,} cells")
    return rows


def cut_one(store):
    """Orders and tables on one connection: milliseconds from asking to the last byte."""
    period = 202501
    host, port = store.engine.address.rsplit(":", 1)
    client = wire.Client(host, int(port), 600.0)

    def order(message):
        begun = time.perf_counter()
        client.post(message)
        head = client._read_exactly(wire.HEAD.size)
        _, length, _, kind, *_ = wire.HEAD.unpack(head)
        payload = client._read_exactly(length)
        took = (time.perf_counter() - begun) * 1000
        reply = wire.MESSAGES[kind & ~wire.REPLY_BIT][1].FromString(payload)
        if reply.code != 0:
            raise Failed(f"{message}: {reply.code} {reply.text}")
        return reply, took

    try:
        reply, cut_ms = order(wire.centre.PeriodCut(period=period))
        engine_ms = reply.cut_us / 1000
        _, compute_ms = order(wire.cycle.BatchStep(msgid="GROWTH", period=period, step="compute"))
        tables_ms, lines, more = 0.0, 0, True
        for mode in ("gross", "bilateral", "multilateral"):
            tables_ms += order(wire.centre.NetReport(period=period, mode=mode))[1]
        positions, took = order(wire.centre.PositionReport(period=period))
        tables_ms += took
        while more:
            reply, took = order(wire.cycle.BatchGet(period=period, offset=lines, limit=LINES_A_PAGE))
            tables_ms += took
            lines += len(reply.lines)
            more = reply.more
    finally:
        client.close()
    return {"cut_ms": cut_ms, "cut_engine_ms": engine_ms, "compute_ms": compute_ms,
            "tables_ms": tables_ms, "cells": len(positions.positions), "lines": lines}


# -- all of it ------------------------------------------------------------------------------------

def million(text):
    """"5" -> 5.0; no infinity, and nothing that is no number."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def millions(text):
    """"5,50" -> [5.0, 50.0]; zeros are left out."""
    return [value for value in map(million, text.split(",")) if value > 0]


def check_disk(folder, largest):
    free = shutil.disk_usage(folder).free
    need = round(largest * MILLION) * BYTES_A_RECORD + BYTES_A_STORE
    if free < need:
        raise Failed(f"{folder} has {free / 1e9:.1f} GB free, and a store of {largest:g} million "
                     f"needs {need / 1e9:.1f} GB: {(need - free) / 1e9:.1f} GB are missing; use "
                     "--folder or smaller sizes")


class Growth:
    """The parts in a row, each on a store of its own, and what they found."""

    def __init__(self, options, folder):
        self.options = options
        self.folder = folder
        self.found = {}
        self.engine_options = ["--ids", str(options.ids)] if options.ids else []

    def on_store(self, title, measure):
        print(f"\n{title}", flush=True)
        store = Store(self.folder, self.options.shards, self.engine_options)
        try:
            return measure(store)
        finally:
            store.remove()

    def run(self):
        options = self.options
        memory, rate, cut = options.memory, options.rate, options.cut
        stretch = round(options.stretch * MILLION)
        check_disk(self.folder, max([*memory, *[size + options.stretch for size in rate],
                                     options.replay, *cut, 0]))
        if memory:
            self.found["memory"] = self.on_store(
                "memory: resident, after so many settlements",
                lambda store: measure_memory(store, memory, say))
        if rate:
            self.found["rate"] = self.on_store(
                f"rate: over {options.stretch:g} million, into a store of so many",
                lambda store: measure_rate(store, rate, stretch, say))
        if options.replay > 0:
            replay, rest = self.on_store(
                "replay: the journal into an empty state",
                lambda store: measure_replay(store, options.replay, say))
            print("\nbytes: a settlement")
            tell_bytes(rest)
            self.found["replay"], self.found["bytes"] = [replay], [rest]
        if cut:
            print("\ncut: a month of so many", flush=True)
            self.found["cut"] = measure_cut(self.folder, cut, self.engine_options, options.shards,
                                            say)

    def write(self):
        if self.options.json:
            with open(self.options.json, "w", encoding="utf-8") as out:
                json.dump({"shards": self.options.shards, "cores": os.cpu_count(), **self.found},
                          out, indent=1)
                out.write("\n")
        if self.options.csv:
            with open(self.options.csv, "w", encoding="utf-8", newline="") as out:
                rows = csv.writer(out, lineterminator="\n")
                rows.writerow(["part", "settlements", "figure", "value"])
                for part, measured in self.found.items():
                    rows.writerows([part, one["settlements"], name, value] for one in measured
                                   for name, value in one.items() if name != "settlements")


def say(text):
    print(f"  {text}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--memory", type=millions, default="5,50",
                        help="millions (default 5,50)")
    parser.add_argument("--rate", type=millions, default="1,100",
                        help="millions (default 1,100)")
    parser.add_argument("--stretch", type=million, default=1,
                        help="millions, over which a rate is taken")
    parser.add_argument("--replay", type=million, default=10, help="millions (default 10)")
    parser.add_argument("--cut", type=millions, default="0.1,1,5",
                        help="millions (default 0.1,1,5)")
    parser.add_argument("--shards", type=int, default=2)
    parser.add_argument("--ids", type=int, default=0, help="qingfend's --ids (default: its own)")
    parser.add_argument("--folder", help="for the stores, 450 bytes a settlement (default /var/tmp)")
    parser.add_argument("--json", help="write what was measured to this file")
    parser.add_argument("--csv", help="the same, a line a figure")
    options = parser.parse_args()
    for program in (QINGFEND, QINGFEN, FEED):
        if not program.is_file():
            sys.exit(f"growth: there is no {program}; ninja -C BUILD engine/qingfend "
                     "tools/qingfen/qingfen tools/year/month_feed, and set QINGFEN_BUILD")
    pathlib.Path(options.folder or "/var/tmp").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="qingfen-growth-",
                                     dir=options.folder or "/var/tmp") as folder:
        growth = Growth(options, folder)
        try:
            growth.run()
        except Failed as failed:
            sys.exit(f"growth: {failed}")
        growth.write()


if __name__ == "__main__":
    main()
