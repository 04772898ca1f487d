#!/usr/bin/env python3
"""The settlements of the year 2025, generated and cleared month by month through the durable path.

Every month is made and sent by month_feed, answered record by record after its sync, then cut,
computed and netted; a line a month says how long that took and who owes most. At the end stand the
totals beside the published ones, and the store is verified. How it is cleared when things go wrong
is year.py's matter; here it is how much, and how fast. Goes through the command line.
"""
import argparse
import csv
import io
import json
import math
import os
import pathlib
import platform
import re
import shutil
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from engine_process import EngineProcess  # noqa: E402
from processes import Failed, run  # noqa: E402
from year import dashed, month_add  # noqa: E402

YEAR = 2025
QUARTER_DAYS, YEAR_DAYS = 90, 365

# Cross-province direct settlement as the National Healthcare Security Administration
# (国家医疗保障局) published it, for the year 2025 and for its first quarter. "Outpatient" holds
# chronic conditions and purchases in pharmacies. Nothing was found for single months.
PUBLISHED = {
    "records": 308_000_000,
    "inpatient": 15_823_000,
    "outpatient": 292_000_000,
    "inpatient_yuan": 162_005_000_000,
    "outpatient_yuan": 45_501_000_000,
    "yuan": 207_506_000_000,
    "records_first_quarter": 70_750_000,
    "inpatient_first_quarter": 3_638_900,
    "yuan_first_quarter": 46_992_000_000,
}

BYTES_A_RECORD = 450  # Journal, state and its free pages: what is asked for, not what is measured.
BYTES_A_STORE = 1 << 30  # Segments made ahead and pages of a small store.
IDS_A_RECORD = 2
IDS_LEAST = 64  # Millions; qingfend's default.

LINE = "  %s  %12s %8s %11s %5.0f %8.0f %7.0f %9.0f %6.0f   %s"
NAMES = dict(zip(*[iter("""11 Beijing 12 Tianjin 13 Hebei 14 Shanxi 15 Inner-Mongolia 21 Liaoning
22 Jilin 23 Heilongjiang 31 Shanghai 32 Jiangsu 33 Zhejiang 34 Anhui 35 Fujian 36 Jiangxi
37 Shandong 41 Henan 42 Hubei 43 Hunan 44 Guangdong 45 Guangxi 46 Hainan 50 Chongqing 51 Sichuan
52 Guizhou 53 Yunnan 54 Tibet 61 Shaanxi 62 Gansu 63 Qinghai 64 Ningxia 65 Xinjiang
66 XPCC""".split())] * 2))


def month_counts(total):
    """How many of `total` records each month has: the first quarter its published share, the rest
    what is left; within both every day the same."""
    first = PUBLISHED["records_first_quarter"] / PUBLISHED["records"]
    counts, given, share = [], 0, 0.0
    for month in range(1, 13):
        days = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month - 1]
        share += (days / QUARTER_DAYS * first if month <= 3 else
                  days / (YEAR_DAYS - QUARTER_DAYS) * (1 - first))
        counts.append(round(total * share) - given)
        given += counts[-1]
    return counts


def fen(yuan):
    whole, _, part = yuan.partition(".")
    sign = -1 if whole.startswith("-") else 1
    return sign * (abs(int(whole)) * 100 + int((part + "00")[:2]))


class Replay:
    def __init__(self, options):
        self.options = options
        self.folder = pathlib.Path(options.folder)
        self.months = []
        self.engine = None
        self.counts = month_counts(options.count)
        largest = max(self.counts) if options.month_stores else options.count
        self.ids_millions = max(IDS_LEAST, math.ceil(largest * IDS_A_RECORD * 1.02 / 1e6))
        self.need_bytes = largest * BYTES_A_RECORD + BYTES_A_STORE

    # -- before ----

    def check_disk(self):
        free = shutil.disk_usage(self.folder).free
        if free >= self.need_bytes:
            return
        what = "the largest month" if self.options.month_stores else "the year in one store"
        advice = "" if self.options.month_stores else ", or give each month its own (--month-stores)"
        raise Failed(f"{self.folder} has {free / 1e9:.1f} GB free and {what} needs "
                     f"{self.need_bytes / 1e9:.1f} GB ({BYTES_A_RECORD} bytes a settlement and "
                     f"{BYTES_A_STORE / 1e9:.1f} GB): {(self.need_bytes - free) / 1e9:.1f} GB are "
                     f"missing. Use --folder{advice}")

    # -- a store ----

    def open_store(self, name):
        data = self.folder / name
        run(self.options.qingfen, "init", "--data", data, "--shards", self.options.shards)
        self.engine = EngineProcess(self.options.qingfend, data, "--clock", "manual", "--ids",
                                    self.ids_millions)

    def close_store(self):
        """Stops the engine, verifies what it leaves if that is wished, and gives what that said."""
        engine, self.engine = self.engine, None
        begun = time.monotonic()
        engine.stop()
        stopped = time.monotonic()
        said = ""
        if self.options.verify:
            said = run(self.options.qingfen, "verify", "--data", engine.data)
            if not said.endswith("verify: ok\n"):
                raise Failed(f"verify: {said}")
        result = {"stop_seconds": round(stopped - begun, 2),
                  "verify_seconds": round(time.monotonic() - stopped, 2),
                  "state_bytes": engine.state_bytes(),
                  "periods": [line for line in said.splitlines() if line.startswith("period ")]}
        if self.options.month_stores:
            shutil.rmtree(engine.data)
        return result

    def ask(self, *arguments):
        return run(self.options.qingfen, *arguments, "--to", self.engine.address)

    def rows(self, *arguments):
        return list(csv.DictReader(io.StringIO(self.ask(*arguments, "--format", "csv"))))

    # -- a month ----

    def feed(self, index):
        month = month_add(YEAR * 100 + 1, index)
        command = [self.options.feed, "--to", self.engine.address, "--month", dashed(month),
                   "--count", self.counts[index], "--seed", self.options.seed]
        if index > 0 and not self.options.month_stores:
            command += ["--after", dashed(month_add(month, -1)),
                        "--after-count", self.counts[index - 1]]
        fed = json.loads(run(*command))
        if fed["accepted"] + fed["made"]["duplicates"] != fed["sent"] or fed["rejected"]:
            raise Failed(f"{dashed(month)}: {fed}")
        return fed

    def clear(self, period):
        """Cut, computed, netted: seconds and milliseconds of each."""
        begun = time.monotonic()
        said = self.ask("period", "cut", period)
        cut = time.monotonic()
        self.ask("period", "compute", period)
        computed = time.monotonic()
        nets = {mode: self.rows("report", "net", "--period", period, "--mode", mode)
                for mode in ("gross", "bilateral", "multilateral")}
        positions = self.rows("report", "position", "--period", period)
        done = time.monotonic()
        took_us = re.search(r"took ([\d,]+) us", said)
        return nets, positions, {
            "cut_ms": int(took_us.group(1).replace(",", "")) / 1000 if took_us else None,
            "cut_command_ms": round((cut - begun) * 1000, 1),
            "compute_command_ms": round((computed - cut) * 1000, 1),
            "tables_command_ms": round((done - computed) * 1000, 1),
        }

    def check_tables(self, period, fed, nets, positions):
        """What was sent, what the positions hold and what is owed gross are the same money."""
        made = sum(one["cleared_fen"] for one in fed["made"].values() if isinstance(one, dict))
        made += fed["made"]["refunded_fen"]
        held, records, pairs = 0, 0, {}
        for row in positions:
            records += int(row["count"])
            pair = row["payer"], row["payee"]
            pairs[pair] = pairs.get(pair, 0) + fen(row["amount"])
            held += fen(row["amount"])
        if (records, held) != (fed["accepted"], made):
            raise Failed(f"{period}: {fed['accepted']} records and {made} fen were accepted, the "
                         f"positions have {records} and {held}")
        # A pair whose refunds are more than its settlements is listed as it is, below zero.
        for row in nets["gross"]:
            pair = row["payer"], row["payee"]
            pairs[pair] = pairs.get(pair, 0) - fen(row["amount"])
        if any(pairs.values()):
            raise Failed(f"{period}: what is owed gross is not what the positions say")
        pays = {}
        for row in nets["multilateral"]:
            for province, sign in ((row["payer"], -1), (row["payee"], 1)):
                pays[province] = pays.get(province, 0) + sign * fen(row["amount"])
        pays.pop("--", None)
        if sum(pays.values()) != 0:
            raise Failed(f"{period}: what is paid in is not what is paid out")
        return sorted((amount, province) for province, amount in pays.items())

    def run_month(self, index):
        month = month_add(YEAR * 100 + 1, index)
        following = month_add(month, 1)
        if self.options.month_stores:
            self.open_store(f"store-{month}")
        self.ask("clock", "--set", f"{dashed(following)}-01T09:00:00+08:00")
        before = self.engine.processor_seconds(), self.engine.cached_writes()
        fed = self.feed(index)
        nets, positions, times = self.clear(dashed(month))
        nets = self.check_tables(dashed(month), fed, nets, positions)
        shards = self.rows("status")
        lines = {}
        for row in positions:
            line = lines.setdefault(row["line"], {"records": 0, "fen": 0})
            line["records"] += int(row["count"])
            line["fen"] += fen(row["amount"])
        result = {
            "month": dashed(month),
            "records": fed["accepted"],
            "duplicates": fed["duplicate"],
            "seconds": fed["seconds"],
            "records_per_second": round(fed["accepted"] / max(fed["seconds"], 0.001)),
            **times,
            "record_bytes": fed["record_bytes"],
            "journal_bytes": sum(int(row["journal_bytes"]) for row in shards),
            "state_bytes": self.engine.state_bytes(),
            "written_bytes": self.engine.cached_writes() - before[1],
            "engine_processor_seconds": round(self.engine.processor_seconds() - before[0], 2),
            "feed_processor_seconds": fed["processor_seconds"],
            "memory": self.engine.memory(),
            "lines": lines,
            "refunds": fed["made"]["refunds"],
            "owes_most": [nets[0][1], -nets[0][0]],
            "gets_most": [nets[-1][1], nets[-1][0]],
        }
        if self.options.month_stores:
            result.update(self.close_store())
        elif self.months:
            result["journal_bytes"] -= sum(one["journal_bytes"] for one in self.months)
        result["written_bytes"] += result["journal_bytes"]
        self.months.append(result)
        self.tell(result)

    def tell(self, one):
        (payer, owed), (payee, due) = one["owes_most"], one["gets_most"]
        cut = one["cut_command_ms"] if one["cut_ms"] is None else one["cut_ms"]
        held = one["records"] if self.options.month_stores else sum(
            month["records"] for month in self.months)
        print(LINE % (one["month"], f"{one['records']:,}", f"{one['seconds']:,.1f}",
                      f"{one['records_per_second']:,}", cut, one["compute_command_ms"],
                      one["tables_command_ms"], one["journal_bytes"] / one["records"],
                      one["state_bytes"] / held,
                      f"{NAMES[payer]} pays {owed / 1e8:,.1f}, {NAMES[payee]} gets "
                      f"{due / 1e8:,.1f}"), flush=True)

    # -- the year ----

    def run(self):
        stores = "each in a store of its own" if self.options.month_stores else "in one store"
        print(f"{self.options.count:,} settlements of {YEAR}, {stores}, memory for "
              f"{self.ids_millions} million ids ({self.ids_millions * 6.7 / 1000:.1f} GB), up to "
              f"{self.need_bytes / 1e9:.0f} GB in {self.folder}\n")
        self.check_disk()
        print("  month      settlements  seconds        rate   cut  compute  tables   journal  state"
              "   netted over all\n                           sending    a second    ms       ms"
              "      ms   bytes a record   in millions of yuan", flush=True)
        begun = time.monotonic()
        closing = None
        if not self.options.month_stores:
            self.open_store("store")
        for index in range(12):
            self.run_month(index)
        if not self.options.month_stores:
            closing = self.close_store()
        whole = {"year": YEAR, "count": self.options.count, "seed": self.options.seed,
                 "shards": self.options.shards, "month_stores": self.options.month_stores, "verified": self.options.verify,
                 "machine": {"processor": processor(), "cores": os.cpu_count(),
                             "kernel": platform.release()},
                 "seconds": round(time.monotonic() - begun, 1),
                 "totals": self.totals(), "published": PUBLISHED, "months": self.months,
                 "closing": closing}
        self.tell_totals(whole)
        self.write(whole)

    def totals(self):
        def add(months, line=None):
            one = [part for month in months for name, part in month["lines"].items()
                   if line is None or name in line]
            return {"records": sum(part["records"] for part in one),
                    "fen": sum(part["fen"] for part in one)}
        return {"year": add(self.months), "inpatient": add(self.months, "1"),
                "outpatient": add(self.months, "234"), "first_quarter": add(self.months[:3]),
                "inpatient_first_quarter": add(self.months[:3], "1"),
                "send_seconds": round(sum(month["seconds"] for month in self.months), 1)}

    def tell_totals(self, whole):
        """The totals beside the published ones, in proportion to the size of this year."""
        totals = whole["totals"]
        part = self.options.count / PUBLISHED["records"]
        rows = [
            ("settlements and refunds", totals["year"]["records"], "records", 1),
            ("  inpatient", totals["inpatient"]["records"], "inpatient", 1),
            ("  outpatient and pharmacies", totals["outpatient"]["records"], "outpatient", 1),
            ("  first quarter", totals["first_quarter"]["records"], "records_first_quarter", 1),
            ("  first quarter, inpatient", totals["inpatient_first_quarter"]["records"],
             "inpatient_first_quarter", 1),
            ("yuan, funds and accounts", totals["year"]["fen"], "yuan", 100),
            ("  inpatient", totals["inpatient"]["fen"], "inpatient_yuan", 100),
            ("  outpatient and pharmacies", totals["outpatient"]["fen"], "outpatient_yuan", 100),
            ("  first quarter", totals["first_quarter"]["fen"], "yuan_first_quarter", 100),
        ]
        print(f"\n  {'':<28}{'cleared':>20}{'published':>20}{'times its part':>16}")
        for text, value, name, unit in rows:
            print(f"  {text:<28}{value // unit:>20,}{PUBLISHED[name]:>20,}"
                  f"{value / unit / (PUBLISHED[name] * part):>16.3f}")
        print("\n  1.000 is its part of what was published. Refunds take some money back; large bills"
              " are rare, so\n  that of a small year scatters; means are the year's, also in the first"
              " quarter.")
        sent = totals["send_seconds"]
        print(f"\n{totals['year']['records']:,} records durable in {sent:,.1f} s of sending, "
              f"{totals['year']['records'] / max(sent, 0.001):,.0f}/s; every month cut, "
              f"computed and netted;\neverything in {whole['seconds']:,.1f} s, "
              f"{'verified' if self.options.verify else 'not verified'}.")

    def write(self, whole):
        if self.options.json:
            with open(self.options.json, "w", encoding="utf-8") as out:
                json.dump(whole, out, indent=1)
                out.write("\n")
        if self.options.csv:
            names = ["month", "records", "seconds", "records_per_second", "cut_ms",
                     "cut_command_ms", "compute_command_ms", "tables_command_ms", "record_bytes",
                     "journal_bytes", "state_bytes", "written_bytes", "engine_processor_seconds",
                     "feed_processor_seconds"]
            with open(self.options.csv, "w", encoding="utf-8", newline="") as out:
                rows = csv.DictWriter(out, names, extrasaction="ignore", lineterminator="\n")
                rows.writeheader()
                rows.writerows(whole["months"])


def processor():
    with open("/proc/cpuinfo", encoding="utf-8") as source:
        found = re.search(r"^model name\s*: (.*)$", source.read(), re.MULTILINE)
    return found.group(1) if found else platform.machine()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--qingfen", required=True, help="the command line")
    parser.add_argument("--qingfend", required=True, help="the engine")
    parser.add_argument("--feed", required=True, help="month_feed")
    parser.add_argument("--folder", required=True, help="for the stores")
    parser.add_argument("--count", type=int, default=12_000_000, help="settlements of the year")
    parser.add_argument("--seed", type=int, default=2025)
    parser.add_argument("--shards", type=int, default=2)
    parser.add_argument("--month-stores", action="store_true", help="each month its own store")
    parser.add_argument("--no-verify", dest="verify", action="store_false",
                        help="no verify of the stores")
    parser.add_argument("--json", help="write everything that was measured to this file")
    parser.add_argument("--csv", help="write a line a month to this file")
    options = parser.parse_args()
    if options.count < 1200:
        parser.error("--count wants at least 1200 settlements")
    replay = Replay(options)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        replay.run()
    except Failed as failed:
        sys.exit(f"year-replay: {failed}")
    finally:
        if replay.engine is not None:
            replay.engine.kill()


if __name__ == "__main__":
    main()
