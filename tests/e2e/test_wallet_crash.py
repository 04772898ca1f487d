"""Wallets under a stream of everything at once: killed again and again, on one shard and on several,
and while people ask."""

import random
import threading
import unittest

import harness
import wire_client as wire
from harness import Case
from wallet_town import Lane, Town, quiet, same_answer
from wire_client import person as asking

SEED = 4711
LANES = 4
WINDOW = 6


class Sender(threading.Thread):
    """One connection with some messages in flight; what is not answered when it breaks is sent again
    over the next one."""

    def __init__(self, lane, home, ready, goal, told):
        super().__init__(daemon=True)
        self.lane, self.home, self.ready, self.goal, self.told = lane, home, ready, goal, told
        self.open = []  # Sent, not answered.
        self.error = None

    def run(self):
        try:
            while self.lane.done < self.goal:
                engine = self.ready.wait()
                try:
                    with engine.client(0, home=self.home) as client:
                        self.talk(client)
                except (wire.ConnectionEnded, ConnectionError, OSError):
                    self.ready.broken(engine)
        except BaseException as error:  # noqa: BLE001 -- told to the test
            self.error = error
            self.told.fail()

    def talk(self, client):
        while self.lane.done < self.goal:
            while len(self.open) < WINDOW:
                self.open.append(self.lane.make())
            numbers = client.post_many(self.open)
            by_number = dict(zip(numbers, list(self.open)))
            while by_number:
                number, reply = client.take_any()
                message = by_number.pop(number)
                self.open.remove(message)
                self.lane.take(message, reply)
                self.told.one()


class Ready:
    """The engine that runs now."""

    def __init__(self, engine):
        self.engine, self.changed = engine, threading.Condition()

    def wait(self):
        with self.changed:
            self.changed.wait_for(lambda: self.engine is not None)
            return self.engine

    def broken(self, engine):
        with self.changed:
            self.changed.wait_for(lambda: self.engine is not engine)

    def set(self, engine):
        with self.changed:
            self.engine = engine
            self.changed.notify_all()


class Told:
    """How many were answered."""

    def __init__(self):
        self.count, self.failed, self.changed = 0, False, threading.Condition()

    def one(self):
        with self.changed:
            self.count += 1
            self.changed.notify_all()

    def fail(self):
        with self.changed:
            self.failed = True
            self.changed.notify_all()

    def wait(self, count, alive):
        with self.changed:
            while self.count < count and not self.failed and alive():
                self.changed.wait(0.2)


class TestWalletCrash(Case):
    def setUp(self):
        super().setUp()
        self.town = Town()

    def serve(self, shards, name="data"):
        engine = self.start(self.init(name, shards))
        self.town.begin(engine)
        return engine

    def senders(self, engine, goal):
        ready, told = Ready(engine), Told()
        return ready, told, [Sender(Lane(self.town, chr(ord("A") + place), SEED + place),
                                    place % 3 + 1, ready, goal, told) for place in range(LANES)]

    def check_no_error(self, senders):
        for sender in senders:
            if sender.error is not None:
                raise sender.error

    def finish(self, senders):
        for sender in senders:
            sender.join(120)
            self.assertFalse(sender.is_alive(), "a sender hangs")
        self.check_no_error(senders)

    def night(self, engine, client):
        """Past 06:00: nothing is under way any more."""
        harness.set_clock(engine, "2026-07-02T06:00:00.000+08:00")
        quiet(client, 20)
        for province, w in self.town.wallets(client).items():
            self.assertEqual([], list(w.transfers), province)
        self.assertEqual([], self.town.broken(client))

    def test_kills(self):
        """kill -9 at any moment: every answer stands, each giver's money is where it should be."""
        rng = random.Random(SEED)
        engine = self.serve(3)
        ready, told, senders = self.senders(engine, 500)
        for sender in senders:
            sender.start()
        for _ in range(7):
            told.wait(told.count + rng.randrange(40, 260),
                      lambda: any(sender.is_alive() for sender in senders))
            self.check_no_error(senders)
            ready.set(None)
            engine.kill()
            engine = self.start(engine.data)
            ready.set(engine)
        self.finish(senders)
        with engine.client() as client:
            quiet(client)
            for sender in senders:
                self.assertLess(0, len(sender.lane.payments))
                for message, reply in sender.lane.answered:
                    again = client.call(message)
                    self.assertTrue(again.dup, "%s\n%s" % (message, again))
                    self.assertEqual(same_answer(reply), same_answer(again))
            quiet(client)
            self.night(engine, client)
        self.stop(engine)
        self.assertIn("verify: ok", harness.verify(engine.data, "--deep").stdout)

    # The same on any number of shards ---------------------------------------------------------

    def script(self, shards):
        """One sender that waits for each answer and for all mail; what the engine then shows."""
        engine = self.serve(shards, "same-%d" % shards)
        lane = Lane(self.town, "S", SEED)
        answers = []
        with engine.client() as client:
            for _ in range(250):
                message = lane.make()
                reply = client.call(message)
                lane.take(message, reply)
                answers.append((reply.code, reply.stas, reply.trsf_id, reply.pay_id, reply.rev_id,
                                reply.amt, reply.balc))
                quiet(client)
            harness.set_clock(engine, "2026-07-02T06:00:00.000+08:00")
            quiet(client)
            wallets = {place: str(w) for place, w in self.town.wallets(client).items()}
            boxes = {dest: client.outbox(dest) for dest in self.town.keys | {0: None}}
        position = harness.report_text(engine, "position", "2026-07")
        self.stop(engine)
        self.assertIn("verify: ok", harness.verify(engine.data, "--deep").stdout)
        return answers, wallets, position, {dest: self.contents(box) for dest, box in boxes.items()}

    def contents(self, box):
        """As a multiset, and in the order each person's messages have."""
        self.assertEqual(list(range(1, len(box) + 1)), [m.position for m in box])
        persons = {}
        for message in box:
            message.position = 0
            persons.setdefault(message.psn_key, []).append(str(message))
        return sorted(map(str, box)), persons

    def test_any_number_of_shards(self):
        first = self.script(1)
        self.assertIn(",5,", first[2])
        self.assertLess(100, sum(len(box[0]) for box in first[3].values()))
        for shards in (2, 4):
            with self.subTest(shards=shards):
                other = self.script(shards)
                for mine, its in zip(first, other):
                    self.assertEqual(mine, its)

    # Questions --------------------------------------------------------------------------------

    def test_questions_under_load(self):
        """People ask while settlements and wallets run; nobody is kept out, nobody sees another."""
        engine = self.serve(3)
        _, _, senders = self.senders(engine, 150)
        maker = harness.Maker("Q")
        records = [harness.random_settlement(maker, random.Random(place), "2026-06",
                                             psn_key=self.town.keys[34], insu_admdvs=340100,
                                             mdtrtarea_admvs=310000)
                   for place in range(500)]
        for sender in senders:
            sender.start()
        try:
            with engine.client() as client, engine.client(34) as anhui, \
                    engine.client() as settling:
                for begin in range(0, len(records), 50):
                    numbers = settling.post_many(records[begin:begin + 50])
                    self.ask(client, anhui, records[0])
                    for number in numbers:
                        self.assertCode(0, settling.take(number))
        finally:
            self.finish(senders)
        with engine.client() as client:
            mine = client.call(asking.SetlRecords(psn_key=self.town.keys[34], limit=200))
            self.assertEqual((0, 200), (mine.code, len(mine.records)))
        self.stop(engine)
        self.assertIn("verify: ok", harness.verify(engine.data, "--deep").stdout)

    def ask(self, client, anhui, record):
        mine, other = self.town.keys[34], self.town.keys[53]
        self.assertEqual(0, client.call(asking.WltQuery(psn_key=other)).code)
        self.assertEqual(0, anhui.call(asking.WltQuery(psn_key=mine)).code)
        self.assertEqual(6002, anhui.call(asking.WltQuery(psn_key=other)).code)
        self.assertEqual(6002, anhui.call(asking.WltRecords(psn_key=other)).code)
        self.assertEqual(0, anhui.call(asking.WltRecords(psn_key=mine, limit=200)).code)
        self.assertIn(anhui.call(asking.SetlRecords(psn_key=other)).code, (0, 6002))
        self.assertEqual(6003, anhui.call(asking.YearSumGet(psn_key=mine, year=2026)).code)
        statement = asking.StmtGet(insu_admdvs=340100, setl_id=record.setl_id, psn_key=other)
        self.assertEqual(6001, client.call(statement).code)
        self.assertIn(client.call(asking.WltRecords(psn_key=mine, limit=5)).code, (0,))


if __name__ == "__main__":
    unittest.main()
