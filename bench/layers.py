#!/usr/bin/python3
"""The layers of tools/bench.sh: bodies, the shard, the engine under load, instructions counted."""

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import figures
import machine
import programs

ROOT = pathlib.Path(__file__).resolve().parents[1]
SHARD_BODIES = "^(shard|shard_and_merge|shard_replay|store_merge)$"

# Records in a frame and frames under way on a connection, for the engine's closed loop.
BATCHES = ((1, 256), (16, 64), (64, 32), (256, 16), (512, 8), (1024, 8))
SHAPES_BATCH = (512, 8)
SHAPES = ("month", "random-ids", "one-province", "duplicates", "refunds", "tiny", "max")

BODY_FIELDS = ("body", "ns_median", "ns_least", "ns_greatest", "runs", "operations")
ENGINE_FIELDS = ("turn", "shape", "batch", "window", "settlements_per_s", "p50_us", "p99_us",
                 "p999_us", "records", "errors", "shard_ns", "process_ns", "device_bytes_each",
                 "client_cpu_s")
COUNT_FIELDS = ("body", "operations", "instructions_each", "sha256_each")


def options_of(arguments):
    parser = argparse.ArgumentParser(prog="tools/bench.sh")
    parser.add_argument("layer", choices=("bodies", "shard", "engine", "count"))
    parser.add_argument("--runs", type=int)
    parser.add_argument("--seconds", type=int)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--filter", default=".")
    parser.add_argument("--body", default="shard")
    parser.add_argument("--messages", type=int, default=20000)
    parser.add_argument("--shards", type=int, default=2)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build-bench")
    parser.add_argument("--folder", default=os.environ.get("TMPDIR", "/var/tmp"))
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "bench-results")
    options = parser.parse_args(arguments)
    options.runs = options.runs or (1 if options.quick else 5)
    options.seconds = options.seconds or (1 if options.quick else 8)
    return options


def save(options, about, fields, rows):
    figures.write_json(options.out / (options.layer + ".json"), {"machine": about, "rows": rows})
    figures.write_csv(options.out / (options.layer + ".csv"), fields, rows)
    print("\nResults: %s" % (options.out / (options.layer + ".json")))


# -- bodies and shard ------------------------------------------------------------------------------

def body_rows(report):
    """Google Benchmark's JSON, a row for each body: ns of processor time an operation."""
    found = {}
    for run in report["benchmarks"]:
        if run.get("run_type") == "iteration":
            found.setdefault(run["run_name"], []).append(run)
    rows = []
    for body, runs in found.items():
        spread = figures.spread([run["time/item"] * 1e9 for run in runs])
        rows.append({"body": body, "runs": len(runs),
                     "operations": sum(run["iterations"] for run in runs),
                     **{"ns_" + name: round(value, 2) for name, value in spread.items()}})
    return rows


def bodies(options, about):
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        report = os.path.join(folder, "report.json")
        wanted = SHARD_BODIES if options.layer == "shard" else options.filter
        # Least times are nearer to what the code costs than medians: all runs are kept.
        subprocess.run([options.build / "bench/bench_micro", "--benchmark_filter=" + wanted,
                        "--benchmark_repetitions=%d" % options.runs,
                        "--benchmark_min_time=%s" % ("0.01" if options.quick else "0.3"),
                        "--benchmark_out=" + report, "--benchmark_out_format=json"],
                       check=True, stdout=subprocess.DEVNULL)
        with open(report, encoding="utf-8") as text:
            rows = body_rows(json.load(text))
    for line in figures.table(["body", "ns median", "least", "greatest"],
                              [[row["body"], *(figures.number(row["ns_" + name]) for name in
                                               ("median", "least", "greatest"))] for row in rows]):
        print(line)
    save(options, about, BODY_FIELDS, rows)


# -- engine ----------------------------------------------------------------------------------------

def shapes_of(build):
    """The shapes that this build's `qingfen load` says it knows; none without the option."""
    text = programs.load_help(build)
    return [name for name in SHAPES if "--shape" in text and re.search(r"\b%s\b" % name, text)]


def plan_of(options):
    """(shape, batch, window) of each run."""
    plan = [("national", batch, window) for batch, window in BATCHES]
    plan += [(shape, *SHAPES_BATCH) for shape in shapes_of(options.build)]
    return plan


def engine(options, about):
    rows = []
    folder = pathlib.Path(tempfile.mkdtemp(prefix="qingfen-bench-", dir=options.folder))
    try:
        for turn in range(1, options.runs + 1):
            for shape, batch, window in plan_of(options):
                wanted = {"batch": batch, "window": window}
                if shape != "national":
                    wanted["shape"] = shape
                with programs.Engine(folder / "engine", options.build, options.shards) as server:
                    result = programs.load(options.build, server.address, folder, options.seconds,
                                           wanted)
                    used, records = server.used(), server.records()
                    server.stop()
                os.sync()
                row = {"turn": turn, "shape": shape, "batch": batch, "window": window,
                       **figures.per_record(result, used, records)}
                rows.append(row)
                print("turn %d  %-12s batch %4d x %3d  %9s/s  p50 %s us  p99 %s us  errors %d" % (
                    turn, shape, batch, window, figures.number(row["settlements_per_s"]),
                    figures.number(row["p50_us"]), figures.number(row["p99_us"]), row["errors"]),
                      flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    save(options, about, ENGINE_FIELDS, rows)
    if any(row["errors"] for row in rows):
        sys.exit("bench: there were errors")


# -- count -----------------------------------------------------------------------------------------

def instructions_of(annotated):
    """Instructions in all and those of SHA-256, from callgrind_annotate's list of functions.
    Valgrind does not know the processor's instructions for it, so they are software's; libcrypto
    does nothing else here."""
    total = sha256 = 0
    for line in annotated.splitlines():
        found = re.match(r"\s*([\d,]+)\s+\(\s*[\d.]+%\)\s+(.*)", line)
        if not found:
            continue
        count = int(found.group(1).replace(",", ""))
        if "PROGRAM TOTALS" in found.group(2):
            total = count
        elif "libcrypto" in found.group(2):
            sha256 += count
    return total, sha256


def count(options, about):
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        out = os.path.join(folder, "callgrind.out")
        # With a star: link-time optimisation gives the function's copy a name of its own.
        subprocess.run(["valgrind", "--quiet", "--tool=callgrind", "--toggle-collect=bench_counted*",
                        "--callgrind-out-file=" + out, options.build / "bench/bench_once",
                        options.body, str(options.messages)], check=True)
        annotated = subprocess.run(["callgrind_annotate", "--threshold=100", out], check=True,
                                   capture_output=True, text=True).stdout
    total, sha256 = instructions_of(annotated)
    if total == 0:
        sys.exit("bench: nothing was counted; bench_counted is not in bench_once")
    row = {"body": options.body, "operations": options.messages,
           "instructions_each": round((total - sha256) / options.messages, 1),
           "sha256_each": round(sha256 / options.messages, 1)}
    print("%(body)s: %(instructions_each)s instructions an operation, and %(sha256_each)s of "
          "SHA-256 in software" % row)
    save(options, about, COUNT_FIELDS, [row])


def main(arguments):
    options = options_of(arguments)
    programs.interruptible()
    options.out.mkdir(parents=True, exist_ok=True)
    about = machine.describe(options.folder, ROOT)
    print(machine.sentence(about), flush=True)
    {"bodies": bodies, "shard": bodies, "engine": engine, "count": count}[options.layer](options,
                                                                                       about)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except programs.Failed as failure:
        sys.exit("bench: %s" % failure)
