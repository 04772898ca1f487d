"""Power cuts on powerfs: what was not synced is lost, kept, torn or mixed by seed."""

import random
import sys
import unittest

import rounds
from load import harness, wire
from power import Power, end

# power_disk.c: what is left of the unsynced; the seed chooses by its rest.
POLICIES = 8
LOSE_ALL, KEEP_SOME, KEEP_SECTORS, KEEP_LAST = 0, 2, 3, 5


class TestPower(harness.Case):
    def setUp(self):
        super().setUp()
        rounds.use_programs(twins=True)

    def test_cuts(self):
        """Every kind of loss once under load, and after kills in the middle of writing."""
        siege = rounds.Siege(self.folder / "siege", 13, power=True, june=600, july=200,
                             largest=8)
        self.addCleanup(siege.close)
        for seed in range(POLICIES):
            siege.cut_power(seed=POLICIES * 5 + seed, sector=512 if seed % 2 == 0 else 4096)
        self.assertTrue(any(siege.kill_ask_cut(0.04 * (1 + attempt % 4)) > 0 for attempt in range(12)),
                        "no kill fell between write and sync")
        for name, seed in (("written", LOSE_ALL), ("mend-cut", KEEP_SOME), ("committed", KEEP_SOME),
                           ("committed", KEEP_SECTORS), ("committed", KEEP_LAST)):
            siege.die_at_and_cut(name, seed)
        siege.end()

    def test_like_fua(self):
        """On disks with FUA one write is its own sync."""
        with rounds.like_fua():
            siege = rounds.Siege(self.folder / "siege", 14, power=True, june=150, july=60,
                                 files=1, transfers=1, largest=8)
            self.addCleanup(siege.close)
            for seed in (LOSE_ALL, KEEP_SOME, LOSE_ALL):
                siege.cut_power(seed=seed)
            siege.end()

    def test_state_stays(self):
        """What a checkpoint wrote is found after a cut: no replay of the whole journal."""
        power = Power(self.folder)
        self.addCleanup(power.off)
        data = power.folder / "store"
        harness.run("init", "--data", data, "--shards", rounds.SHARDS)
        engine = self.start(data)
        harness.set_clock(engine, "2025-04-01T09:00:00+08:00")
        maker, rng = harness.Maker("P"), random.Random(7)
        with engine.client() as client:
            for _ in range(8 * rounds.SHARDS):
                self.assertCode(0, client.call(harness.random_settlement(maker, rng, "2025-03")))
            decided = [shard.last_seq for shard in client.call(wire.centre.StatusGet()).shard]
        self.stop(engine)
        power.cut(LOSE_ALL)
        power.on()
        with self.start(data).client() as client:
            merged = [shard.checkpoint_seq for shard in client.call(wire.centre.StatusGet()).shard]
        self.assertTrue(all(decided), decided)
        self.assertEqual(decided, merged)

    def test_init(self):
        """No half-made store, whatever of it reached the disk."""
        power = Power(self.folder)
        self.addCleanup(power.off)
        for place, name in enumerate(["", *filter(lambda name: name.startswith("init-"),
                                                  rounds.crash_points())]):
            data = power.folder / ("store-%d" % place)
            with self.subTest(point=name):
                if name:
                    rounds.die_in_init(data, name)
                else:
                    harness.run("init", "--data", data, "--shards", rounds.SHARDS)
                power.cut(place)
                power.on()
                if not name:
                    self.assertTrue((data / "qingfen.store").exists(), "init said that it was done")
                if data.exists():
                    rounds.check_init(data)


if __name__ == "__main__":
    sys.exit(end(unittest.main(exit=False)))
