"""wallet_book -- wallets, transfers, payments and premiums as docs/rules.md tells them, in one place and at
once: what each message is answered, where every fen stands, what provinces owe and are told. It
knows no shards and no mail."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from typing import Optional

DAY_MS = 86400000
HOUR_MS = 3600000
MINUTE_MS = 60000
SHANGHAI_MS = 8 * HOUR_MS
NORMAL, PAUSED, ENDED = 1, 2, 3
EMPLOYEE, RESIDENT, CARE = 310, 390, 410
OPEN, FROZEN, CLOSED = "OPEN", "FROZEN", "CLOSED"
APP = 0
HOLD, CONSUME, RELEASE, NOTICE, RETURNED, ADVICE, ASK = (
    0x0231, 0x0234, 0x0233, 0x0224, 0x0225, 0x0303, 0x0306)
ACCEPTED, DECLINED, EXPIRED, VOIDED, REFUSED = 4, 5, 6, 7, 8
SPENT, RESTORED, HOME, HOME_SPENT = 12, 13, 14, 15

DEFAULTS = dict(
    trsf_max_each=200000, trsf_max_per_day=3, trsf_max_sum_per_day=600000, count_returned=True,
    pending_block_scope="pair", wallet_source_wallet=True, relatives=255, pa_hold_mode="online",
    wallet_spend_scope="use_loc", allow_reclaim=False, use_loc_change=False,
    use_loc_change_max_per_year=0, wallet_clear_path="direct", prem_due=0, prem_for_relatives=True,
    prem_refund_after_start=False, prem_ltc=False, reserve_minutes=15, pa_floor_fen=0,
    pa_floor_mode="gate", pa_floor_scope="in_province", wallet_enabled=True)


def midnight(ms: int) -> int:
    return (ms + SHANGHAI_MS) // DAY_MS * DAY_MS - SHANGHAI_MS


def civil(ms: int) -> datetime.datetime:
    return datetime.datetime(1970, 1, 1) + datetime.timedelta(milliseconds=ms + SHANGHAI_MS)


def month(ms: int) -> int:
    at = civil(ms)
    return at.year * 100 + at.month


def province(area: int) -> int:
    return area // 10000


class No(Exception):
    def __init__(self, code: int):
        super().__init__(code)
        self.code = code


@dataclass
class Lot:
    number: int
    origin: int
    area: int
    giver: int  # Who passed it on to this wallet.
    amount: int
    accepted: int

    def part(self, amount: int) -> "Lot":
        return Lot(self.number, self.origin, self.area, self.giver, amount, self.accepted)


@dataclass
class Relation:
    kind: int
    since: int
    rlts_id: str = ""


@dataclass
class Transfer:
    giver: int
    receiver: int
    src: int
    amount: int
    submitted: int
    exp: int
    state: str
    lots: list
    ask_at: int = 0
    end: Optional[int] = None
    gave_up: bool = False
    ack: Optional[tuple] = None  # What the province said of its hold.
    trsf_id: str = ""


@dataclass
class Payment:
    who: int
    place: int
    amount: int
    used: list
    debts: list  # (payer, payee, share's area)
    period: int
    premium: Optional[tuple] = None  # insured, insutype, year
    reversed: int = 0
    refused: bool = False
    pay_id: str = ""
    setl_id: str = ""


@dataclass
class Person:
    state: int = 0
    insutype: int = 0
    area: int = 0
    eff: int = 0
    seq: int = 0
    wallet: Optional[str] = None  # None: never opened.
    w_area: int = 0
    w_insutype: int = 0
    use_loc: int = 0
    changes: dict = field(default_factory=dict)
    lots: list = field(default_factory=list)
    next_lot: int = 1
    granted: int = 0
    consumed: int = 0
    grant_seq: int = 0
    grant_said: int = 0  # What the latest PaGrant said; holds and releases change `granted` alone.
    day: int = 0
    count: int = 0
    sum: int = 0
    reserves: list = field(default_factory=list)  # [institution, visit, amount, until]
    premiums: dict = field(default_factory=dict)  # (insutype, year): dict

    def balance(self) -> int:
        return sum(lot.amount for lot in self.lots)


class Book:
    def __init__(self, persons: int, rules: dict):
        self.people = [Person() for _ in range(persons)]
        self.rules = rules  # (name, province): value; province 0 for the nation
        self.relations: dict[tuple[int, int], Relation] = {}
        self.transfers: list[Transfer] = []
        self.payments: list[Payment] = []
        self.owed: dict[tuple[int, int, int], int] = {}  # period, payer, payee
        self.told: list[tuple] = []  # dest, type, person, amount, why
        self.now = 0

    # -- small things --------------------------------------------------------------------------

    def rule(self, name: str, area: int):
        for key in ((name, province(area)), (name, 0)):
            if key in self.rules:
                return self.rules[key]
        return DEFAULTS[name]

    def need(self, holds: bool, code: int) -> None:
        if not holds:
            raise No(code)

    def home_area(self, who: int) -> int:
        """The area whose rules hold."""
        p = self.people[who]
        return p.w_area if p.wallet else p.area

    def tell(self, dest: int, type_: int, who: int, amount: int, why: int) -> None:
        self.told.append((dest, type_, who, amount, why))

    def under_way(self, giver: Optional[int] = None, receiver: Optional[int] = None) -> list:
        return [t for t in self.transfers if t.end is None
                and (giver is None or t.giver == giver)
                and (receiver is None or t.receiver == receiver)]

    def held_at(self, giver: int, holder: int) -> int:
        lots = list(self.people[holder].lots)
        for t in self.under_way(giver=holder):
            lots += t.lots
        return sum(lot.amount for lot in lots if lot.origin == giver)

    def held(self, giver: int) -> int:
        return sum(self.held_at(giver, who) for who in range(len(self.people))) + sum(
            t.amount for t in self.under_way(giver) if t.src == 1 and t.state == "PENDING")

    def free(self, who: int) -> int:
        p = self.people[who]
        return p.balance() - sum(r[2] for r in p.reserves if r[3] > self.now)

    def open_wallet(self, who: int) -> Person:
        p = self.people[who]
        self.need(p.wallet is not None, 3001)
        self.need(p.wallet == OPEN, 3003)
        return p

    # -- money that goes home ------------------------------------------------------------------

    def back_in_account(self, who: int, area: int, amount: int) -> None:
        """It may be used again only under a grant of the area that keeps the account."""
        p = self.people[who]
        if self.rule("pa_hold_mode", area) == "grant" and p.grant_seq and area == p.area:
            return
        p.granted -= amount

    def lot_home(self, lot: Lot) -> None:
        self.back_in_account(lot.origin, lot.area, lot.amount)
        self.tell(province(lot.area), RELEASE, lot.origin, lot.amount, HOME)

    def alive(self, who: int, lot: Lot) -> bool:
        relation = self.relations.get((lot.giver, who))
        return (self.people[who].wallet in (OPEN, FROZEN) and relation is not None
                and relation.since <= lot.accepted)

    def put(self, who: int, lot: Lot) -> None:
        lots = self.people[who].lots
        for its in lots:
            if its.number == lot.number:
                its.amount += lot.amount
                return
        lots.append(lot)
        lots.sort(key=lambda its: its.number)

    def keep(self, who: int, lot: Lot) -> None:
        if self.alive(who, lot):
            self.put(who, lot)
        else:
            self.lot_home(lot)

    def take(self, who: int, amount: int, most: int) -> list:
        p, used, left = self.people[who], [], amount
        for lot in p.lots:
            if left == 0:
                break
            used.append(lot.part(min(left, lot.amount)))
            left -= used[-1].amount
        self.need(left == 0 and len(used) <= most, 3034)
        for lot in used:
            p.lots[0].amount -= lot.amount
            if p.lots[0].amount == 0:
                p.lots.pop(0)
        return used

    def end(self, t: Transfer, why: int) -> None:
        """Not accepted: everything goes back."""
        t.end = why
        area = self.home_area(t.giver)
        if t.src == 1:
            if t.state == "PENDING":
                self.back_in_account(t.giver, area, t.amount)
            self.tell(province(area), RELEASE, t.giver, t.amount, why)
        for lot in t.lots:
            self.keep(t.giver, lot)
        self.uncount(t, why)
        for dest in (APP, province(area)):
            self.tell(dest, RETURNED, t.giver, t.amount, why)

    def uncount(self, t: Transfer, why: int) -> None:
        p = self.people[t.giver]
        if why != REFUSED and self.rule("count_returned", self.home_area(t.giver)):
            return
        if p.day == midnight(t.submitted):
            p.count -= 1
            p.sum -= t.amount

    def recall(self, giver: int, holder: int, area: int = 0) -> None:
        def meant(lot: Lot) -> bool:
            return lot.origin == giver and area in (0, lot.area)
        for t in self.under_way(giver=holder):
            if any(meant(lot) for lot in t.lots):
                self.end(t, VOIDED)
        p = self.people[holder]
        for lot in [lot for lot in p.lots if meant(lot)]:
            p.lots.remove(lot)
            self.lot_home(lot)

    def end_relation(self, giver: int, receiver: int) -> None:
        del self.relations[giver, receiver]
        p = self.people[receiver]
        for lot in [lot for lot in p.lots if lot.giver == giver]:
            p.lots.remove(lot)
            self.lot_home(lot)
        for t in self.under_way(giver, receiver):
            self.end(t, VOIDED)

    # -- time ----------------------------------------------------------------------------------

    def due(self) -> Optional[tuple[int, Transfer]]:
        dues = [(t.exp if t.state == "PENDING" else min(t.ask_at, t.exp), i, t)
                for i, t in enumerate(self.transfers) if t.end is None]
        return min(dues)[::2] if dues else None

    def at(self, now: int) -> None:
        """Time goes on: what is due is done at its own instant."""
        while True:
            due = self.due()
            if due is None or due[0] > now:
                break
            self.now, t = due
            if t.state == "PENDING":
                self.end(t, EXPIRED)
            elif self.now < self.give_up(t):
                self.ask_hold(t, 1)
            else:
                t.gave_up = True
                self.end(t, REFUSED)
        self.now = now

    @staticmethod
    def give_up(t: Transfer) -> int:
        night = midnight(t.submitted) + 22 * HOUR_MS
        return night if t.submitted < night else t.exp

    def ask_hold(self, t: Transfer, why: int) -> None:
        t.ask_at = min(self.now + 10 * MINUTE_MS, self.give_up(t))
        self.tell(province(self.home_area(t.giver)), HOLD, t.giver, t.amount, why)

    # -- wallets -------------------------------------------------------------------------------

    def open(self, who: int, area: int, use_loc: int, insutype: int) -> None:
        p = self.people[who]
        if p.wallet in (OPEN, FROZEN):
            self.need((p.w_area, p.use_loc, p.w_insutype) == (area, use_loc, insutype), 3002)
            return
        self.need(insutype in (EMPLOYEE, RESIDENT), 2006)
        if p.state:
            self.need((p.state, p.area, p.insutype) == (NORMAL, area, insutype), 3004)
        self.need(self.rule("wallet_enabled", use_loc), 3006)
        p.wallet, p.w_area, p.use_loc, p.w_insutype = OPEN, area, use_loc, insutype
        if not p.state:
            p.state, p.area, p.insutype = NORMAL, area, insutype

    def calm(self, who: int) -> None:
        offers = [t for t in self.under_way(receiver=who) if t.state == "PENDING"]
        self.need(not self.under_way(giver=who) and not offers, 3017)

    def change_use_loc(self, who: int, use_loc: int) -> None:
        p = self.open_wallet(who)
        year = civil(self.now).year
        most = self.rule("use_loc_change_max_per_year", p.w_area)
        self.need(self.rule("use_loc_change", p.w_area), 3018)
        self.need(not most or p.changes.get(year, 0) < most, 3018)
        self.need(use_loc != p.use_loc, 1001)
        self.need(self.rule("wallet_enabled", use_loc), 3006)
        self.calm(who)
        p.use_loc = use_loc
        p.changes[year] = p.changes.get(year, 0) + 1

    def freeze(self, who: int, freeze: bool) -> None:
        p = self.people[who]
        self.need(p.wallet is not None, 3001)
        self.need(p.wallet != CLOSED, 3003)
        p.wallet = FROZEN if freeze else OPEN

    def close(self, who: int) -> None:
        p = self.open_wallet(who)
        self.calm(who)
        p.reserves = []
        p.wallet = CLOSED
        lots, p.lots = p.lots, []
        for lot in lots:
            self.lot_home(lot)

    # -- relations and insured state -------------------------------------------------------------

    def bind(self, giver: int, receiver: int, kind: int) -> bool:
        """True: it was there."""
        g, r = self.people[giver], self.people[receiver]
        self.need(giver != receiver, 1001)
        known = self.relations.get((giver, receiver))
        if known:
            self.need(known.kind == kind, 3016)
            return True
        area = self.home_area(giver)
        self.need(1 <= kind <= 8 and self.rule("relatives", area) >> (kind - 1) & 1, 3008)
        self.need(g.insutype == EMPLOYEE or (g.insutype == RESIDENT and
                                             self.rule("wallet_source_wallet", area)), 3009)
        self.need(g.state == NORMAL, 3004)
        self.need(r.state == NORMAL and r.insutype in (EMPLOYEE, RESIDENT), 3010)
        self.relations[giver, receiver] = Relation(kind, self.now)
        return False

    def unbind(self, giver: int, receiver: int) -> None:
        self.need((giver, receiver) in self.relations, 3019)
        self.end_relation(giver, receiver)

    def push_state(self, who: int, state: int, area: int, insutype: int, eff: int, seq: int) -> bool:
        """True: nothing was changed."""
        p = self.people[who]
        if p.state:
            same = (p.state, p.insutype, p.area) == (state, insutype, area)
            self.need((eff, seq) != (p.eff, p.seq) or same, 3016)
            if (eff, seq) <= (p.eff, p.seq):
                return True
            if state != NORMAL and p.state == NORMAL and area != p.area:
                return True
        ends = p.state and (state != NORMAL or insutype != p.insutype or area != p.area)
        if p.state and area != p.area:
            p.granted, p.grant_seq = self.held(who) + p.consumed, 0
        p.state, p.insutype, p.area, p.eff, p.seq = state, insutype, area, eff, seq
        if not ends:
            return False
        for t in self.under_way(giver=who):
            self.end(t, VOIDED)
        for giver, receiver in list(self.relations):
            if giver == who:
                self.end_relation(giver, receiver)
        for holder in range(len(self.people)):
            self.recall(who, holder)
        if p.wallet:
            p.w_area, p.w_insutype = area, insutype
        return False

    def grant(self, who: int, area: int, amount: int, seq: int) -> None:
        p = self.people[who]
        self.need(not p.state or p.area == area, 1004)
        self.need(seq != 0, 1001)
        if seq <= p.grant_seq:
            self.need(seq != p.grant_seq or amount == p.grant_said, 3016)
            return
        self.need(amount >= self.held(who) + p.consumed, 3015)
        p.granted, p.grant_seq, p.grant_said = amount, seq, amount

    # -- transfers -----------------------------------------------------------------------------

    def submit(self, giver: int, receiver: int, src: int, amount: int) -> Transfer:
        p = self.open_wallet(giver)
        r = self.people[receiver]
        area = p.w_area
        self.need(r.wallet in (OPEN, FROZEN), 3005)
        self.need(r.wallet == OPEN, 3003)
        self.need(self.rule("wallet_enabled", r.use_loc), 3006)
        self.need(self.rule("wallet_enabled", p.use_loc), 3007)
        relation = self.relations.get((giver, receiver))
        self.need(relation is not None, 3019)
        self.need(self.rule("relatives", area) >> (relation.kind - 1) & 1, 3008)
        self.need(p.state == NORMAL, 3004)
        self.need(p.insutype == EMPLOYEE if src == 1 else
                  self.rule("wallet_source_wallet", area), 3009)
        today = midnight(self.now)
        self.need(6 * HOUR_MS <= self.now - today < 22 * HOUR_MS, 3011)
        self.need(0 < amount <= self.rule("trsf_max_each", area), 3012)
        count, total = (p.count, p.sum) if p.day == today else (0, 0)
        self.need(count < self.rule("trsf_max_per_day", area), 3013)
        self.need(total + amount <= self.rule("trsf_max_sum_per_day", area), 3013)
        scope = self.rule("pending_block_scope", area)
        blocking = self.under_way(giver, receiver if scope == "pair" else None)
        self.need(scope == "none" or not blocking, 3014)
        t = Transfer(giver, receiver, src, amount, self.now, today + DAY_MS + 6 * HOUR_MS, "PENDING",
                     [])
        asks = src == 1 and self.rule("pa_hold_mode", area) == "online"
        if src == 2:
            self.need(self.free(giver) >= amount, 3015)
            t.lots = self.take(giver, amount, 8)
        elif not asks:
            left = p.granted - self.held(giver) - p.consumed
            self.need(left >= amount and self.above_floor(area, left, amount), 3015)
        p.day, p.count, p.sum = today, count + 1, total + amount
        self.transfers.append(t)
        if asks:
            t.state = "HOLDING"
            self.ask_hold(t, 0)
        else:
            self.tell(APP, NOTICE, giver, amount, 0)
        return t

    def above_floor(self, area: int, balance: int, amount: int) -> bool:
        floor = self.rule("pa_floor_fen", area)
        if self.rule("pa_floor_scope", area) != "wallet":
            return True
        if self.rule("pa_floor_mode", area) == "gate":
            return balance > floor
        return balance - amount >= floor

    def not_ended(self, t: Optional[Transfer]) -> None:
        self.need(t is not None, 3022)
        if t.end is not None:
            raise No(3024 if t.end == EXPIRED else 3042 if t.gave_up else 3023)

    def accept(self, t: Optional[Transfer], receiver: int) -> None:
        self.not_ended(t)
        self.need(t.receiver == receiver, 3020)
        self.need(t.state == "PENDING", 3041)
        r = self.people[receiver]
        relation = self.relations.get((t.giver, receiver))
        self.need(relation is not None and relation.since <= t.submitted
                  and self.people[t.giver].state == NORMAL, 3023)
        self.need(r.wallet in (OPEN, FROZEN), 3005)
        self.need(r.wallet == OPEN, 3003)
        t.end = ACCEPTED
        lots = t.lots or [Lot(0, t.giver, self.home_area(t.giver), t.giver, t.amount, 0)]
        for lot in lots:
            self.put(receiver, Lot(r.next_lot, lot.origin, lot.area, t.giver, lot.amount, self.now))
            r.next_lot += 1
        t.lots = []

    def decline(self, t: Optional[Transfer], receiver: int) -> None:
        self.not_ended(t)
        self.need(t.receiver == receiver, 3020)
        self.need(t.state == "PENDING", 3041)
        self.end(t, DECLINED)

    def void(self, t: Optional[Transfer]) -> None:
        self.not_ended(t)
        self.end(t, VOIDED)

    def hold_ack(self, t: Optional[Transfer], held: int, after: int, code: int) -> None:
        if t is not None and t.ack is not None:
            self.need(t.ack == (held, code), 3016)
            return
        self.not_ended(t)
        good = code == 0 and held == t.amount
        if t.state == "PENDING":
            self.need(good and t.src == 1, 3016)
            return
        t.ack = (held, code)
        area = self.home_area(t.giver)
        if not good or not self.above_floor(area, after + held, held):
            t.end = REFUSED
            if held:
                self.tell(province(area), RELEASE, t.giver, held, REFUSED)
            self.uncount(t, REFUSED)
            for dest in (APP, province(area)):
                self.tell(dest, RETURNED, t.giver, t.amount, REFUSED)
            return
        self.people[t.giver].granted += t.amount
        t.state = "PENDING"
        self.tell(APP, NOTICE, t.giver, t.amount, 0)
        if self.people[t.receiver].wallet != OPEN:  # Frozen or closed meanwhile: nothing goes in.
            self.end(t, VOIDED)

    def reclaim(self, giver: int, receiver: int, amount: int) -> None:
        self.need(self.rule("allow_reclaim", self.home_area(giver)), 3032)
        self.need((giver, receiver) in self.relations, 3019)
        self.need(amount <= self.held_at(giver, receiver), 3015)
        p, left = self.people[receiver], amount or 1 << 62
        for lot in reversed(list(p.lots)):
            if lot.origin != giver or lot.giver != giver or left == 0:
                continue
            part = lot.part(min(left, lot.amount))
            left -= part.amount
            lot.amount -= part.amount
            if lot.amount == 0:
                p.lots.remove(lot)
            self.lot_home(part)

    # -- spending ------------------------------------------------------------------------------

    def may_spend(self, who: int, place: int, use: int, pharmacy: bool) -> Person:
        p = self.open_wallet(who)
        self.need(use == 2 or (use == 1 and not pharmacy), 3027)
        scope = self.rule("wallet_spend_scope", p.w_area)
        self.need(scope == "nation" or province(place) == province(p.use_loc)
                  or (scope == "insured_prov" and province(place) == province(p.w_area)), 3026)
        return p

    def reserve(self, who: int, place: int, visit: str, want: int) -> int:
        p = self.may_spend(who, place, 1, False)
        self.need(want > 0, 2005)
        for r in p.reserves:
            if r[0] == place and r[1] == visit and r[3] > self.now:
                return r[2]
        p.reserves = [r for r in p.reserves if r[3] > self.now]
        self.need(self.free(who) > 0, 3025)
        self.need(len(p.reserves) < 8, 3034)
        amount = min(want, self.free(who))
        minutes = self.rule("reserve_minutes", p.w_area)
        p.reserves.append([place, visit, amount, self.now + minutes * MINUTE_MS])
        return amount

    def pay(self, who: int, place: int, visit: str, amount: int, use: int = 1, part: int = 0,
            account: int = 0, pharmacy: bool = False) -> Payment:
        p = self.may_spend(who, place, use, pharmacy)
        self.need(amount > 0, 2005)
        self.need(not part or amount <= part - account, 3028)
        own = [r for r in p.reserves if r[0] == place and r[1] == visit and r[3] > self.now][:1]
        self.need(amount <= self.free(who) + sum(r[2] for r in own), 3025)
        payment = self.use(who, place, amount)
        p.reserves = [r for r in p.reserves if r not in own]
        return payment

    def use(self, who: int, place: int, amount: int) -> Payment:
        p = self.people[who]
        via = p.use_loc if self.rule("wallet_clear_path", p.w_area) == "via_use_loc" else place
        used = self.take(who, amount, 10)
        payment = Payment(who, place, amount, used, [], month(self.now))
        for lot in used:
            self.people[lot.origin].consumed += lot.amount
            self.tell(province(lot.area), CONSUME, lot.origin, lot.amount, SPENT)
            payment.debts.append(self.ways(province(lot.area), province(via), province(place)))
            self.owe(payment, len(payment.debts) - 1, lot.amount)
        self.payments.append(payment)
        return payment

    @staticmethod
    def ways(giver: int, via: int, place: int) -> list:
        if giver == place:
            return []
        if via in (giver, place):
            return [(giver, place)]
        return [(giver, via), (via, place)]

    def owe(self, payment: Payment, part: int, amount: int) -> None:
        for payer, payee in payment.debts[part]:
            key = payment.period, payer, payee  # What is taken back, too: here no month is cut.
            self.owed[key] = self.owed.get(key, 0) + amount

    def give_back(self, payment: Payment, amount: int) -> None:
        """Last used first, behind what is back already."""
        skip, left = payment.reversed, amount
        payment.reversed += amount
        back = []
        for i in reversed(range(len(payment.used))):
            lot = payment.used[i]
            skipped = min(skip, lot.amount)
            skip -= skipped
            part = min(lot.amount - skipped, left)
            left -= part
            if part:
                back.append((i, lot.part(part)))
        news = []
        for i, lot in back:
            self.owe(payment, i, -lot.amount)
            alive = self.alive(payment.who, lot)
            if alive:
                self.put(payment.who, lot.part(lot.amount))
            news.append((lot, alive))
        for lot, alive in news:
            giver = self.people[lot.origin]
            giver.consumed -= lot.amount
            if alive:
                self.tell(province(lot.area), CONSUME, lot.origin, -lot.amount, RESTORED)
                if giver.state != NORMAL:
                    self.recall(lot.origin, payment.who)
                elif giver.area != lot.area:
                    self.recall(lot.origin, payment.who, lot.area)
            else:
                self.back_in_account(lot.origin, lot.area, lot.amount)
                self.tell(province(lot.area), RELEASE, lot.origin, lot.amount, HOME_SPENT)

    def reverse(self, payment: Optional[Payment], place: int, amount: int) -> None:
        self.need(payment is not None and payment.premium is None, 3029)
        self.need(province(place) == province(payment.place), 2016)
        left = payment.amount - payment.reversed
        self.need(left > 0 and amount <= left, 3030)
        self.give_back(payment, amount or left)

    # -- premiums ------------------------------------------------------------------------------

    def connected(self, insutype: int, area: int) -> None:
        self.need(insutype in (RESIDENT, CARE), 4007)
        self.need(area != 0 and (insutype == RESIDENT or self.rule("prem_ltc", area)), 4002)

    def in_window(self, year: int) -> None:
        at = civil(self.now)
        self.need(at.year == year - 1 and at.month >= 9, 4003)

    def due_now(self, row: dict, area: int) -> Optional[int]:
        fixed = self.rule("prem_due", area)
        if fixed:
            return fixed
        if row.get("area") == area and row["state"] in ("due", "claimed"):
            return row["due"]
        return None

    def premium_due(self, who: int, area: int, insutype: int, year: int, amount: int) -> None:
        self.connected(insutype, area)
        row = self.people[who].premiums.setdefault((insutype, year), {"state": ""})
        self.need(row["state"] != "paid", 4008)
        claimed = row["state"] == "claimed" and row["until"] > self.now
        row.update(area=area, due=amount)
        if not claimed:
            row["state"] = "due"

    def quote(self, who: int, area: int, insutype: int, year: int) -> Optional[int]:
        """None: it was asked."""
        row = self.people[who].premiums.get((insutype, year), {"state": ""})
        self.connected(insutype, area)
        self.in_window(year)
        self.need(row["state"] != "paid", 4008)
        due = self.due_now(row, area)
        if due is not None:
            self.need(due > 0, 4001)
            return due
        if row["state"] == "asked" and row["area"] == area and row["until"] > self.now:
            return None
        until = self.now + self.rule("reserve_minutes", area) * MINUTE_MS
        self.people[who].premiums[insutype, year] = {"state": "asked", "area": area, "until": until}
        self.tell(province(area), ASK, who, 0, 0)
        return None

    def premium(self, payer: int, who: int, area: int, insutype: int, year: int, amount: int,
                commit: bool) -> Payment:
        row = self.people[who].premiums.get((insutype, year), {"state": ""})
        self.connected(insutype, area)
        self.in_window(year)
        self.need(row["state"] != "paid", 4008)
        self.need(row["state"] != "claimed" or row["until"] <= self.now or row["payer"] == payer,
                  4008)
        due = self.due_now(row, area) or 0
        self.need(due > 0, 4001)
        self.need(amount == due, 4004)
        row = self.people[who].premiums.setdefault((insutype, year), {"state": ""})
        row.update(state="claimed", area=area, due=due, payer=payer,
                   until=self.now + self.rule("reserve_minutes", area) * MINUTE_MS)
        self.need(commit, 4005)
        related = (payer, who) in self.relations or (who, payer) in self.relations
        self.need(payer == who or (related and self.rule("prem_for_relatives",
                                                         self.home_area(payer))), 4006)
        self.open_wallet(payer)
        self.need(amount <= self.free(payer), 3025)
        payment = self.use(payer, area, amount)
        payment.premium = who, insutype, year
        row.update(state="paid", payment=payment)
        self.tell(province(area), ADVICE, who, amount, 0)
        return payment

    def premium_reverse(self, payment: Optional[Payment], amount: int, reason: int) -> None:
        self.need(payment is not None and payment.premium is not None, 4010)
        left = payment.amount - payment.reversed
        self.need(left > 0, 4011)
        self.need(amount <= left, 3030)
        who, insutype, year = payment.premium
        self.need(civil(self.now).year < year or reason in (1, 4)
                  or self.rule("prem_refund_after_start", payment.place), 4012)
        self.give_back(payment, amount or left)
        payment.refused = payment.refused or reason == 4
        row = self.people[who].premiums[insutype, year]
        if payment.reversed == payment.amount and row.get("payment") is payment:
            row["state"] = "reversed"
