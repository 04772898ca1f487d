"""campaign -- real crashes for as long as asked: see tools/crash.sh, which runs this.

Each siege is a new store with a new input, on the disk or on powerfs, with the programs that we ship or
with their twins. After its rounds its end is compared with that of the same input undisturbed.
"""

import argparse
import pathlib
import random
import shutil
import sys
import tempfile
import time
import traceback
import unittest

import rounds
from load import harness

ROUNDS = 20       # Of one siege.
VERIFY_EVERY = 5  # Rounds.


class Campaign:
    def __init__(self, place: pathlib.Path, seed: int, can_cut: bool):
        self.place, self.seed, self.can_cut = place, seed, can_cut
        self.rng = random.Random(seed)
        self.points = [name for name in rounds.crash_points() if not name.startswith("init-")]
        self.init_points = [name for name in rounds.crash_points() if name.startswith("init-")]
        self.next_point = 0
        self.rounds: dict[str, int] = {}
        self.acknowledged = self.sieges = 0

    def count(self, kind: str, number: int = 1) -> None:
        self.rounds[kind] = self.rounds.get(kind, 0) + number

    def point(self) -> str:
        """Each in turn."""
        name = self.points[self.next_point % len(self.points)]
        self.next_point += 1
        return name

    def die_at(self, siege: rounds.Siege) -> None:
        name = self.point()
        most = 1 if name.startswith(("segment-", "drain", "last-", "boot-", "mend-", "merge-")) else 3
        siege.die_at(name, self.rng.randrange(1, most + 1) if most > 1 else 1)

    def one_round(self, siege: rounds.Siege, twins: bool) -> None:
        kinds = [siege.kill, siege.kill, siege.kill_all]
        if twins:
            kinds += [lambda: self.die_at(siege)] * 4
        if siege.power is not None:
            kinds += [lambda: siege.cut_power(self.rng.choice((512, 512, 4096)))] * 5
            kinds += [siege.kill_ask_cut]
            if twins:
                kinds += [lambda: siege.die_at_and_cut(self.point())] * 2
        self.rng.choice(kinds)()

    def init_round(self, place: pathlib.Path, power: rounds.Power | None) -> None:
        """An init that dies, and the power with it."""
        data = (power.folder if power is not None else place) / "half"
        rounds.die_in_init(data, self.rng.choice(self.init_points))
        if power is not None:
            power.cut(self.rng.randrange(1 << 32))
            power.on()
        if data.exists():
            rounds.check_init(data)
        self.count("init dies, then power cut" if power is not None else "init dies")

    def siege(self) -> None:
        self.sieges += 1
        twins, power = self.sieges % 4 != 0, self.can_cut and self.sieges % 3 != 0
        seed = self.rng.randrange(1 << 30)
        rounds.use_programs(twins)
        if twins and self.sieges % 5 == 0:
            with rounds.like_fua():
                self.one_siege(seed, twins, power)
        else:
            self.one_siege(seed, twins, power)

    def one_siege(self, seed: int, twins: bool, power: bool) -> None:
        place = self.place / ("siege-%d" % self.sieges)
        siege = rounds.Siege(place, seed, power=power, june=3600, july=1500, transfers=4,
                             largest=4, files=6, file_count=400)
        try:
            if twins:
                siege.engine.kill()
                self.init_round(place, siege.power)
                siege.again()
            for number in range(1, ROUNDS + 1):
                siege.awake()
                try:
                    self.one_round(siege, twins)
                except rounds.NobodyCame:
                    if not siege.load.ended():
                        raise
                    break  # There was nothing left to send.
                if number % VERIFY_EVERY == 0:
                    siege.awake()
                    siege.verify()
            siege.awake()
            siege.end()
        finally:
            siege.close()
        shutil.rmtree(place, ignore_errors=True)  # What failed stays, to be looked at.
        for kind, number in siege.rounds.items():
            self.count(kind, number)
        self.acknowledged += siege.load.acknowledged()

    def report(self, seconds: float) -> None:
        print("seed %d, %d stores, %.0f s" % (self.seed, self.sieges, seconds))
        for kind, number in sorted(self.rounds.items()):
            print("%-28s %6d" % (kind, number))
        print("%-28s %6d" % ("messages acknowledged", self.acknowledged))
        # The first one of either kind ends the campaign.
        print("%-28s %6d" % ("messages lost", 0))
        print("%-28s %6d" % ("messages doubled", 0))


def can_cut(place: pathlib.Path) -> bool:
    try:
        rounds.Power(place / "try").off()
        return True
    except unittest.SkipTest as reason:
        print("no power cuts: %s" % reason)
        return False


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    place = pathlib.Path(tempfile.mkdtemp(prefix="qingfen-crash-"))
    begun = time.monotonic()
    campaign = Campaign(place, wanted.seed, can_cut(place))
    try:
        while time.monotonic() - begun < 60 * wanted.minutes:
            campaign.siege()
    except Exception:  # noqa: BLE001 -- whatever it is, it is the finding
        print("siege %d of --seed %d failed, its files are in %s:\n%s"
              % (campaign.sieges, wanted.seed, place, traceback.format_exc()))
        return 1
    shutil.rmtree(place, ignore_errors=True)
    campaign.report(time.monotonic() - begun)
    return 0


if __name__ == "__main__":
    sys.exit(main())
