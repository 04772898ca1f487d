"""The wallet through the command line: the twelve golden stories (docs/rules.md, Wallet), and what
becomes of them when the engine is killed. Every message goes through `qingfen call`."""

import csv
import unittest

import harness
import wire_client as wire
from cycle_cli import Centre
from harness import Case, ms
from wallet_cli import AREA, CHILD, PARENT, SIBLING, Wallets

HOSPITAL, PHARMACY = "H51010000001", "P35010000001"
MARCH = "2026-03"


class WalletCase(Case):
    shards = 3

    def setUp(self):
        super().setUp()
        self.data = self.init(shards=self.shards)
        self.begin("2026-03-02T09:00:00+08:00")

    def begin(self, now=None):
        self.engine = self.start(self.data)
        if now:
            harness.set_clock(self.engine, now)
        if not hasattr(self, "w"):
            self.w = Wallets(self.engine)
        self.w.engine = self.engine

    def clock(self, when):
        harness.set_clock(self.engine, when)

    def crash(self):
        """kill -9 and a new start: what was acknowledged is there."""
        self.engine.kill()
        self.begin()

    def assertRefused(self, code, reply):  # noqa: N802
        self.assertEqual(code, reply.get("code", 0), reply)

    def debts(self, period=MARCH, line=5):
        """(payer, payee) -> fen of a line."""
        rows = harness.report(self.engine, "position", period)
        return {(int(row["payer"]), int(row["payee"])): harness_fen(row["amount"])
                for row in rows if int(row["line"]) == line}

    def end(self):
        """Everything adds up, offline as well."""
        self.stop(self.engine)
        harness.verify(self.data, "--deep")

    def family(self):
        """A mother in Yunnan, a daughter in Sichuan (薛女士); the daughter gets the money."""
        self.w.open("mother", "yunnan")
        self.w.open("xue", "sichuan")
        self.assertRefused(0, self.w.bind("mother", "xue", CHILD))


def harness_fen(text):
    """Yuan with two decimals as fen, by integers."""
    sign = -1 if text.startswith("-") else 1
    whole, _, part = text.lstrip("-").partition(".")
    return sign * (int(whole) * 100 + int((part + "00")[:2]))


class TestGolden(WalletCase):
    def test_01_xue(self):
        """(1) Yunnan gives, Sichuan takes and spends: one debt of 2,000 yuan from 53 to 51."""
        self.family()
        self.w.institution(HOSPITAL, AREA["sichuan"])
        self.clock("2026-03-02T21:59:00+08:00")
        trsf_id = self.w.pending("mother", "xue", 200000)
        self.crash()
        self.assertRefused(0, self.w.accept("xue", trsf_id))
        self.assertEqual(200000, self.w.balance("xue"))
        paid = self.w.pay("xue", AREA["sichuan"], 200000, HOSPITAL, psn_part_amt=230000)
        self.assertRefused(0, paid)
        self.assertEqual([{"admdvs": AREA["yunnan"], "amt": 200000}], paid["lots"])
        self.assertEqual(0, self.w.balance("xue"))
        self.assertEqual({(53, 51): 200000}, self.debts())
        consumed = [m for m in self.w.outbox(53) if m["type"] == 0x0234]
        self.assertEqual([200000], [m["amt"] for m in consumed])
        self.end()

    def test_02_night(self):
        """(2) 22:00:00 is refused, 05:59:59 as well, 06:00:00 is taken."""
        self.family()
        for when, code in (("2026-03-02T21:59:59+08:00", 0), ("2026-03-02T22:00:00+08:00", 3011),
                           ("2026-03-03T05:59:59+08:00", 3011), ("2026-03-03T06:00:00+08:00", 0)):
            self.clock(when)
            reply = self.w.submit("mother", "xue", 10000)
            self.assertRefused(code, reply)
            if code == 0:
                self.w.hold("mother", reply["trsf_id"], 10000)
                self.assertRefused(0, self.w.accept("xue", reply["trsf_id"]))
        self.end()

    def test_03_fourth(self):
        """(3) The fourth of a day is refused, the next day it is taken."""
        self.family()
        for _ in range(3):
            self.w.give("mother", "xue", 10000)
        self.assertRefused(3013, self.w.submit("mother", "xue", 10000))
        self.clock("2026-03-03T09:00:00+08:00")
        self.w.give("mother", "xue", 10000)
        self.assertEqual(40000, self.w.balance("xue"))
        self.end()

    def test_04_amount(self):
        """(4) 2,000.01 yuan is refused, 2,000.00 taken."""
        self.family()
        self.assertRefused(3012, self.w.submit("mother", "xue", 200001))
        self.assertRefused(3012, self.w.submit("mother", "xue", 0))
        self.assertRefused(0, self.w.submit("mother", "xue", 200000))
        self.end()

    def test_05_return(self):
        """(5) Not accepted: back at 06:00:00.000, also when the engine was down then."""
        self.family()
        first = self.w.pending("mother", "xue", 30000)
        self.assertEqual(30000, int(self.w.wallet("mother")["held"]))
        self.clock("2026-03-03T06:00:00+08:00")
        self.assertRefused(3024, self.w.accept("xue", first))
        self.assertEqual(0, int(self.w.wallet("mother").get("held", 0)))
        second = self.w.pending("mother", "xue", 40000)
        self.crash()
        self.clock("2026-03-05T10:00:00+08:00")
        self.assertRefused(3024, self.w.accept("xue", second))
        self.assertEqual(0, int(self.w.wallet("mother").get("held", 0)))
        self.assertEqual(0, self.w.balance("xue"))
        released = [m for m in self.w.outbox(53) if m["type"] == 0x0233]
        self.assertEqual([30000, 40000], [m["amt"] for m in released])
        self.assertEqual(ms("2026-03-04 06:00:00"), int(released[1]["at"]))
        self.end()

    def test_06_no_wallet(self):
        """(6) The receiver has no wallet; nor has the giver, or there is no such transfer."""
        self.w.open("mother", "yunnan")
        self.assertRefused(3005, self.w.submit("mother", "nobody", 10000))
        self.assertRefused(3001, self.w.call(
            "TrsfSubmit", giver_wlt_id="W123", recv_psn_key=self.w.key("mother"), client_no="C1",
            src=1, trsf_amt=10000, auth_kind=1))
        self.assertRefused(3022, self.w.call("TrsfAccept", trsf_id="T55",
                                             recv_psn_key=self.w.key("mother")))
        self.end()

    def test_07_guangdong(self):
        """(7) A giver whose area is not enabled. It is where the wallet was opened for, so the
        area is switched off after it was on."""
        self.assertRefused(3006, self.w.open("cantonese", "guangdong"))
        now = ms("2026-03-02 09:00:00")
        self.w.ok("RulePush", param="wallet_enabled", value="on", admdvs=440000, eff_from=now)
        self.w.ok("RulePush", param="wallet_enabled", value="off", admdvs=440000,
                  eff_from=ms("2026-03-03 00:00:00"))
        self.assertRefused(0, self.w.open("cantonese", "guangdong"))
        self.w.open("xue", "sichuan")
        self.assertRefused(0, self.w.bind("cantonese", "xue"))
        self.assertRefused(0, self.w.submit("cantonese", "xue", 10000))
        self.clock("2026-03-03T09:00:00+08:00")
        self.assertRefused(3007, self.w.submit("cantonese", "xue", 10000))
        self.end()

    def test_08_fujian(self):
        """(8) Pharmacies outside Fujian: refused with its own code while the switch is off."""
        maker = harness.Maker("F")
        client = self.engine.client()
        self.addCleanup(client.close)
        person = harness.person("fujianese")

        def pharmacy(place, **fields):
            return client.call(maker.settlement(
                psn_key=person, insu_admdvs=350100, mdtrtarea_admvs=place, med_type=41,
                clr_type=41, fixmedins_code=PHARMACY, setl_time=ms("2026-03-02 08:00:00"),
                medfee_sumamt=3000, fund_pay_sumamt=0, hifp_pay=0, psn_part_amt=3000,
                acct_pay=3000, psn_cash_pay=0, **fields))

        self.assertCode(2031, pharmacy(360100))
        self.assertCode(2001, pharmacy(350200))
        self.w.ok("AuthSwitchPush", psn_key=person.hex(), insu_admdvs=350100, switch=1, on=True,
                  eff_at=ms("2026-03-02 07:00:00"))
        self.assertCode(0, pharmacy(360100))
        self.end()

    def test_09_tax(self):
        """(9) Major-illness deduction: 45,000 -> 30,000; 100,000 -> 80,000; 15,000 -> 0."""
        maker = harness.Maker("T")
        client = self.engine.client()
        self.addCleanup(client.close)
        for name, selfpay, outside, deductible in (("a", 4500000, 5500000, 3000000),
                                                   ("b", 10000000, 0, 8000000),
                                                   ("c", 1500000, 0, 0)):
            for half in (1, 2):
                part, own = selfpay // 2, outside // 2
                self.assertCode(0, client.call(maker.settlement(
                    psn_key=harness.person(name), setl_time=ms("2025-0%d-10 10:00:00" % half),
                    med_type=21, clr_type=21, medfee_sumamt=part + own, fund_pay_sumamt=0,
                    hifp_pay=0, psn_part_amt=part + own, acct_pay=0, psn_cash_pay=part + own,
                    fulamt_ownpay_amt=own, inscp_scp_amt=part)))
            said = self.w.call("YearSumGet", psn_key=self.w.key(name), year=2025)
            self.assertEqual((0, selfpay, outside, deductible),
                             (said.get("code", 0), int(said["in_scope_selfpay"]),
                              int(said.get("full_selfpay", 0)), int(said.get("deductible", 0))))
        self.assertRefused(6003, self.w.call("YearSumGet", psn_key=self.w.key("a"), year=2026))
        self.end()

    def test_10_two_givers(self):
        """(10) Two givers, one spend, two debts; taken back after one relation ended."""
        self.family()
        self.w.open("brother", "guizhou")
        bound = self.w.bind("brother", "xue", SIBLING)
        self.assertRefused(0, bound)
        self.w.institution(HOSPITAL, AREA["sichuan"])
        self.w.give("mother", "xue", 10000)
        self.w.give("brother", "xue", 50000)
        paid = self.w.pay("xue", AREA["sichuan"], 30000, HOSPITAL)
        self.assertRefused(0, paid)
        self.assertEqual({(53, 51): 10000, (52, 51): 20000}, self.debts())
        self.assertRefused(0, self.w.call("RltsUnbind", rlts_id=bound["rlts_id"], side=1))
        self.assertEqual(0, self.w.balance("xue"))  # The brother's 300 left went home.
        self.crash()
        back = self.w.call("WltPayReverse", pay_id=paid["pay_id"], rev_setl_id="R1",
                           psn_key=self.w.key("xue"), mdtrtarea_admvs=AREA["sichuan"], rev_amt=0)
        self.assertRefused(0, back)
        self.assertEqual(10000, self.w.balance("xue"))  # The mother's lot; the brother's is dead.
        self.assertEqual({(53, 51): 0, (52, 51): 0}, self.debts())
        self.assertEqual(0, int(self.w.wallet("brother").get("held", 0)))
        self.assertRefused(3030, self.w.call(
            "WltPayReverse", pay_id=paid["pay_id"], rev_setl_id="R2", psn_key=self.w.key("xue"),
            mdtrtarea_admvs=AREA["sichuan"], rev_amt=1))
        self.end()

    def test_11_premium(self):
        """(11) A premium is paid once a year; a second payment is 4008."""
        self.clock("2026-10-15T10:00:00+08:00")
        self.w.open("daughter", "sichuan")
        self.w.open("mother", "yunnan", insutype=390)
        self.w.open("son", "guizhou")
        for child in ("daughter", "son"):
            self.assertRefused(0, self.w.bind(child, "mother", PARENT))
            self.w.give(child, "mother", 50000)
        asked = self.w.ok("PremQuote", psn_key=self.w.key("mother"), insutype=390, year=2027,
                          insu_admdvs=AREA["yunnan"])
        if asked["stas"] == "ASKED":
            self.assertIn(0x0306, [m["type"] for m in self.w.outbox(53)])
            self.w.ok("PremDue", psn_key=self.w.key("mother"), insutype=390, year=2027,
                      insu_admdvs=AREA["yunnan"], due_amt=40000, order_no="DUE1")
        pay = dict(payer_wlt_id=self.w.wlt_id("mother"), payer_psn_key=self.w.key("mother"),
                   psn_key=self.w.key("mother"), insutype=390, year=2027, amt=40000,
                   insu_admdvs=AREA["yunnan"], order_no="DUE1", commit_ack=True)
        self.assertRefused(4005, self.w.call("PremPay", **dict(pay, commit_ack=False)))
        self.assertRefused(4004, self.w.call("PremPay", **dict(pay, amt=39999)))
        paid = self.w.call("PremPay", **pay)
        self.assertRefused(0, paid)
        self.crash()
        self.assertRefused(4008, self.w.call("PremPay", **dict(pay, amt=40000, order_no="DUE2")))
        self.assertEqual({(51, 53): 40000}, self.debts("2026-10", line=6))
        self.assertIn(0x0303, [m["type"] for m in self.w.outbox(53)])
        with self.engine.client() as client:
            told = client.call(wire.person.WltRecords(psn_key=harness.person("mother"),
                                                      kind="premium"))
        self.assertEqual([("covered", 40000), ("paid", 40000), ("due", 40000), ("asked", 0)],
                         [(record.what, record.amt) for record in told.records])
        self.end()

    def test_12_mix(self):
        """(12) The generator's month has the first quarter's mix: 5.1 % inpatient."""
        out = self.folder / "month.csv"
        harness.gen(out, "2025-01", 20000)
        with open(out, encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        inpatient = sum(row["med_type"].startswith("2") for row in rows)
        self.assertAlmostEqual(0.051, inpatient / len(rows), delta=0.012)
        self.end()


class TestDisputes(WalletCase):
    def dispute(self, number, area, setl_id):
        centre = Centre(self.engine)
        centre.do("dispute", "open", number, "--as", area // 10000, "--insu", area, "--setl-id",
                  setl_id, "--reason", 2)
        return centre

    def test_a_disputed_payment_waits(self):
        """A debt in dispute: neither name of its payment takes it back, until that is decided."""
        self.family()
        self.w.institution(HOSPITAL, AREA["sichuan"])
        self.w.give("mother", "xue", 20000)
        for turn, name in enumerate(("pay_id", "setl_id"), 1):
            paid = self.w.pay("xue", AREA["sichuan"], 5000, HOSPITAL, setl_id="VISIT%d" % turn)
            self.assertRefused(0, paid)
            back = dict(rev_setl_id="R%d" % turn, psn_key=self.w.key("xue"),
                        mdtrtarea_admvs=AREA["sichuan"], rev_amt=0)
            back[name] = paid["pay_id"] if name == "pay_id" else "VISIT%d" % turn
            number = "D%d" % turn
            centre = self.dispute(number, AREA["yunnan"], paid["pay_id"] + "-1")
            self.assertRefused(3031, self.w.call("WltPayReverse", **back))
            self.crash()
            self.assertRefused(3031, self.w.call("WltPayReverse", **back))
            centre = Centre(self.engine)
            centre.do("dispute", "resolve", number, "--pay")
            self.assertRefused(0, self.w.call("WltPayReverse", **back))
        self.assertEqual(20000, self.w.balance("xue"))
        self.assertEqual({(53, 51): 0}, self.debts())
        self.end()

    def test_a_disputed_premium_waits(self):
        """The same for a premium that its insured area takes back."""
        self.clock("2026-10-15T10:00:00+08:00")
        self.w.open("daughter", "sichuan")
        self.w.open("mother", "yunnan", insutype=390)
        self.assertRefused(0, self.w.bind("daughter", "mother", PARENT))
        self.w.give("daughter", "mother", 50000)
        self.w.ok("PremDue", psn_key=self.w.key("mother"), insutype=390, year=2027,
                  insu_admdvs=AREA["yunnan"], due_amt=40000, order_no="DUE1")
        paid = self.w.ok("PremPay", payer_wlt_id=self.w.wlt_id("mother"),
                         payer_psn_key=self.w.key("mother"), psn_key=self.w.key("mother"),
                         insutype=390, year=2027, amt=40000, insu_admdvs=AREA["yunnan"],
                         order_no="DUE1", commit_ack=True)
        back = dict(pay_id=paid["pay_id"], rev_no="R1", payer_psn_key=self.w.key("mother"),
                    reason=1, amt=0)
        centre = self.dispute("D1", AREA["sichuan"], paid["pay_id"] + "-1")
        self.assertRefused(3031, self.w.call("PremReverse", **back))
        centre.do("dispute", "resolve", "D1", "--pay")
        self.assertRefused(0, self.w.call("PremReverse", **back))
        self.assertEqual({(51, 53): 0}, self.debts("2026-10", line=6))
        self.end()


if __name__ == "__main__":
    unittest.main()
