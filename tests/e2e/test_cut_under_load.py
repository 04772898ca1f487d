"""A cut in the middle of traffic: every record on one side, its answer telling the truth."""

import random
import threading
import time
import unittest

import harness
import wire_client as wire
from harness import Case

MARCH, APRIL = 202503, 202504
SENDERS = 4


class Sender(threading.Thread):
    """Sends March records down one connection and checks what it is told."""

    def __init__(self, test, engine, number, batches):
        super().__init__(daemon=True)
        self.test = test
        self.engine = engine
        self.rng = random.Random(100 + number)
        self.maker = harness.Maker("L%d" % number)
        self.batches = batches
        self.sums = {MARCH: [0, 0, 0], APRIL: [0, 0, 0]}  # count, fund, account
        self.kept = []  # (record, clr_period)
        self.error = None

    def run(self):
        try:
            with self.engine.client() as client:
                while not self.test.enough.is_set():
                    self.one_round(client)
        except Exception as error:  # Told by the test's own thread.
            self.error = error

    def one_round(self, client):
        records = [harness.random_settlement(self.maker, self.rng) for _ in range(30)]
        before_the_order = not self.test.ordered.is_set()
        after_the_cut = self.test.next_seen.is_set()
        if self.batches:
            reply, results = client.batch(records)
            self.test_equal(0, reply.code)
        else:
            ids = client.post_many(records)
            results = [client.take(request_id) for request_id in ids]
        answered_before = before_the_order and not self.test.ordered.is_set()
        for record, result in zip(records, results):
            self.note(record, result, answered_before, after_the_cut)

    def test_equal(self, want, got):
        if want != got:
            raise AssertionError("want %r, got %r" % (want, got))

    def note(self, record, result, answered_before, after_the_cut):
        self.test_equal(0, result.code)
        period = result.clr_period
        if period == APRIL:
            self.test_equal(MARCH, result.orig_period)
            self.test.next_seen.set()
        if answered_before:
            self.test_equal(MARCH, period)
        if after_the_cut:
            self.test_equal(APRIL, period)
        total = self.sums[period]
        total[0] += 1
        total[1] += record.fund_pay_sumamt
        total[2] += record.acct_pay
        self.kept.append((record, period))


class TestCutUnderLoad(Case):
    def cut_from_two_sides(self, engine):
        """The same order on two connections at once: one cut, one repetition."""
        replies = []

        def order():
            with engine.client() as client:
                replies.append(client.call(wire.centre.PeriodCut(period=MARCH)))

        threads = [threading.Thread(target=order, daemon=True) for _ in range(2)]
        self.ordered.set()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        self.next_seen.set()  # What is sent from here on comes after the cut's answer.
        self.assertEqual(2, len(replies))
        for reply in replies:
            self.assertCode(0, reply)
        self.assertEqual([False, True], sorted(reply.dup for reply in replies))
        self.assertEqual(replies[0].cut_at, replies[1].cut_at)
        self.assertEqual(replies[0].period, replies[1].period)
        return replies[0].period

    def tables(self, client, period):
        return (client.call(wire.centre.PositionReport(period=period)).SerializeToString(True),
                [client.call(wire.centre.NetReport(period=period, mode=mode)).SerializeToString()
                 for mode in ("gross", "bilateral", "multilateral")],
                harness.periods(client)[period].SerializeToString())

    def test_cut_under_load(self):
        self.enough, self.ordered, self.next_seen = (threading.Event() for _ in range(3))
        engine = self.fresh(shards=2)
        senders = [Sender(self, engine, number, number % 2 == 1) for number in range(SENDERS)]
        for sender in senders:
            sender.start()
        time.sleep(1.5)
        summary = self.cut_from_two_sides(engine)
        with engine.client() as client:
            frozen = self.tables(client, MARCH)
            time.sleep(1.5)
            self.enough.set()
            for sender in senders:
                sender.join(60)
                self.assertFalse(sender.is_alive())
                if sender.error is not None:
                    raise sender.error
            self.assertEqual(frozen, self.tables(client, MARCH))
            periods = harness.periods(client)
        self.assertEqual("CUT", summary.state)
        for period in (MARCH, APRIL):
            want = [sum(sender.sums[period][i] for sender in senders) for i in range(3)]
            got = periods[period]
            self.assertEqual(want, [got.count, got.fund, got.account], str(period))
            self.assertGreater(want[0], 0)
        self.assertEqual(periods[APRIL].count, periods[APRIL].late_count)

        # The same answers and the same tables after a power failure.
        engine.kill()
        engine = self.start(engine.data)
        with engine.client() as client:
            self.assertEqual(frozen, self.tables(client, MARCH))
            sample = random.Random(1).sample([kept for sender in senders for kept in sender.kept],
                                             300)
            replies = client.call_many(record for record, _ in sample)
            for (_, period), reply in zip(sample, replies):
                self.assertEqual((0, True, period), (reply.code, reply.dup, reply.clr_period))
            self.assertEqual(frozen, self.tables(client, MARCH))
        self.stop(engine)
        self.assertIn("verify: ok", harness.verify(engine.data).stdout)


if __name__ == "__main__":
    unittest.main()
