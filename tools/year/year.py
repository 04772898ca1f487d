#!/usr/bin/env python3
"""A synthetic national year through the clearing cycle, with everything that goes wrong in one.

Sends twelve months of settlements and all that the provinces and the centre do about them, month by
month on a manual clock, and keeps books of its own: what each pair must clear, what is held,
disputed, deducted and carried over, what is noticed and paid, what each prefund must be. At the end
of every month its books and the engine's must agree to the fen. Everything goes through the command
line, as an operator would do it. Must not know how the engine keeps its state.
"""
import argparse
import csv
import datetime
import hashlib
import json
import os
import subprocess
import sys
import time
from collections import defaultdict

SHANGHAI = datetime.timezone(datetime.timedelta(hours=8))
PROVINCES = [11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46,
             50, 51, 52, 53, 54, 61, 62, 63, 64, 65, 66]
FUNDS = ["hifp_pay", "cvlserv_pay", "hifes_pay", "hifmi_pay", "hifob_pay", "maf_pay", "oth_pay"]
MODES = {"gross": 0, "bilateral": 1, "multilateral": 2}
LIST_ROWS = 4000
PAGE_ROWS = 100


class Wrong(Exception):
    """The engine's books and ours differ, or it answered what it should not."""


def fen(yuan):
    """'12.34' -> 1234, exactly."""
    whole, _, part = yuan.partition(".")
    sign = -1 if whole.startswith("-") else 1
    return sign * (abs(int(whole or "0")) * 100 + int((part + "00")[:2]))


def month_add(month, count):
    year, index = divmod(month // 100 * 12 + month % 100 - 1 + count, 12)
    return year * 100 + index + 1


def dashed(month):
    return f"{month // 100}-{month % 100:02}"


def lot(text, parts):
    """A number below `parts` that depends on the text alone: who draws which lot."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") % parts


class Record:
    """One settlement or refund, as the province that sent it knows it."""

    __slots__ = ("area", "setl_id", "payer", "payee", "line", "insutype", "day", "month", "medfee",
                 "fund", "acct", "refund", "inpatient", "held", "differs", "disputed", "void",
                 "deducted", "cleared")

    def __init__(self, row):
        self.area = int(row["insu_admdvs"])
        self.setl_id = row["setl_id"]
        self.payer = self.area // 10000
        self.payee = int(row["mdtrtarea_admvs"]) // 10000
        kind = row["med_type"]
        self.line = (4 if kind.startswith("41") else 3 if kind.startswith("14")
                     else 1 if kind.startswith("2") or kind.startswith("52") else 2)
        self.insutype = int(row["insutype"])
        self.day = int(row["setl_time"][:10].replace("-", ""))
        self.month = self.day // 100
        self.medfee = fen(row["medfee_sumamt"])
        self.fund = fen(row["fund_pay_sumamt"])
        self.acct = fen(row["acct_pay"])
        self.refund = int(row["refd_setl_flag"] or 0)
        self.inpatient = self.line == 1
        self.held = False
        self.differs = set()  # Sides whose list differs.
        self.disputed = False
        self.void = False
        self.deducted = 0
        self.cleared = None  # Month of the batch it is in.

    @property
    def amount(self):
        return self.fund + self.acct

    @property
    def blocked(self):
        return self.held or bool(self.differs) or self.disputed or self.void

    @property
    def ref(self):
        return {"insu_admdvs": self.area, "setl_id": self.setl_id}


class Engine:
    """The command line, asked as a person would."""

    def __init__(self, qingfen, address, folder):
        self.qingfen = qingfen
        self.address = address
        self.folder = folder
        self.orders = 0

    def run(self, *arguments, codes=(0,)):
        done = subprocess.run([self.qingfen, *arguments, "--to", self.address],
                              capture_output=True, text=True, check=False)
        if done.returncode not in codes:
            raise Wrong(f"qingfen {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def call(self, messages):
        """Sends messages one after the other and gives their replies."""
        if not messages:
            return []
        path = os.path.join(self.folder, "orders.ndjson")
        with open(path, "w", encoding="utf-8") as out:
            for message in messages:
                out.write(json.dumps(message) + "\n")
        self.orders += len(messages)
        replies = [json.loads(line)
                   for line in self.run("call", "--file", path, codes=(0, 1)).splitlines()]
        if len(replies) != len(messages):
            raise Wrong(f"{len(messages)} messages, {len(replies)} replies")
        return replies

    def order(self, messages, want=0):
        """The same, each of which must be answered with the code `want`."""
        for message, reply in zip(messages, self.call(messages)):
            if reply.get("code", 0) != want:
                raise Wrong(f"{json.dumps(message)[:300]} was answered {reply.get('code', 0)} "
                            f"{reply.get('text', '')} instead of {want}")

    def pages(self, message, rows):
        """All rows of a paged list."""
        found = []
        while True:
            reply = self.call([dict(message, offset=len(found), limit=1000)])[0]
            if reply.get("code", 0) != 0:
                raise Wrong(f"{message}: {reply}")
            found += reply.get(rows, [])
            if not reply.get("more"):
                return found, reply

    def clock(self, day, hour=9):
        instant = datetime.datetime(day // 10000, day // 100 % 100, day % 100, hour,
                                    tzinfo=SHANGHAI)
        self.run("clock", "--set", instant.isoformat())


class Year:
    def __init__(self, engine, options):
        self.engine = engine
        self.options = options
        self.records = {}  # By (area, setl_id).
        self.months = defaultdict(list)
        self.recovered = defaultdict(list)  # Recoveries that wait, by pair.
        self.carried = {}  # Gross: negative totals that open the pair's next batch.
        self.late = []  # Notices not paid in time.
        self.mend_later = []  # Lists whose corrected form comes a month late.
        self.cleared = defaultdict(lambda: defaultdict(int))  # Month -> pair -> fen.
        self.prefund = {}
        self.events = defaultdict(int)
        self.number = 0

    def msgid(self, what):
        self.number += 1
        return f"{what}{self.number:08}"

    # -- settlements ----

    def send_month(self, month, after):
        """The month's settlements, and refunds of the month before."""
        path = os.path.join(self.engine.folder, f"{month}.csv")
        arguments = [self.engine.qingfen, "gen", "--month", dashed(month),
                     "--count", str(self.options.count), "--seed", str(self.options.seed),
                     "--out", path]
        if after:
            arguments += ["--after", dashed(after)]
        subprocess.run(arguments, check=True, capture_output=True)
        self.engine.run("send", path, codes=(0, 1))
        again = self.engine.run("send", path, codes=(0, 1)).splitlines()[-1]
        if " accepted=0 " not in again:
            raise Wrong(f"{path} sent again: {again}")
        with open(path, newline="", encoding="utf-8") as source:
            for row in csv.DictReader(source):
                record = Record(row)
                key = (record.area, record.setl_id)
                if key in self.records:
                    continue  # A duplicate delivery.
                if record.month != month:
                    raise Wrong(f"{record.setl_id} is of {record.month}, not {month}")
                self.records[key] = record
                self.months[month].append(record)
        self.events["settlements and refunds"] += len(self.months[month])

    # -- reconciliation ----

    def totals(self, month):
        sums = defaultdict(lambda: [0, 0, 0, 0])
        for record in self.months[month]:
            one = sums[(record.payer, record.payee, record.line, record.insutype)]
            one[0] += 1
            one[1] += record.medfee
            one[2] += record.fund
            one[3] += record.acct
        return sums

    def reconcile_totals(self, month):
        """Every province, as payer and as payee, sends the month's totals from its own records."""
        sums = self.totals(month)
        messages = []
        for province in PROVINCES:
            for place in (0, 1):
                rows = [{"payer": key[0], "payee": key[1], "line": key[2], "insutype": key[3],
                         "count": value[0], "medfee_sumamt": value[1],
                         "fund_pay_sumamt": value[2], "acct_pay": value[3]}
                        for key, value in sorted(sums.items()) if key[place] == province]
                for start in range(0, len(rows), 500):
                    messages.append({"type": "ReconDay", "msgid": self.msgid("T"),
                                     "province": province, "period": month,
                                     "totals": rows[start:start + 500]})
        self.engine.order(messages)
        self.events["totals reconciled"] += len(sums) * 2
        # One that is wrong by a fen must be told so.
        wrong = json.loads(json.dumps(messages[0]))
        wrong["msgid"] = self.msgid("T")
        wrong["totals"][0]["fund_pay_sumamt"] += 1
        self.engine.order([wrong], want=2021)

    def list_rows(self, records):
        return [{"insu_admdvs": r.area, "setl_id": r.setl_id, "medfee_sumamt": r.medfee,
                 "fund_pay_sumamt": r.fund, "acct_pay": r.acct, "refd_setl_flag": r.refund}
                for r in records]

    def send_list(self, province, day, payer, payee, rows):
        parts = max(1, (len(rows) + LIST_ROWS - 1) // LIST_ROWS)
        replies = self.engine.call(
            [{"type": "ReconList", "msgid": self.msgid("L"), "province": province, "date": day,
              "payer": payer, "payee": payee, "part": part + 1, "parts": parts,
              "items": rows[part * LIST_ROWS:(part + 1) * LIST_ROWS]} for part in range(parts)])
        if any(reply.get("code", 0) != 0 for reply in replies):
            raise Wrong(f"list of {province} for {day}: {replies[-1]}")
        return replies[-1]

    def reconcile_lists(self, month):
        """On two days the busiest pairs compare record by record; lists are made wrong on purpose
        and mended later, but for some."""
        pairs = defaultdict(list)
        for record in self.months[month]:
            if record.day % 100 in (10, 20):
                pairs[(record.day, record.payer, record.payee)].append(record)
        busiest = sorted(pairs, key=lambda key: (-len(pairs[key]), key))[:8]
        for number, (day, payer, payee) in enumerate(busiest):
            records = sorted(pairs[(day, payer, payee)], key=lambda r: (r.area, r.setl_id))
            side = "payer" if number % 2 == 0 else "payee"
            province = payer if side == "payer" else payee
            rows = self.list_rows(records)
            wanted = dict.fromkeys(("only_payee", "only_payer", "amount", "flag", "duplicate"), 0)
            touched = []
            if len(rows) >= 4:
                rows[0]["fund_pay_sumamt"] += 100
                rows[1]["refd_setl_flag"] ^= 1
                rows.append(dict(rows[2]))
                touched = records[:4]
                missing = rows.pop(3)
                wanted.update(amount=1, flag=1, duplicate=1)
                wanted["only_payee" if side == "payer" else "only_payer"] += 1
                rows.append(dict(missing, setl_id="NOT-AT-THE-CENTRE"))
                wanted["only_payer" if side == "payer" else "only_payee"] += 1
            reply = self.send_list(province, day, payer, payee, rows)
            found = {kind: reply.get(kind, 0) for kind in wanted}
            if found != wanted:
                raise Wrong(f"list of {province} for {day}: differences {found}, not {wanted}")
            self.events["differences"] += sum(wanted.values())
            for record in touched:
                record.differs.add(side)
            if number % 4 < 2:  # A corrected list.
                reply = self.send_list(province, day, payer, payee, self.list_rows(records))
                if any(reply.get(kind, 0) for kind in wanted):
                    raise Wrong(f"the corrected list of {province} for {day} differs: {reply}")
                for record in touched:
                    record.differs.discard(side)
                self.events["corrected lists"] += 1
            elif touched:
                self.mend_later.append((month_add(month, 1), side, province, day, payer, payee,
                                        records))

    def mend_lists(self, month):
        """Corrected lists that come a month late: the records go on by themselves."""
        for item in [item for item in self.mend_later if item[0] <= month]:
            self.mend_later.remove(item)
            _, side, province, day, payer, payee, records = item
            reply = self.send_list(province, day, payer, payee, self.list_rows(records))
            if reply.get("amount", 0):
                raise Wrong(f"the late list of {province} for {day} differs: {reply}")
            for record in records:
                record.differs.discard(side)
            self.events["late lists"] += 1

    # -- confirmation, deductions, disputes ----

    def confirm(self, month):
        self.engine.order([{"type": "ClrConfirm", "msgid": self.msgid("C"), "province": payee,
                            "period": month}
                           for payee in sorted({r.payee for r in self.months[month]})])
        rows = defaultdict(list)
        for record in self.months[month]:
            draw = lot("hold" + record.setl_id, 1000)
            if draw < 20:
                rows[(month, record.payee)].append((record, 0, 0))
            elif record.inpatient and not record.refund and draw < 35 and record.amount > 0:
                rows[(month, record.payee)].append((record, 1, record.amount * 3 // 100))
        # What was held is confirmed one or two months later; a few stay held until the year's end.
        for earlier in (month_add(month, -1), month_add(month, -2)):
            for record in self.months[earlier]:
                if not record.held:
                    continue
                draw = lot("release" + record.setl_id, 100)
                if draw < 60 or (earlier != month_add(month, -1) and draw < 95):
                    rows[(earlier, record.payee)].append((record, 1, 0))
        self.send_confirmations(rows)

    def send_confirmations(self, rows):
        messages = []
        for (period, payee), items in sorted(rows.items()):
            for start in range(0, len(items), PAGE_ROWS):
                page = items[start:start + PAGE_ROWS]
                messages.append({
                    "type": "ClrConfirm", "msgid": self.msgid("C"), "province": payee,
                    "period": period,
                    "items": [dict(record.ref, cnfm_flag=flag,
                                   **({"deduct_amt": cut, "det_type": 10} if cut else {}))
                              for record, flag, cut in page]})
        self.engine.order(messages)
        for items in rows.values():
            for record, flag, cut in items:
                self.events["held" if flag == 0 else "deducted" if cut else "released"] += 1
                record.held = flag == 0
                if cut:
                    record.deducted = cut

    def dispute(self, month):
        chosen = [record for record in self.months[month]
                  if lot("dispute" + record.setl_id, 1000) < 2 and not record.refund and
                  not record.blocked and not record.deducted and record.amount > 100]
        opened = []
        for record in chosen:
            number = self.msgid("D")
            opened.append((number, record))
            self.engine.order([{"type": "DisputeOpen", "msgid": self.msgid("O"),
                                "province": record.payer, "dispute_no": number, "reason": 2,
                                "note": "amount", **record.ref}])
            record.disputed = True
        self.engine.order([{"type": "DisputeReply", "msgid": self.msgid("O"),
                            "province": record.payee, "dispute_no": number,
                            "contest": lot("contest" + number, 2) == 1}
                           for number, record in opened])
        self.events["disputes"] += len(opened)
        return opened

    def resolve(self, opened):
        messages = []
        for number, record in opened:
            outcome = ("pay", "part", "void")[lot("outcome" + number, 3)]
            message = {"type": "DisputeResolve", "msgid": self.msgid("O"), "dispute_no": number,
                       "outcome": outcome}
            record.disputed = False
            if outcome == "part":
                message["amount"] = record.amount // 2
                record.deducted = record.amount - record.amount // 2
            elif outcome == "void":
                record.void = True
            messages.append(message)
        self.engine.order(messages)

    # -- the batch ----

    def expected(self, month):
        """What the month's batch must clear, pair by pair, and which records are in it."""
        pairs = defaultdict(int)
        inside = []
        for earlier, records in self.months.items():
            if earlier > month:
                continue
            for record in records:
                if record.cleared is None and not record.blocked:
                    pairs[(record.payer, record.payee)] += record.amount - record.deducted
                    inside.append(record)
        for pair, amounts in self.recovered.items():
            pairs[pair] -= sum(amounts)
        for pair, amount in self.carried.items():
            pairs[pair] += amount
        return pairs, inside

    def batch_pairs(self, month):
        lines, reply = self.engine.pages({"type": "BatchGet", "period": month}, "lines")
        pairs = defaultdict(int)
        for line in lines:
            pairs[(line["payer"], line["payee"])] += line.get("amount", 0)
        return pairs, reply

    def compare(self, month, expected):
        found, reply = self.batch_pairs(month)
        for pair in sorted(set(found) | set(expected)):
            if found.get(pair, 0) != expected.get(pair, 0):
                raise Wrong(f"{month}, {pair[0]} owes {pair[1]}: the engine's batch says "
                            f"{found.get(pair, 0)} fen, the records {expected.get(pair, 0)}")
        self.compare_positions(month, reply, expected)

    def compare_positions(self, month, reply, expected):
        """Each province's net is what the records say, whatever the mode; payments bring it about,
        and all nets together are nothing."""
        net = defaultdict(int)
        for (payer, payee), amount in expected.items():
            net[payer] -= amount
            net[payee] += amount
        paid = defaultdict(int)
        for payment in reply["payments"]:
            paid[payment.get("payer", 0)] -= payment["amount"]
            paid[payment.get("payee", 0)] += payment["amount"]
        for position in reply["positions"]:
            province = position["province"]
            if not position.get("net", 0) == net[province] == paid[province]:
                raise Wrong(f"{month}, {province}: net {position.get('net', 0)}, by the payments "
                            f"{paid[province]}, by the records {net[province]}")
        if sum(net.values()) != 0 or paid[0] != 0:
            raise Wrong(f"{month}: the nets do not sum to zero")

    def clear(self, month, opened):
        following = month_add(month, 1)
        engine = self.engine
        engine.clock(following * 100 + 20)
        engine.order([{"type": "BatchStep", "msgid": self.msgid("B"), "period": month,
                       "step": "publish"}], want=6001)  # Nothing is cut yet.
        engine.run("period", "cut", dashed(month))
        step = lambda name, **more: engine.order(
            [dict({"type": "BatchStep", "msgid": self.msgid("B"), "period": month, "step": name},
                  **more)])
        step("compute")
        engine.clock(following * 100 + 21)
        if month % 100 == 5:  # The centre thinks again.
            step("abort", reason="wrong calendar")
            self.events["aborted batches"] += 1
            engine.run("period", "cut", dashed(month))
            step("compute")
        step("publish")
        expected, inside = self.expected(month)
        self.compare(month, expected)
        if month % 100 in (3, 9):  # A dispute about a published record: a second version.
            record = next(r for r in inside if r.month == month and not r.refund and
                          not r.deducted and r.amount > 0)
            number = self.msgid("D")
            engine.order([{"type": "DisputeOpen", "msgid": self.msgid("O"),
                           "province": record.payer, "dispute_no": number, "reason": 1,
                           **record.ref}])
            record.disputed = True
            opened.append((number, record))
            step("compute")
            step("publish")
            expected, inside = self.expected(month)
            self.compare(month, expected)
            self.events["second versions"] += 1
        if month % 100 == 7:  # An objection is answered with the same tables once more.
            who = min(pair[0] for pair in expected)
            engine.order([{"type": "BatchSign", "msgid": self.msgid("S"), "province": who,
                           "period": month, "objection": True, "reason": "we ask why"}])
            engine.order([{"type": "BatchStep", "msgid": self.msgid("B"), "period": month,
                           "step": "notice"}], want=5011)
            step("compute")
            step("publish")
            self.events["objections"] += 1
        engine.clock(following * 100 + 24)
        engine.order([{"type": "BatchSign", "msgid": self.msgid("S"), "province": province,
                       "period": month}
                      for province in sorted({p for pair in expected for p in pair})])
        self.at(last_day(following))
        step("notice")
        for record in inside:
            record.cleared = month
        self.recovered.clear()
        self.carried.clear()
        for pair, amount in expected.items():
            self.cleared[month][pair] += amount
            if self.options.mode == "gross" and amount < 0 and month % 100 != 12:
                self.carried[pair] = amount
                self.events["negative totals carried"] += 1
        if opened:
            self.resolve(opened)
        return expected

    # -- money ----

    def pay(self, notices, when):
        reports, receipts = [], []
        for notice in notices:
            amount = notice["amount"] - notice.get("reported", 0)
            draw = lot("pay" + notice["number"], 100)
            parts = [amount // 3, amount - amount // 3] if draw < 5 and amount > 3 else [amount]
            for index, part in enumerate(parts):
                reference = f"BANK-{notice['number']}-{index}"
                if draw == 50:  # The bank gives the first attempt back.
                    reports += [self.report(notice, reference + "-X", part, when),
                                dict(self.receipt(notice, reference + "-X", part), rejected=True)]
                    self.events["rejected by the bank"] += 1
                reports.append(self.report(notice, reference, part, when))
                receipts.append(self.receipt(notice, reference, part))
        self.engine.order(reports)
        self.engine.order(receipts)
        for message in reports[:1] + receipts[:1]:  # Told twice, counted once.
            if not self.engine.call([message])[0].get("dup"):
                raise Wrong(f"{message} was taken twice")
        self.events["payments"] += len(receipts)

    def report(self, notice, reference, amount, when):
        return {"type": "PayReport", "msgid": self.msgid("P"), "province": notice.get("payer", 0),
                "number": notice["number"], "bank_ref": reference, "amount": amount,
                "paid_at": when}

    def receipt(self, notice, reference, amount):
        return {"type": "ReceiptReport", "msgid": self.msgid("R"), "province": notice.get("payee", 0),
                "number": notice["number"], "bank_ref": reference, "amount": amount}

    def notices(self, **query):
        return self.engine.pages(dict({"type": "NoticeList"}, **query), "notices")[0]

    def check_notices(self, month, expected):
        """The notices ask for exactly what the netting of our own sums says."""
        wanted = {}
        if self.options.mode == "gross":
            wanted = {pair: amount for pair, amount in expected.items() if amount > 0}
        elif self.options.mode == "multilateral":
            net = defaultdict(int)
            for (payer, payee), amount in expected.items():
                net[payer] -= amount
                net[payee] += amount
            for province, amount in net.items():
                if amount:
                    wanted[(0, province) if amount > 0 else (province, 0)] = abs(amount)
        else:
            for one, other in {tuple(sorted(pair)) for pair in expected}:
                balance = expected.get((one, other), 0) - expected.get((other, one), 0)
                if balance:
                    wanted[(one, other) if balance > 0 else (other, one)] = abs(balance)
        found = {(n.get("payer", 0), n.get("payee", 0)): n["amount"]
                 for n in self.notices(period=month, kind="clearing")
                 if n["state"] != "CANCELLED"}
        if found != wanted:
            pair = next(p for p in sorted(set(found) | set(wanted))
                        if found.get(p) != wanted.get(p))
            raise Wrong(f"{month}: the notice {pair} asks for {found.get(pair)}, "
                        f"not {wanted.get(pair)}")

    def settle(self, month):
        """Most pay in time, a few a month late."""
        due = [n for n in self.notices(period=month) if n["state"] in ("DUE", "OVERDUE")]
        late = [n for n in due if lot("late" + n["number"], 100) < 3]
        self.pay([n for n in due if n not in late], self.now_text)
        self.late += late
        self.events["late notices"] += len(late)

    def settle_late(self):
        for old in self.late:
            state = self.notices(number=old["number"])[0]["state"]
            if state != "OVERDUE":
                raise Wrong(f"{old['number']} should be overdue, and is {state}")
        self.pay(self.late, self.now_text)
        self.late = []

    def recover(self, month):
        """Violations found in what was cleared before."""
        messages = []
        for record in self.months[month_add(month, -2)]:
            if record.cleared is None or record.refund or not record.inpatient:
                continue
            if lot("recover" + record.setl_id, 200) != 0 or record.deducted:
                continue
            amount = record.amount // 10
            if amount <= 0:
                continue
            messages.append({"type": "Recovery", "msgid": self.msgid("V"),
                             "province": record.payee, "recovery_no": self.msgid("N"),
                             "amount": amount, "det_type": 20, **record.ref})
            self.recovered[(record.payer, record.payee)].append(amount)
        self.engine.order(messages)
        self.events["recoveries"] += len(messages)

    # -- prefund ----

    def open_prefunds(self, month):
        pairs = defaultdict(int)
        for record in self.months[month]:
            pairs[(record.payer, record.payee)] += record.amount
        messages = []
        for (payer, payee), amount in sorted(pairs.items()):
            if amount <= 0:
                continue
            self.prefund[(payer, payee)] = 2 * amount
            messages.append({"type": "PrefundSet", "msgid": self.msgid("F"),
                             "year": month // 100, "payer": payer, "payee": payee,
                             "amount": 2 * amount})
        self.engine.order(messages)

    def set_prefunds(self, year):
        self.engine.order([{"type": "PrefundSet", "msgid": self.msgid("F"), "year": year}])
        quarter = [(year - 1) * 100 + month for month in (10, 11, 12)]
        for payer in PROVINCES:
            for payee in PROVINCES:
                total = sum(self.cleared[month].get((payer, payee), 0) for month in quarter)
                self.prefund[(payer, payee)] = max(0, 2 * total // 3)
        notices = [n for n in self.notices(period=year, kind="prefund")
                   if n["kind"] == "PREFUND_YEAR"]
        for notice in notices:
            change = notice.get("new_amount", 0) - notice.get("old_amount", 0)
            if abs(change) != notice["amount"]:
                raise Wrong(f"{notice['number']}: {change} is not {notice['amount']}")
        self.pay(notices, self.now_text)
        self.check_prefunds()
        self.events["prefund notices"] += len(notices)

    def check_prefunds(self):
        pairs, _ = self.engine.pages({"type": "PrefundList"}, "pairs")
        found = {(p["payer"], p["payee"]): p.get("amount", 0) for p in pairs if p.get("amount")}
        wanted = {pair: amount for pair, amount in self.prefund.items() if amount}
        if found != wanted:
            pair = next(p for p in sorted(set(found) | set(wanted))
                        if found.get(p) != wanted.get(p))
            raise Wrong(f"prefund {pair}: {found.get(pair)} instead of {wanted.get(pair)}")

    # -- the year ----

    def check_book(self, what):
        reply = self.engine.call([{"type": "BookGet"}])[0]
        if reply.get("broken"):
            raise Wrong(f"{what}: {reply['broken']}")
        if sum(row.get("balance", 0) for row in reply.get("rows", [])) != 0:
            raise Wrong(f"{what}: the accounts do not sum to zero")

    def at(self, day):
        self.engine.clock(day)
        self.now_text = f"{day // 10000}-{day // 100 % 100:02}-{day % 100:02} 09:00:00"

    def month(self, month, last):
        """One month: it is settled, and in the month after it reconciled, confirmed and cleared,
        while the month before it is paid. In the last one nothing new goes wrong."""
        begun = time.monotonic()
        following = month_add(month, 1)
        first = self.options.year * 100 + 1
        self.at(following * 100 + 1)
        self.send_month(month, None if month == first else month_add(month, -1))
        if month == first:
            self.open_prefunds(month)
        self.at(following * 100 + 2)
        self.reconcile_totals(month)
        if not last:
            self.reconcile_lists(month)
        self.mend_lists(month)
        self.at(following * 100 + 10)
        self.settle_late()
        if month != first:
            self.settle(month_add(month, -1))
        if last:
            self.at(following * 100 + 12)
            self.set_prefunds(following // 100)
        self.at(following * 100 + 15)
        opened = []
        if last:
            self.release_all()
        else:
            self.recover(month)
            self.confirm(month)
            opened = self.dispute(month)
        expected = self.clear(month, opened)
        self.check_notices(month, expected)
        self.check_prefunds()
        self.check_book(dashed(month))
        print(f"  {dashed(month)}  {len(self.months[month]):>8,} records  "
              f"{sum(expected.values()) / 100:>18,.2f} yuan cleared  "
              f"{time.monotonic() - begun:5.1f} s", flush=True)

    def release_all(self):
        """What was held is confirmed before the year's cut."""
        rows = defaultdict(list)
        for month, records in self.months.items():
            for record in records:
                if record.held:
                    rows[(month, record.payee)].append((record, 1, 0))
        self.send_confirmations(rows)

    def run(self):
        """Twelve months, and January of the next year, in which what is left of the year is cleared
        before it is closed."""
        year = self.options.year
        self.engine.order([{"type": "SettingSet", "msgid": self.msgid("M"),
                            "name": "clearing.payable_mode", "value": MODES[self.options.mode]}])
        for index in range(13):
            self.month(month_add(year * 100 + 1, index), index == 12)
        left = [record for month, records in self.months.items() if month // 100 == year
                for record in records if record.cleared is None and not record.void]
        if left:
            raise Wrong(f"{len(left)} records of {year} are not cleared, {left[0].setl_id} first")
        self.at(((year + 1) * 100 + 3) * 100 + 10)
        self.settle_late()
        self.settle((year + 1) * 100 + 1)
        self.events["refunds into the next year"] = sum(
            record.refund for record in self.months[(year + 1) * 100 + 1])
        self.engine.order([{"type": "YearClose", "year": year}])
        some = self.months[year * 100 + 1][0]
        self.engine.order([{"type": "ClrConfirm", "msgid": self.msgid("C"),
                            "province": some.payee, "period": year * 100 + 1}], want=2009)
        self.check_book("the closed year")


def last_day(month):
    """20260228 of 202602."""
    first = datetime.date(month // 100, month % 100, 1)
    return int(((first + datetime.timedelta(days=31)).replace(day=1) -
                datetime.timedelta(days=1)).strftime("%Y%m%d"))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--qingfen", required=True, help="the command line")
    parser.add_argument("--to", required=True, help="HOST:PORT of an engine with a manual clock")
    parser.add_argument("--folder", required=True, help="for the files it makes")
    parser.add_argument("--year", type=int, default=2026)
    parser.add_argument("--count", type=int, default=20000, help="settlements a month")
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--mode", choices=MODES, default="bilateral")
    options = parser.parse_args()
    engine = Engine(options.qingfen, options.to, options.folder)
    year = Year(engine, options)
    begun = time.monotonic()
    try:
        year.run()
    except Wrong as wrong:
        sys.exit(f"year: {wrong}")
    print("\n  " + "\n  ".join(f"{name:<28}{value:>10,}"
                               for name, value in sorted(year.events.items())))
    print(f"\n{engine.orders:,} orders in {time.monotonic() - begun:.1f} s; "
          "every month's books agree to the fen.")


if __name__ == "__main__":
    main()
