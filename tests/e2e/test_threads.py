"""Three shards, several connections, cuts and reports in between: nothing may race.

In an ordinary build this is a smoke test. Built with -Db_sanitize=thread qingfend says on stderr
what two threads did to the same memory, and ends with another exit code.
"""

import threading
import unittest

import harness
from harness import Case

MONTH, PERIOD, NEXT = "2025-03", 202503, 202504
COUNT = 20000
PARTS = 5
RACE = ("ThreadSanitizer", "data race")


class Sender(threading.Thread):
    def __init__(self, engine, file):
        super().__init__(daemon=True)
        self.engine, self.file = engine, file
        self.summary = self.error = None

    def run(self):
        try:
            self.summary = harness.send(self.engine, "--batch", 64, self.file)
        except Exception as error:  # Told by the test's own thread.
            self.error = error


class TestThreads(Case):
    def assert_no_race(self, engine):
        words = engine.stderr()
        for word in RACE:
            self.assertNotIn(word, words)

    def reports(self, engine):
        for mode in ("gross", "multilateral"):
            harness.report(engine, "net", MONTH, "--mode", mode)
        harness.report(engine, "position", MONTH)
        with engine.client() as client:
            return harness.periods(client)

    def send_all(self, engine, parts, meanwhile=None):
        """Sends every part down a connection of its own, and reports until all are through."""
        senders = [Sender(engine, part) for part in parts]
        for sender in senders:
            sender.start()
        if meanwhile is not None:
            meanwhile()
        while any(sender.is_alive() for sender in senders):
            self.reports(engine)
        for sender in senders:
            if sender.error is not None:
                raise sender.error
        return [sender.summary for sender in senders]

    def parts(self):
        """A refund must come after its settlement, so a month is not simply cut in pieces: each
        part is a month of its own."""
        return [harness.gen(self.folder / ("part%d.csv" % number), MONTH, COUNT // PARTS,
                            seed=70 + number) for number in range(PARTS)]

    def test_threads(self):
        parts = self.parts()
        data = self.init(shards=3)
        engine = self.start(data, "--checkpoint", "1")
        harness.set_clock(engine, "2025-04-05T09:00:00+08:00")

        # One part before the cut, one after it, the others on both sides as it happens.
        first = self.send_all(engine, parts[:1])
        first += self.send_all(engine, parts[1:-1], lambda: harness.cut(engine, MONTH))
        first += self.send_all(engine, parts[-1:])
        self.assertEqual(0, sum(summary["rejected"] for summary in first))
        second = self.send_all(engine, parts)
        for before, after in zip(first, second):
            self.assertEqual((before["sent"], 0, before["sent"], 0), tuple(after.values()))
        months = self.reports(engine)
        self.assertEqual({PERIOD, NEXT}, set(months))
        self.assertEqual("CUT", months[PERIOD].state)
        self.assertEqual(sum(summary["accepted"] for summary in first),
                         sum(month.count for month in months.values()))

        self.stop(engine)
        self.assert_no_race(engine)
        self.assertIn("verify: ok", harness.verify(data).stdout)

        # Booting replays with one thread for each shard.
        engine = self.start(data)
        self.assertEqual(str(months), str(self.reports(engine)))
        self.stop(engine)
        self.assert_no_race(engine)


if __name__ == "__main__":
    unittest.main()
