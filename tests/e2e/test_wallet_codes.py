"""Codes of wallet, premium and pushes over the wire that no other story comes to: each is given for its
own reason, and leaves everything as it was."""

import unittest

import harness
from harness import Case
from wallet_town import YUAN, Town, wait_for
from wire_client import person as asking
from wire_client import premium, wallet

ANHUI, HENAN, SHAANXI, YUNNAN, SHANGHAI = 34, 41, 61, 53, 31
NOBODY = b"nobody at all..."


class TestCodes(Case):
    def setUp(self):
        super().setUp()
        self.town = Town(online=())
        self.engine = self.start(self.init(shards=3))
        self.town.begin(self.engine)
        self.client = self.engine.client()
        self.addCleanup(lambda: self.client.close())
        self.rule_count = 0

    def done(self, message):
        return self.town.done(self.client, message)

    def rules(self, when, *rows):
        """Rules from a minute before that time of day on; the clock then stands there."""
        start = harness.ms("2026-07-01 %s:00" % when) - 60000
        for param, value, admdvs in rows:
            self.rule_count += 1
            self.done(asking.RulePush(msgid="CODE%d" % self.rule_count, param=param, value=value,
                                      admdvs=admdvs, eff_from=start))
        harness.set_clock(self.engine, "2026-07-01T%s:00+08:00" % when)

    def check(self, code, message, type_=None):
        """Refused with that code, and nothing decided by it."""
        before = self.seen()
        reply = self.client.wallet(message, type_)
        self.assertEqual(code, reply.code, "%s\n%s" % (message, reply))
        self.assertEqual(before, self.seen())

    def seen(self):
        return {place: str(w) for place, w in self.town.wallets(self.client).items()}

    def end(self):
        self.client.close()
        self.stop(self.engine)
        self.assertIn("verify: ok", harness.verify(self.engine.data, "--deep").stdout)

    def test_settlements(self):
        """2007, 2008: what the insured place may want to be looked at; a refund always passes."""
        maker = harness.Maker("X")
        base = dict(psn_key=self.town.keys[ANHUI], fixmedins_code="H31000000009",
                    setl_time=harness.ms("2026-07-01 09:00:00"))
        first = maker.settlement(**base)
        self.assertCode(0, self.client.call(first))
        self.rules("09:30", ("directory_check", "on", 340000), ("filing_check", "on", 340000))
        base["setl_time"] = harness.ms("2026-07-01 09:29:30")
        record = maker.settlement(**base)
        reply = self.client.call(record)
        self.assertEqual({2007, 2008}, {error.code for error in reply.errors}, reply)
        self.assertCode(0, self.client.call(maker.refund(first, 1, 2, setl_time=base["setl_time"])))
        push = asking.InstDirPush(msgid="INST-X", fixmedins_code="H31000000009", admdvs=310100,
                                  fixmedins_name="测试医院", version=1, business_lv_wlt=3)
        setattr(push, "from", 20260702)
        self.done(push)
        self.assertEqual({2007, 2008}, {error.code for error in self.client.call(record).errors})
        filing = asking.FilingPush(msgid="FILING-X", psn_key=self.town.keys[ANHUI], place=310000,
                                   insu_admdvs=340100, filing_no="F1")
        setattr(filing, "from", 20260701)
        self.done(filing)
        self.assertCode(2007, self.client.call(record))
        push.msgid, push.version = "INST-X2", 2
        setattr(push, "from", 20260701)
        self.done(push)
        self.assertCode(0, self.client.call(record))
        other = maker.settlement(**dict(base, mdtrtarea_admvs=320100))  # Another province's.
        self.assertEqual({2007, 2008}, {error.code for error in self.client.call(other).errors})
        self.end()

    def test_wallets(self):
        town, keys = self.town, self.town.keys
        mine = dict(psn_key=keys[ANHUI], insu_admdvs=340100, use_loc_admdvs=340100, insutype=310)
        self.check(3002, wallet.WltOpen(**dict(mine, use_loc_admdvs=310100)))
        self.check(3006, wallet.WltOpen(**dict(mine, psn_key=NOBODY, use_loc_admdvs=440100)))
        self.check(3008, wallet.WltOpen(**dict(mine, psn_key=NOBODY, agnter_psn_key=keys[ANHUI],
                                               agnter_rlts=9)))
        self.check(3018, wallet.WltUseLocChg(psn_key=keys[ANHUI], client_no="U1",
                                             new_use_loc_admdvs=310100))
        bind = dict(giver_psn_key=keys[YUNNAN], recv_psn_key=keys[ANHUI], rlts_code=3,
                    consent_giver=True, consent_recv=True)
        self.check(3008, wallet.RltsBind(**dict(bind, rlts_code=9)))
        self.check(3010, wallet.RltsBind(**dict(bind, recv_psn_key=NOBODY)))
        relation = town.bind(self.client, YUNNAN, ANHUI)
        self.check(3016, wallet.RltsBind(**dict(bind, rlts_code=4)))
        self.check(3019, wallet.RltsUnbind(rlts_id="R" + relation[1:-1] + "f", side=1))
        self.check(3012, town.submit(YUNNAN, ANHUI, 2000 * YUAN + 1, "1"))
        self.check(3005, wallet.TrsfSubmit(giver_psn_key=keys[YUNNAN], recv_psn_key=NOBODY, src=1,
                                           trsf_amt=1, client_no="C", auth_kind=1))
        self.check(3001, wallet.TrsfSubmit(giver_psn_key=NOBODY, recv_psn_key=keys[ANHUI], src=1,
                                           trsf_amt=1, client_no="C", auth_kind=1))
        self.check(3015, town.submit(YUNNAN, ANHUI, YUAN, "2", src=2))
        sent = self.done(town.submit(YUNNAN, ANHUI, YUAN, "3"))
        wait_for(lambda: self.done(asking.WltQuery(psn_key=keys[ANHUI])).transfers)
        self.check(3016, wallet.TrsfSubmit(
            giver_psn_key=keys[YUNNAN], recv_psn_key=keys[ANHUI], src=1, trsf_amt=2 * YUAN,
            client_no="C3", auth_kind=1))
        self.check(3014, town.submit(YUNNAN, ANHUI, YUAN, "4"))
        self.check(3017, wallet.WltClose(psn_key=keys[ANHUI], close_no="X", reason=1))
        self.check(3020, wallet.TrsfAccept(trsf_id=sent.trsf_id, recv_psn_key=keys[SHAANXI]))
        last = "0" if sent.trsf_id[-1] != "0" else "1"
        for wrong in (sent.trsf_id[:-1] + last, sent.trsf_id[:-1] + "z", "T1"):
            self.check(3022, wallet.TrsfAccept(trsf_id=wrong, recv_psn_key=keys[ANHUI]))
        self.check(3001, wallet.TrsfSubmit(giver_wlt_id="W1", recv_psn_key=keys[ANHUI], src=1,
                                           trsf_amt=1, client_no="C", auth_kind=1))
        accept = wallet.TrsfAccept(trsf_id=sent.trsf_id, recv_psn_key=keys[ANHUI])
        self.done(wallet.TrsfAccept(msgid="A", trsf_id=sent.trsf_id, recv_psn_key=keys[ANHUI]))
        wait_for(lambda: town.balance(self.client, ANHUI))
        self.check(3023, wallet.TrsfVoid(trsf_id=accept.trsf_id, doc_no="V"))
        self.check(3015, wallet.PaGrant(psn_key=keys[YUNNAN], insu_admdvs=530100, granted_amt=1,
                                        seq=2))
        self.end()

    def test_spending(self):
        town, keys = self.town, self.town.keys
        town.bind(self.client, YUNNAN, ANHUI)
        town.give(self.client, YUNNAN, ANHUI, 100 * YUAN, "1")
        self.check(3001, town.pay(ANHUI, SHAANXI, 1, "N", psn_key=NOBODY))
        self.check(3021, town.pay(ANHUI, SHAANXI, 1, "I", fixmedins_code="H61000000009"))
        self.check(2005, town.pay(ANHUI, SHAANXI, 0, "Z", psn_part_amt=20, acct_pay=20))
        self.check(3028, town.pay(ANHUI, SHAANXI, 11, "B", psn_part_amt=20, acct_pay=10))
        self.check(3025, town.pay(ANHUI, SHAANXI, 100 * YUAN + 1, "M"))
        push = asking.InstDirPush(msgid="PH", fixmedins_code="P61000000001", admdvs=610100,
                                  fixmedins_name="药店", version=1, business_lv_wlt=1)
        self.done(push)
        self.check(3027, town.pay(ANHUI, SHAANXI, 1, "P", fixmedins_code="P61000000001"))
        paid = self.done(town.pay(ANHUI, SHAANXI, 10, "1"))
        again = town.pay(ANHUI, SHAANXI, 11, "1")
        again.msgid = ""
        self.check(2011, again)
        back = dict(psn_key=keys[ANHUI], mdtrtarea_admvs=610100)
        self.check(3029, wallet.WltPayReverse(pay_id=paid.pay_id[:-1] + "z", rev_setl_id="V1",
                                              **back))
        self.check(3030, wallet.WltPayReverse(pay_id=paid.pay_id, rev_setl_id="V1", rev_amt=11,
                                              **back))
        self.check(4010, premium.PremReverse(pay_id=paid.pay_id, rev_no="R", reason=1,
                                             payer_psn_key=keys[ANHUI]))
        self.rules("09:30", ("wallet_spend_scope", "use_loc", 0), ("allow_reclaim", "off", 0))
        self.check(3026, town.pay(ANHUI, SHAANXI, 1, "S"))
        relation = self.done(asking.WltQuery(psn_key=keys[YUNNAN])).relations[0].rlts_id
        self.check(3032, wallet.LmtReclaim(rlts_id=relation, psn_key=keys[YUNNAN], client_no="L1"))
        self.done(wallet.WltFreeze(msgid="F", psn_key=keys[ANHUI], doc_no="F"))
        self.check(3003, town.pay(ANHUI, ANHUI, 1, "F"))
        self.done(wallet.PsnStatePush(msgid="ST", psn_key=keys[YUNNAN], insu_admdvs=530100,
                                      insutype=310, psn_insu_stas=2, eff_date=20260701, seq=1))
        wait_for(lambda: not town.balance(self.client, ANHUI))
        self.check(3004, wallet.RltsBind(giver_psn_key=keys[YUNNAN], recv_psn_key=keys[ANHUI],
                                         rlts_code=3, consent_giver=True, consent_recv=True))
        self.end()

    def test_premiums(self):
        town, keys = self.town, self.town.keys
        town.bind(self.client, YUNNAN, ANHUI)
        town.give(self.client, YUNNAN, ANHUI, 900 * YUAN, "1")
        pay = dict(payer_psn_key=keys[ANHUI], psn_key=keys[HENAN], insu_admdvs=410100, insutype=390,
                   year=2027, amt=400 * YUAN, order_no="O1", commit_ack=True)
        self.check(4003, premium.PremPay(**pay))
        self.rules("09:30", ("prem_window_from", "01-01", 0), ("prem_due", "40000", 410000))
        self.check(4007, premium.PremPay(**dict(pay, insutype=777)))
        self.check(4002, premium.PremPay(**dict(pay, insutype=410)))
        due = dict(psn_key=keys[SHANGHAI], insu_admdvs=310100, insutype=390, year=2027)
        self.done(premium.PremDue(msgid="DUE0", due_amt=0, order_no="N", **due))
        self.check(4001, premium.PremPay(**dict(pay, **due)))
        self.check(4001, premium.PremQuote(**due))
        self.check(4004, premium.PremPay(**dict(pay, amt=1)))
        self.check(4005, premium.PremPay(**dict(pay, commit_ack=False)))
        self.check(4006, premium.PremPay(**pay))
        town.bind(self.client, ANHUI, HENAN)
        paid = self.done(premium.PremPay(msgid="PAY", **pay))
        wait_for(lambda: self.client.wallet(premium.PremQuote(
            psn_key=keys[HENAN], insu_admdvs=410100, insutype=390, year=2027)).code == 4008)
        self.check(4008, premium.PremPay(**dict(pay, order_no="O2", payer_psn_key=keys[YUNNAN])))
        back = dict(pay_id=paid.pay_id, payer_psn_key=keys[ANHUI])
        self.done(premium.PremReverse(msgid="BACK", rev_no="R1", reason=4, **back))
        self.check(4011, premium.PremReverse(rev_no="R2", reason=4, **back))
        wait_for(lambda: self.client.wallet(premium.PremQuote(
            psn_key=keys[HENAN], insu_admdvs=410100, insutype=390, year=2027)).code == 0)
        paid = self.done(premium.PremPay(msgid="PAY2", **dict(pay, order_no="O3")))
        harness.set_clock(self.engine, "2027-01-01T00:00:00.000+08:00")
        self.check(4012, premium.PremReverse(pay_id=paid.pay_id, rev_no="R3", reason=2,
                                             payer_psn_key=keys[ANHUI]))
        self.end()

    def test_pushes_and_questions(self):
        keys = self.town.keys
        switch = dict(psn_key=keys[ANHUI], insu_admdvs=340100, on=True)
        self.check(6006, asking.AuthSwitchPush(switch=2, eff_at=1000, **switch))
        self.done(asking.AuthSwitchPush(msgid="SW", switch=1, eff_at=2000, **switch))
        self.check(6006, asking.AuthSwitchPush(switch=1, eff_at=1000, **switch))
        filing = asking.FilingPush(psn_key=keys[ANHUI], insu_admdvs=340100, filing_no="F1",
                                   place=310000, to=20260101)
        setattr(filing, "from", 20260201)
        self.check(6007, filing)
        row = dict(fixmedins_code="H61000000001", fixmedins_name="测试医院", admdvs=610100)
        self.check(6008, asking.InstDirPush(version=1, business_lv_wlt=2, **row))
        self.check(6008, asking.InstDirPush(version=2, business_lv_wlt=9, **row))
        rule = dict(param="wallet_enabled", value="on", admdvs=340000)
        self.check(6009, asking.RulePush(eff_from=1, **rule))
        self.check(6009, asking.RulePush(eff_from=harness.ms("2027-01-01 00:00:00"),
                                         **dict(rule, param="wallet")))
        for code, question in (
                (6001, asking.WltQuery(psn_key=NOBODY)),
                (6001, asking.StmtGet(insu_admdvs=340100, setl_id="none", psn_key=keys[ANHUI])),
                (6001, asking.InstQuery(fixmedins_code="H99000000001")),
                (6003, asking.YearSumGet(psn_key=keys[ANHUI], year=2026)),
                (6004, asking.WltRecords(psn_key=keys[ANHUI], to=harness.ms("2026-07-01 00:00:00"),
                                         **{"from": harness.ms("2025-06-29 00:00:00")})),
                (6005, asking.RegionQuery(admdvs=990000))):
            self.assertEqual(code, self.client.call(question).code, question)
        self.end()


if __name__ == "__main__":
    unittest.main()
