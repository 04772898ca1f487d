"""cycle_cli -- the clearing cycle through the command line, for end-to-end tests.

A thin hand: every order and question goes through `qingfen`, as an operator would give it.
"""

from __future__ import annotations

import csv
import io
import json
import re

import harness

REFUSED = re.compile(r"^(?:.*: )?qingfen [a-z -]+: (\d{4}) ", re.MULTILINE)


class Centre:
    """The operator's hand on one engine."""

    def __init__(self, engine: harness.Engine):
        self.engine = engine

    def run(self, *words: object, check: bool = True):
        return harness.run(*words, "--to", self.engine.address, check=check)

    def do(self, *words: object) -> dict:
        """An order that must be carried out; its reply."""
        return json.loads(self.run(*words, "--format", "json").stdout)

    def refused(self, *words: object) -> int:
        """The code with which an order is refused; 0 when it is not."""
        done = self.run(*words, check=False)
        if done.returncode == 0:
            return 0
        found = REFUSED.search(done.stderr)
        if found is None:
            raise AssertionError("%r: exit %d, no code: %s" % (words, done.returncode, done.stderr))
        return int(found.group(1))

    def rows(self, *words: object) -> list[dict[str, str]]:
        """A list as CSV rows."""
        return list(csv.DictReader(io.StringIO(self.run(*words, "--format", "csv").stdout)))

    def lines(self, *words: object) -> list[str]:
        """What an operator reads, line by line."""
        return self.run(*words).stdout.splitlines()

    def ask(self, *words: object) -> dict:
        return json.loads(self.run(*words, "--format", "json").stdout)

    def state(self, month: str) -> str:
        return self.ask("period", "show", month)["batch"]["state"]

    def clear(self, month: str) -> None:
        """Cut, computed, published, signed by all, noticed."""
        self.do("period", "cut", month)
        self.do("period", "compute", month)
        self.do("period", "publish", month)
        self.do("period", "sign", month, "--all")
        if self.state(month) == "PUBLISHED":
            self.do("period", "close-signing", month)
        self.do("period", "notice", month)

    def pay_all(self, *filters: object) -> int:
        """Pays and receives every notice that is due, in full; how many."""
        notices = [row for row in self.rows("notice", "list", *filters)
                   if row["state"] in ("DUE", "OVERDUE")]
        for place, row in enumerate(notices):
            reference = "B%04d" % place
            self.do("notice", "pay", row["number"], *self.party(row["payer"]), "--bank-ref",
                    reference, "--full")
            left = harness.fen_of(row["amount"]) - harness.fen_of(row["reported"])
            self.do("notice", "receive", row["number"], *self.party(row["payee"]), "--bank-ref",
                    reference, "--amount", harness.yuan(left))
        return len(notices)

    @staticmethod
    def party(code: str) -> list[str]:
        """Who speaks: the province, or the centre for the clearing account."""
        return [] if code == "--" else ["--as", code]

    def holds(self) -> None:
        """Every invariant of the whole state holds."""
        told = self.ask("book")
        if told["broken"]:
            raise AssertionError("the book is broken: " + told["broken"])


# Settlement files ------------------------------------------------------------------------------

COLUMNS = ("msgid", "setl_id", "mdtrt_id", "psn_no", "insutype", "med_type", "clr_type",
           "insu_admdvs", "mdtrtarea_admvs", "fixmedins_code", "setl_time", "medfee_sumamt",
           "fund_pay_sumamt", "hifp_pay", "psn_part_amt", "acct_pay", "psn_cash_pay",
           "wlt_pay", "refd_setl_flag", "orig_setl_id")


class Month:
    """Settlements of one month as a CSV file for `qingfen send`."""

    def __init__(self, month: str, prefix: str):
        self.month, self.prefix = month, prefix
        self.rows: list[dict[str, object]] = []

    def add(self, payer: int, payee: int, yuan: str, day: int = 14, **fields) -> dict:
        """One inpatient settlement of a resident, all of it paid by the pool."""
        number = "%s%s%05d" % (self.prefix, self.month.replace("-", ""), len(self.rows) + 1)
        row = dict(msgid="M" + number, setl_id="S" + number, mdtrt_id="V" + number,
                   psn_no="%02d01001980%06d" % (payer, len(self.rows)), insutype=390, med_type=21,
                   clr_type=21, insu_admdvs=payer * 10000 + 100,
                   mdtrtarea_admvs=payee * 10000 + 100, fixmedins_code="H%02d000000001" % payee,
                   setl_time="%s-%02d 10:00:00" % (self.month, day), medfee_sumamt=yuan,
                   fund_pay_sumamt=yuan, hifp_pay=yuan, psn_part_amt="0.00", acct_pay="0.00",
                   psn_cash_pay="0.00", wlt_pay="0.00", refd_setl_flag=0, orig_setl_id="")
        row.update(fields)
        self.rows.append(row)
        return row

    def refund(self, original: dict, yuan: str) -> dict:
        """Takes that much of an earlier settlement back."""
        minus = "-" + yuan
        return self.add(original["insu_admdvs"] // 10000, original["mdtrtarea_admvs"] // 10000,
                        minus, psn_no=original["psn_no"], mdtrt_id=original["mdtrt_id"],
                        refd_setl_flag=1, orig_setl_id=original["setl_id"])

    def add_millions(self, payer: int, payee: int, millions: int, limit: int = 100) -> None:
        """That many million yuan, in settlements of at most `limit` million each."""
        while millions > 0:
            part = min(millions, limit)
            self.add(payer, payee, "%d000000.00" % part)
            millions -= part

    def write(self, folder) -> object:
        path = folder / ("%s%s.csv" % (self.prefix, self.month))
        with open(path, "w", encoding="utf-8", newline="") as out:
            writer = csv.DictWriter(out, COLUMNS)
            writer.writeheader()
            writer.writerows(self.rows)
        return path
