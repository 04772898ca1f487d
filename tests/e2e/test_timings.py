"""The engine's account of its own time: every stage appears, and the stages add up."""

import csv
import io
import json
import time
import unittest

import harness
from harness import Case

LOOP = ("wait", "receive", "judge", "question", "cut", "mail", "sweep", "seal", "freeze", "hand",
        "install", "release", "journal", "segment", "answer", "lanes", "desk", "send", "kernel",
        "tick")
ACROSS = ("turn", "write+sync")
KEEPER = ("merge", "commit", "prepare")
SELDOM = ("sweep", "mail", "segment", "hand", "prepare", "desk", "tick")  # Not in every run on every shard.
WAIT_S = 20
COUNTS = ("count", "total_ns", "above_1ms", "above_5ms")


class TestTimings(Case):
    def timings(self, engine):
        """By shard and stage: its line, numbers as numbers."""
        text = harness.run("status", "--timings", "--format", "csv", "--to", engine.address).stdout
        shards = {}
        for row in csv.DictReader(io.StringIO(text)):
            line = {name: int(value) for name, value in row.items() if name != "stage"}
            line["histogram"] = [value for name, value in line.items() if name.endswith("us")
                                 and name not in ("max_us",)]
            shards.setdefault(line["shard"], {})[row["stage"]] = line
        return shards

    def check_shard(self, stages):
        self.assertEqual(LOOP + ACROSS + KEEPER, tuple(stages))
        for name, line in stages.items():
            self.assertEqual(22, len(line["histogram"]), name)
            self.assertEqual(line["count"], sum(line["histogram"]), name)
            self.assertLessEqual(line["max_ns"], line["total_ns"], name)
            self.assertLessEqual(line["max_cpu_ns"], line["max_ns"], name)
            self.assertLessEqual(line["above_5ms"], line["above_1ms"], name)
            if name not in SELDOM:
                self.assertGreater(line["count"], 0, name)
        # A loop is in one stage at a time; what it is in the middle of is in no turn yet.
        spent = sum(stages[name]["total_ns"] for name in LOOP)
        turns = stages["turn"]["total_ns"] + stages["wait"]["total_ns"]
        self.assertGreaterEqual(spent, turns)
        self.assertGreater(turns, 0.5 * spent)

    def test_timings(self):
        data = self.init()
        engine = self.start(data, "--checkpoint", "1")
        harness.set_clock(engine, "2025-04-05T09:00:00+08:00")
        month = harness.gen(self.folder / "month.csv", "2025-03", 2000)
        harness.send(engine, month)
        harness.cut(engine, "2025-03")
        # A checkpoint comes within a tick or two, when something changed.
        before = self.wait_for_merge(engine)
        for stages in before.values():
            self.check_shard(stages)
        self.assertEqual({0, 1}, set(before))
        self.assertGreater(before[0]["desk"]["count"], 0)

        harness.send(engine, month)
        after = self.timings(engine)
        for shard, stages in after.items():
            self.check_shard(stages)
            for name, line in stages.items():
                for count in COUNTS:
                    self.assertGreaterEqual(line[count], before[shard][name][count])
            self.assertGreater(stages["judge"]["count"], before[shard]["judge"]["count"])

        answer = json.loads(harness.run("status", "--format", "json", "--to", engine.address).stdout)
        for shard in answer["shard"]:
            self.assertEqual(list(LOOP + ACROSS + KEEPER),
                             [timing["stage"] for timing in shard["timings"]])
        table = harness.run("status", "--timings", "--to", engine.address).stdout
        rows = [line.split() for line in table.splitlines()]
        for name in LOOP + ACROSS + KEEPER:
            self.assertEqual(2, sum(row[:1] == [name] and len(row) == 9 for row in rows), name)
        self.stop(engine)

    def wait_for_merge(self, engine):
        """The timings once every shard has installed a checkpoint."""
        end = time.monotonic() + WAIT_S
        while True:
            timings = self.timings(engine)
            if all(stages["install"]["count"] > 0 for stages in timings.values()):
                return timings
            self.assertLess(time.monotonic(), end, "no checkpoint")
            time.sleep(0.1)


if __name__ == "__main__":
    unittest.main()
