"""wallet_town -- persons with wallets all over the country, over the wire: a stream of mixed messages,
and the books of givers as everybody sees them from outside.

Each person lives in a province of its own, so that the area of a lot says whose money it is.
"""

from __future__ import annotations

import random
import time

import harness
from wire_client import centre, wallet
from wire_client import person as asking

YUAN = 100
MORNING = "2026-07-01T09:00:00+08:00"
PROVINCES = (11, 13, 31, 32, 34, 35, 41, 42, 51, 52, 53, 61)
GRANTED = 1000000 * YUAN
QUIET_S = 30.0
# Answers of a sound engine to messages that are sent at random.
EXPECTED = {0, 2011, 2013, 3003, 3010, 3014, 3015, 3016, 3019, 3020, 3022, 3023, 3025, 3029, 3030,
            3034, 3041}


def person_key(place: int, number: int) -> bytes:
    """A person of one of 12 equal parts of the keys: every number of shards has some everywhere."""
    first = (place * 0x15555555 + 0x1000 + number).to_bytes(4, "little")
    return first + number.to_bytes(12, "big")


def wait_for(what, seconds: float = 20.0):
    """What concerns another person takes a moment; the first value that is not nothing."""
    end = time.monotonic() + seconds
    while True:
        value = what()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("nothing came")
        time.sleep(0.01)


def quiet(client, reads: int = 3, pause_s: float = 0.01) -> None:
    """Waits until no mail is on its way between shards: nothing is decided any more."""
    end = time.monotonic() + QUIET_S
    before, same = None, 0
    while same < reads:
        now = [shard.last_seq for shard in client.call(centre.StatusGet()).shard]
        same = same + 1 if now == before else 0
        if time.monotonic() > end:
            raise AssertionError("still at work: %s" % now)
        before = now
        time.sleep(pause_s)


class Town:
    """The persons and places, and what was said of them."""

    def __init__(self, online=(31, 51)):
        self.keys = {province: person_key(place, 1) for place, province in enumerate(PROVINCES)}
        self.online = online  # Provinces that are asked to freeze money, transfer by transfer.

    @staticmethod
    def area(province: int) -> int:
        return province * 10000 + 100

    def rules(self, now: int) -> list:
        """What has to be said beforehand, as messages that may be sent twice."""
        rows = [("trsf_max_per_day", "1000", 0), ("trsf_max_sum_per_day", "10000000", 0),
                ("wallet_spend_scope", "nation", 0), ("allow_reclaim", "on", 0),
                ("pa_hold_mode", "grant", 0)]
        rows += [("pa_hold_mode", "online", province * 10000) for province in self.online]
        return [asking.RulePush(msgid="RULE%d" % place, param=param, value=value, admdvs=admdvs,
                                eff_from=now + 1)
                for place, (param, value, admdvs) in enumerate(rows)]

    def people(self) -> list:
        """Institutions, wallets and grants."""
        messages = []
        for province, key in self.keys.items():
            messages.append(asking.InstDirPush(
                msgid="INST%d" % province, fixmedins_name="测试医院", admdvs=self.area(province),
                fixmedins_code=self.hospital(province), version=1, business_lv_wlt=1))
            messages.append(wallet.WltOpen(
                msgid="OPEN%d" % province, psn_key=key, insu_admdvs=self.area(province),
                use_loc_admdvs=self.area(province), insutype=310, auth_kind=1))
            if province not in self.online:
                messages.append(wallet.PaGrant(
                    msgid="GRANT%d" % province, psn_key=key, insu_admdvs=self.area(province),
                    granted_amt=GRANTED, seq=1))
        return messages

    @staticmethod
    def hospital(province: int) -> str:
        return "H%02d000000001" % province

    def begin(self, engine: harness.Engine) -> None:
        """The first day's morning with everybody there."""
        harness.set_clock(engine, MORNING)
        with engine.client() as client:
            for message in self.rules(client.hello(0).now):
                self.done(client, message)
            harness.set_clock(engine, MORNING.replace("09:00", "09:10"))
            for message in self.people():
                self.done(client, message)

    @staticmethod
    def done(client, message):
        reply = client.call(message)
        if reply.code != 0:
            raise AssertionError("%s\n%s" % (message, reply))
        return reply

    # A few steps ------------------------------------------------------------------------------

    def bind(self, client, giver: int, receiver: int, kind: int = 3) -> str:
        """A relation; its id."""
        return self.done(client, wallet.RltsBind(
            msgid="B%d-%d" % (giver, receiver), giver_psn_key=self.keys[giver],
            recv_psn_key=self.keys[receiver], rlts_code=kind, consent_giver=True,
            consent_recv=True)).rlts_id

    def submit(self, giver: int, receiver: int, amount: int, number: str, src: int = 1):
        return wallet.TrsfSubmit(
            msgid="MT" + number, client_no="C" + number, giver_psn_key=self.keys[giver],
            recv_psn_key=self.keys[receiver], src=src, trsf_amt=amount, auth_kind=1)

    def give(self, client, giver: int, receiver: int, amount: int, number: str) -> str:
        """From submit to accept, where grants are in use; the transfer's id."""
        trsf_id = self.done(client, self.submit(giver, receiver, amount, number)).trsf_id
        self.done(client, wallet.TrsfAccept(msgid="MA" + number, trsf_id=trsf_id,
                                            recv_psn_key=self.keys[receiver]))
        wait_for(lambda: any(lot.amt == amount for lot in self.done(
            client, asking.WltQuery(psn_key=self.keys[receiver])).lots))
        return trsf_id

    def pay(self, payer: int, place: int, amount: int, number: str, **fields):
        base = dict(msgid="MP" + number, psn_key=self.keys[payer], setl_id="S" + number,
                    wlt_pay=amount, fixmedins_code=self.hospital(place), use=1,
                    mdtrtarea_admvs=self.area(place), medins_setl_id="I" + number)
        base.update(fields)
        return wallet.WltPay(**base)

    def balance(self, client, province: int) -> int:
        return self.done(client, asking.WltQuery(psn_key=self.keys[province])).balc

    # The books --------------------------------------------------------------------------------

    def wallets(self, client) -> dict[int, object]:
        """WltQuery of everybody, by province."""
        return {province: self.done(client, asking.WltQuery(psn_key=key))
                for province, key in self.keys.items()}

    def broken(self, client) -> list[str]:
        """What of I3, I4 and I5 does not hold; nothing may be under way from a wallet, whose lots a
        transfer does not show."""
        wallets = self.wallets(client)
        faults = []
        for province, w in wallets.items():
            if w.balc != sum(lot.amt for lot in w.lots):
                faults.append("%d: a balance that is not its lots" % province)
            lots = sum(lot.amt for other in wallets.values() for lot in other.lots
                       if lot.admdvs == self.area(province))
            under_way = sum(t.amt for t in w.transfers if not t.incoming and t.stas == "PENDING")
            if w.held != lots + under_way:
                faults.append("%d: held %d, lots %d, under way %d" % (province, w.held, lots,
                                                                      under_way))
            free = w.granted - w.held - w.consumed
            if free < 0 or w.held < 0 or w.consumed < 0:
                faults.append("%d: below zero: %s" % (province, w))
            if province not in self.online and w.granted != GRANTED:
                faults.append("%d: granted %d" % (province, w.granted))
            if province in self.online and free != 0:
                faults.append("%d: %d frozen for nobody" % (province, free))
        return faults


class Lane:
    """A sender's view: makes messages at random from what it was told, with a number each, and keeps
    every one until it is answered. The same seed and the same answers make the same messages."""

    def __init__(self, town: Town, name: str, seed: int):
        self.town, self.name = town, name
        self.rng = random.Random(seed)
        self.count = 0
        self.bound: dict[tuple[int, int], str] = {}
        self.pending: list[tuple[str, int]] = []   # trsf_id, receiver
        self.holding: list[tuple[str, int, int]] = []  # trsf_id, amount, receiver
        self.payments: list[tuple[str, int, int]] = []  # pay_id, payer, place
        self.answered: list[tuple[object, object]] = []
        self.done = 0

    def next_id(self, letter: str) -> str:
        self.count += 1
        return "%s%s%06d" % (letter, self.name, self.count)

    def pair(self) -> tuple[int, int]:
        giver, receiver = self.rng.sample(PROVINCES, 2)
        return giver, receiver

    def make(self):
        """The next message."""
        if self.holding and self.rng.random() < 0.7:
            return self.hold_ack()
        kind = self.rng.choices(
            (self.bind, self.submit, self.accept, self.pay, self.reverse, self.unbind,
             self.reclaim), (20, 30, 25, 25, 8, 2, 2))[0]
        message = kind()
        message.msgid = self.next_id("M")
        return message

    def hold_ack(self):
        trsf_id, amount, receiver = self.holding.pop(0)
        self.pending.append((trsf_id, receiver))
        return wallet.PaHoldAck(msgid=self.next_id("M"), hold_id=trsf_id, held_amt=amount,
                                balc_after=YUAN)

    def bind(self):
        giver, receiver = self.pair()
        return wallet.RltsBind(giver_psn_key=self.town.keys[giver],
                               recv_psn_key=self.town.keys[receiver],
                               rlts_code=giver % 8 + 1, consent_giver=True, consent_recv=True)

    def submit(self):
        if not self.bound:
            return self.bind()
        giver, receiver = self.rng.choice(sorted(self.bound))
        return wallet.TrsfSubmit(
            giver_psn_key=self.town.keys[giver], recv_psn_key=self.town.keys[receiver],
            client_no=self.next_id("C"), src=self.rng.choice((1, 1, 2)),
            trsf_amt=self.rng.randrange(1, 2000 * YUAN), auth_kind=1)

    def accept(self):
        if not self.pending:
            return self.submit()
        trsf_id, receiver = self.pending.pop(self.rng.randrange(len(self.pending)))
        return wallet.TrsfAccept(trsf_id=trsf_id, recv_psn_key=self.town.keys[receiver])

    def pay(self):
        payer, place = self.rng.choices(PROVINCES, k=2)
        return wallet.WltPay(
            psn_key=self.town.keys[payer], setl_id=self.next_id("S"), wlt_pay=self.amount(),
            fixmedins_code=self.town.hospital(place), mdtrtarea_admvs=self.town.area(place),
            medins_setl_id=self.next_id("I"), use=1)

    def amount(self) -> int:
        return self.rng.randrange(1, 1500 * YUAN)

    def reverse(self):
        if not self.payments:
            return self.pay()
        pay_id, payer, place = self.rng.choice(self.payments)
        return wallet.WltPayReverse(
            pay_id=pay_id, psn_key=self.town.keys[payer], rev_setl_id=self.next_id("V"),
            mdtrtarea_admvs=self.town.area(place), rev_amt=self.rng.choice((0, self.amount())))

    def unbind(self):
        if not self.bound:
            return self.bind()
        pair = self.rng.choice(sorted(self.bound))
        return wallet.RltsUnbind(rlts_id=self.bound.pop(pair), side=self.rng.choice((1, 2)))

    def reclaim(self):
        if not self.bound:
            return self.bind()
        pair = self.rng.choice(sorted(self.bound))
        return wallet.LmtReclaim(rlts_id=self.bound[pair], client_no=self.next_id("C"),
                                 psn_key=self.town.keys[pair[0]], rev_amt=0)

    def take(self, message, reply) -> None:
        """Learns from an answer."""
        if reply.code not in EXPECTED:
            raise AssertionError("%s\n%s" % (message, reply))
        if reply.code != 0:
            return
        self.done += 1
        # A relation that another message began is told to whoever asks for the same, while it lasts.
        if not (isinstance(message, wallet.RltsBind) and reply.dup):
            self.answered.append((message, reply))
        if isinstance(message, wallet.RltsBind):
            self.bound[self.where(message.giver_psn_key), self.where(message.recv_psn_key)] = \
                reply.rlts_id
        elif isinstance(message, wallet.TrsfSubmit):
            receiver = self.where(message.recv_psn_key)
            if reply.stas == "HOLDING":
                self.holding.append((reply.trsf_id, message.trsf_amt, receiver))
            else:
                self.pending.append((reply.trsf_id, receiver))
        elif isinstance(message, wallet.WltPay):
            self.payments.append((reply.pay_id, self.where(message.psn_key),
                                  message.mdtrtarea_admvs // 10000))

    def where(self, key: bytes) -> int:
        return next(province for province, its in self.town.keys.items() if its == key)


def same_answer(reply) -> tuple:
    """What of an answer must never change."""
    return (reply.code, reply.stas, reply.wlt_id, reply.rlts_id, reply.trsf_id, reply.pay_id,
            reply.rev_id, reply.amt, reply.balc, reply.exp_at, reply.engine_seq, reply.posted_at,
            reply.shard, reply.clr_period, tuple((lot.admdvs, lot.amt) for lot in reply.lots))
