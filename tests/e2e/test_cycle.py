"""The clearing cycle, entirely through the command line: the worked examples of the rules, a whole
month step by step, and the refusal of each step in the wrong state, by the wrong province, twice."""

import csv
import unittest

import harness
from cycle_cli import Centre, Month
from harness import Case, fen_of

# Error codes, docs/rules.md.
SENDER_NOT_ALLOWED, MSGID_REUSED, TOTALS_DIFFER, PERIOD_ORDER = 1004, 1005, 2021, 5001
DIGEST_DIFFERS, NOT_YOURS, NOTICE_UNKNOWN, PAID_AMOUNT = 5004, 5006, 5007, 5008
BANK_REF_REUSED, PREFUND_RULE, WRONG_STATE, DEDUCTION = 5009, 5010, 5011, 5012
NUMBER_REUSED, SETTING, NOT_FOUND = 5013, 5014, 6001

MILLION = 100_000_000  # Fen.

# Who owes whom in the example of three provinces, million yuan: (payer, payee) -> amount.
THREE = {(31, 32): 57, (31, 34): 8, (32, 31): 437, (32, 34): 56, (34, 31): 476, (34, 32): 455}
MODES = {
    "gross": ({("%02d" % a, "%02d" % b): amount for (a, b), amount in THREE.items()}, 1489),
    "bilateral": ({("34", "31"): 468, ("34", "32"): 399, ("32", "31"): 380}, 1247),
    "multilateral": ({("34", "--"): 867, ("--", "31"): 848, ("--", "32"): 19}, 867),
}
MODE_NUMBERS = {"gross": 0, "bilateral": 1, "multilateral": 2}


class TestThreeProvinces(Case):
    def send_month(self, engine, month="2025-03"):
        file = Month(month, "T")
        for (payer, payee), amount in THREE.items():
            file.add_millions(payer, payee, amount)
        told = harness.send(engine, file.write(self.folder))
        self.assertEqual(len(file.rows), told["accepted"])

    def check_mode(self, mode):
        payments, total = MODES[mode]
        engine = self.fresh(now="2025-04-21T09:00:00+08:00")
        centre = Centre(engine)
        centre.do("setting", "set", "clearing.payable_mode", MODE_NUMBERS[mode])
        self.send_month(engine)
        cut = centre.ask("period", "cut", "2025-03")
        self.assertEqual("202503-1", cut["batch"])
        self.assertEqual(1489 * MILLION, cut["batch_amount"])
        self.assertEqual(0, cut["left_out"])
        centre.do("period", "compute", "2025-03")
        head = centre.rows("period", "show", "2025-03")[0]
        self.assertEqual(mode, head["mode"])
        self.assertEqual([1489 * MILLION, 1247 * MILLION, 867 * MILLION],
                         [fen_of(head[name]) for name in ("gross", "bilateral", "multilateral")])
        lines = centre.rows("period", "lines", "2025-03")
        self.assertEqual(1489 * MILLION, sum(fen_of(line["amount"]) for line in lines))
        self.assertEqual({"CELL"}, {line["kind"] for line in lines})

        centre.do("period", "publish", "2025-03")
        self.assertEqual(3, centre.ask("period", "sign", "2025-03", "--all")["signed"])
        self.assertEqual("SIGNED", centre.state("2025-03"))
        centre.do("period", "notice", "2025-03")
        notices = centre.rows("notice", "list", "--period", "2025-03")
        self.assertEqual({pair: amount * MILLION for pair, amount in payments.items()},
                         {(row["payer"], row["payee"]): fen_of(row["amount"]) for row in notices})
        self.assertEqual({"DUE"}, {row["state"] for row in notices})
        moved = sum(fen_of(row["amount"]) for row in notices if row["payer"] != "--")
        self.assertEqual(total * MILLION, moved)

        ageing = centre.rows("notice", "ageing", "--period", "2025-03")
        self.assertEqual(sum(fen_of(row["amount"]) for row in notices),
                         sum(fen_of(row["amount"]) for row in ageing))
        self.assertEqual({"not due"}, {row["age"] for row in ageing})
        centre.holds()
        self.assertEqual(len(payments), centre.pay_all("--period", "2025-03"))
        self.assertEqual("SETTLED", centre.state("2025-03"))
        self.assertEqual([], centre.rows("notice", "ageing"))
        centre.do("period", "archive", "2025-03")
        centre.holds()
        self.stop(engine)
        self.assertIn("verify: ok", harness.verify(engine.data).stdout)

    def test_gross(self):
        self.check_mode("gross")

    def test_bilateral(self):
        self.check_mode("bilateral")

    def test_multilateral(self):
        self.check_mode("multilateral")


class TestPrefund(Case):
    """Opening 880 million; Q4 460, 480, 500 -> twice the average 960 -> a notice of 80. March of
    690 is yellow at 71.87 %, April of 870 red at 90.62 %."""

    def month(self, centre, month, millions, now):
        file = Month(month, "P")
        file.add_millions(34, 31, millions)
        harness.send(centre.engine, file.write(self.folder))
        harness.set_clock(centre.engine, now)
        centre.clear(month)

    def use(self, centre, month):
        rows = centre.rows("prefund", "list", "--period", month)
        pair = [row for row in rows if (row["payer"], row["payee"]) == ("34", "31")]
        payee = [row for row in rows if (row["payer"], row["payee"]) == ("all", "31")]
        self.assertEqual((1, 1), (len(pair), len(payee)), rows)
        return pair[0], payee[0]

    def test_prefund(self):
        engine = self.fresh(now="2025-10-31T18:00:00+08:00")
        centre = Centre(engine)
        centre.do("prefund", "open", "--payer", 34, "--payee", 31, "--amount", "880000000")
        self.assertEqual(WRONG_STATE, centre.refused(
            "prefund", "open", "--payer", 34, "--payee", 31, "--amount", "1"))
        for month, millions, now in (("2025-10", 460, "2025-11-21T09:00:00+08:00"),
                                     ("2025-11", 480, "2025-12-21T09:00:00+08:00"),
                                     ("2025-12", 500, "2026-01-21T09:00:00+08:00")):
            self.month(centre, month, millions, now)
        centre.do("prefund", "set", 2026)
        notices = centre.rows("notice", "list", "--period", "2026")
        notice = [row for row in notices if row["kind"] == "PREFUND_YEAR"]
        self.assertEqual(1, len(notice), notices)
        self.assertEqual(("34", "31", "80000000.00", "880000000.00", "960000000.00"),
                         tuple(notice[0][name] for name in ("payer", "payee", "amount",
                                                            "old_amount", "new_amount")))
        self.assertEqual(WRONG_STATE, centre.refused("prefund", "set", 2026))
        centre.do("notice", "pay", notice[0]["number"], "--as", 34, "--bank-ref", "Y1", "--full")
        pair, _ = self.use(centre, "2025-12")
        self.assertEqual("880000000.00", pair["amount"], "nothing changes before it is received")
        centre.do("notice", "receive", notice[0]["number"], "--as", 31, "--bank-ref", "Y1",
                  "--amount", "80000000")
        pair, _ = self.use(centre, "2025-12")
        self.assertEqual("960000000.00", pair["amount"])

        for month, now in (("2026-01", "2026-02-21T09:00:00+08:00"),
                           ("2026-02", "2026-03-21T09:00:00+08:00")):
            self.month(centre, month, 480, now)
        self.month(centre, "2026-03", 690, "2026-04-21T09:00:00+08:00")
        for row in self.use(centre, "2026-03"):
            self.assertEqual(("7187", "YELLOW", "690000000.00"),
                             (row["use_bp"], row["alert"], row["cleared"]))
        self.assertEqual(PREFUND_RULE, centre.refused(
            "prefund", "apply", "2026-03", "--as", 31, "--payer", 34, "--amount", "1000000"))
        self.month(centre, "2026-04", 870, "2026-05-21T09:00:00+08:00")
        for row in self.use(centre, "2026-04"):
            self.assertEqual(("9062", "RED", "870000000.00"),
                             (row["use_bp"], row["alert"], row["cleared"]))
        table = centre.run("prefund", "list", "--period", "2026-04").stdout
        self.assertIn("  90.62  RED", table)
        alerts = centre.rows("prefund", "list", "--period", "2026-04", "--alerts")
        self.assertEqual({"RED"}, {row["alert"] for row in alerts})
        calendar = centre.rows("calendar", "2026-05")
        self.assertIn("prefund-red", {row["what"] for row in calendar})

        apply = ("prefund", "apply", "2026-04", "--payer", 34, "--amount", "100000000")
        self.assertEqual(NOT_FOUND, centre.refused(
            "prefund", "approve", "2026-04", "--payer", 34, "--payee", 31))
        centre.do(*apply, "--as", 31)
        centre.do("prefund", "approve", "2026-04", "--payer", 34, "--payee", 31)
        self.assertEqual(WRONG_STATE, centre.refused(
            "prefund", "refuse", "2026-04", "--payer", 34, "--payee", 31))
        kinds = [row["kind"] for row in centre.rows("notice", "list", "--kind", "prefund")]
        self.assertIn("PREFUND_EMERGENCY", kinds)
        centre.holds()
        self.stop(engine)


class TestMonth(Case):
    """One month from records to the archive, with everything that can be refused on the way."""

    MONTH, DAY = "2025-03", "2025-03-14"

    def csv_file(self, name, columns, rows):
        path = self.folder / name
        with open(path, "w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out)
            writer.writerow(columns)
            writer.writerows(rows)
        return path

    def setUp(self):
        super().setUp()
        self.engine = self.fresh(now="2025-04-01T09:00:00+08:00")
        self.centre = Centre(self.engine)
        file = Month(self.MONTH, "M")
        for amount in ("10000.00", "20000.00", "30000.00", "40000.00", "50000.00", "60000.00"):
            file.add(34, 31, amount)
        file.add(31, 34, "7000.00")
        file.add(32, 31, "9000.00", day=15)
        self.records = file.rows
        self.path = file.write(self.folder)
        self.assertEqual(8, harness.send(self.engine, self.path)["accepted"])

    def setl(self, place):
        return ("--insu", self.records[place]["insu_admdvs"], "--setl-id",
                self.records[place]["setl_id"])

    def item(self, place):
        return [self.records[place]["insu_admdvs"], self.records[place]["setl_id"]]

    def refuse(self, code, *words):
        self.assertEqual(code, self.centre.refused(*words), words)

    def reconcile(self):
        """Totals and lists of both sides; one record differs and stays out."""
        centre = self.centre
        asked = centre.ask("recon", "day", self.DAY, "--as", 34, "--side", "payer")
        self.assertEqual([(34, 31, 6)], [(cell["centre"]["payer"], cell["centre"]["payee"],
                                          cell["centre"]["count"]) for cell in asked["cells"]])
        columns = ("payer", "payee", "line", "insutype", "count", "medfee_sumamt",
                   "fund_pay_sumamt", "acct_pay")
        good = self.csv_file("good.csv", columns,
                             [(34, 31, 1, 390, 6, "210000.00", "210000.00", "0.00")])
        bad = self.csv_file("bad.csv", columns,
                            [(34, 31, 1, 390, 5, "210000.00", "210000.00", "0.00")])
        self.refuse(TOTALS_DIFFER, "recon", "day", self.DAY, "--as", 34, "--file", bad)
        told = centre.ask("recon", "day", self.DAY, "--as", 34, "--file", good)
        self.assertEqual((1, 0), (told["equal"], told["different"]))
        self.refuse(NOT_YOURS, "recon", "day", self.DAY, "--as", 32, "--file", good)

        listed = ("recon", "list", self.DAY, "--payer", 34, "--payee", 31)
        told = centre.ask(*listed, "--as", 34, self.path)
        self.assertEqual((6, 0, 0, 0), (told["matched"], told["amount"], told["only_payee"],
                                        told["only_payer"]))
        rows = [self.item(place) + [self.records[place]["medfee_sumamt"]] * 2 + ["0.00", 0]
                for place in range(6)]
        rows[5][2] = rows[5][3] = "61000.00"
        theirs = self.csv_file("theirs.csv", ("insu_admdvs", "setl_id", "medfee_sumamt",
                                              "fund_pay_sumamt", "acct_pay", "refd_setl_flag"),
                               rows)
        told = centre.ask(*listed, "--as", 31, theirs)
        self.assertEqual((5, 1), (told["matched"], told["amount"]))
        differences = centre.rows("recon", "differences", "--period", self.MONTH)
        self.assertEqual([(self.records[5]["setl_id"], "AMOUNT", "payee")],
                         [(row["setl_id"], row["kind"], row["side"]) for row in differences])
        cells = centre.rows("recon", "cells", self.MONTH, "--province", 34)
        cell = [row for row in cells if row["payer"] == "34"][0]
        self.assertEqual(("1", "OPEN"), (cell["exceptions"], cell["batch_state"]))

    def confirm(self):
        """Cells, a withdrawal, then one record held and one deducted, in a file of two pages."""
        centre = self.centre
        self.refuse(NOT_FOUND, "confirm", self.MONTH, "--as", 32)
        centre.do("confirm", self.MONTH, "--as", 31, "--msgid", "CONF1")
        self.refuse(MSGID_REUSED, "confirm", self.MONTH, "--as", 31, "--payer", 34, "--msgid",
                    "CONF1")
        self.assertTrue(centre.do("confirm", self.MONTH, "--as", 31, "--msgid", "CONF1")["dup"])
        withdraw = ("confirm", "withdraw", self.MONTH, "--otransid", "CONF1")
        self.refuse(NOT_YOURS, *withdraw, "--as", 34)
        centre.do(*withdraw, "--as", 31)
        self.refuse(WRONG_STATE, *withdraw, "--as", 31)
        centre.do("confirm", self.MONTH, "--as", 31)

        columns = ("insu_admdvs", "setl_id", "cnfm_flag", "deduct_amt", "det_type")
        too_much = self.csv_file("much.csv", columns, [self.item(0) + [1, "10000.01", 10]])
        self.refuse(DEDUCTION, "confirm", self.MONTH, "--as", 31, "--file", too_much)
        no_kind = self.csv_file("kind.csv", columns, [self.item(0) + [1, "1", 11]])
        self.refuse(DEDUCTION, "confirm", self.MONTH, "--as", 31, "--file", no_kind)
        centre.do("setting", "set", "confirm.page_rows", 1)
        file = self.csv_file("held.csv", columns, [self.item(0) + [0, "", ""],
                                                   self.item(1) + [1, "320.00", 10]])
        self.refuse(NOT_YOURS, "confirm", self.MONTH, "--as", 34, "--file", file)
        told = centre.ask("confirm", self.MONTH, "--as", 31, "--file", file)
        self.assertEqual({"pages": 2, "accepted": 2, "repeated": 0, "refused": 0}, told)
        told = centre.ask("confirm", self.MONTH, "--as", 31, "--file", file)
        self.assertEqual({"pages": 2, "accepted": 0, "repeated": 2, "refused": 0}, told)
        held = centre.rows("exception", "list", "--period", self.MONTH, "--state", "HELD")
        self.assertEqual([self.records[0]["setl_id"]], [row["setl_id"] for row in held])

    def dispute(self):
        centre = self.centre
        opened = ("dispute", "open", "D1", *self.setl(2), "--reason", 2)
        self.refuse(NOT_YOURS, *opened, "--as", 31)
        self.refuse(NOT_FOUND, "dispute", "reply", "D1", "--as", 31, "--contest")
        centre.do(*opened, "--as", 34)
        self.refuse(WRONG_STATE, "dispute", "open", "D2", *self.setl(2), "--reason", 2, "--as", 34)
        self.refuse(NUMBER_REUSED, "dispute", "open", "D1", *self.setl(3), "--reason", 2, "--as",
                    34)
        self.refuse(NOT_YOURS, "dispute", "reply", "D1", "--as", 34, "--contest")
        centre.do("dispute", "reply", "D1", "--as", 31, "--contest")
        self.assertEqual(["CONTESTED"], [row["state"] for row in centre.rows("dispute", "list")])

    def cut(self):
        """40,000 + 50,000 + 20,000 less 320 for 34 to 31; the other pairs whole."""
        centre = self.centre
        self.refuse(NOT_FOUND, "period", "compute", self.MONTH)
        self.refuse(PERIOD_ORDER, "period", "cut", "2025-04")
        provisional = centre.ask("period", "cut", self.MONTH, "--provisional")
        self.assertTrue(provisional["provisional"])
        self.assertEqual("OPEN", centre.rows("period", "list")[0]["state"])
        told = centre.ask("period", "cut", self.MONTH)
        want = fen_of("109680.00") + fen_of("7000.00") + fen_of("9000.00")
        for reply in (provisional, told):
            self.assertEqual((5, want, 3), (reply["batch_count"], reply["batch_amount"],
                                            reply["left_out"]))
        self.assertTrue(centre.ask("period", "cut", self.MONTH)["dup"])
        self.assertEqual("CUT", centre.state(self.MONTH))

    def publish(self):
        centre = self.centre
        self.refuse(WRONG_STATE, "period", "publish", self.MONTH)
        self.refuse(WRONG_STATE, "period", "sign", self.MONTH, "--as", 34)
        centre.do("period", "compute", self.MONTH)
        self.refuse(WRONG_STATE, "period", "notice", self.MONTH)
        self.refuse(WRONG_STATE, "period", "close-signing", self.MONTH)
        centre.do("period", "publish", self.MONTH)
        self.refuse(WRONG_STATE, "period", "publish", self.MONTH)
        self.assertEqual("PUBLISHED", centre.state(self.MONTH))

    def sign(self):
        """An objection, a new version, and all three signatures."""
        centre = self.centre
        sign = ("period", "sign", self.MONTH)
        self.refuse(NOT_YOURS, *sign, "--as", 11)
        self.refuse(DIGEST_DIFFERS, *sign, "--as", 34, "--digest", "00" * 32)
        digest = centre.rows("period", "show", self.MONTH)[0]["digest"]
        centre.do("period", "object", self.MONTH, "--as", 32, "--reason", "one bill too many")
        self.refuse(WRONG_STATE, "period", "close-signing", self.MONTH)
        self.assertIn("32 江苏 objects", centre.run("period", "show", self.MONTH).stdout)
        centre.do("dispute", "resolve", "D1", "--part", "25000.00")
        self.refuse(WRONG_STATE, "dispute", "resolve", "D1", "--pay")
        centre.do("dispute", "open", "D3", *self.setl(3), "--reason", 4, "--as", 34)
        centre.do("period", "compute", self.MONTH)
        centre.do("period", "publish", self.MONTH)
        self.refuse(DIGEST_DIFFERS, *sign, "--as", 34, "--digest", digest)
        self.assertEqual(2, centre.ask("period", "show", self.MONTH)["batch"]["published_version"])
        first = centre.rows("period", "lines", self.MONTH, "--version", 1)
        self.assertEqual("125680.00", harness.yuan(sum(fen_of(row["amount"]) for row in first)))

        digest = centre.rows("period", "show", self.MONTH)[0]["digest"]
        centre.do(*sign, "--as", 34, "--digest", digest)
        self.refuse(WRONG_STATE, "dispute", "open", "D4", *self.setl(4), "--reason", 4, "--as", 34)
        self.refuse(WRONG_STATE, "period", "object", self.MONTH, "--as", 34, "--reason", "no")
        told = centre.ask(*sign, "--all")
        self.assertEqual((2, 0), (told["signed"], told["refused"]))
        self.assertEqual("SIGNED", centre.state(self.MONTH))

    def notice(self):
        """Bilateral: 34 pays 31 what is left of 69,680 after 7,000; 32 pays 31 its 9,000."""
        centre = self.centre
        centre.do("period", "notice", self.MONTH)
        self.refuse(WRONG_STATE, "period", "abort", self.MONTH, "--reason", "too late")
        self.refuse(WRONG_STATE, "period", "unwind", self.MONTH, "--province", 34, "--reason", "x")
        notices = centre.rows("notice", "list", "--period", self.MONTH)
        self.assertEqual({("34", "31"): "62680.00", ("32", "31"): "9000.00"},
                         {(row["payer"], row["payee"]): row["amount"] for row in notices})
        number = [row["number"] for row in notices if row["payer"] == "32"][0]
        self.refuse(SENDER_NOT_ALLOWED, "notice", "reissue", number, "--reason", "x", "--as", 32)
        centre.do("notice", "reissue", number, "--reason", "account changed")
        self.refuse(WRONG_STATE, "notice", "reissue", number, "--reason", "again")
        self.refuse(WRONG_STATE, "notice", "pay", number, "--as", 32, "--bank-ref", "R", "--amount",
                    "9000.00")
        due = [row for row in centre.rows("notice", "list", "--period", self.MONTH)
               if row["state"] == "DUE"]
        self.assertEqual(2, len(due))
        return {row["payer"]: row["number"] for row in due}

    def pay(self, numbers):
        centre = self.centre
        number = numbers["34"]
        pay = ("notice", "pay", number, "--bank-ref", "B1")
        receive = ("notice", "receive", number, "--bank-ref", "B1")
        self.refuse(NOTICE_UNKNOWN, "notice", "pay", "none", "--as", 34, "--bank-ref", "B1",
                    "--amount", "1")
        self.refuse(NOT_YOURS, *pay, "--amount", "1000.00", "--as", 31)
        self.refuse(PAID_AMOUNT, *pay, "--amount", "62680.01", "--as", 34)
        self.refuse(NOT_FOUND, *receive, "--amount", "1000.00", "--as", 31)
        centre.do(*pay, "--amount", "1000.00", "--as", 34)
        self.assertEqual("PAYING", centre.state(self.MONTH))
        self.assertEqual(0, centre.refused(*pay, "--amount", "1000.00", "--as", 34), "recognised")
        self.refuse(BANK_REF_REUSED, *pay, "--amount", "2000.00", "--as", 34)
        self.refuse(NOT_YOURS, *receive, "--amount", "1000.00", "--as", 34)
        self.refuse(PAID_AMOUNT, *receive, "--amount", "999.99", "--as", 31)
        centre.do(*receive, "--amount", "1000.00", "--as", 31)
        self.refuse(WRONG_STATE, "notice", "reject", number, "--bank-ref", "B1", "--amount",
                    "1000.00", "--as", 31)
        self.refuse(WRONG_STATE, "period", "archive", self.MONTH)
        centre.do("notice", "pay", number, "--as", 34, "--bank-ref", "B2", "--full")
        centre.do("notice", "reject", number, "--as", 34, "--bank-ref", "B2", "--amount",
                  "61680.00")
        shown = centre.ask("notice", "show", number)
        self.assertEqual(["RECEIVED", "REJECTED"],
                         sorted(payment["state"] for payment in shown["payments"]))
        self.assertEqual(2, centre.pay_all("--period", self.MONTH))
        self.assertEqual("SETTLED", centre.state(self.MONTH))

    def archive(self):
        centre = self.centre
        centre.do("period", "archive", self.MONTH)
        self.assertEqual("ARCHIVED", centre.state(self.MONTH))
        self.refuse(WRONG_STATE, "period", "archive", self.MONTH)
        recover = ("confirm", "recover", *self.setl(4), "--amount", "500.00", "--det-type", 20)
        self.refuse(NOT_YOURS, *recover, "--no", "R1", "--as", 34)
        centre.do(*recover, "--no", "R1", "--as", 31)
        self.refuse(DEDUCTION, "confirm", "recover", *self.setl(4), "--amount", "49500.01",
                    "--det-type", 20, "--no", "R2", "--as", 31)
        self.refuse(WRONG_STATE, "confirm", "recover", *self.setl(0), "--amount", "1.00",
                    "--det-type", 20, "--no", "R3", "--as", 31)

    def test_month(self):
        self.reconcile()
        self.confirm()
        self.dispute()
        self.cut()
        harness.set_clock(self.engine, "2025-04-21T09:00:00+08:00")
        self.publish()
        self.sign()
        self.centre.holds()
        self.pay(self.notice())
        self.archive()
        self.centre.holds()
        self.stop(self.engine)
        self.assertIn("verify: ok", harness.verify(self.engine.data).stdout)

        engine = self.start(self.engine.data)
        again = Centre(engine)
        self.assertEqual("ARCHIVED", again.state(self.MONTH), "the same after a start")
        again.holds()
        self.stop(engine)

    def test_only_the_centre(self):
        """Steps of the batch, settings and deposits are the centre's."""
        for name, body in (("BatchStep", '{"msgid":"X1","period":202503,"step":"compute"}'),
                           ("SettingSet", '{"msgid":"X2","name":"recon.required","value":1}'),
                           ("PrefundSet", '{"msgid":"X3","year":2025}')):
            done = self.centre.run("call", name, body, "--as", 34, check=False)
            self.assertIn('"code":%d' % SENDER_NOT_ALLOWED, done.stdout, name)
        self.refuse(SETTING, "setting", "set", "no.such", 1)
        self.refuse(SETTING, "setting", "set", "recon.required", 3)


if __name__ == "__main__":
    unittest.main()
