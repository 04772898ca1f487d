"""Official documents of a real engine's months, made by the command line and read back with other
programs: what they say is what the engine says, in every mode and with every kind of notice."""

import csv
import hashlib
import io
import json
import re
import subprocess
import unittest

import openpyxl

import harness
from cycle_cli import Centre, Month
from harness import Case, fen_of

PARTIES = (0, 31, 32, 34)  # Who takes part here, and the whole country.
BARE_SIGN = re.compile(r"(?<![0-9A-Za-z#_.-])[-\u2212\uff0d]\s*[0-9]")


def amount_of(text):
    """Fen of what a document says in words: red figures are below zero."""
    text = text.replace(",", "")
    return -fen_of(text[len("红字"):]) if text.startswith("红字") else fen_of(text)


class Papers(Case):
    def begin(self, mode=0, now="2025-04-01T09:00:00+08:00"):
        self.engine = self.fresh(now=now)
        self.centre = Centre(self.engine)
        self.centre.do("setting", "set", "clearing.payable_mode", mode)

    def send(self, month, settlements, prefix="D"):
        file = Month(month, prefix)
        for payer, payee, yuan in settlements:
            file.add(payer, payee, yuan)
        harness.send(self.engine, file.write(self.folder))
        return file.rows

    def document(self, kind, month, *words):
        return json.loads(self.centre.run("document", kind, "--period", month, *words, "--format",
                                          "json").stdout)

    def rows(self, document, section=0):
        return [row["values"] for row in document["sections"][section]["rows"]
                if row["kind"] == "row"]

    def bundle(self, month, name, *words):
        out = self.folder / name
        self.centre.run("document", "bundle", "--period", month, *(words or ("--all",)), "--out",
                        out)
        self.check_bundle(out)
        return out

    def check_bundle(self, out):
        """Hashes as the manifest says, the same totals in every form, nowhere a bare sign."""
        manifest = json.loads((out / "manifest.json").read_text("utf-8"))
        sums = dict(reversed(line.split("  ", 1)) for line in
                    (out / "SHA256SUMS").read_text("utf-8").splitlines())
        for document in manifest["documents"]:
            for file in document["files"]:
                data = (out / file["path"]).read_bytes()
                self.assertEqual(file["sha256"], hashlib.sha256(data).hexdigest())
                self.assertEqual(file["sha256"], sums.pop(file["path"]))
                if document["province"] in PARTIES:  # The others' papers are empty.
                    getattr(self, "check_" + file["format"])(out / file["path"], document)
        self.assertEqual({}, sums)
        files = {path for path in out.rglob("*") if path.is_file()}
        self.assertEqual(2 + sum(len(d["files"]) for d in manifest["documents"]), len(files))
        return manifest

    def check_csv(self, path, document):
        text = path.read_bytes().decode("utf-8-sig")
        self.assertIsNone(BARE_SIGN.search(text), path)
        rows = list(csv.reader(io.StringIO(text)))
        control = [row for row in rows if row and row[0] == "控制数"][0]
        self.assertIn(str(document["controls"]["sum"]), "".join(
            str(amount_of(word)) for word in re.findall(r"(?:红字)?[\d,]+\.\d\d", ",".join(control))))

    def check_json(self, path, document):
        told = json.loads(path.read_text("utf-8"))
        self.assertEqual(document["digest"], told["digest"])
        self.assertEqual(document["controls"]["sum"], told["controls"]["sum"])

    def check_xlsx(self, path, document):
        told = json.loads(path.with_suffix(".json").read_text("utf-8"))
        book = openpyxl.load_workbook(path)
        self.assertEqual([section["title"] for section in told["sections"]], book.sheetnames)
        for section in told["sections"]:
            sheet = book[section["title"]]
            cells = [cell for row in sheet.iter_rows() for cell in row if cell.value is not None]
            for cell in cells:
                if isinstance(cell.value, str):
                    self.assertIsNone(BARE_SIGN.search(cell.value), (path, cell.value))
                elif isinstance(cell.value, (int, float)):
                    # The value stays a number that adds up; its format shows no sign.
                    self.assertNotIn("-", cell.number_format, (path, cell.coordinate))
                    if cell.value < 0:
                        self.assertIn('[Red]"红字"', cell.number_format, (path, cell.coordinate))
            self.assertIsNotNone(sheet.freeze_panes)
            self.assertTrue(sheet.print_area)

    def check_pdf(self, path, document):
        text = subprocess.run(["pdftotext", "-layout", path, "-"], check=True,
                              capture_output=True, text=True).stdout
        self.assertIsNone(BARE_SIGN.search(text), path)
        self.assertIn(document["number"], text)
        self.assertIn(harness.yuan(document["controls"]["sum"]).split(".")[-1], text)
        self.assertIn("复核人", text)

    def check_totals(self, month):
        """The national table and each province's are the engine's own lines."""
        lines = self.centre.rows("period", "lines", month)
        national = self.document("CLR_NATIONAL", month)
        self.assertEqual(sum(fen_of(line["amount"]) for line in lines),
                         national["controls"]["sum"])
        for province in {line["payer"] for line in lines}:
            want = sum(fen_of(line["amount"]) for line in lines if line["payer"] == province)
            told = self.document("CLR_PAYABLE", month, "--province", province)
            self.assertEqual(want, told["controls"]["sum"], province)
        for province in {line["payee"] for line in lines}:
            want = sum(fen_of(line["amount"]) for line in lines if line["payee"] == province)
            told = self.document("CLR_RECEIVABLE", month, "--province", province)
            self.assertEqual(want, told["controls"]["sum"], province)

    def check_notices(self, month, kinds=("CLEARING", "REVERSE", "RETURN")):
        """What each province is asked to pay is the notices in force, one by one."""
        notices = [row for row in self.centre.rows("notice", "list", "--period", month)
                   if row["kind"] in kinds and row["state"] != "CANCELLED"]
        for side, kind in (("payer", "NOTICE_PAY"), ("payee", "NOTICE_RECV")):
            for province in {row[side] for row in notices} - {"--"}:
                told = self.document(kind, month, "--province", province)
                want = {row["number"]: fen_of(row["amount"]) for row in notices
                        if row[side] == province}
                self.assertEqual(want, {row["number"]: row["amount"] for row in self.rows(told)})
                self.assertEqual(sum(want.values()), told["controls"]["sum"])
        return notices


class TestGross(Papers):
    def negative_april(self, setting):
        """In April a recovery outweighs what 34 owes 31: 400 yuan below zero."""
        self.begin()
        self.centre.do("setting", "set", "clearing.negative_pair", setting)
        records = self.send("2025-03", [(34, 31, "10000.00"), (31, 34, "7000.00"),
                                        (32, 31, "9000.00")])
        harness.set_clock(self.engine, "2025-04-21T09:00:00+08:00")
        self.centre.clear("2025-03")
        self.centre.pay_all("--period", "2025-03")
        self.centre.do("confirm", "recover", "--insu", records[0]["insu_admdvs"], "--setl-id",
                       records[0]["setl_id"], "--amount", "500.00", "--det-type", 20, "--no", "R1",
                       "--as", 31)
        self.send("2025-04", [(34, 31, "100.00"), (31, 34, "50.00")])
        harness.set_clock(self.engine, "2025-05-21T09:00:00+08:00")
        self.centre.clear("2025-04")

    def test_reverse_notice(self):
        self.negative_april(1)
        self.check_totals("2025-04")
        notices = self.check_notices("2025-04")
        self.assertEqual({"CLEARING", "REVERSE"}, {row["kind"] for row in notices})
        reverse = [row for row in notices if row["kind"] == "REVERSE"][0]
        self.assertEqual(("31", "34", "400.00"),
                         tuple(reverse[name] for name in ("payer", "payee", "amount")))
        out = self.bundle("2025-04", "april")
        payable = next(out.glob("34-*/CLR_PAYABLE-*.csv")).read_text("utf-8-sig")
        self.assertIn("红字400.00", payable)

    def test_negative_carry(self):
        self.negative_april(0)
        self.bundle("2025-04", "april")
        self.check_notices("2025-04")
        self.send("2025-05", [(34, 31, "1000.00")])
        harness.set_clock(self.engine, "2025-06-21T09:00:00+08:00")
        self.centre.clear("2025-05")
        kinds = {row["kind"]: row["amount"] for row in self.centre.rows("period", "lines",
                                                                        "2025-05")}
        self.assertIn("NEGATIVE_CARRY", kinds)
        self.check_totals("2025-05")
        notices = self.check_notices("2025-05")
        self.assertEqual(["600.00"], [row["amount"] for row in notices])
        self.bundle("2025-05", "may")


class TestUnwound(Papers):
    def test_return_notice(self):
        """32 has paid in part before 34 cannot pay: what it owes less comes back."""
        self.begin(mode=2)
        self.send("2025-03", [(34, 31, "9000.00"), (32, 31, "400.00"), (31, 32, "300.00"),
                              (34, 32, "50.00"), (32, 34, "5000.00")])
        harness.set_clock(self.engine, "2025-04-21T09:00:00+08:00")
        self.centre.clear("2025-03")
        self.check_notices("2025-03")
        self.bundle("2025-03", "before")
        debtor = [row for row in self.centre.rows("notice", "list", "--period", "2025-03")
                  if row["payer"] == "32"][0]
        self.centre.do("notice", "pay", debtor["number"], "--as", 32, "--bank-ref", "U1",
                       "--amount", "1000.00")
        self.centre.do("notice", "receive", debtor["number"], "--bank-ref", "U1", "--amount",
                       "1000.00")
        self.centre.do("period", "unwind", "2025-03", "--province", 34, "--reason", "no money")
        self.check_totals("2025-03")
        notices = self.centre.rows("notice", "list", "--period", "2025-03")
        back = [row for row in notices if row["kind"] == "RETURN" and row["payee"] == "32"]
        self.assertEqual(["900.00"], [row["amount"] for row in back], notices)
        told = self.document("NOTICE_RECV", "2025-03", "--province", 32)
        self.assertIn(back[0]["number"], [row["number"] for row in self.rows(told)])
        self.bundle("2025-03", "after")


class TestVersions(Papers):
    def read(self, folder):
        return {path.relative_to(folder): path.read_bytes()
                for path in folder.rglob("*") if path.is_file()}

    def test_published_stays(self):
        self.begin(mode=1)
        records = self.send("2025-03", [(34, 31, "10000.00"), (34, 31, "2000.00"),
                                        (31, 34, "700.00")])
        harness.set_clock(self.engine, "2025-04-21T09:00:00+08:00")
        for step in ("cut", "compute", "publish"):
            self.centre.do("period", step, "2025-03")
        first = self.bundle("2025-03", "first", "--all", "--version", 1)
        present = self.bundle("2025-03", "present")
        harness.set_clock(self.engine, "2025-04-22T09:00:00+08:00")
        self.centre.do("dispute", "open", "D1", "--insu", records[0]["insu_admdvs"], "--setl-id",
                       records[0]["setl_id"], "--reason", 2, "--as", 34)
        stale = self.centre.run("document", "CLR_NATIONAL", "--period", "2025-03", check=False)
        self.assertEqual(1, stale.returncode)
        self.assertIn("has changed since", stale.stderr)
        for step in ("compute", "publish"):
            self.centre.do("period", step, "2025-03")
        again = self.bundle("2025-03", "again", "--all", "--version", 1)
        self.assertEqual(self.read(first), self.read(again))
        for path, data in self.read(first).items():
            if path.name.startswith("CLR_"):
                self.assertEqual((present / path).read_bytes(), data, path)
        second = self.bundle("2025-03", "second")
        self.assertEqual(2, json.loads((second / "manifest.json").read_text("utf-8"))["version"])
        self.check_totals("2025-03")
        older = self.document("CLR_PAYABLE", "2025-03", "--province", 34, "--version", 1)
        newer = self.document("CLR_PAYABLE", "2025-03", "--province", 34)
        self.assertEqual((1200000, 200000), (older["controls"]["sum"], newer["controls"]["sum"]))
        refused = self.centre.run("document", "NOTICE_PAY", "--period", "2025-03", "--province",
                                  34, "--version", 1, check=False)
        self.assertEqual(2, refused.returncode)
        one = self.bundle("2025-03", "one", "--all", "--jobs", 1)
        self.assertEqual(self.read(second), self.read(one), "one process or several")


class TestPrefund(Papers):
    def month(self, month, yuan, now):
        self.send(month, [(34, 31, yuan)], "P")
        harness.set_clock(self.engine, now)
        self.centre.clear(month)

    def check_prefund(self, month, kind, pay, receive):
        notices = [row for row in self.centre.rows("notice", "list", "--kind", "prefund")
                   if row["kind"] == kind]
        self.assertEqual(1, len(notices), notices)
        row = notices[0]
        for document, province in ((pay, row["payer"]), (receive, row["payee"])):
            told = self.document(document, month, "--province", province, "--notice",
                                 row["number"])
            self.assertEqual(fen_of(row["amount"]), told["controls"]["sum"])
            value = self.rows(told)[0]
            self.assertEqual([fen_of(row[name]) for name in ("old_amount", "new_amount")],
                             [value[name] for name in ("old", "new")])
            paper = self.folder / (document + ".pdf")
            self.centre.run("document", document, "--period", month, "--province", province,
                            "--notice", row["number"], "--out", paper)
            self.check_pdf(paper, {"number": row["number"], "controls": told["controls"]})
        return row

    def test_yearly_and_emergency(self):
        self.begin(now="2025-10-31T18:00:00+08:00")
        self.centre.do("prefund", "open", "--payer", 34, "--payee", 31, "--amount", "8800.00")
        for month, yuan, now in (("2025-10", "4600.00", "2025-11-21T09:00:00+08:00"),
                                 ("2025-11", "4800.00", "2025-12-21T09:00:00+08:00"),
                                 ("2025-12", "5000.00", "2026-01-21T09:00:00+08:00")):
            self.month(month, yuan, now)
        self.centre.do("prefund", "set", 2026)
        year = self.check_prefund("2025-12", "PREFUND_YEAR",
                                  "PREFUND_PAY", "PREFUND_RECV")
        self.assertEqual("800.00", year["amount"])
        self.centre.pay_all("--kind", "prefund")
        self.month("2026-01", "9000.00", "2026-02-21T09:00:00+08:00")
        self.centre.do("prefund", "apply", "2026-01", "--payer", 34, "--amount", "1000.00", "--as",
                       31)
        self.centre.do("prefund", "approve", "2026-01", "--payer", 34, "--payee", 31)
        self.check_prefund("2026-01", "PREFUND_EMERGENCY", "PREFUND_EMG_PAY", "PREFUND_EMG_RECV")
        out = self.bundle("2026-01", "emergency")
        self.assertEqual(1, len(list(out.glob("34-*/PREFUND_EMG_PAY-*.pdf"))))


if __name__ == "__main__":
    unittest.main()
