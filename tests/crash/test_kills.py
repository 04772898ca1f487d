"""A fixed set of kills: kill -9 at random moments, and of engine, clients and command line at once."""

import unittest

import rounds
from load import harness


class TestKills(harness.Case):
    def test_kills(self):
        siege = rounds.Siege(self.folder / "siege", 11, june=300, july=100)
        self.addCleanup(siege.close)
        siege.kill_all()
        for _ in range(3):
            siege.kill()
        siege.end()


if __name__ == "__main__":
    unittest.main()
