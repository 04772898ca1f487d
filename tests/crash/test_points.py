"""kill -9 at every crash point of the engine and of `qingfen init`, in turn."""

import shutil
import unittest

import rounds
from load import harness


class TestPoints(harness.Case):
    def setUp(self):
        super().setUp()
        rounds.use_programs(twins=True)

    def test_every_point(self):
        siege = rounds.Siege(self.folder / "siege", 12, first="segment-renamed", june=1800, july=300,
                             largest=2)
        self.addCleanup(siege.close)
        for name in rounds.crash_points():
            if not name.startswith("init-"):
                with self.subTest(point=name):
                    siege.die_at(name, 2 if name.startswith("boot-") else 1)
        siege.again()
        siege.end()

    def test_init(self):
        data = self.folder / "store"
        for name in rounds.crash_points():
            if name.startswith("init-"):
                with self.subTest(point=name):
                    rounds.die_in_init(data, name)
                    rounds.check_init(data)
                    shutil.rmtree(data, ignore_errors=True)


if __name__ == "__main__":
    unittest.main()
