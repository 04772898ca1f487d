#!/usr/bin/python3
"""Reads the sample documents back with other programs than the ones that wrote them: workbooks with
openpyxl, paper with pdftotext, CSV and JSON with Python's own. What is said must be the same in all.

Usage: read_back.py WRITE_SAMPLES"""
import collections
import csv
import hashlib
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

import openpyxl

WRITER = sys.argv.pop(1)
MONEY = '#,##0.00;[Red]"红字"#,##0.00;0.00'
TYPES = ("CLR_NATIONAL", "CLR_PAYABLE", "CLR_RECEIVABLE", "CLR_DETAIL_EMP", "CLR_DETAIL_RES",
         "NOTICE_PAY", "NOTICE_RECV", "PREFUND_PAY", "PREFUND_RECV", "PREFUND_EMG_PAY",
         "PREFUND_EMG_RECV", "RECON_DAILY", "STATEMENT")


class Documents(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.holder = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.holder.name)
        subprocess.run([WRITER, cls.folder], check=True)
        cls.json = {name: json.loads(cls.read(name, "json")) for name in TYPES}

    @classmethod
    def tearDownClass(cls):
        cls.holder.cleanup()

    @classmethod
    def read(cls, name, ending):
        return (cls.folder / f"{name}.{ending}").read_bytes()

    def paper(self, name):
        run = subprocess.run(["pdftotext", "-layout", self.folder / f"{name}.pdf", "-"],
                             capture_output=True, check=True)
        return run.stdout.decode()

    def test_the_digest_is_that_of_the_csv_body(self):
        for name in TYPES:
            data = self.read(name, "csv")
            self.assertTrue(data.startswith(b"\xef\xbb\xbf"))
            body, last = data[3:].rstrip(b"\r\n").rsplit(b"\r\n", 1)
            digest = hashlib.sha256(body + b"\r\n").hexdigest()
            self.assertEqual(last.decode(), f"摘要（SHA-256）,{digest}")
            self.assertEqual(self.json[name]["digest"], digest)
            self.assertIn(digest, self.paper(name))
            book = openpyxl.load_workbook(self.folder / f"{name}.xlsx")
            self.assertEqual(book.properties.description, f"SHA-256 {digest}")

    def test_no_bare_minus_and_no_formula(self):
        for name in TYPES:
            text = self.read(name, "csv").decode("utf-8-sig")
            for row in csv.reader(text.splitlines()):
                for field in row:
                    self.assertFalse(field[:1] in ("-", "=", "+", "@"), (name, field))
        self.assertIn("红字", self.read("CLR_PAYABLE", "csv").decode())
        self.assertIn("红字", self.paper("CLR_PAYABLE"))
        self.assertIn("'=S-2", self.read("RECON_DAILY", "csv").decode())

    def test_totals_are_the_sums_of_the_rows(self):
        for name in TYPES:
            for section in self.json[name]["sections"]:
                kinds = {column["key"]: column["kind"] for column in section["columns"]}
                rows = [row for row in section["rows"] if row["kind"] == "row"]
                for total in (row for row in section["rows"] if row["kind"] == "total"):
                    for key, value in total["values"].items():
                        if kinds[key] in ("money", "count") and value is not None:
                            self.assertEqual(value, sum(r["values"][key] or 0 for r in rows))

    def sheet_rows(self, sheet, section):
        """The cells under the headings, row by row."""
        keys = len(section["columns"])
        head = next(row[0].row for row in sheet.iter_rows(max_col=keys)
                    if [cell.value for cell in row] == [c["title"] for c in section["columns"]])
        self.assertEqual(sheet.freeze_panes[-len(str(head + 1)):], str(head + 1))
        self.assertEqual(sheet.print_title_rows, f"$1:${head}")
        return sheet.iter_rows(min_row=head + 1, max_row=head + len(section["rows"]),
                               max_col=keys)

    def test_workbooks_hold_the_numbers_of_the_json(self):
        for name in TYPES:
            book = openpyxl.load_workbook(self.folder / f"{name}.xlsx")
            document = self.json[name]
            self.assertEqual(book.sheetnames, [s["title"] for s in document["sections"]])
            for sheet, section in zip(book.worksheets, document["sections"]):
                self.assertEqual(sheet["A1"].value, document["title"])
                kinds = [column["kind"] for column in section["columns"]]
                for cells, row in zip(self.sheet_rows(sheet, section), section["rows"]):
                    for cell, kind, value in zip(cells, kinds, row["values"].values()):
                        self.check_cell(cell, kind, value)

    def check_cell(self, cell, kind, value):
        if value is None or kind == "date" and value == 0:
            self.assertIsNone(cell.value)
        elif kind == "money" and not isinstance(value, str):
            self.assertIsInstance(cell.value, (int, float))
            self.assertEqual(round(cell.value * 100), value)
            self.assertEqual(cell.number_format, MONEY)
        elif kind == "count" and not isinstance(value, str):
            self.assertEqual(cell.value, value)
        elif kind == "date" and not isinstance(value, str):
            self.assertEqual(cell.value.strftime("%Y%m%d"), str(value))
        else:
            self.assertEqual(cell.value, value)

    def test_pages_are_set_for_a4_across(self):
        for name in TYPES:
            for sheet in openpyxl.load_workbook(self.folder / f"{name}.xlsx"):
                self.assertEqual(sheet.page_setup.orientation, "landscape")
                self.assertEqual(sheet.page_setup.paperSize, 9)
                self.assertTrue(sheet.sheet_properties.pageSetUpPr.fitToPage)
                self.assertEqual(sheet.page_setup.fitToHeight, 0)
                self.assertTrue(sheet.print_area)
                self.assertIn("&P", sheet.oddFooter.center.text)
                last = [str(cell.value) for row in sheet.iter_rows() for cell in row if cell.value]
                self.assertTrue(any("制表人" in text and "负责人" in text for text in last))
                self.assertTrue(any(text == "单位：元" for text in last))

    def test_paper_says_what_must_be_signed(self):
        for name in TYPES:
            text = self.paper(name)
            document = self.json[name]
            for wanted in (document["title"], document["number"], "合计", "单位：元", "制表人",
                           "复核人", "负责人", "签章", "日期", "第 1 页"):
                self.assertIn(wanted.replace(" ", ""), text.replace(" ", ""), name)
        notice = self.paper("NOTICE_PAY").replace(" ", "").replace("\n", "")
        self.assertIn("双边轧差", notice)
        self.assertIn(self.json["NOTICE_PAY"]["controls"]["sum_capitals"], notice)
        self.assertIn("2026-05-26", notice)

    def test_no_amount_is_broken_into_lines(self):
        """Totals are set in bold, which is wider; and no column is too narrow for what stands in it."""
        for name in TYPES:
            said = collections.Counter(self.paper(name).split())
            wanted = collections.Counter()
            for section in self.json[name]["sections"]:
                kinds = {column["key"]: column["kind"] for column in section["columns"]}
                keys = list(kinds)
                for row in section["rows"]:
                    for key, value in row["values"].items():
                        if kinds[key] == "money" and isinstance(value, int) and key not in keys[:1]:
                            wanted["红字" * (value < 0) + f"{abs(value) / 100:,.2f}"] += 1
            missing = {text: count - said[text] for text, count in wanted.items()
                       if count > said[text]}
            self.assertEqual({}, missing, name)

    def test_a_statement_says_every_figure_and_its_chain(self):
        paper = self.paper("STATEMENT").replace(" ", "")
        for wanted in ("跨省异地就医医疗费用结算单", "34010020260305000017", "安徽省合肥市", "上海市",
                       "上海市第一人民医院（H31010000001）", "职工", "2026年03月", "清算中",
                       "医疗费总额", "12,345.67", "统筹基金支付", "8,500.00", "个人账户支出",
                       "医保钱包支付", "400.00", "全自费金额", "345.67", "云南省", "300.00",
                       "贵州省", "R-1", "退费", "红字123.45", "ADJ-7", "调整", "红字1.00", "V-1",
                       "钱包撤销", "红字50.00", "现存金额", "12,222.22", "8,975.55", "250.00"):
            self.assertIn(wanted, paper)
        self.assertNotIn("姓名：", paper)
        chain = self.json["STATEMENT"]["sections"][0]["rows"]
        self.assertEqual([row["kind"] for row in chain], ["row"] * 4 + ["total"])
        self.assertEqual(chain[-1]["values"]["psn_cash_pay"], 249567)

    def test_titles_and_capitals(self):
        titles = {name: self.json[name]["title"] for name in TYPES}
        self.assertEqual(titles["CLR_NATIONAL"], "全国跨省异地就医费用清算表")
        self.assertEqual(titles["CLR_PAYABLE"], "安徽省跨省异地就医应付医疗费用清算表")
        self.assertEqual(titles["PREFUND_RECV"], "上海市跨省异地就医预付金收款通知书（年度调整）")
        rows = self.json["PREFUND_PAY"]["sections"][1]["rows"]
        self.assertEqual(rows[0]["values"]["capitals"], "人民币壹亿零壹万圆伍角整")
        self.assertEqual(rows[1]["values"]["capitals"], "人民币壹分")
        changes = [row["values"]["direction"] for row in
                   self.json["PREFUND_PAY"]["sections"][0]["rows"] if row["kind"] == "row"]
        self.assertEqual(changes, ["调增补缴", "调减退回"])

    def test_the_same_figures_give_the_same_bytes(self):
        with tempfile.TemporaryDirectory() as again:
            subprocess.run([WRITER, again], check=True)
            for path in sorted(self.folder.iterdir()):
                if path.suffix in (".csv", ".json", ".xlsx", ".pdf"):
                    self.assertEqual(path.read_bytes(), (pathlib.Path(again) / path.name).read_bytes(),
                                     path.name)


if __name__ == "__main__":
    unittest.main()
