#!/usr/bin/python3
"""The engine, PostgreSQL and the bare loop side by side on this machine: see tools/compare.sh."""

import argparse
import os
import pathlib
import re
import shutil
import sys
import tempfile
import time

import figures
import machine
import plot
import programs

ROOT = pathlib.Path(__file__).resolve().parents[1]

# Steps of the latency curve, records per second.
RATES = (1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000, 500000, 1000000, 2000000)
ENDED = 0.8  # Who does less of what is offered is not asked for more. One pause is no end.
PEER_BATCHES = (1, 10, 100, 1000, 10000, 50000)  # Of --sweep.
SINGLE_CONNECTIONS = 16  # PostgreSQL's, with one call a settlement: it shares syncs between them.
CURVE_FIELDS = ("turn", "target", "form", "batch", "offered_per_s", "settlements_per_s", "errors",
                "p50_us", "p90_us", "p99_us", "p999_us", "p9999_us", "max_us", "client_cpu_s")


def options_of(arguments):
    parser = argparse.ArgumentParser(prog="tools/compare.sh", description=__doc__)
    parser.add_argument("--runs", type=int, help="turns (default 5; with --latency 3)")
    parser.add_argument("--seconds", type=int, help="of each run (default 10; with --latency 5)")
    parser.add_argument("--quick", action="store_true", help="one turn of 2 s, to see that it goes")
    parser.add_argument("--latency", action="store_true",
                        help="the curve of latency over offered rate instead of the closed loop")
    parser.add_argument("--rates", help="with --latency: the steps, separated by commas; max/4 is a "
                                        "quarter of what the engine does in the closed loop")
    parser.add_argument("--sweep", action="store_true",
                        help="PostgreSQL alone, closed loop, over sizes of its batch")
    parser.add_argument("--shards", type=int, default=2, help="of engine and bare loop (default 2)")
    parser.add_argument("--batch", type=int, default=512, help="records in a frame (default 512)")
    parser.add_argument("--window", type=int, default=16,
                        help="frames under way on a connection (default 16)")
    parser.add_argument("--peer-batch", type=int, default=10000,
                        help="records in PostgreSQL's transaction (default 10000)")
    parser.add_argument("--peer-connections", type=int, default=2,
                        help="PostgreSQL's connections (default 2)")
    parser.add_argument("--only", help="some of engine,bare,postgresql, separated by commas")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build-bench",
                        help="build folder (default build-bench)")
    parser.add_argument("--folder", help="where stores are made and removed (default: TMPDIR or "
                                         "/var/tmp); must be on the disk that is meant")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "bench-results",
                        help="where the results go (default bench-results)")
    options = parser.parse_args(arguments)
    options.runs = options.runs or (1 if options.quick else 3 if options.latency else 5)
    options.seconds = options.seconds or (2 if options.quick else 5 if options.latency else 10)
    if options.runs < 1 or options.seconds < 1:
        parser.error("--runs and --seconds want numbers from 1")
    options.rates = options.rates.split(",") if options.rates else \
        ["1000", "20000", "200000"] if options.quick else [str(rate) for rate in RATES]
    if not all(re.fullmatch(r"[1-9]\d*|max/[1-9]\d*", rate) for rate in options.rates):
        parser.error("--rates wants numbers or max/NUMBER")
    options.targets = options.only.split(",") if options.only else ["engine", "postgresql", "bare"]
    if not set(options.targets) <= {"engine", "postgresql", "bare"}:
        parser.error("--only knows engine, bare and postgresql")
    return options


class Comparison:
    """The servers of one comparison, all on folders below one that is removed at the end."""

    def __init__(self, options, folder):
        self.options = options
        self.folder = pathlib.Path(folder)
        self.dsync = machine.has_fua(folder)
        self.postgres = programs.Postgres(self.folder / "postgresql", options.build)

    def server(self, target):
        options = self.options
        if target == "engine":
            return programs.Engine(self.folder / "engine", options.build, options.shards)
        if target == "bare":
            return programs.Bare(self.folder / "bare", options.build, options.shards, self.dsync)
        return self.postgres

    def closed(self, target, peer_connections=None):
        """One run as fast as it goes: a row of figures.RUN_FIELDS."""
        options = self.options
        with self.server(target) as server:
            if target == "postgresql":
                result = programs.postgres_load(
                    options.build, server, options.seconds,
                    {"batch": options.peer_batch,
                     "connections": peer_connections or options.peer_connections})
            else:
                result = programs.load(options.build, server.address, self.folder, options.seconds,
                                       {"batch": options.batch, "window": options.window},
                                       self.hgrm(target))
            used = server.used()
            records = server.records() if target == "engine" else None
            server.stop()
            if target == "bare":
                records = server.records()
            if target == "postgresql":
                records = result["records"]
                used["process_cpu_ns"] = 0  # Counting and summing at the end are in it.
        row = {"target": target, **figures.per_record(result, used, records)}
        self.settle()
        return row

    def open(self, target, form, rate):
        """One run at an offered rate: a row of CURVE_FIELDS."""
        options = self.options
        batch = self.batch_of(target, form, rate)
        with self.server(target) as server:
            wanted = {"rate": rate, "batch": batch}
            if target == "postgresql":
                wanted["connections"] = SINGLE_CONNECTIONS if form == "single" \
                    else options.peer_connections
                result = programs.postgres_load(options.build, server, options.seconds, wanted)
            else:
                result = programs.load(options.build, server.address, self.folder,
                                       options.seconds, wanted,
                                       self.hgrm("%s-%s-%d" % (target, form, rate)))
            server.stop()
        self.settle()
        return {**result, "target": target, "form": form, "batch": batch, "offered_per_s": rate}

    def batch_of(self, target, form, rate):
        """Records in a frame: at that rate a frame is full after a millisecond, or as large as
        frames get. PostgreSQL takes what is due, up to its batch."""
        if form == "single":
            return 1
        if target == "postgresql":
            return self.options.peer_batch
        return max(2, min(self.options.batch, rate // (1000 * self.options.shards)))

    def hgrm(self, name):
        """Where a distribution goes; the last turn's stays."""
        folder = self.options.out / "hgrm"
        folder.mkdir(exist_ok=True)
        return folder / (name + ".hgrm")

    @staticmethod
    def settle():
        """What one run left in the page cache must not reach the disk in the next one's time."""
        os.sync()
        time.sleep(0.5)


def say(text):
    print(text, flush=True)


def check(row):
    if row.get("errors"):
        raise programs.Failed("%s: %d errors: the run is worth nothing"
                              % (row["target"], row["errors"]))


def compare(comparison, about):
    options = comparison.options
    runs = []
    for turn in range(1, options.runs + 1):
        for target in options.targets:
            row = {"turn": turn, **comparison.closed(target)}
            check(row)
            runs.append(row)
            say("turn %d  %-11s %9s/s  p50 %s us  p99 %s us" % (
                turn, target, figures.number(row["settlements_per_s"]),
                figures.number(row["p50_us"]), figures.number(row["p99_us"])))
    say("")
    for line in figures.tables(runs):
        say(line)
    found = figures.ratios(runs)
    result = {"machine": about, "settings": settings(options), "runs": runs,
              "medians": figures.medians(runs), "ratios": found}
    figures.write_json(options.out / "compare.json", result)
    plot.draw_throughput(result).save(options.out / "throughput.svg")
    figures.write_csv(options.out / "compare.csv", figures.RUN_FIELDS, runs)
    figures.write_csv(options.out / "compare-ratios.csv",
                      ("ratio", "median", "least", "greatest", "wanted", "holds"), found)


def rates_of(comparison):
    """The steps as numbers, sorted; parts of the maximum are measured first where they are asked."""
    words = comparison.options.rates
    most = 0
    if any(word.startswith("max") for word in words):
        row = comparison.closed("engine")
        check(row)
        most = row["settlements_per_s"]
        say("the engine's closed loop: %s/s" % figures.number(most))
    return sorted({most // int(word[4:]) if word.startswith("max") else int(word)
                   for word in words})


def curve(comparison, about):
    options = comparison.options
    rates = rates_of(comparison)
    runs = []
    for turn in range(1, options.runs + 1):
        ended = set()  # Of (target, form): it was far from the rate before.
        for rate in rates:
            for form in ("single", "batched"):
                for target in options.targets:
                    if (target, form) in ended:
                        continue
                    row = {"turn": turn, **comparison.open(target, form, rate)}
                    check(row)
                    runs.append(row)
                    if row["settlements_per_s"] < ENDED * rate:
                        ended.add((target, form))
                    say("turn %d  %9s/s  %-11s %-7s %9s/s  p50 %s us  p99 %s us%s" % (
                        turn, figures.number(rate), target, form,
                        figures.number(row["settlements_per_s"]), figures.number(row["p50_us"]),
                        figures.number(row["p99_us"]),
                        "  (its end)" if (target, form) in ended else ""))
    say("")
    for line in figures.curve_table(runs):
        say(line)
    result = {"machine": about, "settings": settings(options), "runs": runs,
              "ratios": figures.curve_ratios(runs)}
    figures.write_json(options.out / "latency.json", result)
    figures.write_csv(options.out / "latency-ratios.csv",
                      ("form", "offered_per_s", "quantile", "median", "least", "greatest"),
                      result["ratios"])
    plot.draw_latency(result).save(options.out / "latency.svg")
    figures.write_csv(options.out / "latency.csv", CURVE_FIELDS, runs)


def sweep(comparison, about):
    """Throughput against latency of PostgreSQL: what a larger batch buys, and at what price."""
    options = comparison.options
    rows = []
    for turn in range(1, options.runs + 1):
        for batch in PEER_BATCHES:
            options.peer_batch = batch
            connections = SINGLE_CONNECTIONS if batch == 1 else options.peer_connections
            row = {"turn": turn, "batch": batch, "connections": connections,
                   **comparison.closed("postgresql", connections)}
            check(row)
            rows.append(row)
            say("turn %d  batches of %6d, %2d connections  %9s/s  p50 %s us  p99 %s us" % (
                turn, batch, connections, figures.number(row["settlements_per_s"]),
                figures.number(row["p50_us"]), figures.number(row["p99_us"])))
    figures.write_json(options.out / "peers.json", {"machine": about,
                                                    "settings": settings(options), "runs": rows})
    figures.write_csv(options.out / "peers.csv", ("batch", "connections") + figures.RUN_FIELDS,
                      rows)


def settings(options):
    return {"runs": options.runs, "seconds": options.seconds, "shards": options.shards,
            "batch": options.batch, "window": options.window, "peer_batch": options.peer_batch,
            "peer_connections": options.peer_connections,
            "postgresql": programs.POSTGRES_CONF.split("\n")[1:-1]}


def main(arguments):
    options = options_of(arguments)
    programs.interruptible()
    folder = tempfile.mkdtemp(prefix="qingfen-compare-", dir=options.folder or
                              os.environ.get("TMPDIR", "/var/tmp"))
    os.chmod(folder, 0o755)  # PostgreSQL's own folder below it belongs to another user.
    options.out.mkdir(parents=True, exist_ok=True)
    comparison = Comparison(options, folder)
    try:
        about = machine.describe(folder, ROOT)
        say(machine.sentence(about))
        say("%d turns of %d s, %s; %d shards, frames of %d, %d under way; PostgreSQL: batches of "
            "%d, %d connections" % (options.runs, options.seconds, ", ".join(options.targets),
                                    options.shards, options.batch, options.window,
                                    options.peer_batch, options.peer_connections))
        way = sweep if options.sweep else curve if options.latency else compare
        way(comparison, about)
        say("\nResults: %s" % options.out)
    except programs.Failed as failure:
        sys.exit("compare: %s" % failure)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1:])
