"""Random walks of a few persons with wallets, over the wire: what each message is answered, and after each
what every person has, which province owes which, and what provinces are told, is what wallet_book
says. The engine is killed now and then, also over 06:00.

    QINGFEN_SEED=FIRST_SEED QINGFEN_WALKS=COUNT QINGFEN_STEPS=STEPS python3 tests/e2e/test_wallet_walk.py

A failing seed is printed with its step and the messages before it.
"""

import os
import random
import unittest

import harness
import wallet_book as says
from harness import Case
from wallet_book import DAY_MS, HOUR_MS, MINUTE_MS, Book, No, midnight, province
from wallet_town import quiet
from wire_client import TRSF_DECLINE, WLT_UNFREEZE, centre, premium, wallet
from wire_client import person as asking

# Every rule that the book knows is in use somewhere, by name and province, 0 for the nation.
RULES = {
    ("allow_reclaim", 0): True, ("use_loc_change", 0): True, ("use_loc_change_max_per_year", 34): 2,
    ("pa_hold_mode", 0): "grant", ("pa_hold_mode", 31): "online", ("pa_hold_mode", 51): "online",
    ("trsf_max_per_day", 14): 6, ("trsf_max_per_day", 34): 50, ("trsf_max_per_day", 53): 50,
    ("trsf_max_per_day", 61): 20, ("trsf_max_sum_per_day", 34): 2000000,
    ("count_returned", 14): False, ("pending_block_scope", 35): "giver",
    ("pending_block_scope", 61): "none", ("relatives", 35): 127,
    ("wallet_spend_scope", 0): "nation", ("wallet_spend_scope", 31): "use_loc",
    ("wallet_spend_scope", 35): "insured_prov", ("wallet_clear_path", 34): "via_use_loc",
    ("wallet_clear_path", 53): "via_use_loc", ("prem_due", 51): 40000, ("prem_ltc", 31): True,
    ("prem_for_relatives", 35): False, ("prem_refund_after_start", 61): True,
    ("pa_floor_fen", 14): 100000, ("pa_floor_scope", 14): "wallet", ("pa_floor_fen", 31): 50000,
    ("pa_floor_mode", 31): "reserve", ("pa_floor_scope", 31): "wallet",
}
PROVINCES = (14, 31, 34, 35, 44, 51, 53, 61)  # In 44 no wallet is good.
START = "2026-12-18 09:00:00"  # The year's end and the premiums' comes soon.
TAIL = 12
# What of an answer must be the same again.
TOLD = ("stas", "wlt_id", "trsf_id", "pay_id", "rev_id", "amt", "balc", "engine_seq", "posted_at",
        "clr_period")


def area(code: int, city: int = 1) -> int:
    return code * 10000 + city * 100


def hospital(code: int) -> str:
    return "H%02d000000001" % code


def as_text(value) -> str:
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)


class TestWalk(Case):
    def begin(self, seed: int, shards: int) -> None:
        """Eight provinces with a person each, and one more, all with wallets."""
        self.rng = random.Random(seed)
        self.data = self.init("walk-%d" % seed, shards)
        self.engine = self.start(self.data)
        self.client = self.engine.client()
        self.log: list[str] = []
        self.count = 0
        self.sent: list[tuple] = []  # Accepted; the same may be sent again.
        self.seen = {dest: 0 for dest in (says.APP,) + PROVINCES}
        homes = PROVINCES + (34,)
        self.keys = [(place % 3 * 0x55555556 + 0x1000 + place).to_bytes(4, "little")
                     + (place + 1).to_bytes(12, "big") for place in range(len(homes))]
        self.book = Book(len(homes), RULES | {("wallet_enabled", 44): False})
        self.at(harness.ms(START))
        self.rule_the_land()
        for who, code in enumerate(homes):
            self.open(who, area(code), area(code) if code != 44 else area(31),
                      says.RESIDENT if who == len(PROVINCES) else says.EMPLOYEE)

    def rule_the_land(self) -> None:
        messages = [asking.RulePush(param=name, value=as_text(value), admdvs=code * 10000,
                                    eff_from=self.book.now + 1)
                    for (name, code), value in RULES.items()]
        messages += [asking.InstDirPush(fixmedins_name="医院", admdvs=area(code), version=1,
                                        fixmedins_code=hospital(code), business_lv_wlt=1)
                     for code in PROVINCES]
        for message in messages:
            self.assertCode(0, self.client.wallet(message))
        self.at(self.book.now + 10 * MINUTE_MS)

    # -- one message -----------------------------------------------------------------------------

    def at(self, now: int) -> None:
        self.assertCode(0, self.client.call(centre.ClockSet(to=now)))
        self.book.at(now)
        self.log.append("the clock stands at %s" % says.civil(now))

    def number(self, letter: str) -> str:
        self.count += 1
        return "%s%06d" % (letter, self.count)

    def say(self, message, act, type_=None, keep=True):
        """Sends it; the book acts. The answer, and what the book gives; None when both refuse."""
        message.msgid = self.number("M")
        code, given = 0, None
        try:
            given = act()
        except No as no:
            code = no.code
        reply = self.client.wallet(message, type_)
        self.log.append("%s %s: %d" % (type(message).__name__, str(message).replace("\n", " "),
                                       reply.code))
        self.assertEqual(code, reply.code, "the book says %d: %s" % (code, reply))
        if code != 0:
            return None
        if keep:
            self.sent.append((message, type_, reply))
        return reply, given

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def who(self) -> int:
        return self.rng.randrange(len(self.keys))

    def spender(self) -> int:
        rich = [who for who, person in enumerate(self.book.people) if person.lots]
        return self.rng.choice(rich) if rich and self.chance(.9) else self.who()

    # -- wallets, relations, standing -------------------------------------------------------------

    def open(self, who: int, insured: int, use_loc: int, insutype: int) -> None:
        self.say(wallet.WltOpen(psn_key=self.keys[who], insu_admdvs=insured, use_loc_admdvs=use_loc,
                                insutype=insutype, auth_kind=1),
                 lambda: self.book.open(who, insured, use_loc, insutype), keep=False)

    def step_open(self):
        who = self.who()
        person = self.book.people[who]
        self.open(who, person.area if self.chance(.8) else area(self.rng.choice(PROVINCES)),
                  person.use_loc if self.chance(.5) else area(self.rng.choice(PROVINCES)),
                  person.insutype if self.chance(.9) else says.RESIDENT)

    def step_reopen(self):
        for who, person in enumerate(self.book.people):
            if person.wallet == says.CLOSED:
                self.open(who, person.area, area(self.rng.choice((31, 34, 53))), person.insutype)

    def step_use_loc(self):
        who, place = self.who(), area(self.rng.choice(PROVINCES))
        self.say(wallet.WltUseLocChg(psn_key=self.keys[who], client_no=self.number("U"),
                                     new_use_loc_admdvs=place),
                 lambda: self.book.change_use_loc(who, place))

    def freeze(self, who: int, freeze: bool) -> None:
        self.say(wallet.WltFreeze(psn_key=self.keys[who], doc_no=self.number("D")),
                 lambda: self.book.freeze(who, freeze), 0x0204 if freeze else WLT_UNFREEZE)

    def step_freeze(self):
        self.freeze(self.who(), self.chance(.4))

    def step_thaw(self):
        for who, person in enumerate(self.book.people):
            if person.wallet == says.FROZEN:
                self.freeze(who, False)

    def step_close(self):
        who = self.who()
        self.say(wallet.WltClose(psn_key=self.keys[who], close_no=self.number("X"), reason=1),
                 lambda: self.book.close(who))

    def step_bind(self):
        pair = self.who(), self.who()
        kind = self.rng.choice((1, 2, 2, 3, 8, 9))
        if pair in self.book.relations and self.chance(.7):
            kind = self.book.relations[pair].kind
        done = self.say(wallet.RltsBind(
            giver_psn_key=self.keys[pair[0]], recv_psn_key=self.keys[pair[1]], rlts_code=kind,
            consent_giver=True, consent_recv=True), lambda: self.book.bind(*pair, kind), keep=False)
        if done:
            reply, was_there = done
            self.assertEqual(was_there, reply.dup)
            self.book.relations[pair].rlts_id = reply.rlts_id

    def pair(self):
        return self.rng.choice(sorted(self.book.relations)) if self.book.relations else None

    def step_unbind(self):
        pair = self.pair()
        if pair:
            self.say(wallet.RltsUnbind(rlts_id=self.book.relations[pair].rlts_id,
                                       side=self.rng.choice((1, 2))),
                     lambda: self.book.unbind(*pair), keep=False)

    def push(self, who: int, *state) -> None:
        self.say(wallet.PsnStatePush(
            psn_key=self.keys[who], psn_insu_stas=state[0], insu_admdvs=state[1], insutype=state[2],
            eff_date=state[3], seq=state[4]), lambda: self.book.push_state(who, *state), keep=False)

    def step_state(self):
        who = self.who()
        person = self.book.people[who]
        state, insured, insutype = person.state, person.area, person.insutype
        change = self.rng.random()
        if change < .3:
            state = self.rng.choice((says.PAUSED, says.ENDED))
        elif change < .55:
            insured = area(self.rng.choice(PROVINCES), self.rng.choice((1, 1, 2)))
        elif change < .65:
            insutype = says.EMPLOYEE + says.RESIDENT - insutype
        elif change < .9:
            state = says.NORMAL
        eff, seq = self.rng.choice(((person.eff, person.seq + 1),) * 8 + (
            (person.eff + 1, 0), (person.eff, person.seq), (person.eff, max(0, person.seq - 1))))
        self.push(who, state, insured, insutype, max(eff, 20261201), seq)

    def step_normal(self):
        for who, person in enumerate(self.book.people):
            if person.state != says.NORMAL:
                self.push(who, says.NORMAL, person.area, says.EMPLOYEE, max(person.eff, 20261201),
                          person.seq + 1)

    # -- transfers -------------------------------------------------------------------------------

    def step_grant(self):
        who = self.who()
        person = self.book.people[who]
        used = self.book.held(who) + person.consumed
        amount = max(0, self.rng.choice((2000000, 2000000, used, used - 1, used + 250000)))
        insured = person.area if self.chance(.95) else area(34, 2)
        seq = person.grant_seq + (1 if self.chance(.9) else 0)
        self.say(wallet.PaGrant(psn_key=self.keys[who], insu_admdvs=insured, granted_amt=amount,
                                seq=seq),
                 lambda: self.book.grant(who, insured, amount, seq), keep=False)

    def step_submit(self):
        pair = self.pair() if self.chance(.95) else (self.who(), self.who())
        if not pair:
            return
        src = self.rng.choice((1, 1, 2))
        amount = self.rng.choice((0, 1, 100, 5000, 40000, 200000, 200001,
                                  self.rng.randrange(1, 60000), self.rng.randrange(1, 20000)))
        done = self.say(wallet.TrsfSubmit(
            giver_psn_key=self.keys[pair[0]], recv_psn_key=self.keys[pair[1]], src=src,
            trsf_amt=amount, client_no=self.number("C"), auth_kind=1),
            lambda: self.book.submit(*pair, src, amount))
        if done:
            reply, transfer = done
            transfer.trsf_id = reply.trsf_id
            self.assertEqual((transfer.state, transfer.exp), (reply.stas, reply.exp_at))

    def transfer(self):
        under_way = self.book.under_way()
        if under_way and self.chance(.85):
            return self.rng.choice(under_way)
        return self.rng.choice(self.book.transfers) if self.book.transfers else None

    def answer(self, type_: int, end: int, act) -> None:
        """Accepts or declines; once more it is answered as before, by its receiver alone."""
        transfer = self.transfer()
        if transfer is None:
            return
        who = transfer.receiver if self.chance(.95) else self.who()
        was = transfer.end == end

        def once():
            if was and who != transfer.receiver:
                raise No(3023)
            if not was:
                act(transfer, who)

        done = self.say(wallet.TrsfAccept(trsf_id=transfer.trsf_id, recv_psn_key=self.keys[who]),
                        once, type_, keep=False)
        if done:
            self.assertEqual(was, done[0].dup)

    def step_accept(self):
        self.answer(0x0222, says.ACCEPTED, self.book.accept)

    def step_decline(self):
        self.answer(TRSF_DECLINE, says.DECLINED, self.book.decline)

    def step_void(self):
        transfer = self.transfer()
        if transfer is not None:
            self.say(wallet.TrsfVoid(trsf_id=transfer.trsf_id, doc_no=self.number("D")),
                     lambda: self.book.void(transfer))

    def step_hold(self):
        asked = [t for t in self.book.under_way() if t.state == "HOLDING"]
        transfer = self.rng.choice(asked) if asked and self.chance(.9) else self.transfer()
        if transfer is None:
            return
        held, code = self.rng.choice(((transfer.amount, 0),) * 9 + (
            (transfer.amount - 1, 0), (0, 7)))
        after = self.rng.choice((0, 30000, 60000, 100000, 100001, 1000000, 1000000, 1000000))
        self.say(wallet.PaHoldAck(hold_id=transfer.trsf_id, held_amt=held, balc_after=after,
                                  code=code),
                 lambda: self.book.hold_ack(transfer, held, after, code), keep=False)

    def step_reclaim(self):
        pair = self.pair()
        if not pair:
            return
        there = self.book.held_at(*pair)
        amount = self.rng.choice((0, self.rng.randrange(1, 100000), there, there + 1))
        self.say(wallet.LmtReclaim(rlts_id=self.book.relations[pair].rlts_id, rev_amt=amount,
                                   client_no=self.number("C")),
                 lambda: self.book.reclaim(*pair, amount))

    # -- spending --------------------------------------------------------------------------------

    def price(self, who: int) -> int:
        has = self.book.people[who].balance()
        return max(1, self.rng.choice((1, has, has + 1, has // 2, has // 3,
                                       self.rng.randrange(1, 60000))))

    def step_reserve(self):
        who, code = self.spender(), self.rng.choice(PROVINCES)
        visit, want = "V%d" % self.rng.randrange(6), self.price(who)
        done = self.say(wallet.WltPayPre(
            psn_key=self.keys[who], fixmedins_code=hospital(code), mdtrtarea_admvs=area(code),
            medins_setl_id=visit, want_amt=want, use=1),
            lambda: self.book.reserve(who, area(code), visit, want), keep=False)
        if done:
            self.assertEqual(done[1], done[0].amt)

    def step_pay(self):
        who, code, visit = self.spender(), self.rng.choice(PROVINCES), self.number("I")
        kept = [row for row in self.book.people[who].reserves if row[3] > self.book.now]
        if kept and self.chance(.5):
            code, visit = province(kept[0][0]), kept[0][1]
        amount, setl_id = self.price(who), self.number("S")
        part, account = self.rng.choice(((0, 0),) * 6 + ((amount, 0), (amount + 5, 5), (amount, 1)))
        done = self.say(wallet.WltPay(
            psn_key=self.keys[who], fixmedins_code=hospital(code), mdtrtarea_admvs=area(code),
            medins_setl_id=visit, setl_id=setl_id, wlt_pay=amount, use=1, psn_part_amt=part,
            acct_pay=account),
            lambda: self.book.pay(who, area(code), visit, amount, 1, part, account))
        if done:
            reply, payment = done
            payment.pay_id, payment.setl_id = reply.pay_id, setl_id
            self.assertEqual([(lot.area, lot.amount) for lot in payment.used],
                             [(lot.admdvs, lot.amt) for lot in reply.lots])

    def payment(self, premiums: bool):
        made = [p for p in self.book.payments if (p.premium is not None) == premiums]
        left = [p for p in made if p.reversed < p.amount]
        if left and self.chance(.85):
            return self.rng.choice(left[-12:])
        return self.rng.choice(made) if made else None

    def part_of(self, payment) -> int:
        left = payment.amount - payment.reversed
        return self.rng.choice((0, left, max(1, left // 2), left + 1, 1))

    def step_reverse(self):
        payment = self.payment(False)
        if payment is None:
            return
        amount = self.part_of(payment)
        place = payment.place if self.chance(.95) else area(self.rng.choice(PROVINCES))
        by_id = self.chance(.6)
        named = dict(pay_id=payment.pay_id) if by_id else dict(setl_id=payment.setl_id,
                                                               psn_key=self.keys[payment.who])
        found = payment if by_id or province(place) == province(payment.place) else None
        self.say(wallet.WltPayReverse(rev_setl_id=self.number("R"), mdtrtarea_admvs=place,
                                      rev_amt=amount, **named),
                 lambda: self.book.reverse(found, place, amount))

    # -- premiums --------------------------------------------------------------------------------

    def insured(self) -> tuple:
        who = self.who()
        year = says.civil(self.book.now).year + self.rng.choice((1, 1, 1, 1, 0, 2))
        insutype = self.rng.choice((says.RESIDENT,) * 8 + (says.CARE, says.EMPLOYEE))
        return who, self.rng.choice((self.book.people[who].area, area(51), area(31))), insutype, year

    def step_due(self):
        who, place, insutype, year = self.insured()
        amount = self.rng.choice((0, 40000, 38000))
        self.say(premium.PremDue(psn_key=self.keys[who], insu_admdvs=place, insutype=insutype,
                                 year=year, due_amt=amount, order_no="O1"),
                 lambda: self.book.premium_due(who, place, insutype, year, amount), keep=False)

    def step_quote(self):
        what = self.insured()
        done = self.say(premium.PremQuote(psn_key=self.keys[what[0]], insu_admdvs=what[1],
                                          insutype=what[2], year=what[3]),
                        lambda: self.book.quote(*what), keep=False)
        if done:
            self.assertEqual(("ASKED", 0) if done[1] is None else ("DONE", done[1]),
                             (done[0].stas, done[0].amt))

    def step_premium(self):
        who, place, insutype, year = self.insured()
        for key, row in self.book.people[who].premiums.items():
            if row["state"] in ("due", "claimed") and self.chance(.7):
                (insutype, year), place = key, row["area"]
        row = self.book.people[who].premiums.get((insutype, year), {})
        amount = self.book.rule("prem_due", place) or row.get("due", 40000)
        amount += self.chance(.05)
        payer, commit = who if self.chance(.4) else self.spender(), self.chance(.95)
        done = self.say(premium.PremPay(
            payer_psn_key=self.keys[payer], psn_key=self.keys[who], insu_admdvs=place,
            insutype=insutype, year=year, amt=amount, order_no=self.number("O"), commit_ack=commit),
            lambda: self.book.premium(payer, who, place, insutype, year, amount, commit), keep=False)
        if done:
            done[1].pay_id = done[0].pay_id

    def step_premium_back(self):
        payment = self.payment(True)
        if payment is None:
            return
        reason = self.rng.choice((1, 1, 2, 2, 3, 3, 4))
        amount = self.part_of(payment)
        self.say(premium.PremReverse(pay_id=payment.pay_id, rev_no=self.number("N"), reason=reason,
                                     amt=amount, sender_admdvs=province(payment.place) * 10000),
                 lambda: self.book.premium_reverse(payment, amount, reason))

    # -- once more, time, the end of the engine --------------------------------------------------

    @staticmethod
    def change(message) -> int:
        """Other content under the same numbers; the code that it is refused with."""
        for name in ("trsf_amt", "rev_amt", "amt", "wlt_pay"):
            if name in message.DESCRIPTOR.fields_by_name:
                setattr(message, name, getattr(message, name) + 1)
                return 2011 if name == "wlt_pay" else 3016
        if isinstance(message, wallet.WltUseLocChg):
            message.new_use_loc_admdvs += 100
        elif isinstance(message, wallet.WltClose):
            message.reason = message.reason % 4 + 1
        else:
            message.reason += "x"
        return 3016

    def taken_back(self, message) -> bool:
        """Of a payment that went back whole: under a new msgid it is none any more."""
        return isinstance(message, wallet.WltPay) and any(
            p.setl_id == message.setl_id and p.reversed == p.amount for p in self.book.payments)

    def step_again(self):
        """What was accepted comes again: the same, under a new msgid, or with other content."""
        if not self.sent:
            return
        message, type_, first = self.rng.choice(self.sent[-60:])
        again = type(message)()
        again.CopyFrom(message)
        code = self.change(again) if self.chance(.3) else 0
        if self.chance(.5):
            again.msgid = self.number("M")
            if code == 0 and self.taken_back(message):
                code = 2014
        elif code != 0:
            code = 1005
        reply = self.client.wallet(again, type_)
        self.log.append("again %s: %d" % (str(again).replace("\n", " "), reply.code))
        self.assertEqual((code, code == 0), (reply.code, reply.dup), reply)
        if code == 0:
            self.assertEqual([getattr(first, name) for name in TOLD],
                             [getattr(reply, name) for name in TOLD])

    def step_time(self):
        """By a little, to one side of an edge or on it, seldom by days; then mostly to a morning."""
        now = self.book.now
        due = self.book.due()
        edges = [midnight(now) + hour * HOUR_MS for hour in (6, 22, 24, 30)]
        edges += [due[0]] * 4 if due else []
        to = now + self.rng.choice((1, 1000, MINUTE_MS, 10 * MINUTE_MS, 15 * MINUTE_MS, 2 * HOUR_MS))
        if self.chance(.45):
            to = max(now, self.rng.choice(edges) + self.rng.choice((-1, 0, 1)))
        elif self.chance(.05):
            to = now + self.rng.randrange(4 * DAY_MS)
        elif not 6 * HOUR_MS <= to - midnight(to) < 22 * HOUR_MS and self.chance(.7):
            to = midnight(to) + 33 * HOUR_MS
        self.at(to)

    def step_crash(self):
        self.client.close()
        if self.chance(.7):
            self.engine.kill()
        else:
            self.stop(self.engine)
        self.engine = self.start(self.data)
        self.client = self.engine.client()
        self.log.append("the engine is started again")
        self.at(self.book.now + self.rng.choice((0, 0, 1, 12 * HOUR_MS, DAY_MS)))

    STEPS = dict(open=1, reopen=2, use_loc=2, freeze=1, thaw=2, close=1, bind=10, unbind=3, state=3,
                 normal=5, grant=8, submit=34, accept=30, decline=4, void=1, hold=10, reclaim=3,
                 reserve=4, pay=22, reverse=14, due=4, quote=4, premium=6, premium_back=4, again=6,
                 time=12, crash=.3)

    # -- comparing -------------------------------------------------------------------------------

    def same(self, what: str, book, engine) -> None:
        self.assertEqual(book, engine, what)

    def compare_person(self, who: int) -> None:
        book, person = self.book, self.book.people[who]
        told = self.client.call(asking.WltQuery(psn_key=self.keys[who]))
        name = "person %d: " % who
        self.same(name + "wallet", (person.wallet, person.use_loc), (told.state, told.use_loc_admdvs))
        self.same(name + "insured", (person.area, person.insutype), (told.insu_admdvs, told.insutype))
        self.same(name + "lots", [(lot.area, lot.amount, lot.accepted) for lot in person.lots],
                  [(lot.admdvs, lot.amt, lot.accepted_at) for lot in told.lots])
        self.same(name + "balance", (person.balance(), book.free(who)), (told.balc, told.free_balc))
        self.same(name + "account", (person.granted, book.held(who), person.consumed),
                  (told.granted, told.held, told.consumed))
        today = person.day == midnight(book.now)
        self.same(name + "day", (person.count, person.sum) if today else (0, 0),
                  (told.day_count, told.day_sum))
        offers = [t for t in book.under_way(receiver=who) if t.state == "PENDING"]
        self.same(name + "transfers",
                  sorted([(t.trsf_id, t.state, t in offers, t.amount, t.exp)
                          for t in book.under_way(who) + offers]),
                  sorted((t.trsf_id, t.stas, t.incoming, t.amt, t.exp_at) for t in told.transfers))
        self.same(name + "relations",
                  sorted((r.rlts_id, 1 + (pair[1] == who), r.kind, r.since)
                         for pair, r in book.relations.items() if who in pair),
                  sorted((r.rlts_id, r.side, r.rlts_code, r.since) for r in told.relations))

    def compare_told(self) -> None:
        """Every outbox goes on without a gap, and says what the book says, to whom it concerns."""
        got = []
        for dest in self.seen:
            reply = self.client.call(wallet.OutboxGet(dest=dest, after=self.seen[dest], limit=1000))
            for message in reply.messages:
                self.seen[dest] += 1
                self.same("position", self.seen[dest], message.position)
                got.append((dest, message.type, self.keys.index(message.psn_key), message.amt,
                            message.why))
                if message.type == says.CONSUME or message.why == says.HOME_SPENT:
                    self.assertTrue(message.pay_id, message)
        want, self.book.told = self.book.told, []
        self.same("what provinces are told", sorted(want), sorted(got))

    def compare_debts(self) -> None:
        for period in sorted({key[0] for key in self.book.owed}):
            report = self.client.call(centre.NetReport(period=period, mode="gross"))
            self.same("debts of %d" % period,
                      {key[1:]: fen for key, fen in self.book.owed.items()
                       if key[0] == period and fen},
                      {(p.payer, p.payee): p.amount for p in report.payments if p.amount})

    def compare(self) -> None:
        quiet(self.client, 2, 0.002)
        for who in range(len(self.keys)):
            self.compare_person(who)
        self.compare_told()

    def walk(self, seed: int, shards: int, steps: int) -> None:
        self.begin(seed, shards)
        names, weights = zip(*self.STEPS.items())
        for step in range(steps):
            try:
                getattr(self, "step_" + self.rng.choices(names, weights)[0])()
                self.compare()
                if step % 20 == 0:
                    self.compare_debts()
            except AssertionError as error:
                raise AssertionError("seed %d, step %d\n%s" % (
                    seed, step, "\n".join(self.log[-TAIL:]))) from error
        self.compare_debts()
        self.client.close()
        self.stop(self.engine)
        self.assertIn("verify: ok", harness.verify(self.data, "--deep").stdout)

    def test_walks(self):
        first = int(os.environ.get("QINGFEN_SEED", "1"))
        for seed in range(first, first + int(os.environ.get("QINGFEN_WALKS", "2"))):
            self.walk(seed, 1 + seed % 3, int(os.environ.get("QINGFEN_STEPS", "900")))


if __name__ == "__main__":
    unittest.main()
