#!/usr/bin/python3
"""Plots of results that are known: well-formed SVG with what they must show, inside its edges."""

import math
import unittest
from xml.etree import ElementTree

import plot

SVG = "{http://www.w3.org/2000/svg}"
MACHINE = {"date": "2026-03-01T10:00:00+08:00", "cores": 2, "cpu": "Made <up> & tested",
           "kernel": "6.1", "file_system": "ext4", "disk": "vda", "disk_write_cache": "write back",
           "sync_p50_us": 190, "commit": "abc"}
SETTINGS = {"runs": 2, "seconds": 5, "batch": 512, "shards": 2, "peer_batch": 10000,
            "peer_connections": 2}
HGRM = """       Value     Percentile TotalCount 1/(1-Percentile)

     210.000 0.000000000000          1           1.00
     400.000 0.500000000000       5000           2.00
    2400.000 0.990000000000       9900         100.00
   15000.000 1.000000000000      10000
#[Mean    =      500.000, StdDeviation   =      100.000]
"""


def run_of(turn, target, form, offered, reached, p50, p99):
    return {"turn": turn, "target": target, "form": form, "offered_per_s": offered,
            "settlements_per_s": reached, "p50_us": p50, "p99_us": p99}


def spread(value):
    return {"settlements_per_s": {"median": value, "least": value * 0.9, "greatest": value * 1.1}}


class TestPlots(unittest.TestCase):
    def tree_of(self, drawing):
        tree = ElementTree.fromstring("\n".join(drawing.parts + ["</svg>"]))
        width, height = float(tree.get("width")), float(tree.get("height"))
        for text in tree.iter(SVG + "text"):
            self.assertTrue(0 <= float(text.get("x")) <= width, text.text)
            self.assertTrue(0 <= float(text.get("y")) <= height, text.text)
        for dot in tree.iter(SVG + "circle"):
            self.assertTrue(0 < float(dot.get("cx")) < width)
            self.assertTrue(0 < float(dot.get("cy")) < height)
        return tree

    def texts(self, tree):
        return [text.text for text in tree.iter(SVG + "text")]

    def test_latency(self):
        runs = [run_of(turn, target, form, rate, rate if rate < 10**6 else rate / 2, 300, 9000)
                for turn in (1, 2) for target in plot.COLOURS for form in plot.FORMS
                for rate in (1000, 20000, 10**6)]
        tree = self.tree_of(plot.draw_latency({"machine": MACHINE, "settings": SETTINGS,
                                               "runs": runs}))
        texts = self.texts(tree)
        for wanted in ("Qingfen", "PostgreSQL 15", "bare loop", "latency, ms", "p99", "1 M",
                       "batched", "one settlement a message"):
            self.assertIn(wanted, texts)
        dots = list(tree.iter(SVG + "circle"))
        self.assertEqual(3 * 2 * 2 * 3 + 1, len(dots))
        hollow = [dot for dot in dots if dot.get("fill") == "#ffffff"]
        self.assertEqual(3 * 2 * 2 + 1, len(hollow))
        self.assertTrue(any("Made <up> & tested" in text for text in texts))

    def test_curves_are_medians_of_the_turns(self):
        runs = [run_of(turn, "engine", "single", 1000, 1000, p50, 10 * p50)
                for turn, p50 in ((1, 100), (2, 900), (3, 200))]
        self.assertEqual({("single", "engine"): [(1000, 0.2, 2.0, True)]}, plot.curves(runs))

    def test_throughput(self):
        tree = self.tree_of(plot.draw_throughput(
            {"machine": MACHINE, "settings": SETTINGS,
             "medians": {"engine": spread(1000000), "postgresql": spread(98000),
                         "bare": spread(3000000)}}))
        heights = {bar.get("fill"): float(bar.get("height")) for bar in tree.iter(SVG + "rect")
                   if bar.get("height") != "100%"}
        self.assertAlmostEqual(3, heights[plot.COLOURS["bare"]] / heights[plot.COLOURS["engine"]],
                               places=1)
        self.assertIn("1,000,000", self.texts(tree))

    def test_percentiles(self):
        found = plot.read_hgrm(HGRM)
        self.assertEqual([(210, 0), (400, 0.5), (2400, 0.99), (15000, 1)], found)
        tree = self.tree_of(plot.draw_percentiles({"engine": HGRM, "bare": HGRM}, 1000, "a note"))
        self.assertIn("99 %", self.texts(tree))
        self.assertEqual(2, len(list(tree.iter(SVG + "path"))))
        with self.assertRaises(SystemExit):
            plot.read_hgrm("no such thing")

    def test_axes(self):
        axis = plot.Axis(1000, 2e6, 0, 400)
        self.assertEqual([1e3, 1e4, 1e5, 1e6, 1e7], axis.marks())
        self.assertAlmostEqual(100, axis.place(1e4))
        self.assertAlmostEqual(100 * math.log10(2), axis.place(2e3))
        self.assertEqual(4, plot.Axis(1, 1 / (1 - 0.9999), 0, 1).greatest)
        for greatest in (9, 45, 1.2e6, 3.3e6):
            marks = plot.Axis(0, greatest, 0, 1, log=False).marks()
            self.assertTrue(4 <= len(marks) <= 11, marks)
            self.assertTrue(greatest * 0.7 <= marks[-1] <= greatest, marks)


if __name__ == "__main__":
    unittest.main()
