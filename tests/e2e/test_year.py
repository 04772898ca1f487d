"""A small national year with everything that goes wrong in one (tools/year): the driver's books and
the engine's agree at the end of every month, and the store verifies afterwards. And the replay of
2025, as small as it can be."""

import json
import os
import pathlib
import subprocess
import sys
import unittest

import harness
from harness import Case

YEAR = pathlib.Path(__file__).resolve().parents[2] / "tools" / "year"
DRIVER = YEAR / "year.py"
sys.path.insert(0, str(YEAR))
import year_replay  # noqa: E402


class TestYear(Case):
    def drive(self, mode: str) -> None:
        data = self.init()
        engine = self.start(data)
        done = subprocess.run(
            [sys.executable, str(DRIVER), "--qingfen", harness.qingfen(), "--to",
             f"{engine.host}:{engine.port}", "--folder", str(self.folder), "--count", "60",
             "--mode", mode],
            capture_output=True, text=True, timeout=280, stdin=subprocess.DEVNULL, check=False)
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        self.assertIn("every month's books agree to the fen", done.stdout)
        self.stop(engine)
        harness.verify(data, "--deep")

    def test_gross(self):
        self.drive("gross")


class TestReplay(Case):
    def replay(self, *arguments: object) -> subprocess.CompletedProcess:
        feed = os.environ.get("MONTH_FEED") or \
            pathlib.Path(harness.qingfen()).parents[1] / "year" / "month_feed"
        return subprocess.run(
            [sys.executable, str(YEAR / "year_replay.py"), "--qingfen", harness.qingfen(),
             "--qingfend", harness.qingfend(), "--feed", str(feed), "--folder", str(self.folder),
             *map(str, arguments)],
            capture_output=True, text=True, timeout=280, stdin=subprocess.DEVNULL, check=False)

    def test_the_months_have_the_published_sizes(self):
        for count in (1200, 12_000_000, 308_000_000):
            self.assertEqual(count, sum(year_replay.month_counts(count)))
        counts = year_replay.month_counts(308_000_000)
        self.assertEqual(70_750_000, sum(counts[:3]))
        self.assertAlmostEqual(counts[3] / 30, counts[11] / 31, delta=1)

    def test_a_small_year_in_one_store(self):
        log = self.folder / "log.json"
        lines = self.folder / "log.csv"
        done = self.replay("--count", 1200, "--json", log, "--csv", lines)
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        whole = json.loads(log.read_text())
        self.assertEqual([f"2025-{month:02}" for month in range(1, 13)],
                         [month["month"] for month in whole["months"]])
        records = sum(month["records"] for month in whole["months"])
        self.assertEqual(records, whole["totals"]["year"]["records"])
        self.assertGreaterEqual(records, 1200)  # Refunds across months come on top.
        self.assertEqual(12, len(whole["closing"]["periods"]))
        self.assertEqual(13, len(lines.read_text().splitlines()))

    def test_what_the_disk_lacks_is_said_before_anything_is_made(self):
        done = self.replay("--count", 10**15)
        self.assertNotEqual(0, done.returncode)
        self.assertRegex(done.stderr, r"GB free .* are missing.*--month-stores")
        self.assertEqual([], list(self.folder.iterdir()))


if __name__ == "__main__":
    unittest.main()
