"""kill -9 at any moment: what was answered is there, once; sending again completes the rest.

This sees recovery and exactly-once on the real file system. It cannot see a missing sync: the
kernel keeps written pages when a process dies.
"""

import random
import subprocess
import time
import unittest

import harness
import wire_client as wire
from harness import Case

MONTH, PERIOD = "2025-03", 202503
SEED = 77


class TestCrash(Case):
    def test_send_through_kills(self):
        """`qingfen send` again and again over an engine that dies."""
        rng = random.Random(SEED)
        file = harness.gen(self.folder / "month.csv", MONTH, 30000, seed=SEED)

        calm = self.start(self.init("calm", 2))
        harness.set_clock(calm, "2025-04-05T09:00:00+08:00")
        undisturbed = harness.send(calm, file)
        with calm.client() as client:
            want = harness.periods(client)[PERIOD]
        want_text = harness.report_text(calm, "position", MONTH)
        self.stop(calm)

        data = self.init("data", 2)
        engine = self.start(data)
        harness.set_clock(engine, "2025-04-05T09:00:00+08:00")
        for _ in range(5):
            sender = subprocess.Popen([harness.qingfen(), "send", "--to", engine.address,
                                       "--retry", "0", str(file)], stdout=subprocess.DEVNULL,
                                      stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
            try:
                time.sleep(rng.uniform(0.0, 0.15))
                engine.kill()
                sender.wait(60)
            finally:
                if sender.poll() is None:
                    sender.kill()
                    sender.wait(10)
            engine = self.start(data)

        done = harness.send(engine, file)
        self.assertEqual(0, done["rejected"])
        self.assertEqual(undisturbed["sent"], done["accepted"] + done["duplicate"])
        with engine.client() as client:
            self.assertEqual(want.digest, harness.periods(client)[PERIOD].digest)
        self.assertEqual(want_text, harness.report_text(engine, "position", MONTH))
        self.stop(engine)
        self.assertIn("verify: ok", harness.verify(data).stdout)

    def send_until_dead(self, engine, records, answers, kill_after):
        """Pipelines records and notes every answer; kills the engine after some answers."""
        with engine.client() as client:
            by_id = {}
            position = taken = 0
            try:
                while position < len(records) or by_id:
                    if position < len(records) and len(by_id) < 200:
                        part = records[position:position + 50]
                        position += len(part)
                        by_id.update(zip(client.post_many(part), part))
                        continue
                    request_id, reply = client.take_any()
                    record = by_id.pop(request_id)
                    self.assertEqual(0, reply.code, str(reply))
                    known = answers.setdefault(record.msgid, (reply.engine_seq, reply.posted_at,
                                                              reply.clr_period, reply.shard))
                    self.assertEqual(known, (reply.engine_seq, reply.posted_at, reply.clr_period,
                                             reply.shard), "another answer than before")
                    taken += 1
                    if taken == kill_after:
                        engine.kill()
            except wire.ConnectionEnded:
                return
            finally:
                engine.kill()

    def test_acknowledged_is_there_once(self):
        """Every answer ever seen holds after any number of kills, with the same place."""
        rng = random.Random(SEED)
        maker = harness.Maker("K")
        records = [harness.random_settlement(maker, rng) for _ in range(3000)]
        data = self.init(shards=2)
        answers: dict[str, tuple] = {}
        engine = self.start(data)
        harness.set_clock(engine, "2025-04-05T09:00:00+08:00")
        for _ in range(5):
            self.send_until_dead(engine, records, answers, rng.randrange(50, 1500))
            engine = self.start(data)

        with engine.client() as client:
            acknowledged = dict(answers)
            replies = client.call_many(records)
            for record, reply in zip(records, replies):
                self.assertEqual(0, reply.code, str(reply))
                if record.msgid in acknowledged:
                    self.assertTrue(reply.dup, "answered before the kill, unknown after it")
                    self.assertEqual(acknowledged[record.msgid],
                                     (reply.engine_seq, reply.posted_at, reply.clr_period,
                                      reply.shard))
            places = {(reply.shard, reply.engine_seq) for reply in replies}
            self.assertEqual(len(records), len(places), "two records at one place")
            summary = harness.periods(client)[PERIOD]
        self.assertEqual(len(records), summary.count)
        self.assertEqual(sum(r.fund_pay_sumamt for r in records), summary.fund)
        self.assertEqual(sum(r.acct_pay for r in records), summary.account)
        self.stop(engine)
        self.assertIn("verify: ok", harness.verify(data).stdout)

    def test_kill_while_recovering(self):
        """A recovery that dies is followed by a recovery."""
        data = self.init(shards=2)
        engine = self.start(data)
        harness.set_clock(engine, "2025-04-05T09:00:00+08:00")
        file = harness.gen(self.folder / "month.csv", MONTH, 10000, seed=SEED + 1)
        sent = harness.send(engine, file)
        with engine.client() as client:
            want = harness.fingerprint(client)
        engine.kill()
        for wait_s in (0.0, 0.005, 0.02, 0.05):
            process = subprocess.Popen([harness.qingfend(), "--data", str(data), "--listen",
                                        "127.0.0.1:0", "--clock", "manual"],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(wait_s)
            process.kill()
            process.wait(20)
        engine = self.start(data)
        with engine.client() as client:
            self.assertEqual(want, harness.fingerprint(client))
        self.assertEqual(sent["sent"], harness.send(engine, file)["duplicate"])
        self.stop(engine)
        self.assertIn("verify: ok", harness.verify(data).stdout)


if __name__ == "__main__":
    unittest.main()
