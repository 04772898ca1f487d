#!/usr/bin/python3
"""The arithmetic of a comparison: medians, ratios turn by turn, and what is read from programs."""

import pathlib
import tempfile
import unittest

import compare
import figures
import layers
import machine
import programs


def run_of(turn, target, rate, shard_ns=None):
    return {"turn": turn, "target": target, "settlements_per_s": rate, "shard_ns": shard_ns,
            "errors": 0}


class TestRatios(unittest.TestCase):
    def test_ratio_is_taken_turn_by_turn(self):
        """A slow turn slows both sides: the ratio does not see it, a ratio of medians would."""
        runs = [run_of(1, "engine", 1000), run_of(1, "postgresql", 100),
                run_of(2, "engine", 300), run_of(2, "postgresql", 30),
                run_of(3, "engine", 1200), run_of(3, "postgresql", 40)]
        found = figures.ratio(runs, ("engine", "settlements_per_s"),
                              ("postgresql", "settlements_per_s"))
        self.assertEqual({"median": 10, "least": 10, "greatest": 30}, found)

    def test_cpu_ratio_is_the_bare_loops_over_the_engines(self):
        runs = [run_of(1, "bare", 9, 100), run_of(1, "engine", 5, 400),
                run_of(2, "bare", 9, 120), run_of(2, "engine", 5, 300)]
        row = next(row for row in figures.ratios(runs) if row["ratio"].startswith("shard CPU"))
        self.assertAlmostEqual((0.25 + 0.4) / 2, row["median"])
        self.assertTrue(row["holds"])

    def test_turn_with_one_side_only_is_left_out(self):
        runs = [run_of(1, "engine", 10), run_of(2, "engine", 10), run_of(2, "bare", 20)]
        found = figures.ratio(runs, ("engine", "settlements_per_s"), ("bare", "settlements_per_s"))
        self.assertEqual(0.5, found["median"])
        self.assertIsNone(figures.ratio(runs, ("engine", "shard_ns"), ("bare", "shard_ns")))
        self.assertEqual([], [row for row in figures.ratios(runs) if "PostgreSQL" in row["ratio"]])

    def test_what_is_wanted(self):
        self.assertTrue(figures.holds(">= 10", 10.0))
        self.assertFalse(figures.holds(">= 10", 9.99))
        self.assertTrue(figures.holds("<= 2", 2.0))
        self.assertFalse(figures.holds("<= 2", 2.01))
        self.assertIsNone(figures.holds("", 1.0))

    def test_per_record(self):
        used = {"shard_cpu_ns": 5000, "process_cpu_ns": 8000, "device_bytes": 0}
        row = figures.per_record({"settlements_per_s": 7, "errors": 0, "else": 1}, used, 10)
        self.assertEqual((500, 800, None, 10), (row["shard_ns"], row["process_ns"],
                                                row["device_bytes_each"], row["records"]))
        self.assertNotIn("else", row)
        self.assertIsNone(figures.per_record({}, used, 0)["shard_ns"])

    def test_curve_compares_what_both_reached(self):
        runs = [{"turn": turn, "target": target, "form": "single", "offered_per_s": rate,
                 "settlements_per_s": reached, "p50_us": p50, "p99_us": p50, "p999_us": p50}
                for turn in (1, 2) for target, rate, reached, p50 in (
                    ("engine", 1000, 999, 300), ("bare", 1000, 1000, 200),
                    ("engine", 9000, 5000, 900000), ("bare", 9000, 9000, 300))]
        rows = figures.curve_ratios(runs)
        self.assertEqual(["p50", "p99", "p999"], [row["quantile"] for row in rows])
        self.assertEqual({(1000, 1.5)}, {(row["offered_per_s"], row["median"]) for row in rows})

    def test_tables_name_every_target_once(self):
        runs = [run_of(turn, target, rate, 100) for turn in (1, 2)
                for target, rate in (("engine", 1000000), ("bare", 2000000))]
        text = "\n".join(figures.tables(runs))
        self.assertEqual(1, text.splitlines()[0].count("engine"))
        self.assertIn("1,000,000 (1,000,000-1,000,000)", text)


class TestReading(unittest.TestCase):
    def test_last_line_of_a_load(self):
        said = ("something first\n"
                "settlements_per_s=312 p50_us=4 p99_us=5 p999_us=6 errors=0\n")
        self.assertEqual({"settlements_per_s": 312, "p50_us": 4, "p99_us": 5, "p999_us": 6,
                          "errors": 0}, programs.result_of(said, None))
        with self.assertRaises(programs.Failed):
            programs.result_of("cannot connect\n", None)
        with self.assertRaises(programs.Failed):
            programs.result_of("", None)

    def test_json_goes_before_the_line(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "load.json"
            path.write_text('{"runs": [{"settlements_per_s": 5, "p9999_us": 9}]}')
            found = programs.result_of("settlements_per_s=4 errors=0", path)
            self.assertEqual(9, found["p9999_us"])
            path.unlink()
            self.assertEqual(4, programs.result_of("settlements_per_s=4 errors=0",
                                                   path)["settlements_per_s"])

    def test_instructions_without_sha256(self):
        said = ("1,000 (100.0%)  PROGRAM TOTALS\n"
                "Ir                      file:function\n"
                "  400 (40.00%)  ???:0x00000000002de840 [/usr/lib/libcrypto.so.3]\n"
                "  350 (35.00%)  ../engine/shard.c:shard_step [/b/bench_once]\n"
                "   50 ( 5.00%)  ???:0x0000000000111111 [/usr/lib/libcrypto.so.3]\n")
        self.assertEqual((1000, 450), layers.instructions_of(said))

    def test_google_benchmarks_report(self):
        report = {"benchmarks": [
            {"run_name": "shard", "run_type": "iteration", "iterations": 3, "time/item": 1.5e-6},
            {"run_name": "shard", "run_type": "iteration", "iterations": 2, "time/item": 1.0e-6},
            {"run_name": "shard", "run_type": "aggregate", "time/item": 9.0}]}
        self.assertEqual([{"body": "shard", "runs": 2, "operations": 5, "ns_median": 1250.0,
                           "ns_least": 1000.0, "ns_greatest": 1500.0}], layers.body_rows(report))


class TestPlan(unittest.TestCase):
    def test_a_frame_of_the_curve_is_full_after_a_millisecond(self):
        comparison = compare.Comparison(compare.options_of(["--latency"]), "/var/tmp")
        self.assertEqual(1, comparison.batch_of("engine", "single", 1000000))
        self.assertEqual(2, comparison.batch_of("engine", "batched", 1000))
        self.assertEqual(50, comparison.batch_of("bare", "batched", 100000))
        self.assertEqual(512, comparison.batch_of("engine", "batched", 5000000))
        self.assertEqual(10000, comparison.batch_of("postgresql", "batched", 1000))

    def test_every_step_is_above_the_one_before(self):
        self.assertEqual(sorted(set(compare.RATES)), list(compare.RATES))

    def test_this_machine_can_be_described(self):
        about = machine.describe("/var/tmp", compare.ROOT)
        self.assertGreater(about["sync_p50_us"], 0)
        self.assertGreaterEqual(about["sync_p99_us"], about["sync_p50_us"])
        self.assertIn(about["cpu"], machine.sentence(about))


if __name__ == "__main__":
    unittest.main()
