"""A small national year with everything that goes wrong in one (tools/year): the driver's books and
the engine's agree at the end of every month, and the store verifies afterwards."""

import pathlib
import subprocess
import sys
import unittest

import harness
from harness import Case

DRIVER = pathlib.Path(__file__).resolve().parents[2] / "tools" / "year" / "year.py"


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


if __name__ == "__main__":
    unittest.main()
