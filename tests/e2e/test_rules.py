"""The rules of the clearing as stories: worked examples, corrections, lateness, refunds, the clock."""

import random
import unittest

import harness
import wire_client as wire
from harness import Case, ms

MARCH, APRIL, MAY = 202503, 202504, 202505


class RulesCase(Case):
    def setUp(self):
        super().setUp()
        self.engine = self.fresh(shards=2)
        self.client = self.engine.client()
        self.addCleanup(self.client.close)
        self.maker = harness.Maker("R")

    def accept(self, message, period=MARCH, orig=0, state="ACCRUED"):
        reply = self.client.call(message)
        self.assertCode(0, reply)
        self.assertFalse(reply.dup)
        self.assertEqual((period, orig, state), (reply.clr_period, reply.orig_period, reply.state))
        return reply

    def refuse(self, code, message):
        """Refused with that code, and nothing changed."""
        before = harness.fingerprint(self.client)
        reply = self.client.call(message)
        self.assertCode(code, reply)
        self.assertEqual((0, ""), (reply.engine_seq, reply.state))
        self.assertEqual(before, harness.fingerprint(self.client))
        return reply

    def period(self, number):
        return harness.periods(self.client)[number]

    def cleared(self, number=MARCH):
        """Fen cleared in a period, 0 when it holds nothing."""
        summary = harness.periods(self.client).get(number)
        return 0 if summary is None else summary.fund + summary.account

    def positions(self, number=MARCH):
        reply = self.client.call(wire.centre.PositionReport(period=number))
        return [(p.payer, p.payee, p.line, p.insutype, p.count, p.fund, p.account, p.amount)
                for p in reply.positions]

    def cut(self, number):
        reply = self.client.call(wire.centre.PeriodCut(period=number))
        self.assertCode(0, reply)
        return reply


class TestWorkedExamples(RulesCase):
    def test_examples(self):
        """The four examples of docs/rules.md, Money flow."""
        inpatient = self.maker.settlement(
            insutype=390, insu_admdvs=340100, mdtrtarea_admvs=310000, med_type=21, clr_type=21,
            medfee_sumamt=6000000, fulamt_ownpay_amt=400000, overlmt_selfpay=50000,
            preselfpay_amt=350000, inscp_scp_amt=5200000, act_pay_dedc=150000, hifp_pay=3030000,
            hifmi_pay=402000, fund_pay_sumamt=3432000, psn_part_amt=2568000, acct_pay=0,
            psn_cash_pay=2568000)
        outpatient = self.maker.settlement(
            insutype=310, insu_admdvs=110000, mdtrtarea_admvs=131000, med_type=11, clr_type=11,
            fixmedins_code="H13000000001", medfee_sumamt=42000, fulamt_ownpay_amt=2000,
            inscp_scp_amt=40000, hifp_pay=28000, fund_pay_sumamt=28000, psn_part_amt=14000,
            acct_pay=10000, psn_cash_pay=4000)
        chronic = self.maker.settlement(
            insutype=310, insu_admdvs=360100, mdtrtarea_admvs=440100, med_type=14, clr_type=11,
            dise_codg="M07801", fixmedins_code="H44000000001", medfee_sumamt=48000,
            inscp_scp_amt=48000, hifp_pay=43200, fund_pay_sumamt=43200, psn_part_amt=4800,
            acct_pay=4800, psn_cash_pay=0)
        pharmacy = self.maker.settlement(
            insutype=310, insu_admdvs=510100, mdtrtarea_admvs=500100, med_type=41, clr_type=41,
            fixmedins_code="P50000000001", medfee_sumamt=9600, hifp_pay=0, fund_pay_sumamt=0,
            psn_part_amt=9600, acct_pay=9600, psn_cash_pay=0)
        for record, clr_amt in ((inpatient, 3432000), (outpatient, 38000), (chronic, 48000),
                                (pharmacy, 9600)):
            record.clr_amt = clr_amt  # The engine checks it (E6).
            self.accept(record)
        self.assertEqual([(11, 13, 2, 310, 1, 28000, 10000, 38000),
                          (34, 31, 1, 390, 1, 3432000, 0, 3432000),
                          (36, 44, 3, 310, 1, 43200, 4800, 48000),
                          (51, 50, 4, 310, 1, 0, 9600, 9600)], self.positions())
        report = self.client.call(wire.centre.PositionReport(period=MARCH)).positions[1]
        self.assertEqual((3030000, 402000, 0, 0),
                         (report.pool, report.supplement, report.assistance, report.other))

        # The audit of the first one finds 320.00: Anhui is asked for 34,000.00 in the end.
        self.accept(self.maker.adjust(inpatient, hifp_pay=-32000))
        self.assertIn((34, 31, 1, 390, 2, 3400000, 0, 3400000), self.positions())

    def test_three_modes(self):
        """docs/rules.md's month of three provinces, million yuan as one record each."""
        owes = {(31, 32): 57, (31, 34): 8, (32, 31): 437, (32, 34): 56, (34, 31): 476,
                (34, 32): 455}
        million = 100000000
        for (payer, payee), amount in owes.items():
            fen = amount * million
            self.accept(self.maker.settlement(
                insu_admdvs=payer * 10000 + 100, mdtrtarea_admvs=payee * 10000 + 100,
                fixmedins_code="H%d000000001" % payee, medfee_sumamt=fen, fund_pay_sumamt=fen,
                hifp_pay=fen, psn_part_amt=0, acct_pay=0, psn_cash_pay=0))

        def payments(mode):
            reply = self.client.call(wire.centre.NetReport(period=MARCH, mode=mode))
            self.assertCode(0, reply)
            self.assertEqual((1489 * million, 1247 * million, 867 * million),
                             (reply.gross_total, reply.bilateral_total, reply.multilateral_total))
            self.assertEqual(32, len(reply.positions))
            self.assertEqual(0, sum(position.net for position in reply.positions))
            return [(p.payer, p.payee, p.amount // million) for p in reply.payments]

        self.assertEqual(sorted((a, b, amount) for (a, b), amount in owes.items()),
                         payments("gross"))
        self.assertEqual([(32, 31, 380), (34, 31, 468), (34, 32, 399)], payments("bilateral"))
        self.assertEqual([(34, 0, 867), (0, 31, 848), (0, 32, 19)], payments("multilateral"))


class TestCorrections(RulesCase):
    def test_after_the_original(self):
        self.accept(self.maker.settlement())
        before = harness.fingerprint(self.client)
        record = self.maker.settlement()
        self.accept(record)
        correction = self.maker.correction(record)
        self.assertEqual("REVERSED", self.client.call(correction).state)
        self.assertEqual(9000, self.cleared())
        self.assertEqual(str(before), harness.fingerprint(self.client))
        again = self.client.call(correction)
        self.assertTrue(again.code == 0 and again.dup)
        self.client.call(record)  # Whatever is answered, it must not come back to life.
        self.assertEqual(before, harness.fingerprint(self.client))
        found = self.client.call(wire.centre.SettlementGet(insu_admdvs=340100,
                                                           setl_id=record.setl_id))
        self.assertEqual("REVERSED", found.records[0].state)

    def test_before_the_original(self):
        record = self.maker.settlement()
        reply = self.client.call(self.maker.correction(record))
        self.assertCode(0, reply)
        self.assertEqual("TOMBSTONE", reply.state)
        self.refuse(2018, record)
        other = self.maker.settlement(psn_key=record.psn_key)
        self.accept(other)

    def test_tombstone_ends(self):
        """Refused for 72 hours, to the millisecond kept out of it."""
        record = self.maker.settlement()
        self.assertCode(0, self.client.call(self.maker.correction(record)))
        harness.set_clock(self.engine, "2025-04-04T08:59:00+08:00")
        self.refuse(2018, record)
        harness.set_clock(self.engine, "2025-04-04T09:01:00+08:00")
        self.accept(record)

    def test_of_a_refund(self):
        original = self.maker.settlement()
        self.accept(original)
        before = harness.fingerprint(self.client)
        refund = self.maker.refund(original)
        self.accept(refund)
        self.assertEqual(0, self.cleared())
        reply = self.client.call(self.maker.correction(refund))
        self.assertEqual((0, "REVERSED"), (reply.code, reply.state))
        self.assertEqual(before, harness.fingerprint(self.client))
        self.accept(self.maker.refund(original))  # It may be refunded again.
        self.assertEqual(0, self.cleared())

    def test_of_the_first_of_two_refunds(self):
        """The second one stays, in the sums and in the history."""
        original = self.maker.settlement()
        self.accept(original)
        refunds = [self.maker.refund(original, medfee_sumamt=-amount, fund_pay_sumamt=-amount,
                                     hifp_pay=-amount, psn_part_amt=0, acct_pay=0, psn_cash_pay=0)
                   for amount in (100, 20, 3)]
        for refund in refunds[:2]:
            self.accept(refund)
        self.assertCode(0, self.client.call(self.maker.correction(refunds[0])))
        self.accept(refunds[2])
        self.assertEqual(8977, self.cleared())
        found = self.client.call(wire.centre.SettlementGet(insu_admdvs=340100,
                                                           setl_id=original.setl_id)).records[0]
        self.assertEqual(-23, found.refunded)
        named = [item.ref for item in found.history if item.what.startswith("refund")]
        self.assertEqual([refund.setl_id for refund in refunds], named)

    def test_after_the_cut(self):
        record = self.maker.settlement()
        self.accept(record)
        self.cut(MARCH)
        self.refuse(2009, self.maker.correction(record))
        self.accept(self.maker.reverse(record), APRIL, MARCH)

    def test_without_sender(self):
        """The centre's connection must say whose message it was."""
        record = self.maker.settlement()
        self.accept(record)
        self.refuse(1001, self.maker.correction(record, sender_admdvs=0))


class TestPeriods(RulesCase):
    def test_late_record(self):
        self.accept(self.maker.settlement())
        self.cut(MARCH)
        frozen = str(self.period(MARCH))
        self.accept(self.maker.settlement(), APRIL, MARCH)
        self.accept(self.maker.settlement(setl_time=ms("2025-02-10 10:00:00")), APRIL, 202502)
        self.accept(self.maker.settlement(setl_time=ms("2025-04-01 08:00:00")), APRIL)
        self.assertEqual(frozen, str(self.period(MARCH)))
        self.assertEqual((3, 2), (self.period(APRIL).count, self.period(APRIL).late_count))

        harness.set_clock(self.engine, "2025-05-02T10:00:00+08:00")
        self.cut(APRIL)
        self.accept(self.maker.settlement(), MAY, MARCH)
        self.assertEqual(27000, self.cleared(APRIL))

    def test_refund_after_the_cut(self):
        original = self.maker.settlement()
        self.accept(original)
        self.cut(MARCH)
        frozen = str(self.period(MARCH))
        self.accept(self.maker.refund(original, 1, 2, setl_time=ms("2025-04-01 08:30:00")), APRIL)
        self.accept(self.maker.refund(original, 1, 2), APRIL, MARCH)
        self.refuse(2014, self.maker.reverse(original))
        self.assertEqual(frozen, str(self.period(MARCH)))
        self.assertEqual(-9000, self.cleared(APRIL))
        self.assertEqual(2, self.period(APRIL).refund_count)

        # A pair that is negative stays in gross and pays the other way in bilateral.
        net = self.client.call(wire.centre.NetReport(period=APRIL, mode="gross"))
        self.assertEqual([(34, 31, 2, -9000)],
                         [(p.payer, p.payee, p.count, p.amount) for p in net.payments])
        net = self.client.call(wire.centre.NetReport(period=APRIL, mode="bilateral"))
        self.assertEqual([(31, 34, 9000)], [(p.payer, p.payee, p.amount) for p in net.payments])

    def test_order_of_cuts(self):
        self.accept(self.maker.settlement(setl_time=ms("2025-02-10 10:00:00")), 202502)
        self.accept(self.maker.settlement())
        self.assertCode(5001, self.client.call(wire.centre.PeriodCut(period=MARCH)))
        first = self.cut(202502)
        self.assertFalse(first.dup)
        self.cut(MARCH)
        again = self.cut(202502)
        self.assertTrue(again.dup)
        self.assertEqual((first.cut_at, first.period), (again.cut_at, again.period))
        for bad in (0, 202513, 25, 20250301):
            self.assertCode(1001, self.client.call(wire.centre.PeriodCut(period=bad)), str(bad))

    def test_month_boundary(self):
        """The month is Shanghai's: 23:59:59 belongs to March, a second later to April."""
        harness.set_clock(self.engine, "2025-04-02T09:00:00+08:00")
        self.accept(self.maker.settlement(setl_time=ms("2025-03-31 23:59:59")), MARCH)
        self.accept(self.maker.settlement(setl_time=ms("2025-03-31 23:59:59") + 999), MARCH)
        self.accept(self.maker.settlement(setl_time=ms("2025-04-01 00:00:00")), APRIL)
        self.accept(self.maker.settlement(setl_time=ms("2025-03-01 00:00:00")), MARCH)
        self.accept(self.maker.settlement(setl_time=ms("2025-03-01 00:00:00") - 1), 202502)

    def test_year_close(self):
        close = wire.centre.YearClose(year=2024)
        self.accept(self.maker.settlement(setl_time=ms("2024-12-20 10:00:00")), 202412)
        self.assertCode(5001, self.client.call(close))
        self.cut(202412)
        self.accept(self.maker.settlement(setl_time=ms("2024-11-20 10:00:00")), 202501, 202411)
        self.assertCode(5003, self.client.call(close))  # Its batch is not paid.
        harness.settle_batch(self.client, 202412, self.client.call(wire.centre.StatusGet()).now)
        self.assertCode(0, self.client.call(close))
        self.assertCode(0, self.client.call(close))
        self.refuse(2009, self.maker.settlement(setl_time=ms("2024-11-20 10:00:00")))
        self.accept(self.maker.settlement(setl_time=ms("2025-01-20 10:00:00")), 202501)

    def test_the_centres_own_messages(self):
        centre = wire.centre
        with self.engine.client(31) as province:
            for message in (centre.PeriodCut(period=202502), centre.YearClose(year=2024),
                            centre.ClockSet(to=ms("2026-01-01 00:00:00")), centre.PeriodList(),
                            centre.NetReport(period=MARCH), centre.PositionReport(period=MARCH),
                            centre.SettlementGet(insu_admdvs=340100, setl_id="S"),
                            centre.StatusGet()):
                self.assertCode(1004, province.call(message), type(message).__name__)
        self.assertEqual(0, self.client.call(centre.StatusGet()).cut_through)


class TestRefundsAndAdjustments(RulesCase):
    def test_partial_refunds_accumulate(self):
        original = self.maker.settlement()
        self.accept(original)
        for left in (6000, 3000):
            self.accept(self.maker.refund(original, 1, 3, medfee_sumamt=-3333,
                                          fund_pay_sumamt=-2000, hifp_pay=-2000,
                                          psn_part_amt=-1333, acct_pay=-1000, psn_cash_pay=-333))
            self.assertEqual(left, self.cleared())
        over = self.maker.refund(original, medfee_sumamt=-2001, fund_pay_sumamt=-2001,
                                 hifp_pay=-2001, psn_part_amt=0, acct_pay=0, psn_cash_pay=0)
        reply = self.refuse(2015, over)
        error = [error for error in reply.errors if error.field == "hifp_pay"][0]
        self.assertEqual(("refund", 6001, 6000), (error.check, error.got, error.want))
        self.accept(self.maker.refund(original, medfee_sumamt=-3334, fund_pay_sumamt=-2000,
                                      hifp_pay=-2000, psn_part_amt=-1334, acct_pay=-1000,
                                      psn_cash_pay=-334))
        self.assertEqual(0, self.cleared())
        self.refuse(2014, self.maker.reverse(original))

    def test_reverse(self):
        rng = random.Random(4)
        for _ in range(20):
            original = harness.random_settlement(self.maker, rng)
            before = self.cleared()
            self.accept(original)
            reverse = self.maker.reverse(original)
            self.accept(reverse)
            self.assertEqual(before, self.cleared())
            self.assertTrue(self.client.call(reverse).dup)

    def test_reverse_in_part(self):
        original = self.maker.settlement()
        self.accept(original)
        self.accept(self.maker.reverse(original, full=False, medfee_sumamt=-1000,
                                       fund_pay_sumamt=-1000, hifp_pay=-1000))
        self.assertEqual(8000, self.cleared())
        self.refuse(2004, self.maker.reverse(original, full=False, medfee_sumamt=-1000,
                                             fund_pay_sumamt=-999, hifp_pay=-1000))

    def test_parties_of_a_refund(self):
        original = self.maker.settlement()
        self.accept(original)
        self.refuse(2016, self.maker.refund(original, mdtrtarea_admvs=320100,
                                            fixmedins_code="H32000000001"))
        self.refuse(2019, self.maker.refund(original, insutype=390))
        self.refuse(2013, self.maker.refund(original, psn_key=harness.person("stranger")))
        self.refuse(2013, self.maker.refund(original, insu_admdvs=320100,
                                            mdtrtarea_admvs=310000))

    def test_adjustments(self):
        original = self.maker.settlement()
        self.accept(original)
        self.refuse(2017, self.maker.adjust(original, hifp_pay=-100, approved_by=0))
        self.refuse(2017, self.maker.adjust(original, hifp_pay=-100, approved_by=310000))
        self.refuse(2017, self.maker.adjust(original, hifp_pay=-100, approved_by=440100))
        self.refuse(2013, self.maker.adjust(self.maker.settlement(), hifp_pay=-100))
        adjust = self.maker.adjust(original, hifp_pay=-100, acct_pay=40)
        self.accept(adjust)  # The original's month is open: there it belongs.
        self.assertEqual((8940, 0), (self.cleared(), self.cleared(APRIL)))
        self.assertTrue(self.client.call(adjust).dup)
        self.cut(MARCH)
        self.assertTrue(self.client.call(adjust).dup)
        self.accept(self.maker.adjust(original, hifp_pay=-50), APRIL, MARCH)
        self.assertEqual((8940, -50), (self.cleared(), self.cleared(APRIL)))
        self.refuse(2015, self.maker.adjust(original, hifp_pay=-5851))  # More than is left of it.
        # The insured side may ask as well, when the treatment side agreed.
        reply = self.client.call(self.maker.adjust(original, hifp_pay=-50, approved_by=310000,
                                                   sender_admdvs=340100))
        self.assertEqual((0, APRIL), (reply.code, reply.clr_period))


class TestClock(RulesCase):
    def test_manual_clock(self):
        reply = self.client.call(self.maker.settlement())
        self.assertEqual(ms("2025-04-01 09:00:00"), reply.posted_at)
        harness.set_clock(self.engine, "2025-04-02T21:59:00+08:00")
        reply = self.client.call(self.maker.settlement())
        self.assertEqual(ms("2025-04-02 21:59:00"), reply.posted_at)
        back = harness.run("clock", "--to", self.engine.address, "--set",
                           "2025-04-02T21:58:59+08:00", check=False)
        self.assertNotEqual(0, back.returncode)
        self.assertCode(1009, self.client.call(wire.centre.ClockSet(
            to=ms("2025-04-02 21:58:59"))))
        self.assertEqual(ms("2025-04-02 21:59:00"), self.client.call(wire.centre.StatusGet()).now)

    def test_future_and_past(self):
        """setl_time may be ahead by the setting's 300 s and no more."""
        self.accept(self.maker.settlement(setl_time=ms("2025-04-01 09:05:00")), APRIL)
        self.refuse(2012, self.maker.settlement(setl_time=ms("2025-04-01 09:05:00") + 1))
        self.refuse(2012, self.maker.settlement(setl_time=ms("2013-12-31 23:59:59")))

    def test_restart_keeps_the_time(self):
        harness.set_clock(self.engine, "2025-04-03T10:00:00+08:00")
        self.client.close()
        self.stop(self.engine)
        engine = self.start(self.engine.data)
        with engine.client() as client:
            self.assertEqual(ms("2025-04-03 10:00:00"), client.call(wire.centre.StatusGet()).now)
        self.stop(engine)

    def test_new_store_begins_2025(self):
        engine = self.start(self.init("other"))
        with engine.client() as client:
            self.assertEqual(ms("2025-01-01 00:00:00"), client.call(wire.centre.StatusGet()).now)

    def test_system_clock_is_not_moved(self):
        engine = self.start(self.init("other"), clock="system")
        with engine.client() as client:
            self.assertFalse(client.call(wire.centre.StatusGet()).manual_clock)
            self.assertCode(1009, client.call(wire.centre.ClockSet(to=ms("2040-01-01 00:00:00"))))


if __name__ == "__main__":
    unittest.main()
