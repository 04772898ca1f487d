"""The number of shards and restarts in between must not be seen in any table."""

import unittest

import harness
from harness import Case

MONTHS = ("2025-02", "2025-03")


class TestShards(Case):
    def split(self, file, parts):
        """The file in consecutive parts, each with the header."""
        lines = file.read_text().splitlines(keepends=True)
        header, body = lines[0], lines[1:]
        size = (len(body) + parts - 1) // parts
        paths = []
        for number in range(parts):
            path = self.folder / ("%s-%d.csv" % (file.stem, number))
            path.write_text(header + "".join(body[number * size:(number + 1) * size]))
            paths.append(path)
        return paths

    def run_months(self, shards, restarts):
        """Two months into a store of that many shards; everything that it shows, as texts."""
        name = "data-%d-%d" % (shards, restarts)
        data = self.init(name, shards)
        engine = self.start(data)
        harness.set_clock(engine, "2025-04-05T09:00:00+08:00")
        shown = {}
        for month, file in zip(MONTHS, self.files):
            for part in self.split(file, restarts + 1):
                harness.send(engine, part)
                if restarts:
                    self.stop(engine)
                    engine = self.start(data)
            for mode in ("gross", "bilateral", "multilateral"):
                shown["live", month, mode] = harness.report_text(engine, "net", month,
                                                                 "--mode", mode)
            harness.cut(engine, month)
        for month in MONTHS:
            for mode in ("gross", "bilateral", "multilateral"):
                shown[month, mode] = harness.report_text(engine, "net", month, "--mode", mode)
                self.assertEqual(shown["live", month, mode], shown[month, mode])
            shown[month, "position"] = harness.report_text(engine, "position", month)
            self.assertGreater(shown[month, "position"].count("\n"), 100)
        with engine.client() as client:
            for period, summary in harness.periods(client).items():
                self.assertEqual(32, len(summary.digest))
                shown[period, "digest"] = summary.digest.hex()
                shown[period, "summary"] = str(summary)
        self.stop(engine)
        self.assertIn("verify: ok", harness.verify(data).stdout)
        return shown

    def test_same_tables(self):
        self.files = [harness.gen(self.folder / (month + ".csv"), month, 6000, seed=number + 5)
                      for number, month in enumerate(MONTHS)]
        want = self.run_months(1, 0)
        for shards, restarts in ((1, 2), (2, 0), (4, 1)):
            with self.subTest(shards=shards, restarts=restarts):
                self.assertEqual(want, self.run_months(shards, restarts))


if __name__ == "__main__":
    unittest.main()
