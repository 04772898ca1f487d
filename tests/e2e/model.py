"""model -- a month of clearing worked out again from the CSV, slowly and obviously.

Reads the rows that were sent, with Decimal and dictionaries, and says what the reports must hold.
It shares nothing with the engine: rules from docs/rules.md only.
"""

from __future__ import annotations

import collections
import csv
import decimal
import pathlib

# Insurance type -> leading code of its class (docs/rules.md, Insurance classes).
CLASS_OF = {"310": "310", "320": "310", "330": "310", "370": "310", "510": "310",
            "390": "390", "380": "390", "391": "390", "392": "390", "340": "340", "350": "999"}
INPATIENT, OUTPATIENT, CHRONIC, PHARMACY = "1", "2", "3", "4"


def fen(text: str) -> int:
    """Yuan as in the file into fen."""
    value = decimal.Decimal(text or "0") * 100
    if value != value.to_integral_value():
        raise ValueError("more than two decimals: %r" % text)
    return int(value)


def line_of(med_type: str) -> str:
    """Line of business of a medical type."""
    if med_type.startswith("41") or med_type.startswith("9929"):
        return PHARMACY
    if med_type.startswith("14"):
        return CHRONIC
    if med_type.startswith("2") or med_type.startswith("52"):
        return INPATIENT
    return OUTPATIENT


def shared(row: dict[str, str]) -> int:
    """Mutual aid beside the own account, fen: cleared but for the wallet's share of it."""
    mulaid, wallet = fen(row.get("acct_mulaid_pay", "")), fen(row.get("wlt_pay", ""))
    return max(mulaid, wallet, key=abs) - wallet


def is_refund(row: dict[str, str]) -> bool:
    return row.get("refd_setl_flag") in ("1", "true")


class File:
    """What the engine must make of a file, row by row: repetitions, 2601 corrections and messages
    that were cancelled before they came."""

    def __init__(self, path: pathlib.Path):
        self.accepted = self.duplicate = self.rejected = self.corrected = 0
        self.standing: dict[tuple[str, ...], dict[str, str]] = {}  # Business key -> row.
        self._seen: set[tuple[str, ...]] = set()
        self._by_msgid: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._tombstones: set[tuple[str, ...]] = set()
        with open(path, newline="", encoding="utf-8-sig") as file:
            for row in csv.DictReader(file):
                if row.get("infno") == "2601":
                    self._correct(row)
                else:
                    self._take(row)
        self.rows = list(self.standing.values())
        self.sent = self.accepted + self.duplicate + self.rejected

    def _take(self, row: dict[str, str]) -> None:
        key = (row["psn_no"], row["insu_admdvs"], row["setl_id"])
        transport = (row["mdtrtarea_admvs"][:2], row["psn_no"], row["msgid"])
        if key in self.standing:
            self.duplicate += 1
        elif transport in self._tombstones or key in self._seen:
            self.rejected += 1
        else:
            self.accepted += 1
            self.standing[key] = row
            self._seen.add(key)
            self._by_msgid[transport] = key

    def _correct(self, row: dict[str, str]) -> None:
        target = (row["mdtrtarea_admvs"][:2], row["psn_no"], row["omsgid"])
        self.accepted += 1
        self.corrected += 1
        if target in self._by_msgid:
            del self.standing[self._by_msgid[target]]
        else:
            self._tombstones.add(target)


def read(path: pathlib.Path) -> list[dict[str, str]]:
    """The rows of a file that count."""
    return File(path).rows


class Month:
    """What one month's reports must hold."""

    def __init__(self, rows: list[dict[str, str]], month: str):
        self.cells: dict[tuple[str, ...], list[int]] = collections.defaultdict(lambda: [0, 0, 0])
        self.refunds = 0
        self.medfee = 0
        for row in rows:
            if row["setl_time"][:7] == month:
                self.add(row)

    def add(self, row: dict[str, str]) -> None:
        key = (row["insu_admdvs"][:2], row["mdtrtarea_admvs"][:2], line_of(row["med_type"]),
               CLASS_OF[row["insutype"]])
        cell = self.cells[key]
        cell[0] += 1
        cell[1] += fen(row["fund_pay_sumamt"])
        cell[2] += fen(row["acct_pay"]) + shared(row)
        self.refunds += is_refund(row)
        self.medfee += fen(row["medfee_sumamt"])

    def count(self) -> int:
        return sum(cell[0] for cell in self.cells.values())

    def amount(self) -> int:
        return sum(cell[1] + cell[2] for cell in self.cells.values())

    def pairs(self) -> dict[tuple[str, str], tuple[int, int]]:
        """(payer, payee) -> count, fen."""
        pairs: dict[tuple[str, str], list[int]] = collections.defaultdict(lambda: [0, 0])
        for (payer, payee, _, _), (count, fund, account) in self.cells.items():
            pairs[payer, payee][0] += count
            pairs[payer, payee][1] += fund + account
        return {key: (count, amount) for key, (count, amount) in pairs.items()}

    def position(self) -> list[tuple]:
        """payer, payee, line, insutype, count, fund, account, amount in fen."""
        return sorted(key + (count, fund, account, fund + account)
                      for key, (count, fund, account) in self.cells.items())

    def gross(self) -> list[tuple]:
        """payer, payee, count, fen: every pair with records."""
        return sorted((a, b, count, amount) for (a, b), (count, amount) in self.pairs().items())

    def bilateral(self) -> list[tuple]:
        """The larger side of each unordered pair pays the difference."""
        pairs = self.pairs()
        payments = []
        for a, b in {tuple(sorted(pair)) for pair in pairs}:
            there, back = pairs.get((a, b), (0, 0)), pairs.get((b, a), (0, 0))
            count, net = there[0] + back[0], there[1] - back[1]
            if net > 0:
                payments.append((a, b, count, net))
            elif net < 0:
                payments.append((b, a, count, -net))
        return sorted(payments)

    def multilateral(self) -> list[tuple]:
        """Net debtors pay into the clearing account "--", net creditors are paid from it."""
        net: dict[str, int] = collections.defaultdict(int)
        counts: dict[str, int] = collections.defaultdict(int)
        for (payer, payee), (count, amount) in self.pairs().items():
            net[payer] -= amount
            net[payee] += amount
            counts[payer] += count
            counts[payee] += count
        assert sum(net.values()) == 0
        debtors = [(p, "--", counts[p], -net[p]) for p in sorted(net) if net[p] < 0]
        creditors = [("--", p, counts[p], net[p]) for p in sorted(net) if net[p] > 0]
        return debtors + creditors
