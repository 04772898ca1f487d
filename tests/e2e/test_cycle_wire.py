"""The clearing cycle over the wire: who may, what comes again, what survives, lists in parts."""

import json
import random
import shutil
import time
import unittest

import harness
import wire_client as wire
from harness import Case, ms

MARCH, APRIL = 202503, 202504
DAY = 20250314
NOW = "2025-04-02T09:00:00+08:00"
cycle = wire.cycle


def lose_pages(data, count: int) -> None:
    """Zeros the last written pages of shard 0's journal, as if they had not come to the disk."""
    with open(sorted(data.glob("shard-0000/journal/*.qfj"))[0], "r+b") as segment:
        page = segment.seek(0, 2) // 4096
        while count > 0:
            page -= 1
            segment.seek(page * 4096)
            if any(segment.read(4096)):
                segment.seek(page * 4096)
                segment.write(bytes(4096))
                count -= 1


def flip(data, record) -> None:
    """Flips a bit of a settlement's entry: it cannot be read any more, or can be again."""
    sound = record.msgid.encode()
    damaged = sound[:-1] + bytes([sound[-1] ^ 0x40])
    for path in data.glob("shard-*/journal/*.qfj"):
        whole = path.read_bytes()
        for there, then in ((sound, damaged), (damaged, sound)):
            place = whole.find(there)
            if place >= 0:
                with open(path, "r+b") as segment:
                    segment.seek(place)
                    segment.write(then)
                return
    raise AssertionError("no entry of " + record.msgid)


class CycleCase(Case):
    def setUp(self):
        super().setUp()
        self.data = self.init(shards=3)
        self.restart()
        harness.set_clock(self.engine, NOW)
        self.maker = harness.Maker("C")

    def restart(self):
        """A new engine on the same store, after whatever happened to the old one."""
        self.engine = self.start(self.data)
        self.client = self.engine.client()
        self.addCleanup(self.client.close)

    def post(self, count: int = 30, **fields):
        """Settlements of Anhui in Shanghai; all accepted."""
        records = [self.maker.settlement(**fields) for _ in range(count)]
        for reply in self.client.call_many(records):
            self.assertCode(0, reply)
        return records

    def order(self, message, code: int = 0, client=None):
        return harness.order(client or self.client, message, code)


class TestWhoMay(CycleCase):
    def test_a_province_acts_for_itself(self):
        self.post()
        with self.engine.client(31) as shanghai, self.engine.client(34) as anhui:
            confirm = cycle.ClrConfirm(msgid="C1", period=MARCH)
            self.order(confirm, client=shanghai)
            self.order(cycle.ClrConfirm(msgid="C2", province=31, period=MARCH), client=shanghai)
            self.order(cycle.ClrConfirm(msgid="C3", province=31, period=MARCH), 1004, anhui)
            self.order(cycle.ReconDay(province=31, period=MARCH), 1004, anhui)
            for message in (cycle.BatchStep(msgid="B", period=MARCH, step="compute"),
                            cycle.SettingSet(msgid="S", name="payment.partial", value=0),
                            cycle.PrefundSet(msgid="P", year=2025),
                            cycle.NoticeReissue(msgid="N", number="X"),
                            wire.centre.PeriodCut(period=MARCH),
                            wire.centre.YearClose(year=2024)):
                self.assertCode(1004, shanghai.call(message), type(message).__name__)
        for message in (wire.centre.PeriodList(),):
            self.assertFalse(self.client.call(message).periods[0].state == "CUT")

    def test_a_province_sees_its_own(self):
        self.post(5)
        self.post(5, insu_admdvs=320100)
        with self.engine.client(34) as anhui, self.engine.client(31) as shanghai:
            cells = self.order(cycle.CellList(period=MARCH), client=anhui).cells
            self.assertEqual([(34, 31, 5)], [(c.payer, c.payee, c.count) for c in cells])
            self.assertEqual(2, len(self.order(cycle.CellList(period=MARCH),
                                               client=shanghai).cells))
            for message in (cycle.CellList(period=MARCH, province=32),
                            cycle.NoticeList(province=32), cycle.DisputeList(province=32),
                            cycle.ExceptionList(province=32), cycle.DifferenceList(province=32),
                            cycle.PrefundList(province=32), cycle.AreaReport(period=MARCH,
                                                                             province=32),
                            cycle.CalendarGet(month=MARCH, province=32),
                            cycle.BatchGet(period=MARCH, province=32), cycle.BookGet(),
                            cycle.BookGet(payer=32, payee=31)):
                self.assertCode(1004, anhui.call(message), type(message).__name__)
            self.order(cycle.BookGet(payer=32, payee=31), client=shanghai)
            self.order(cycle.SettingList(), client=anhui)

            harness.cut(self.engine, "2025-03")
            batch = self.order(cycle.BatchGet(period=MARCH, limit=10), client=anhui)
            self.assertEqual([(34, 31)], [(line.payer, line.payee) for line in batch.lines])
            self.assertEqual({34}, {p.province for p in batch.positions if p.payable})
            self.assertEqual([34], [payment.payer for payment in batch.payments])
            areas = self.order(cycle.AreaReport(period=MARCH), client=anhui).rows
            self.assertEqual([(340100, 31, 5, 45000)],
                             [(a.admdvs, a.counterpart, a.count, a.amount) for a in areas])
            areas = self.order(cycle.AreaReport(period=MARCH, receivable=True),
                               client=shanghai).rows
            self.assertEqual([(310000, 32, 5), (310000, 34, 5)],
                             [(a.admdvs, a.counterpart, a.count) for a in areas])

    def test_pages(self):
        for area in (110100, 120100, 130100, 320100, 340100):
            self.post(1, insu_admdvs=area)
        whole = self.order(cycle.CellList(period=MARCH))
        self.assertEqual((5, False), (len(whole.cells), whole.more))
        pages, offset = [], 0
        while True:
            page = self.order(cycle.CellList(period=MARCH, offset=offset, limit=2))
            pages += page.cells
            offset += len(page.cells)
            if not page.more:
                break
        self.assertEqual(list(whole.cells), pages)
        self.assertEqual(0, len(self.order(cycle.CellList(period=MARCH, offset=9)).cells))

    def test_what_cannot_be_asked(self):
        for message in (cycle.CellList(), cycle.CellList(period=202513), cycle.CalendarGet(),
                        cycle.AreaReport(period=MARCH), cycle.ExceptionList(state="LOST"),
                        cycle.NoticeList(kind="letter"), cycle.NoticeList(state="due")):
            self.order(message, 1001)
        self.order(cycle.CellList(period=MARCH, province=71), 2002)
        self.order(cycle.BatchGet(period=MARCH), 6001)
        reply = self.order(cycle.ClrConfirm(msgid="a b", period=MARCH), 1001)
        self.assertIn("msgid", reply.text)


class TestAgain(CycleCase):
    SETTING = cycle.SettingSet(msgid="S1", name="clearing.payable_mode", value=0)

    def test_same_order_same_answer(self):
        first = self.order(self.SETTING)
        self.assertFalse(first.dup)
        self.assertGreater(first.engine_seq, 0)
        again = self.order(self.SETTING)
        self.assertEqual((True, first.ref, first.decided_at), (again.dup, again.ref,
                                                               again.decided_at))
        other = cycle.SettingSet(msgid="S1", name="clearing.payable_mode", value=2)
        self.order(other, 1005)
        self.order(cycle.NoticeReissue(msgid="S1", number="N"), 1005)

        # Another sender's msgid is another name; a refused order is not remembered.
        self.post(3)
        with self.engine.client(31) as shanghai:
            self.order(cycle.ClrConfirm(msgid="S1", period=MARCH), client=shanghai)
        refused = cycle.SettingSet(msgid="S2", name="no.such", value=1)
        self.order(refused, 5014)
        self.order(cycle.SettingSet(msgid="S2", name="payment.partial", value=0))

    def test_an_answered_order_survives(self):
        self.post(3)
        self.assertEqual("bilateral", self.client.call(
            wire.centre.NetReport(period=MARCH)).payable_mode)
        first = self.order(self.SETTING)
        with self.engine.client(31) as shanghai:
            self.order(cycle.ClrConfirm(msgid="C1", period=MARCH), client=shanghai)
        for _ in range(2):
            self.engine.kill()
            self.restart()
            again = self.order(self.SETTING)
            self.assertEqual((True, first.decided_at), (again.dup, again.decided_at))
            net = self.client.call(wire.centre.NetReport(period=MARCH))
            self.assertEqual(("gross", "gross"), (net.mode, net.payable_mode))
            self.assertTrue(self.order(cycle.CellList(period=MARCH)).cells[0].confirmed)
        self.stop(self.engine)
        self.restart()
        self.assertTrue(self.order(self.SETTING).dup)
        self.assertEqual("", self.order(cycle.BookGet()).broken)


class TestReconciliation(CycleCase):
    def item(self, record):
        return cycle.ReconItem(insu_admdvs=record.insu_admdvs, setl_id=record.setl_id,
                               medfee_sumamt=record.medfee_sumamt,
                               fund_pay_sumamt=record.fund_pay_sumamt, acct_pay=record.acct_pay)

    def parts(self, items, sizes, name="L", **fields):
        """The messages of a list."""
        made, at = [], 0
        for number, size in enumerate(sizes, 1):
            made.append(cycle.ReconList(msgid="%s-%d" % (name, number), date=DAY, payer=34,
                                        payee=31, part=number, parts=len(sizes),
                                        items=items[at:at + size], **fields))
            at += size
        self.assertEqual(len(items), at)
        return made

    def test_totals(self):
        self.post(7)
        asked = self.order(cycle.ReconDay(period=MARCH, date=DAY, payer=34))
        self.assertEqual(1, len(asked.cells))
        centre = asked.cells[0].centre
        self.assertEqual((34, 31, 2, 310, 7, 70000, 42000, 21000),
                         (centre.payer, centre.payee, centre.line, centre.insutype, centre.count,
                          centre.medfee_sumamt, centre.fund_pay_sumamt, centre.acct_pay))
        wrong = cycle.ReconTotal()
        wrong.CopyFrom(centre)
        wrong.payee = 32
        with self.engine.client(34, home=3) as anhui:
            reply = self.order(cycle.ReconDay(msgid="D1", period=MARCH, date=DAY,
                                              totals=[centre, wrong]), 2021, anhui)
            self.assertEqual((1, 1, 2), (reply.equal, reply.different, len(reply.cells)))
            found = [(c.equal, c.payer_reconciled, c.payee_reconciled, c.centre.count)
                     for c in reply.cells]
            self.assertEqual([(True, True, False, 7), (False, False, False, 0)], found)
            month = self.order(cycle.ReconDay(msgid="D2", period=MARCH, totals=[centre]),
                               client=anhui)
            self.assertEqual((1, 0), (month.equal, month.different))
        self.engine.kill()
        self.restart()
        asked = self.order(cycle.ReconDay(period=MARCH, date=DAY))
        self.assertTrue(asked.cells[0].payer_reconciled)
        self.post(1)  # What was agreed to is not what is there now.
        asked = self.order(cycle.ReconDay(period=MARCH, date=DAY))
        self.assertEqual((8, False), (asked.cells[0].centre.count,
                                      asked.cells[0].payer_reconciled))

    def test_a_large_list_over_three_shards(self):
        """Parts of a frame's size through a lane; what differs is named, what not reconciles."""
        records = self.post(9000)
        self.post(50, setl_time=ms("2025-03-15 10:00:00"))
        random.Random(5).shuffle(records)
        items = [self.item(record) for record in records]
        items[10].fund_pay_sumamt += 1
        items[4500].refd_setl_flag = 1
        items[20].CopyFrom(items[21])  # One twice, one not there.
        items.append(cycle.ReconItem(insu_admdvs=340100, setl_id="ELSEWHERE", medfee_sumamt=5,
                                     fund_pay_sumamt=5))
        with self.engine.client(34, home=2) as anhui:
            messages = self.parts(items, [4000, 4000, 1001])
            for message in messages[:2]:
                reply = self.order(message, client=anhui)
                self.assertEqual((False, False, 0), (reply.complete, reply.dup, reply.matched))
                self.assertTrue(self.order(message, client=anhui).dup)
            last = self.order(messages[2], client=anhui)
            self.assertEqual((True, 8996, 1, 1, 1), (last.complete, last.matched, last.amount,
                                                     last.flag, last.duplicate))
            self.assertEqual(2, last.only_payee + last.only_payer)
            self.assertGreater(last.engine_seq, 0)
            self.engine.kill()
        self.restart()
        with self.engine.client(34, home=2) as anhui:
            again = self.order(messages[2], client=anhui)
            self.assertEqual((True, True, ""), (again.dup, again.complete, again.text))
            again.dup, again.text, again.engine_seq = last.dup, last.text, last.engine_seq
            self.assertEqual(last, again)
            shown = self.order(cycle.DifferenceList(period=MARCH, date=DAY), client=anhui)
            self.assertEqual({"AMOUNT": 1, "FLAG": 1, "DUPLICATE": 1},
                             {kind: sum(d.kind == kind for d in shown.differences)
                              for kind in ("AMOUNT", "FLAG", "DUPLICATE")})
            for message in self.parts([self.item(record) for record in records],
                                      [4000, 4000, 1000], "K"):
                reply = self.order(message, client=anhui)
            self.assertEqual((9000, True), (reply.matched, reply.complete))
            self.assertEqual(0, len(self.order(cycle.DifferenceList(period=MARCH, date=DAY),
                                               client=anhui).differences))
            asked = self.order(cycle.ReconDay(period=MARCH, date=DAY), client=anhui)
            self.assertTrue(asked.cells[0].payer_reconciled)

    def test_a_month_that_was_reconciled_by_its_days(self):
        """The month's figures say of a cell what the list of cells says, and its papers are made."""
        records = self.post(3)
        last = self.post(1, setl_time=ms("2025-03-20 10:00:00"))
        for day, part in ((DAY, records), (20250320, last)):
            before = self.order(cycle.ReconDay(province=34, period=MARCH)).cells[0]
            self.assertFalse(before.payer_reconciled)
            self.order(cycle.ReconList(msgid="L%d" % day, province=34, date=day, payer=34, payee=31,
                                       part=1, parts=1, items=[self.item(one) for one in part]))
        month = self.order(cycle.ReconDay(province=34, period=MARCH)).cells[0]
        cell = self.order(cycle.CellList(period=MARCH)).cells[0]
        self.assertEqual((True, False), (month.payer_reconciled, month.payee_reconciled))
        self.assertEqual((True, False), (cell.payer_reconciled, cell.payee_reconciled))
        self.order(wire.centre.PeriodCut(period=MARCH))
        self.order(cycle.BatchStep(msgid="compute", period=MARCH, step="compute"))
        harness.run("document", "RECON_DAILY", "--period", "2025-03", "--province", 34, "--to",
                    self.engine.address)

    def test_an_adjustment_stands_in_the_list_of_its_own_day(self):
        """What is adjusted in April is cleared in March, while March is open: before a checkpoint
        and after it, the list of that day has it."""
        self.assertCode(0, self.client.call(self.maker.adjust(
            self.post(1)[0], hifp_pay=-100)))
        unknown = cycle.ReconItem(insu_admdvs=340100, setl_id="ELSEWHERE", medfee_sumamt=5,
                                  fund_pay_sumamt=5)
        for name in ("before", "after"):
            with self.engine.client(34) as anhui:
                reply = self.order(cycle.ReconList(
                    msgid=name, date=20250402, payer=34, payee=31, part=1, parts=1,
                    items=[unknown]), client=anhui)
            self.assertEqual(2, reply.only_payee + reply.only_payer, reply)
            self.stop(self.engine)
            self.restart()

    def test_parts_come_in_order(self):
        records = self.post(4)
        messages = self.parts([self.item(record) for record in records], [1, 1, 2])
        with self.engine.client(34) as anhui, self.engine.client(31) as shanghai:
            self.order(messages[1], 5011, anhui)
            self.order(messages[0], client=anhui)
            self.order(messages[2], 5011, anhui)
            other = self.parts([self.item(records[0])], [1], "O")[0]
            self.order(other, client=shanghai)  # Another province's list is its own.
            self.order(messages[1], client=anhui)
            self.engine.kill()
        self.restart()
        with self.engine.client(34) as anhui:
            self.order(messages[2], 5011, anhui)  # Unfinished lists are in memory only.
            self.assertFalse(self.order(messages[0], client=anhui).dup)
            self.assertIn("part 2 of the list", self.order(messages[2], 5011, anhui).text)
            self.assertTrue(self.order(messages[0], client=anhui).dup)
            for message in messages[1:]:
                reply = self.order(message, client=anhui)
            self.assertEqual((4, True), (reply.matched, reply.complete))

    def test_a_part_that_comes_again(self):
        """Any part, as it was or with other content, while its list is under way and after."""
        records = self.post(4)
        messages = self.parts([self.item(record) for record in records], [1, 1, 2])
        changed = []
        for message in messages:
            changed.append(cycle.ReconList())
            changed[-1].CopyFrom(message)
            changed[-1].items[0].medfee_sumamt += 1
        renumbered = cycle.ReconList()
        renumbered.CopyFrom(messages[2])
        renumbered.msgid = messages[0].msgid
        with self.engine.client(34) as anhui:
            for number, message in enumerate(messages[:2], 1):
                self.assertFalse(self.order(message, client=anhui).dup)
                for before, other in zip(messages[:number], changed):
                    reply = self.order(before, client=anhui)
                    self.assertEqual((True, False), (reply.dup, reply.complete))
                    self.order(other, 1005, anhui)
            self.assertIn("msgid L-1 was used", self.order(renumbered, 1005, anhui).text)
            reply = self.order(messages[2], client=anhui)  # The list is still what it was.
            self.assertEqual((4, True, False), (reply.matched, reply.complete, reply.dup))
            for before, other in zip(messages, changed):
                self.assertTrue(self.order(before, client=anhui).dup)
                self.order(other, 1005, anhui)

    def test_a_whole_list_goes_before_one_under_way(self):
        """Where all lists together have more rows than are kept, what is left of a list that has
        its answer is forgotten, not what was sent of one that has not."""
        item = self.item(self.post(1)[0])
        rows = cycle.ReconItem(insu_admdvs=340100, setl_id="N")
        begun = self.parts([rows] * 199800, [3996] * 50 + [0, 0])
        whole = self.parts([item], [1] + [0] * 200, "W")
        more = self.parts([rows] * 200000, [4000] * 50 + [0], "M")
        for message in more:
            message.payer = 32
        with self.engine.client(34) as anhui, self.engine.client(31) as shanghai:
            for message in begun[:-2]:
                self.order(message, client=anhui)
            for message in whole:
                reply = self.order(message, client=shanghai)
            self.assertTrue(reply.complete)
            with self.engine.client(32) as jiangsu:
                for message in more[:-1]:
                    self.order(message, client=jiangsu)
            self.order(begun[-2], client=anhui)
            self.order(whole[1], 5011, shanghai)

    def test_of_a_refused_list_nothing_is_remembered(self):
        record = self.post(1)[0]
        self.order(cycle.SettingSet(msgid="MOST", name="recon.differences_max", value=1))
        items = [cycle.ReconItem(insu_admdvs=340100, setl_id="E%d" % n) for n in range(3)]
        with self.engine.client(34) as anhui:
            for message, code in zip(self.parts(items, [1, 2]), (0, 2022)):
                self.order(message, code, anhui)
            for message in self.parts([self.item(record)], [1, 0]):
                reply = self.order(message, client=anhui)
            self.assertEqual((1, True), (reply.matched, reply.complete))
        nobodys = cycle.ReconList(msgid="MOST", date=DAY, payer=34, payee=31, part=1, parts=1)
        self.order(nobodys, 1005)  # Refused without a list: that of a province is not looked for.

    def test_too_long_a_frame_is_refused_cleanly(self):
        item = cycle.ReconItem(insu_admdvs=340100, setl_id="X" * 30)
        with self.engine.client(34, home=2) as anhui:
            self.order(self.parts([item] * 4001, [4001])[0], 1001, anhui)
            big = cycle.BatchSign(msgid="S", period=MARCH, reason="x" * 5000)
            self.order(big, 1001, anhui)
            self.order(cycle.CellList(period=MARCH), client=anhui)


class TestDisputes(CycleCase):
    def test_by_state(self):
        record = self.post(1)[0]
        with self.engine.client(34) as anhui:
            self.order(cycle.DisputeOpen(msgid="O", dispute_no="D1", reason=2,
                                         insu_admdvs=340100, setl_id=record.setl_id), client=anhui)
            self.assertEqual({"OPEN": 1, "ACCEPTED": 0, "RESOLVED": 0},
                             {state: len(self.order(cycle.DisputeList(state=state),
                                                    client=anhui).disputes)
                              for state in ("OPEN", "ACCEPTED", "RESOLVED")})
        self.stop(self.engine)


class TestCut(CycleCase):
    def test_a_cut_makes_a_batch(self):
        records = self.post(20)
        with self.engine.client(31) as shanghai:
            held = cycle.ConfirmItem(insu_admdvs=340100, setl_id=records[3].setl_id, cnfm_flag=0)
            self.order(cycle.ClrConfirm(msgid="H", period=MARCH, items=[held]), client=shanghai)
        trial = self.order(wire.centre.PeriodCut(period=MARCH, provisional=True))
        self.assertEqual((True, 19, 19 * 9000, 1, 9000, "OPEN"),
                         (trial.provisional, trial.batch_count, trial.batch_amount, trial.left_out,
                          trial.left_out_amount, trial.period.state))
        self.order(cycle.BatchGet(period=MARCH), 6001)
        cut = self.order(wire.centre.PeriodCut(period=MARCH))
        self.assertEqual((False, "202503-1", 19, 19 * 9000, 1, 9000, 20, "CUT"),
                         (cut.dup, cut.batch, cut.batch_count, cut.batch_amount, cut.left_out,
                          cut.left_out_amount, cut.period.count, cut.period.state))
        again = self.order(wire.centre.PeriodCut(period=MARCH))
        self.assertEqual((True, cut.batch, cut.batch_count, cut.left_out, cut.cut_at),
                         (again.dup, again.batch, again.batch_count, again.left_out, again.cut_at))
        self.order(cycle.BatchStep(msgid="A", period=MARCH, step="abort"))
        self.engine.kill()
        self.restart()
        self.assertEqual("ABORTED", self.order(cycle.BatchGet(period=MARCH)).batch.state)
        second = self.order(wire.centre.PeriodCut(period=MARCH))
        self.assertEqual((False, "202503-2", 19), (second.dup, second.batch, second.batch_count))
        exceptions = self.order(cycle.ExceptionList()).exceptions
        self.assertEqual([(records[3].setl_id, "HELD", True)],
                         [(e.setl_id, e.state, e.carved) for e in exceptions])
        self.assertEqual("", self.order(cycle.BookGet()).broken)
        self.stop(self.engine)
        self.assertIn("verify: ok", harness.verify(self.data).stdout)

    def test_areas_of_cells_that_had_to_wait(self):
        """The second level has the cells of every month in the batch, of the store and after it."""
        april = ms("2025-04-01 08:00:00")
        self.post(6)
        self.post(4, setl_time=april)
        self.stop(self.engine)
        self.restart()
        self.post(3, insu_admdvs=340200)
        self.post(2, setl_time=april)
        self.order(wire.centre.PeriodCut(period=MARCH))
        self.order(cycle.BatchStep(msgid="no", period=MARCH, step="abort", reason="wrong"))
        self.order(wire.centre.PeriodCut(period=APRIL))
        self.order(cycle.BatchStep(msgid="yes", period=APRIL, step="compute"))
        lines = self.order(cycle.BatchGet(period=APRIL, limit=9)).lines
        self.assertEqual([("CELL", 6), ("CARRIED_CELL", 9)], [(a.kind, a.count) for a in lines])
        for province, receivable, want in ((34, False, [(340100, 31, 12), (340200, 31, 3)]),
                                           (31, True, [(310000, 34, 15)])):
            areas = self.order(cycle.AreaReport(period=APRIL, province=province,
                                                receivable=receivable)).rows
            self.assertEqual(want, [(a.admdvs, a.counterpart, a.count) for a in areas])
            self.assertEqual(sum(a.amount for a in lines), sum(a.amount for a in areas))
            harness.run("document", "CLR_DETAIL_EMP", "--period", "2025-04", "--province", province,
                        "--to", self.engine.address)

    def test_a_cut_under_a_used_name_cuts_nothing(self):
        self.post(5)
        self.order(cycle.SettingSet(msgid="N", name="payment.partial", value=1))
        self.order(wire.centre.PeriodCut(period=MARCH, msgid="N"), 1005)
        listed = self.client.call(wire.centre.PeriodList())
        self.assertEqual([(MARCH, "OPEN")], [(p.period, p.state) for p in listed.periods])
        self.assertEqual("202503-1", self.order(wire.centre.PeriodCut(period=MARCH)).batch)

    def test_what_must_be_reconciled_waits(self):
        """recon.required: a cut takes what both sides agreed to, the rest carries over."""
        self.post(3)
        self.post(2, insu_admdvs=320100)
        self.order(cycle.SettingSet(msgid="S", name="recon.required", value=2))
        totals = [cell.centre for cell in self.order(cycle.ReconDay(period=MARCH, payer=34)).cells]
        for province in (34, 31):
            self.order(cycle.ReconDay(msgid="D%d" % province, province=province, period=MARCH,
                                      totals=totals))
        reply = self.order(wire.centre.PeriodCut(period=MARCH))
        self.assertEqual((3, 2, 18000), (reply.batch_count, reply.left_out, reply.left_out_amount))

    def test_an_empty_month_that_was_passed_over(self):
        """Nothing was in February when March was cut: it is cut, without a batch."""
        self.post(3)
        harness.cut(self.engine, "2025-03")
        reply = self.order(wire.centre.PeriodCut(period=202502))
        self.assertEqual((True, "", 0, "CUT"), (reply.dup, reply.batch, reply.left_out,
                                                reply.period.state))

    def test_from_the_cut_to_the_money(self):
        """The whole way, with kills between the steps."""
        self.post(10)
        self.post(4, insu_admdvs=310100, mdtrtarea_admvs=340100, fixmedins_code="H34000000001")
        harness.cut(self.engine, "2025-03")
        self.engine.kill()
        self.restart()
        harness.settle_batch(self.client, MARCH, ms("2025-04-02 09:00:00"))
        self.engine.kill()
        self.restart()
        batch = self.order(cycle.BatchGet(period=MARCH, limit=1000))
        self.assertEqual("SETTLED", batch.batch.state)
        self.assertEqual(14, sum(line.count for line in batch.lines))
        self.assertEqual([(34, 31, 6 * 9000)],
                         [(p.payer, p.payee, p.amount) for p in batch.payments])
        notice = self.order(cycle.NoticeList()).notices[0]
        self.assertEqual(("SETTLED", 6 * 9000, 6 * 9000), (notice.state, notice.amount,
                                                           notice.received))
        shown = self.order(cycle.NoticeList(number=notice.number)).notices[0]
        self.assertEqual(["RECEIVED"], [payment.state for payment in shown.payments])
        self.assertEqual("", self.order(cycle.BookGet()).broken)

    def test_a_cut_is_finished_by_the_next_start(self):
        """Killed at any moment of a cut: a month that is cut has its batch after the start."""
        rng = random.Random(11)
        months = ["2024-%02d" % month for month in range(1, 11)]
        for month in months:
            self.post(6, setl_time=ms(month + "-05 10:00:00"))
        finished = 0
        for month in months:
            period = int(month.replace("-", ""))
            self.client.post(wire.centre.PeriodCut(period=period))
            time.sleep(rng.uniform(0.0, 0.002))
            self.engine.kill()
            self.restart()
            if harness.periods(self.client)[period].state == "CUT":
                finished += 1
            else:
                self.order(wire.centre.PeriodCut(period=period))
            batch = self.order(cycle.BatchGet(period=period, limit=10))
            self.assertEqual((1, 6), (batch.batch.number, sum(line.count for line in batch.lines)))
            self.assertTrue(self.order(wire.centre.PeriodCut(period=period)).dup)
        self.assertEqual("", self.order(cycle.BookGet()).broken)
        print("killed cuts: %d of %d were finished at the start" % (finished, len(months)))

    def test_half_a_decision_is_none(self):
        """The cut's decision is many entries. Whatever end of them is lost, the next start decides
        anew, and to the same."""
        rng = random.Random(3)
        records = [harness.random_settlement(self.maker, rng) for _ in range(600)]
        for reply in self.client.call_many(records):
            self.assertCode(0, reply)
        harness.cut(self.engine, "2025-03")
        want = self.order(cycle.BatchGet(period=MARCH, limit=1000))
        self.assertGreater(len(want.lines), 200)
        self.engine.kill()
        for pages in (1, 5, 12):
            data = self.folder / ("torn-%d" % pages)
            shutil.copytree(self.data, data)
            lose_pages(data, pages)
            engine = self.start(data)
            with engine.client() as client:
                again = self.order(cycle.BatchGet(period=MARCH, limit=1000), client=client)
                self.assertEqual(list(want.lines), list(again.lines))
                self.assertEqual(("CUT", want.batch.gross), (again.batch.state,
                                                             again.batch.gross))
                self.assertEqual("", self.order(cycle.BookGet(), client=client).broken)
            self.stop(engine)
            self.assertIn("verify: ok", harness.verify(data).stdout)

    def test_the_usual_name_is_taken(self):
        """A start names the order that it finishes as the operator's is named who gives no name.
        Another order may have that name; the month gets its batch all the same."""
        self.order(cycle.SettingSet(msgid="cut-202503", name="payment.partial", value=0))
        self.order(cycle.SettingSet(msgid="cut-202503-2", name="payment.partial", value=0))
        self.post(6)
        self.order(wire.centre.PeriodCut(period=MARCH, msgid="march"))
        self.engine.kill()
        lose_pages(self.data, 1)
        self.restart()
        self.assertEqual("CUT", harness.periods(self.client)[MARCH].state)
        batch = self.order(cycle.BatchGet(period=MARCH)).batch
        self.assertEqual((1, 6), (batch.number, batch.count))
        harness.set_clock(self.engine, "2025-05-02T09:00:00+08:00")
        self.order(wire.centre.PeriodCut(period=202504))
        self.assertTrue(self.order(wire.centre.PeriodCut(period=MARCH)).dup)

    def test_a_start_that_cannot_finish_a_cut(self):
        """A crash left a month without its batch, and a record that the batch needs has rotted: the
        start leaves it, the next month waits for it, and once the record is there again the same
        order makes the batch."""
        records = self.post(6)
        held = cycle.ConfirmItem(insu_admdvs=340100, setl_id=records[2].setl_id, cnfm_flag=0)
        with self.engine.client(31) as shanghai:
            self.order(cycle.ClrConfirm(msgid="H", period=MARCH, items=[held]), client=shanghai)
        self.stop(self.engine)
        self.restart()
        self.order(wire.centre.PeriodCut(period=MARCH))
        self.engine.kill()
        lose_pages(self.data, 1)
        flip(self.data, records[2])
        self.restart()
        harness.set_clock(self.engine, "2025-05-02T09:00:00+08:00")
        self.assertEqual("CUT", harness.periods(self.client)[MARCH].state)
        self.order(cycle.BatchGet(period=MARCH), 6001)
        agenda = self.order(cycle.CalendarGet(month=202505)).items
        self.assertIn(("compute", "LATE"), [(item.what, item.severity) for item in agenda])
        for _ in range(2):
            reply = self.order(wire.centre.PeriodCut(period=202504), 5001)
            self.assertIn("202503 is cut on the shards and has no batch", reply.text)
            reply = self.order(wire.centre.PeriodCut(period=MARCH), 6010)
            self.assertIn("202503 is cut on the shards and has no batch", reply.text)
        flip(self.data, records[2])
        reply = self.order(wire.centre.PeriodCut(period=MARCH))
        self.assertEqual((False, "202503-1", 5, 1), (reply.dup, reply.batch, reply.batch_count,
                                                     reply.left_out))
        self.order(wire.centre.PeriodCut(period=202504))
        self.assertEqual("", self.order(cycle.BookGet()).broken)
        self.stop(self.engine)
        self.assertIn("verify: ok", harness.verify(self.data).stdout)


class TestCommandLine(CycleCase):
    def call(self, type_: str, **fields) -> dict:
        done = harness.run("call", type_, "--to", self.engine.address, json.dumps(fields))
        return json.loads(done.stdout)

    def test_call(self):
        self.post(2)
        made = self.call("SettingSet", msgid="S1", name="sign.timeout_is_consent", value=1)
        self.assertEqual(("S1", False), (made["msgid"], made["dup"]))
        names = {row["name"]: row for row in self.call("SettingList")["settings"]}
        self.assertEqual(1, names["sign.timeout_is_consent"]["value"])
        cells = self.call("ReconDay", period=MARCH, date=DAY)["cells"]
        self.assertEqual(2, cells[0]["centre"]["count"])
        harness.cut(self.engine, "2025-03")
        batch = self.call("BatchGet", period=MARCH, limit=10)
        self.assertEqual(("CUT", 9), (batch["batch"]["state"], len(batch["batch"]["at"])))
        self.assertEqual(2, batch["lines"][0]["count"])
        for type_ in ("NoticeList", "DisputeList", "PrefundList", "DifferenceList",
                      "ExceptionList", "BookGet"):
            self.assertEqual(0, self.call(type_)["code"], type_)
        self.assertEqual(0, self.call("CalendarGet", month=MARCH)["code"])


if __name__ == "__main__":
    unittest.main()
