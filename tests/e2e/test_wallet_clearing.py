"""A month in which debts of wallets and premiums stand beside settlements: reconciled, held, contested,
cut, signed, paid, on paper; and settlements that pay from a wallet themselves."""

import csv
import hmac
import json
import unittest

import harness
from cycle_cli import Month
from harness import Case
from wallet_town import YUAN, Town
from wire_client import centre, cycle, premium, wallet
from wire_client import person as asking

JULY, AUGUST = 202607, 202608
TODAY = 20260701
YUNNAN, GUIZHOU, ANHUI, HENAN, SHAANXI = 53, 52, 34, 41, 61


class Cleared(Case):
    def setUp(self):
        super().setUp()
        self.begin("data")

    def begin(self, name, rules=()):
        """Everybody, and the money: Anhui's person holds 1,000 of Yunnan and 500 of Guizhou."""
        self.town = Town(online=())
        self.data = self.init(name, 3)
        self.engine = self.start(self.data)
        self.town.begin(self.engine)
        self.client = self.engine.client()
        self.addCleanup(lambda: self.client.close())
        now = self.client.hello(0).now
        every = rules + (("prem_window_from", "01-01", 0), ("prem_due", "40000", 0),
                         ("prem_ltc", "on", 0))
        for place, (param, value, admdvs) in enumerate(every):
            self.done(asking.RulePush(msgid="CLEAR%d" % place, param=param, value=value,
                                      admdvs=admdvs, eff_from=now + 1))
        harness.set_clock(self.engine, "2026-07-01T09:20:00+08:00")
        self.town.bind(self.client, YUNNAN, ANHUI)
        self.town.bind(self.client, GUIZHOU, ANHUI)
        self.town.bind(self.client, ANHUI, HENAN)
        self.town.give(self.client, YUNNAN, ANHUI, 1000 * YUAN, "1")
        self.town.give(self.client, GUIZHOU, ANHUI, 500 * YUAN, "2")

    def done(self, message):
        return self.town.done(self.client, message)

    def order(self, message, code=0, client=None):
        return harness.order(client or self.client, message, code)

    def medical(self, **fields):
        """A settlement of Anhui's person in Shaanxi: 100.00, of it 60 pool, 10 account, 30 borne."""
        maker = self.maker = getattr(self, "maker", harness.Maker("C"))
        base = dict(psn_key=self.town.keys[ANHUI], insu_admdvs=340100, mdtrtarea_admvs=610100,
                    fixmedins_code=self.town.hospital(SHAANXI), acct_pay=1000, psn_cash_pay=3000,
                    setl_time=harness.ms("2026-07-01 09:00:00"))
        base.update(fields)
        return maker.settlement(**base)

    def premium(self, number, insutype, **fields):
        base = dict(msgid="PREM" + number, payer_psn_key=self.town.keys[ANHUI], amt=400 * YUAN,
                    psn_key=self.town.keys[HENAN], insu_admdvs=410100, insutype=insutype, year=2027,
                    order_no="O" + number, commit_ack=True)
        base.update(fields)
        return premium.PremPay(**base)

    def position(self, month="2026-07"):
        """(payer, payee, line) -> records and fen."""
        return {(int(row["payer"]), int(row["payee"]), int(row["line"])):
                (int(row["count"]), harness.fen_of(row["amount"]))
                for row in harness.report(self.engine, "position", month)}

    def balance(self):
        return self.town.balance(self.client, ANHUI)

    def kill(self):
        self.client.close()
        self.engine.kill()
        self.engine = self.start(self.data)
        self.client = self.engine.client()

    def end(self):
        self.assertEqual("", self.order(cycle.BookGet()).broken)
        self.client.close()
        self.stop(self.engine)
        self.assertIn("verify: ok", harness.verify(self.data, "--deep").stdout)


class TestMonth(Cleared):
    def messages(self):
        """What July brings: care in Shaanxi, both premiums in Henan, and medical records."""
        self.records = [self.medical(), self.medical(psn_key=self.town.keys[YUNNAN],
                                                     insu_admdvs=530100)]
        for record in self.records:
            self.assertCode(0, self.client.call(record))
        self.paid = self.done(self.town.pay(ANHUI, SHAANXI, 600 * YUAN, "1"))
        self.second = self.done(self.town.pay(ANHUI, SHAANXI, 100 * YUAN, "2"))
        self.resident = self.done(self.premium("1", 390))
        self.care = self.done(self.premium("2", 410))

    def spend(self):
        self.messages()
        self.want = {(ANHUI, SHAANXI, 2): (1, 7000), (YUNNAN, SHAANXI, 2): (1, 7000),
                     (YUNNAN, SHAANXI, 5): (2, 700 * YUAN),
                     (YUNNAN, HENAN, 6): (1, 300 * YUAN), (GUIZHOU, HENAN, 6): (1, 100 * YUAN),
                     (GUIZHOU, HENAN, 7): (1, 400 * YUAN)}
        self.assertEqual(self.want, self.position())
        self.assertEqual({JULY}, {r.clr_period for r in (self.paid, self.resident, self.care)})

    def reconcile(self):
        """The centre's own totals are equal; a list matches by the debts' numbers."""
        asked = self.order(cycle.ReconDay(period=JULY, province=SHAANXI))
        self.assertEqual({2, 5}, {cell.centre.line for cell in asked.cells})
        with self.engine.client(SHAANXI) as shaanxi:
            told = self.order(cycle.ReconDay(msgid="TOTALS", period=JULY,
                                             totals=[c.centre for c in asked.cells]), 0, shaanxi)
            self.assertEqual((len(asked.cells), 0), (told.equal, told.different))
            debts = [(self.paid.pay_id + "-1", 600 * YUAN), (self.second.pay_id + "-1", 100 * YUAN)]
            items = [cycle.ReconItem(insu_admdvs=530100, setl_id=number, medfee_sumamt=amount,
                                     acct_pay=amount) for number, amount in debts]
            record = self.records[1]
            items.append(cycle.ReconItem(insu_admdvs=530100, setl_id=record.setl_id,
                                         medfee_sumamt=10000, fund_pay_sumamt=6000, acct_pay=1000))
            listed = self.order(cycle.ReconList(msgid="LIST", date=TODAY, payer=YUNNAN,
                                                payee=SHAANXI, part=1, parts=1, items=items), 0,
                                shaanxi)
            self.assertEqual((3, 0, 0, 0), (listed.matched, listed.only_payee, listed.only_payer,
                                            listed.amount))

    def hold_and_confirm(self):
        """A debt is held and confirmed by its number like a settlement."""
        for flag, state in ((0, "HELD"), (1, "CONFIRMED")):
            self.order(cycle.ClrConfirm(
                msgid="CONFIRM%d" % flag, province=SHAANXI, period=JULY,
                items=[cycle.ConfirmItem(insu_admdvs=530100, setl_id=self.second.pay_id + "-1",
                                         cnfm_flag=flag)]))
            found = {e.setl_id: (e.state, e.line, e.amount)
                     for e in self.order(cycle.ExceptionList(period=JULY)).exceptions}
            self.assertEqual((state, 5, 100 * YUAN), found.get(self.second.pay_id + "-1"), found)

    def back(self, pay_id, number, amount=0):
        return wallet.WltPayReverse(msgid="MV" + number, pay_id=pay_id, rev_amt=amount,
                                    psn_key=self.town.keys[ANHUI], rev_setl_id="V" + number,
                                    mdtrtarea_admvs=self.town.area(SHAANXI))

    def contest(self):
        """While a debt is in dispute its payment is not taken back: 3031."""
        self.order(cycle.DisputeOpen(msgid="OPEN", province=YUNNAN, dispute_no="D1", reason=2,
                                     insu_admdvs=530100, setl_id=self.paid.pay_id + "-1"))
        self.assertEqual(3031, self.client.call(self.back(self.paid.pay_id, "0", 1)).code)
        self.kill()
        self.assertEqual(3031, self.client.call(self.back(self.paid.pay_id, "0", 1)).code)
        self.order(cycle.DisputeResolve(msgid="RESOLVE", province=YUNNAN, dispute_no="D1",
                                        outcome="pay"))
        self.assertEqual("RESOLVED", self.order(cycle.DisputeList()).disputes[0].state)

    def paper(self, kind, province, *words):
        return harness.run("document", kind, "--to", self.engine.address, "--period", "2026-07",
                           "--province", province, *words).stdout

    def papers(self):
        """What is on paper for a province, read back, is the position table."""
        for kind, province, side in (("CLR_RECEIVABLE", SHAANXI, 1), ("CLR_RECEIVABLE", HENAN, 1),
                                     ("CLR_PAYABLE", YUNNAN, 0), ("CLR_PAYABLE", GUIZHOU, 0)):
            lines = {"普通门诊": 2, "钱包就医": 5, "居民参保缴费": 6, "长护险缴费": 7}
            want = {}
            for pair, (_, amount) in self.want.items():
                if pair[side] == province:
                    want[pair[2]] = want.get(pair[2], 0) + amount
            told = json.loads(self.paper(kind, province, "--format", "json"))
            self.assertEqual(sum(want.values()), told["controls"]["sum"])
            rows = [row for row in csv.reader(self.paper(kind, province).lstrip("\ufeff").splitlines())
                    if len(row) > 3]
            head = next(row for row in rows if "就医类别" in row)
            place, amount = head.index("就医类别"), max(
                i for i, name in enumerate(head) if "金额" in name or "合计" in name or "应" in name)
            read = {}
            for row in rows:
                if len(row) == len(head) and row[place] in lines and "合计" not in row[0] \
                        and "小计" not in row[0]:
                    line = lines[row[place]]
                    read[line] = read.get(line, 0) + harness.fen_of(row[amount].replace(",", ""))
            self.assertEqual(want, read, (kind, province, head))

    def test_from_the_debts_to_the_money(self):
        self.spend()
        self.reconcile()
        self.hold_and_confirm()
        self.contest()
        harness.set_clock(self.engine, "2026-08-01T09:00:00+08:00")
        harness.cut(self.engine, "2026-07")
        frozen = harness.report_text(self.engine, "position", "2026-07")
        harness.settle_batch(self.client, JULY, harness.ms("2026-08-01 09:00:00"))
        self.assertEqual("SETTLED", self.order(cycle.BatchGet(period=JULY)).batch.state)
        self.papers()
        self.kill()
        # Taken back after the cut: negative in August, July stays what it is (I16).
        self.done(self.back(self.paid.pay_id, "1", 250 * YUAN))
        self.done(premium.PremReverse(msgid="REV", pay_id=self.care.pay_id, rev_no="R1", reason=4,
                                      payer_psn_key=self.town.keys[ANHUI]))
        self.assertEqual({(YUNNAN, SHAANXI, 5): (1, -250 * YUAN),
                          (GUIZHOU, HENAN, 7): (1, -400 * YUAN)}, self.position("2026-08"))
        self.assertEqual(frozen, harness.report_text(self.engine, "position", "2026-07"))
        self.assertEqual(self.want, self.position())
        self.assertEqual(650 * YUAN, self.balance())
        harness.set_clock(self.engine, "2026-09-01T09:00:00+08:00")
        harness.cut(self.engine, "2026-08")
        harness.settle_batch(self.client, AUGUST, harness.ms("2026-09-01 09:00:00"))
        self.assertEqual([], [n for n in self.order(cycle.NoticeList(period=AUGUST)).notices
                              if n.amount < 0])
        self.end()

    def test_taken_back_in_the_month_after(self):
        """While July is open its cells take it back; then the open month does. `own`: always that one."""
        self.spend()
        harness.set_clock(self.engine, "2026-08-02T09:00:00+08:00")
        told = self.done(self.back(self.paid.pay_id, "1", 250 * YUAN))
        gone = self.done(premium.PremReverse(msgid="REV", pay_id=self.care.pay_id, rev_no="R1",
                                             reason=4, payer_psn_key=self.town.keys[ANHUI]))
        self.assertEqual([JULY, JULY], [told.clr_period, gone.clr_period])
        self.want.update({(YUNNAN, SHAANXI, 5): (3, 450 * YUAN), (GUIZHOU, HENAN, 7): (2, 0)})
        self.assertEqual((self.want, {}), (self.position(), self.position("2026-08")))
        said = [m for m in self.order(wallet.OutboxGet(dest=YUNNAN, limit=1000)).messages
                if m.type == 0x0234 and m.amt < 0]
        self.assertEqual([(-250 * YUAN, JULY)], [(m.amt, m.clr_period) for m in said])
        self.kill()
        harness.cut(self.engine, "2026-07")
        told = self.done(self.back(self.paid.pay_id, "2", 50 * YUAN))
        self.assertEqual((AUGUST, {(YUNNAN, SHAANXI, 5): (1, -50 * YUAN)}),
                         (told.clr_period, self.position("2026-08")))
        self.assertEqual(self.want, self.position())
        self.end()

        self.begin("own", (("wallet_reversal_month", "own", 0),))
        self.messages()
        harness.set_clock(self.engine, "2026-08-02T09:00:00+08:00")
        told = self.done(self.back(self.paid.pay_id, "1", 250 * YUAN))
        self.assertEqual((AUGUST, {(YUNNAN, SHAANXI, 5): (1, -250 * YUAN)}),
                         (told.clr_period, self.position("2026-08")))
        self.end()

    def test_the_way_of_the_debt(self):
        """Direct, or by the usage location: other gross tables, the same net positions (I9)."""
        self.spend()
        direct = self.net()
        self.client.close()
        self.stop(self.engine)
        self.begin("via", (("wallet_clear_path", "via_use_loc", 0),))
        self.messages()
        via = self.net()
        self.assertEqual(direct[0], via[0])
        self.assertLess(direct[1], via[1])
        self.assertEqual((2, 700 * YUAN), self.position()[YUNNAN, ANHUI, 5])
        self.assertEqual((2, 700 * YUAN), self.position()[ANHUI, SHAANXI, 5])
        self.end()

    def net(self):
        told = self.order(centre.NetReport(period=JULY, mode="multilateral"))
        return {p.province: p.net for p in told.positions}, told.gross_total


class TestInline(Cleared):
    """A settlement with wlt_pay pays by itself: one message, one fate."""

    def with_wallet(self, amount=2000, **fields):
        return self.medical(wlt_pay=amount, psn_cash_pay=3000 - amount, **fields)

    def test_paid_refunded_corrected(self):
        record = self.with_wallet()
        reply = self.client.call(record)
        self.assertCode(0, reply)
        self.assertEqual(1480 * YUAN, self.balance())
        self.assertEqual((1, 20 * YUAN), self.position()[YUNNAN, SHAANXI, 5])
        self.assertTrue(self.client.call(record).dup)
        self.kill()
        self.assertTrue(self.client.call(record).dup)
        self.assertEqual(1480 * YUAN, self.balance())
        half = self.maker.refund(record, 1, 2)
        self.assertCode(0, self.client.call(half))
        self.assertEqual(1490 * YUAN, self.balance())
        self.assertEqual((2, 10 * YUAN), self.position()[YUNNAN, SHAANXI, 5])
        other = self.with_wallet(3000)
        self.assertCode(0, self.client.call(other))
        self.assertEqual(1460 * YUAN, self.balance())
        self.assertCode(0, self.client.call(self.maker.correction(other)))
        self.assertEqual(1490 * YUAN, self.balance())
        self.assertEqual(10 * YUAN, self.position()[YUNNAN, SHAANXI, 5][1])
        # The split of the benefit is the same with the wallet and without (I15).
        self.assertEqual(7000 // 2, self.position()[ANHUI, SHAANXI, 2][1])
        self.end()

    def test_refused_as_a_whole(self):
        """The wallet cannot pay: nothing of the settlement is there."""
        before = self.position()
        big = self.medical(medfee_sumamt=1006000 + 600000, fund_pay_sumamt=6000, hifp_pay=6000,
                           psn_part_amt=1600000, acct_pay=0, wlt_pay=1500 * YUAN + 1,
                           psn_cash_pay=1600000 - 1500 * YUAN - 1)
        self.assertCode(3025, self.client.call(big))
        self.assertEqual((before, 1500 * YUAN), (self.position(), self.balance()))
        away = self.with_wallet(fixmedins_code="H61000000099")  # Not in the directory.
        self.assertCode(3021, self.client.call(away))
        self.done(wallet.WltFreeze(msgid="FREEZE", psn_key=self.town.keys[ANHUI], doc_no="F1"))
        self.assertCode(3003, self.client.call(self.with_wallet()))
        self.assertEqual((before, 1500 * YUAN), (self.position(), self.balance()))
        self.end()

    def test_paid_before(self):
        """WltPay first: the settlement is that one's; another amount is 2011."""
        record = self.with_wallet()
        self.done(self.town.pay(ANHUI, SHAANXI, 2000, "1", setl_id=record.setl_id))
        other = self.with_wallet(1000)
        other.setl_id = record.setl_id
        self.assertCode(2011, self.client.call(other))
        self.assertCode(0, self.client.call(record))
        self.assertEqual(1480 * YUAN, self.balance())
        self.assertEqual((1, 20 * YUAN), self.position()[YUNNAN, SHAANXI, 5])
        self.assertCode(0, self.client.call(self.maker.reverse(record)))
        self.assertEqual(1500 * YUAN, self.balance())
        self.assertEqual(0, self.position()[YUNNAN, SHAANXI, 5][1])
        self.end()

    def test_a_cut_between(self):
        """Refunded in the month after: its debts go there with it, July stays."""
        record = self.with_wallet()
        self.assertCode(0, self.client.call(record))
        harness.set_clock(self.engine, "2026-08-01T09:00:00+08:00")
        harness.cut(self.engine, "2026-07")
        frozen = harness.report_text(self.engine, "position", "2026-07")
        back = self.maker.refund(record, setl_time=harness.ms("2026-08-01 08:30:00"))
        reply = self.client.call(back)
        self.assertCode(0, reply)
        self.assertEqual(AUGUST, reply.clr_period)
        self.assertEqual({(ANHUI, SHAANXI, 2): (1, -7000), (YUNNAN, SHAANXI, 5): (1, -2000)},
                         self.position("2026-08"))
        self.assertEqual(frozen, harness.report_text(self.engine, "position", "2026-07"))
        self.assertEqual(1500 * YUAN, self.balance())
        self.end()

    def test_by_file(self):
        """`qingfen send` of a CSV with a column wlt_pay: paid, refused, and refunded."""
        number = "340101198001010001"
        self.town.keys[ANHUI] = hmac.new(b"qingfen demonstration psn_key 1\0", number.encode(),
                                         "sm3").digest()[:16]
        harness.run("wallet", "open", "--to", self.engine.address, "--psn-no", number, "--insu",
                    340100, "--use-loc", 340100, "--insutype", 310)
        self.done(wallet.RltsBind(giver_psn_key=self.town.keys[YUNNAN], msgid="FILE-B", rlts_code=2,
                                  recv_psn_key=self.town.keys[ANHUI], consent_giver=True,
                                  consent_recv=True))
        self.town.give(self.client, YUNNAN, ANHUI, 100 * YUAN, "9")
        month = Month("2026-07", "F")
        fields = dict(psn_no=number, insutype=310, med_type=11, clr_type=11, day=1,
                      fund_pay_sumamt="60.00", hifp_pay="60.00", psn_part_amt="40.00",
                      acct_pay="10.00", setl_time="2026-07-01 09:00:00")
        paid = month.add(ANHUI, SHAANXI, "100.00", wlt_pay="30.00", **fields)
        month.add(ANHUI, SHAANXI, "100.00", psn_cash_pay="30.00", wlt_pay="0.00", **fields)
        much = dict(fields, psn_part_amt="140.00")
        month.add(ANHUI, SHAANXI, "200.00", psn_cash_pay="59.99", wlt_pay="70.01", **much)
        told = harness.send(self.engine, month.write(self.folder), "--rejects",
                            self.folder / "rejects.csv", check=False)
        self.assertEqual((2, 1), (told["accepted"], told["rejected"]), told)
        self.assertIn("3025", (self.folder / "rejects.csv").read_text("utf-8"))
        self.assertEqual(70 * YUAN, self.balance())
        back = Month("2026-07", "G")
        back.add(ANHUI, SHAANXI, "-100.00", refd_setl_flag=1, orig_setl_id=paid["setl_id"],
                 **dict(fields, wlt_pay="-30.00", mdtrt_id=paid["mdtrt_id"],
                        fund_pay_sumamt="-60.00", hifp_pay="-60.00", psn_part_amt="-40.00",
                        acct_pay="-10.00"))
        told = harness.send(self.engine, back.write(self.folder))
        self.assertEqual(1, told["accepted"], told)
        self.assertEqual(100 * YUAN, self.balance())
        self.assertEqual((2, 0), self.position()[YUNNAN, SHAANXI, 5])
        self.end()


if __name__ == "__main__":
    unittest.main()
