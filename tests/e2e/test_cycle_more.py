"""The rarer turns of the clearing cycle, through the command line: what an operator meets once a
year. Every refused order is followed by a look at what it must not have changed."""

import csv
import unicodedata
import unittest

import harness
from cycle_cli import Centre, Month
from harness import Case, fen_of

# Error codes, docs/rules.md.
SENDER_NOT_ALLOWED, PERIOD_CLOSED, PERIOD_ORDER, RECON_OPEN = 1004, 2009, 5001, 5003
DEADLINE, NOT_YOURS, PAID_AMOUNT, PREFUND_RULE = 5005, 5006, 5008, 5010
WRONG_STATE, SETTING, AMBIGUOUS, NOT_FOUND, MALFORMED = 5011, 5014, 5015, 6001, 1001
TOO_MANY_DIFFERENCES = 2022


def columns(line):
    """Columns of a terminal."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in line)


class Turn(Case):
    """One engine and one hand."""

    NOW = "2025-04-01T09:00:00+08:00"

    def setUp(self):
        super().setUp()
        self.engine = self.fresh(now=self.NOW, shards=1)
        self.centre = Centre(self.engine)

    def at(self, day, hour=9):
        harness.set_clock(self.engine, "%sT%02d:00:00+08:00" % (day, hour))

    def send(self, month):
        told = harness.send(self.engine, month.write(self.folder))
        self.assertEqual(len(month.rows), told["accepted"], told)

    def one(self, month, payer, payee, yuan, prefix="A"):
        """A month of one settlement; the settlement."""
        file = Month(month, prefix)
        row = file.add(payer, payee, yuan)
        self.send(file)
        return row

    def refuse(self, code, *words):
        """The order is refused with that code, and the book is as it was."""
        before = self.centre.rows("book"), self.centre.rows("notice", "list")
        self.assertEqual(code, self.centre.refused(*words), words)
        self.assertEqual(before, (self.centre.rows("book"), self.centre.rows("notice", "list")))

    def record(self, row):
        return ("--insu", row["insu_admdvs"], "--setl-id", row["setl_id"])

    def confirm_file(self, flag, *rows):
        path = self.folder / "confirm.csv"
        with open(path, "w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out)
            writer.writerow(("insu_admdvs", "setl_id", "cnfm_flag"))
            writer.writerows((row["insu_admdvs"], row["setl_id"], flag) for row in rows)
        return path

    def hold(self, month, row, flag=0):
        payee = row["mdtrtarea_admvs"] // 10000
        told = self.centre.ask("confirm", month, "--as", payee, "--file",
                               self.confirm_file(flag, row))
        self.assertEqual(0, told["refused"])

    def notices(self, *filters, state="DUE"):
        return {(row["payer"], row["payee"]): row
                for row in self.centre.rows("notice", "list", *filters) if row["state"] == state}

    def due(self, *filters):
        """What is asked for: (payer, payee) -> yuan."""
        return {pair: row["amount"] for pair, row in self.notices(*filters).items()}

    def published(self, month):
        for step in ("cut", "compute", "publish"):
            self.centre.do("period", step, month)

    def agenda(self, month, what):
        return [(row["province"], row["severity"]) for row in self.centre.rows("calendar", month)
                if row["what"] == what]

    def done(self):
        """Everything still ties, in the engine and in its store."""
        self.centre.holds()
        self.stop(self.engine)
        self.assertIn("verify: ok", harness.verify(self.engine.data).stdout)


class TestReading(Turn):
    def test_tables_fit_a_terminal(self):
        """Long names, long ids: no line is wider than 100 columns, and no list is silent."""
        centre = self.centre
        for words in (("exception", "list"), ("notice", "list"), ("dispute", "list"),
                      ("recon", "differences")):
            self.assertEqual("(none 无)", centre.lines(*words)[-1], words)
        file = Month("2025-03", "W")
        for place in range(3):
            file.add(15, 23, "123456.78", setl_id="S%029d" % place)
        self.send(file)
        path = self.folder / "list.csv"
        with open(path, "w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out)
            writer.writerow(("insu_admdvs", "setl_id", "medfee_sumamt", "fund_pay_sumamt",
                             "acct_pay"))
            writer.writerows((150100, row["setl_id"], "123456.79", "123456.79", 0)
                             for row in file.rows[:2])
        centre.do("recon", "list", "2025-03-14", "--as", 23, "--payer", 15, "--payee", 23, path)
        centre.do("dispute", "open", "D-2025-03-15-23-LONG-00001", "--as", 15,
                  *self.record(file.rows[2]), "--reason", 2)
        self.published("2025-03")
        for words in (("recon", "differences"), ("exception", "list"), ("dispute", "list"),
                      ("recon", "cells", "2025-03"), ("recon", "day", "2025-03", "--as", 15),
                      ("period", "show", "2025-03"), ("calendar", "2025-04"),
                      ("report", "position", "--period", "2025-03"), ("setting", "list")):
            lines = centre.lines(*words)
            self.assertGreater(len(lines), 2, words)
            for line in lines:
                self.assertLessEqual(columns(line), 100, (words, line))

    def test_reports_are_of_all_records(self):
        """The report counts what is held back, live and final; the batch does not."""
        file = Month("2025-03", "R")
        held = file.add(34, 31, "400.00")
        file.add(34, 31, "600.00")
        self.send(file)
        self.hold("2025-03", held)
        live = harness.report_text(self.engine, "position", "2025-03")
        net = harness.report_text(self.engine, "net", "2025-03")
        self.published("2025-03")
        self.assertEqual(live, harness.report_text(self.engine, "position", "2025-03"))
        self.assertEqual(net, harness.report_text(self.engine, "net", "2025-03"))
        self.assertIn("34,31,2,1000.00", net)
        self.assertEqual(["600.00"], [row["amount"] for row in
                                      self.centre.rows("period", "lines", "2025-03")])

    def test_refusals_say_what_is_wrong(self):
        """Field, value and what there is, in the text; then what to do."""
        wrong = (
            (("exception", "list", "--state", "FOO"), MALFORMED, "state: 'FOO' is none of"),
            (("notice", "list", "--state", "FOO"), MALFORMED, "DUE OVERDUE PAID"),
            (("notice", "list", "--kind", "foo"), MALFORMED, "kind: 'foo' is none of"),
            (("dispute", "list", "--state", "due"), MALFORMED, "OPEN ACCEPTED CONTESTED"),
            (("period", "show", "2025-03"), NOT_FOUND, "it is not cut"),
            (("setting", "set", "recon.required", 9), SETTING, "0 to 2, not 9"),
            (("setting", "set", "recon.required", 1, "--from", "2025-03-01 00:00:00"), SETTING,
             "2025-03-01 00:00:00 is before 2025-04-01 09:00:00"),
        )
        for words, code, text in wrong:
            done = self.centre.run(*words, check=False)
            self.assertEqual((1, ""), (done.returncode, done.stdout), words)
            self.assertIn(": %d " % code, done.stderr)
            self.assertIn(text, done.stderr)
            self.assertIn("what to do: ", done.stderr)


class TestSetting(Turn):
    def test_holds_from_its_day_and_survives(self):
        """A change for later is known at once, in force from its instant on, after a restart too."""
        self.one("2025-03", 34, 31, "100.00")
        self.centre.do("setting", "set", "clearing.payable_mode", "gross", "--from",
                       "2025-04-10 00:00:00", "--msgid", "SET1")

        def mode():
            return [(row["value"], row["next"]) for row in self.centre.rows("setting", "list")
                    if row["name"] == "clearing.payable_mode"][0]

        self.assertEqual(("1", "0"), mode())
        self.published("2025-03")
        self.assertEqual("bilateral", self.centre.rows("period", "show", "2025-03")[0]["mode"])
        self.engine.kill()
        self.engine = self.start(self.engine.data)
        self.centre = Centre(self.engine)
        self.at("2025-04-09", 23)
        self.assertEqual(("1", "0"), mode())
        self.at("2025-04-10", 0)
        self.assertEqual("0", mode()[0])
        self.assertTrue(self.centre.do("setting", "set", "clearing.payable_mode", 0, "--from",
                                       "2025-04-10 00:00:00", "--msgid", "SET1")["dup"])
        self.centre.do("period", "abort", "2025-03", "--reason", "new mode")
        self.published("2025-03")
        self.assertEqual("gross", self.centre.rows("period", "show", "2025-03")[0]["mode"])
        self.done()


class TestBatch(Turn):
    def test_abort_and_cut_again(self):
        """The money waits for the next batch of the month; an aborted one keeps its number."""
        self.one("2025-03", 34, 31, "100.00")
        self.published("2025-03")
        self.centre.do("period", "abort", "2025-03", "--reason", "wrong list")
        self.refuse(WRONG_STATE, "period", "abort", "2025-03", "--reason", "again")
        self.refuse(WRONG_STATE, "period", "sign", "2025-03", "--as", 34)
        self.assertEqual("202503-2", self.centre.ask("period", "cut", "2025-03")["batch"])
        self.assertEqual("ABORTED", self.centre.rows("period", "show", "2025-03", "--number",
                                                     1)[0]["state"])
        self.centre.clear("2025-03")
        self.assertEqual({("34", "31"): "100.00"}, self.due())
        self.done()

    def test_silence_is_consent(self):
        """Only by setting, only after the last day, and never for one who objects."""
        file = Month("2025-03", "S")
        file.add(34, 31, "100.00")
        file.add(32, 31, "50.00")
        self.send(file)
        self.at("2025-04-21")
        self.published("2025-03")
        close = ("period", "close-signing", "2025-03")
        self.centre.do("setting", "set", "sign.timeout_is_consent", 1)
        self.refuse(WRONG_STATE, *close)
        self.centre.do("period", "sign", "2025-03", "--as", 34)
        self.centre.do("period", "object", "2025-03", "--as", 32, "--reason", "one is missing")
        self.at("2025-04-26")
        self.refuse(DEADLINE, "period", "sign", "2025-03", "--as", 31)
        self.refuse(WRONG_STATE, *close)
        self.centre.do("period", "compute", "2025-03")
        self.centre.do("period", "publish", "2025-03")
        self.at("2025-05-10")
        self.centre.do("setting", "set", "sign.timeout_is_consent", 0)
        self.refuse(WRONG_STATE, *close)
        self.at("2025-05-10", 10)
        self.centre.do("setting", "set", "sign.timeout_is_consent", 1)
        self.centre.do(*close)
        signs = {sign["province"]: sign["state"]
                 for sign in self.centre.ask("period", "show", "2025-03")["signatures"]}
        self.assertEqual(("SILENT", "SILENT", "SIGNED"), (signs[31], signs[32], signs[34]))
        self.assertIn("1 of 3", "".join(self.centre.lines("period", "show", "2025-03")))
        self.refuse(WRONG_STATE, *close)
        self.done()

    def test_two_debtors_cannot_pay(self):
        """Both leave, one after the other; the rest is netted again and what was paid comes back."""
        self.centre.do("setting", "set", "clearing.payable_mode", "multilateral")
        file = Month("2025-03", "U")
        for payer, payee, yuan in ((34, 31, "500.00"), (41, 31, "300.00"), (32, 31, "200.00"),
                                   (34, 32, "50.00")):
            file.add(payer, payee, yuan)
        self.send(file)
        self.centre.clear("2025-03")
        self.assertEqual({("34", "--"): "550.00", ("41", "--"): "300.00", ("32", "--"): "150.00",
                          ("--", "31"): "1000.00"}, self.due())
        number = self.notices()[("32", "--")]["number"]
        self.centre.do("notice", "pay", number, "--as", 32, "--bank-ref", "B", "--full")
        unwind = ("period", "unwind", "2025-03", "--reason", "no funds", "--province")
        self.refuse(WRONG_STATE, *unwind, 34)
        self.centre.do("notice", "receive", number, "--bank-ref", "B", "--amount", "150.00")
        self.refuse(WRONG_STATE, *unwind, 11)
        self.centre.do(*unwind, 34)
        self.refuse(WRONG_STATE, *unwind, 34)
        self.assertEqual({("41", "--"): "300.00", ("32", "--"): "50.00", ("--", "31"): "500.00"},
                         self.due())
        self.centre.do(*unwind, 41)
        self.assertEqual({("32", "--"): "50.00", ("--", "31"): "200.00"}, self.due())
        self.centre.holds()
        self.assertEqual(2, self.centre.pay_all())
        self.assertEqual("SETTLED", self.centre.state("2025-03"))
        self.centre.do("setting", "set", "clearing.payable_mode", "gross")
        self.at("2025-05-02")
        self.one("2025-04", 34, 31, "7.00", "V")
        self.centre.clear("2025-04")
        self.assertEqual({("34", "31"): "507.00", ("34", "32"): "50.00", ("41", "31"): "300.00"},
                         self.due())
        self.done()

    def negative(self, setting):
        """April takes back more than it settles, from 34 to 31."""
        self.centre.do("setting", "set", "clearing.payable_mode", "gross")
        self.centre.do("setting", "set", "clearing.negative_pair", setting)
        first = self.one("2025-03", 34, 31, "100.00")
        self.centre.clear("2025-03")
        self.centre.pay_all()
        april = Month("2025-04", "N")
        april.refund(first, "60.00")
        april.add(34, 31, "10.00")
        april.add(32, 31, "5.00")
        self.at("2025-05-02")
        self.send(april)
        self.centre.clear("2025-04")

    def test_a_negative_pair_is_carried(self):
        self.negative(0)
        self.assertEqual({("32", "31"): "5.00"}, self.due())
        self.at("2025-06-02")
        self.one("2025-05", 34, 31, "80.00", "O")
        self.centre.clear("2025-05")
        kinds = {row["kind"]: row["amount"] for row in
                 self.centre.rows("period", "lines", "2025-05")}
        self.assertEqual({"CELL": "80.00", "NEGATIVE_CARRY": "-50.00"}, kinds)
        self.assertEqual("30.00", self.due()[("34", "31")])
        self.done()

    def test_a_negative_pair_is_paid_back(self):
        self.negative(1)
        self.assertEqual({("31", "34"): "50.00", ("32", "31"): "5.00"}, self.due())
        notice = self.notices()[("31", "34")]
        self.assertTrue(notice["number"].startswith("REV-"), notice)
        self.refuse(NOT_YOURS, "notice", "pay", notice["number"], "--as", 34, "--bank-ref", "B",
                    "--full")
        self.assertEqual(2, self.centre.pay_all())
        self.assertEqual("SETTLED", self.centre.state("2025-04"))
        self.done()


class TestPayment(Turn):
    def test_whole_payments_and_working_days(self):
        """Without parts a payment is all that is left; lateness counts working days only."""
        self.one("2025-03", 34, 31, "100.00")
        self.at("2025-04-15")
        self.centre.clear("2025-03")
        self.centre.do("setting", "set", "payment.partial", 0)
        notice = self.notices()[("34", "31")]
        # 5 working days, then 10 more over 1 to 5 May; Sunday the 27th is worked.
        self.assertEqual("2025-05-08", notice["transfer_due"])
        pay = ("notice", "pay", notice["number"], "--as", 34, "--bank-ref")
        self.refuse(PAID_AMOUNT, *pay, "B1", "--amount", "40.00")
        self.refuse(PAID_AMOUNT, *pay, "B1", "--full", "--paid-at",
                    "2025-04-14 09:00:00")
        self.at("2025-05-08", 23)
        self.assertEqual([], self.centre.rows("notice", "list", "--overdue"))
        self.at("2025-05-12")
        late = self.centre.rows("notice", "list", "--overdue")
        self.assertEqual([("OVERDUE", "2")], [(row["state"], row["late_wd"]) for row in late])
        self.assertEqual([("34", "LATE")], self.agenda("2025-05", "transfer"))
        self.centre.do(*pay, "B1", "--full")
        reject = ("notice", "reject", notice["number"], "--bank-ref", "B1", "--amount", "100.00")
        self.refuse(NOT_YOURS, *reject, "--as", 32)
        self.centre.do(*reject, "--as", 31)
        self.refuse(WRONG_STATE, "notice", "receive", notice["number"], "--as", 31, "--bank-ref",
                    "B1", "--amount", "100.00")
        self.centre.do("notice", "reissue", notice["number"], "--reason", "new account")
        self.refuse(WRONG_STATE, *pay, "B2", "--full")
        self.assertEqual("CLR-202503-1-34-31-2", self.notices()[("34", "31")]["number"])
        self.assertEqual(1, self.centre.pay_all())
        self.done()


class TestDelay(Turn):
    def test_a_dispute_past_its_days(self):
        """No reply after the fifth working day; the centre may still decide, though it is late."""
        row = self.one("2025-03", 34, 31, "100.00")
        self.centre.do("dispute", "open", "D1", "--as", 34, *self.record(row), "--reason", 2)
        self.at("2025-04-09")
        self.assertEqual([("31", "TODAY")], self.agenda("2025-04", "dispute-reply"))
        self.at("2025-04-10")
        self.assertEqual([("00", "COMING")], self.agenda("2025-04", "dispute-resolve"))
        self.refuse(DEADLINE, "dispute", "reply", "D1", "--as", 31, "--accept")
        self.assertEqual("OPEN", self.centre.rows("dispute", "list")[0]["state"])
        self.refuse(SENDER_NOT_ALLOWED, "dispute", "resolve", "D1", "--pay", "--as", 31)
        self.at("2025-05-20")
        self.centre.do("dispute", "resolve", "D1", "--void")
        self.refuse(WRONG_STATE, "dispute", "reply", "D1", "--as", 31, "--accept")
        self.done()

    def test_one_id_of_two_persons(self):
        """An order that names a record by an id of two changes neither."""
        file = Month("2025-03", "T")
        row = file.add(34, 31, "100.00")
        file.add(34, 31, "200.00", setl_id=row["setl_id"])
        self.send(file)
        self.refuse(AMBIGUOUS, "dispute", "open", "D1", "--as", 34, *self.record(row), "--reason", 2)
        self.refuse(AMBIGUOUS, "confirm", "2025-03", "--as", 31, "--file",
                    self.confirm_file(0, row))
        self.centre.do("setting", "set", "recon.differences_max", 1)
        listed = self.folder / "empty.csv"
        listed.write_text("insu_admdvs,setl_id,medfee_sumamt,fund_pay_sumamt,acct_pay\n"
                          "340100,X1,1.00,1.00,0.00\n", encoding="utf-8")
        self.refuse(TOO_MANY_DIFFERENCES, "recon", "list", "2025-03-14", "--as", 31, "--payer", 34,
                    "--payee", 31, listed)
        for words in (("dispute", "list"), ("exception", "list"), ("recon", "differences")):
            self.assertEqual([], self.centre.rows(*words))
        self.done()

    def test_held_too_long(self):
        """January's record is held; with April's clearing it has waited more than two months."""
        self.at("2025-04-01")
        held = self.one("2025-01", 34, 31, "100.00", "H1")
        self.hold("2025-01", held)
        for month, now in (("2025-01", "2025-04-02"), ("2025-02", "2025-04-03"),
                           ("2025-03", "2025-04-04"), ("2025-04", "2025-05-02")):
            self.at(now)
            self.one(month, 32, 31, "1.00", "H2")
            late = self.agenda(now[:7], "hold-overage")
            self.assertEqual([("31", "ALARM")] if month == "2025-04" else [], late, month)
            self.centre.clear(month)
        self.at("2025-05-03")
        self.assertEqual([("31", "ALARM")], self.agenda("2025-05", "hold-overage"))
        self.hold("2025-01", held, 1)
        self.assertEqual([], self.agenda("2025-05", "hold-overage"))
        self.at("2025-06-02")
        self.one("2025-05", 32, 31, "1.00", "H3")
        self.centre.clear("2025-05")
        self.assertEqual("100.00", self.due("--period", "2025-05")[("34", "31")])
        self.done()


class TestYear(Turn):
    NOW = "2025-01-02T09:00:00+08:00"

    def test_the_year_ends(self):
        """December carries no negative pair, nothing can be held after the cut at the end of the
        first quarter, and a closed year refuses everything."""
        centre = self.centre
        centre.do("setting", "set", "clearing.payable_mode", "gross")
        first = self.one("2024-11", 34, 31, "100.00", "Y1")
        centre.clear("2024-11")
        december = Month("2024-12", "Y2")
        december.refund(first, "60.00")
        other = december.add(32, 31, "40000.00")
        last = december.add(32, 31, "7.00")
        self.send(december)
        self.hold("2024-12", other)
        centre.clear("2024-12")
        number = self.notices("--period", "2024-12")[("31", "34")]["number"]
        self.assertTrue(number.startswith("REV-"), number)
        self.refuse(PERIOD_ORDER, "period", "close-year", 2025)
        self.refuse(RECON_OPEN, "period", "close-year", 2024)
        self.at("2025-03-31")
        self.assertEqual({("00", "TODAY")}, set(self.agenda("2025-03", "year-cut")))
        self.at("2025-04-01")
        self.refuse(DEADLINE, "confirm", "2024-12", "--as", 31, "--file",
                    self.confirm_file(0, other, last))
        self.hold("2024-12", other, 1)
        self.one("2025-01", 32, 31, "3.00", "Y3")
        centre.clear("2025-01")
        self.assertEqual("40003.00", self.due("--period", "2025-01")[("32", "31")])
        self.refuse(RECON_OPEN, "period", "close-year", 2024)
        centre.pay_all()
        centre.do("period", "close-year", 2024)
        self.assertEqual([], self.agenda("2025-04", "year-cut"))

        self.refuse(PERIOD_CLOSED, "confirm", "2024-12", "--as", 31)
        self.refuse(PERIOD_CLOSED, "confirm", "recover", *self.record(last), "--amount", "1.00",
                    "--det-type", 20, "--no", "R1", "--as", 31)
        self.refuse(PERIOD_CLOSED, "dispute", "open", "D1", "--as", 32, *self.record(last),
                    "--reason", 2)
        self.refuse(PERIOD_CLOSED, "notice", "pay", number, "--as", 31, "--bank-ref", "B9",
                    "--amount", "1.00")
        self.refuse(PERIOD_CLOSED, "recon", "list", "2024-12-14", "--as", 31, "--payer", 32,
                    "--payee", 31, self.folder / "Y22024-12.csv")
        self.refuse(PERIOD_CLOSED, "period", "abort", "2024-12", "--reason", "too late")
        centre.do("period", "archive", "2024-12")  # Filing moves no money.
        late = Month("2024-12", "Y4")
        late.add(34, 31, "1.00")
        told = harness.send(self.engine, late.write(self.folder), check=False)
        self.assertEqual((0, 1), (told["accepted"], told["rejected"]))
        self.done()


class TestIncrease(Turn):
    def test_refused_and_asked_again(self):
        """A red deposit: asked in time, refused, asked again, granted; then it is too late."""
        centre = self.centre
        centre.do("prefund", "open", "--payer", 34, "--payee", 31, "--amount", "100.00")
        self.one("2025-03", 34, 31, "95.00")
        self.at("2025-04-21")
        self.published("2025-03")
        apply = ("prefund", "apply", "2025-03", "--payer", 34, "--amount")
        self.refuse(WRONG_STATE, *apply, "10.00", "--as", 31)
        centre.do("period", "sign", "2025-03", "--all")
        self.refuse(WRONG_STATE, *apply, "10.00", "--as", 32)
        self.assertEqual([("31", "COMING")], self.agenda("2025-04", "emergency-window"))
        decide = ("2025-03", "--payer", 34, "--payee", 31)
        self.refuse(NOT_FOUND, "prefund", "refuse", *decide)
        centre.do(*apply, "10.00", "--as", 31)
        self.refuse(WRONG_STATE, *apply, "11.00", "--as", 31)
        self.assertEqual(1, len(self.agenda("2025-04", "emergency")))
        centre.do("prefund", "refuse", *decide)
        self.refuse(WRONG_STATE, "prefund", "approve", *decide)
        centre.do(*apply, "20.00", "--as", 31)
        centre.do("prefund", "approve", *decide)
        notice = centre.rows("notice", "list", "--kind", "prefund", "--state", "DUE")
        self.assertEqual(["20.00"], [row["amount"] for row in notice])
        self.assertEqual(("100.00", "20.00"), self.deposit())
        self.at("2025-04-25")
        self.refuse(WRONG_STATE, *apply, "30.00", "--as", 31)
        centre.do("period", "notice", "2025-03")
        centre.pay_all()
        self.assertEqual(("120.00", "0.00"), self.deposit())
        self.at("2025-05-06")
        self.one("2025-04", 34, 31, "119.00", "B")
        centre.clear("2025-04")
        self.at("2025-05-12")
        self.refuse(DEADLINE, "prefund", "apply", "2025-04", "--payer", 34, "--amount", "1.00",
                    "--as", 31)
        self.done()

    def deposit(self):
        row = [row for row in self.centre.rows("prefund", "list") if row["payer"] == "34"][0]
        return row["amount"], row["pending"]


if __name__ == "__main__":
    unittest.main()
