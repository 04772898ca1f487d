"""What provinces are told and how they take it, who may say what, and the edges of the day: over the
wire, with kills in between."""

import json
import re
import subprocess
import unittest

import harness
from harness import Case
from wallet_town import MORNING, PROVINCES, YUAN, Town, wait_for
from wire_client import person as asking
from wire_client import premium, wallet

NOTICE, RETURNED, HOLD, RELEASE, CONSUME = 0x0224, 0x0225, 0x0231, 0x0233, 0x0234
ANHUI, SHANGHAI, YUNNAN = 34, 31, 53


def poke(path, place: int, byte: int) -> None:
    with open(path, "r+b") as file:
        file.seek(place)
        file.write(bytes([byte]))


class TownCase(Case):
    shards = 3

    def setUp(self):
        super().setUp()
        self.town = Town()
        self.data = self.init(shards=self.shards)
        self.engine = self.start(self.data)
        self.town.begin(self.engine)
        self.client = self.engine.client()
        self.addCleanup(lambda: self.client.close())

    def crash(self):
        self.client.close()
        self.engine.kill()
        self.engine = self.start(self.data)
        self.client = self.engine.client()

    def at(self, when):
        harness.set_clock(self.engine, when)

    def done(self, message):
        return self.town.done(self.client, message)

    def refused(self, code, message, type_=None, client=None):
        reply = (client or self.client).wallet(message, type_)
        self.assertEqual(code, reply.code, "%s\n%s" % (message, reply))
        return reply

    def end(self):
        self.client.close()
        self.stop(self.engine)
        self.assertIn("verify: ok", harness.verify(self.data, "--deep").stdout)


class TestOutbox(TownCase):
    def box(self, dest, after=0, limit=1000, client=None):
        reply = (client or self.client).call(wallet.OutboxGet(dest=dest, after=after, limit=limit))
        self.assertEqual(0, reply.code, str(reply))
        return reply

    def spend(self, count, first=0):
        """The daughter spends her mother's money, so often."""
        for place in range(first, first + count):
            self.done(self.town.pay(ANHUI, 61, (place + 1) * YUAN, "N%d" % place))
        wait_for(lambda: self.box(YUNNAN).last == first + count)

    def test_a_day_away(self):
        """Everything in order, from any position, as often as asked, until it is acknowledged."""
        self.town.bind(self.client, YUNNAN, ANHUI)
        self.town.give(self.client, YUNNAN, ANHUI, 2000 * YUAN, "1")
        self.spend(25)
        self.at("2026-07-02T12:00:00+08:00")
        with self.engine.client(YUNNAN) as yunnan:
            whole = self.box(YUNNAN, client=yunnan)
            messages = list(whole.messages)
            self.assertEqual((0, 25), (whole.acked, whole.last))
            self.assertEqual(list(range(1, 26)), [m.position for m in messages])
            self.assertEqual({CONSUME}, {m.type for m in messages})
            self.assertEqual([(n + 1) * YUAN for n in range(25)], [m.amt for m in messages])
            self.assertEqual(25, len({m.msg_id for m in messages}))
            self.assertEqual({self.town.keys[YUNNAN]}, {m.psn_key for m in messages})
            for after in (0, 1, 7, 24, 25, 26, 1000):
                for limit in (1, 5, 1000):
                    part = self.box(YUNNAN, after, limit, yunnan)
                    self.assertEqual(messages[after:after + limit], list(part.messages))
            self.assertEqual(0, yunnan.wallet(wallet.OutboxAck(dest=YUNNAN, upto=10)).code)
            self.assertEqual(messages[10:], list(self.box(YUNNAN, client=yunnan).messages))
            # Behind the end, and back: neither changes anything.
            self.assertNotEqual(0, yunnan.wallet(wallet.OutboxAck(dest=YUNNAN, upto=26)).code)
            yunnan.wallet(wallet.OutboxAck(dest=YUNNAN, upto=4))
            self.assertEqual(messages[10:], list(self.box(YUNNAN, client=yunnan).messages))
        # Fetched, then the engine dies: the same again, and the acknowledgement counts once.
        fetched = list(self.box(YUNNAN).messages)
        self.crash()
        self.assertEqual(fetched, list(self.box(YUNNAN).messages))
        ack = wallet.OutboxAck(msgid="ACK1", dest=YUNNAN, upto=20)
        self.done(ack)
        self.crash()
        self.assertEqual(0, self.client.call(ack).code)
        self.assertEqual((20, messages[20:]), (self.box(YUNNAN).acked,
                                               list(self.box(YUNNAN).messages)))
        self.spend(3, first=25)
        wait_for(lambda: self.box(YUNNAN).last == 28)
        self.assertEqual(list(range(21, 29)), [m.position for m in self.box(YUNNAN).messages])
        self.done(wallet.OutboxAck(msgid="ACK2", dest=YUNNAN, upto=28))
        self.crash()
        self.assertEqual((28, 28, []), (self.box(YUNNAN).acked, self.box(YUNNAN).last,
                                        list(self.box(YUNNAN).messages)))
        self.end()

    def test_a_message_that_cannot_be_read(self):
        """What stands before it is given, then the reader is told which position it is, and passes it
        only by saying so; it gets the message when it can be read again."""
        self.town.bind(self.client, YUNNAN, ANHUI)
        self.town.give(self.client, YUNNAN, ANHUI, 2000 * YUAN, "1")
        for number in range(9):  # Each in an entry of its own.
            self.spend(1, first=number)
        whole = list(self.box(YUNNAN).messages)
        self.client.close()
        self.stop(self.engine)  # They are old from here on.
        self.engine = self.start(self.data)
        self.client = self.engine.client()
        mend = self.rot(whole[5])
        self.assertEqual([], list(self.box(YUNNAN, 2 ** 64 - 1).messages))
        with self.engine.client(YUNNAN) as yunnan:
            self.assertEqual(whole[:5], list(self.box(YUNNAN, client=yunnan).messages))
            self.assertEqual(whole[2:5], list(self.box(YUNNAN, 2, client=yunnan).messages))
            self.done(wallet.OutboxAck(msgid="A1", dest=YUNNAN, upto=5))
            for after in (0, 5):
                reply = yunnan.call(wallet.OutboxGet(dest=YUNNAN, after=after, limit=1000))
                self.assertEqual((6010, 0), (reply.code, len(reply.messages)))
                self.assertIn("position 6 of this outbox", reply.text)
                self.assertRegex(reply.text, "shard [0-2], entry [0-9]+, segment 1, offset [0-9]+")
            self.assertEqual(whole[6:], list(self.box(YUNNAN, 6, client=yunnan).messages))
        told = self.read_with_command(check=False)
        self.assertEqual((1, ""), (told.returncode, told.stdout))
        for words in ("6010", "position 6", "--after"):
            self.assertIn(words, told.stderr)
        told = self.read_with_command("--after", 6)
        self.assertEqual([7, 8, 9], [json.loads(line)["position"] for line in told.stdout.splitlines()])
        self.assertEqual(5, self.box(YUNNAN, 6).acked)  # It was not passed for good.
        mend()
        self.assertEqual(whole[5:], list(self.box(YUNNAN).messages))
        mend = self.rot(whole[5])
        self.read_with_command("--after", 6, "--ack")
        self.assertEqual((9, []), (self.box(YUNNAN).acked, list(self.box(YUNNAN).messages)))
        mend()
        self.end()

    def read_with_command(self, *arguments, check=True):
        return harness.run("outbox", "get", "--dest", YUNNAN, "--to", self.engine.address, "--as",
                           YUNNAN, *arguments, check=check)

    def test_nobody_has_seen_them(self):
        """What could not be printed is not acknowledged, wherever in a page the lines were that went
        nowhere: the last of them may fit a buffer."""
        self.town.bind(self.client, YUNNAN, ANHUI)
        self.town.give(self.client, YUNNAN, ANHUI, 2000 * YUAN, "1")
        self.spend(25)
        command = [harness.qingfen(), "outbox", "get", "--dest", str(YUNNAN), "--ack", "--to",
                   self.engine.address, "--limit"]
        for limit in range(8, 26):
            with open("/dev/full", "w", encoding="utf-8") as full:
                done = subprocess.run(command + [str(limit)], stdout=full, stderr=subprocess.PIPE,
                                      text=True, timeout=harness.RUN_S)
            self.assertEqual(1, done.returncode)
            self.assertIn("cannot write the output", done.stderr)
            self.assertEqual(0, self.box(YUNNAN).acked, limit)
        self.assertEqual(25, len(self.read_with_command("--ack").stdout.splitlines()))
        self.assertEqual(25, self.box(YUNNAN, 25).acked)
        self.end()

    def rot(self, message):
        """Flips a bit of the entry that holds a message of an outbox, under the engine that runs; a call
        puts it right again. Ids stand in entries as the number that their digits are."""
        number = bytes.fromhex(message.msg_id[1:])
        for path in self.data.glob("shard-*/journal/*.qfj"):
            whole = path.read_bytes()
            for found in re.finditer(re.escape(number), whole):
                place, byte = found.start(), whole[found.start()]
                poke(path, place, byte ^ 4)
                if self.client.call(wallet.OutboxGet(dest=YUNNAN, limit=1,
                                                     after=message.position - 1)).code == 6010:
                    return lambda path=path, place=place, byte=byte: poke(path, place, byte)
                poke(path, place, byte)
        raise AssertionError("no entry holds " + message.msg_id)

    def test_the_platform(self):
        """Destination 0; and nobody reads or acknowledges another's."""
        self.town.bind(self.client, YUNNAN, ANHUI)
        self.done(self.town.submit(YUNNAN, ANHUI, 100 * YUAN, "1"))
        self.at("2026-07-02T06:00:00+08:00")
        wait_for(lambda: self.box(0).last == 2)
        told = self.box(0).messages
        self.assertEqual([NOTICE, RETURNED], [m.type for m in told])
        self.assertEqual(harness.ms("2026-07-02 06:00:00"), told[1].at)
        self.assertEqual([RELEASE, RETURNED], sorted(m.type for m in self.box(YUNNAN).messages)[::-1])
        with self.engine.client(ANHUI) as anhui:
            for dest in (0, YUNNAN):
                self.assertEqual(1004, anhui.call(wallet.OutboxGet(dest=dest)).code)
                self.refused(1004, wallet.OutboxAck(dest=dest, upto=1), client=anhui)
        self.assertEqual(6005, self.client.call(wallet.OutboxGet(dest=99)).code)
        self.done(wallet.OutboxAck(msgid="ACK0", dest=0, upto=2))
        self.assertEqual([], list(self.box(0).messages))
        self.end()

    def test_a_silent_province(self):
        """Asked, asked again after ten minutes (3041 meanwhile), given up as the night begins (3042)."""
        self.town.bind(self.client, SHANGHAI, ANHUI)
        submitted = self.done(self.town.submit(SHANGHAI, ANHUI, 100 * YUAN, "1"))
        self.assertEqual("HOLDING", submitted.stas)
        accept = wallet.TrsfAccept(trsf_id=submitted.trsf_id, recv_psn_key=self.town.keys[ANHUI])
        self.refused(3041, accept)
        wait_for(lambda: self.box(SHANGHAI).last == 1)
        self.at("2026-07-01T09:19:59.999+08:00")
        self.refused(3041, accept)
        self.assertEqual(1, self.box(SHANGHAI).last)
        self.at("2026-07-01T09:20:00.000+08:00")
        wait_for(lambda: self.box(SHANGHAI).last == 2)
        asked = self.box(SHANGHAI).messages
        self.assertEqual([(HOLD, 0), (HOLD, 1)], [(m.type, m.why) for m in asked])
        self.assertEqual({submitted.trsf_id}, {m.hold_id for m in asked})
        self.at("2026-07-01T21:59:59.999+08:00")
        self.refused(3041, accept)
        self.at("2026-07-01T22:00:00.000+08:00")
        wait_for(lambda: any(m.type == RELEASE for m in self.box(SHANGHAI).messages))
        late = wallet.PaHoldAck(hold_id=submitted.trsf_id, held_amt=100 * YUAN, code=0)
        self.refused(3042, late)
        self.refused(3042, accept)
        self.end()

    def test_a_province_that_says_no(self):
        """PaHoldAck with a code, or with less than all: refused, and not counted as a transfer."""
        self.town.bind(self.client, SHANGHAI, ANHUI)
        for number, fields in (("1", dict(code=7, held_amt=0)), ("2", dict(code=0, held_amt=99))):
            submitted = self.done(self.town.submit(SHANGHAI, ANHUI, 100 * YUAN, number))
            answer = self.client.wallet(wallet.PaHoldAck(hold_id=submitted.trsf_id, **fields))
            self.assertIn((answer.code, answer.stas), ((0, "REFUSED"), (3015, "")), answer)
            self.refused(3023 if answer.code == 0 else 3041, wallet.TrsfAccept(
                trsf_id=submitted.trsf_id, recv_psn_key=self.town.keys[ANHUI]))
            if answer.code != 0:
                self.done(wallet.PaHoldAck(msgid="NO", hold_id=submitted.trsf_id, code=7))
        mine = self.done(asking.WltQuery(psn_key=self.town.keys[SHANGHAI]))
        self.assertEqual((0, 0, 0, 0), (mine.held, mine.granted, mine.day_count, mine.day_sum))
        self.end()


    def test_a_province_that_answers_again(self):
        """Each time it was asked, and under a number of its own: the first answer, whatever came since."""
        town, client = self.town, self.client
        town.bind(client, SHANGHAI, ANHUI)
        whole = dict(held_amt=100 * YUAN, code=0)
        for number, fields, ended in (("1", whole, 0x0222), ("2", whole, 0x0223), ("3", whole, None),
                                      ("4", dict(held_amt=0, code=7), None)):
            submitted = self.done(town.submit(SHANGHAI, ANHUI, 100 * YUAN, number))

            def ack(balc_after, **fields):
                return wallet.PaHoldAck(hold_id=submitted.trsf_id, balc_after=balc_after, **fields)
            first = self.refused(0, ack(1000000, **fields))
            self.assertEqual("REFUSED" if fields["code"] else "PENDING", first.stas)
            if ended is not None:
                self.refused(0, wallet.TrsfAccept(trsf_id=submitted.trsf_id,
                                                  recv_psn_key=town.keys[ANHUI]), ended)
            elif number == "3":
                self.refused(0, wallet.TrsfVoid(trsf_id=submitted.trsf_id, doc_no="D3"))
            again = self.refused(0, ack(900000, **fields))
            self.assertTrue(again.dup)
            self.assertEqual((first.stas, first.engine_seq, first.posted_at),
                             (again.stas, again.engine_seq, again.posted_at))
            self.refused(3016, ack(1000000, held_amt=fields["held_amt"], code=5))
            self.refused(3016, ack(1000000, held_amt=100 * YUAN - 1, code=0))
            with self.engine.client(ANHUI) as anhui:
                self.refused(1004, ack(1000000, **fields), client=anhui)
        self.end()


class TestDay(TownCase):
    def test_edges(self):
        """To the millisecond, by `qingfen clock`: 21:59:59.999 is day, 22:00:00.000 is not, 05:59:59.999
        not yet, 06:00:00.000 again; an offer lives to 05:59:59.999 and is gone at 06:00:00.000."""
        self.town.bind(self.client, YUNNAN, ANHUI)
        self.town.bind(self.client, YUNNAN, 61)
        self.at("2026-07-01T21:59:59.999+08:00")
        first = self.done(self.town.submit(YUNNAN, ANHUI, 100 * YUAN, "1"))
        other = self.done(self.town.submit(YUNNAN, 61, 50 * YUAN, "2"))
        self.assertEqual(harness.ms("2026-07-02 06:00:00"), first.exp_at)
        self.at("2026-07-01T22:00:00.000+08:00")
        self.refused(3011, self.town.submit(YUNNAN, 61, YUAN, "3"))
        self.at("2026-07-02T05:59:59.999+08:00")
        self.refused(3011, self.town.submit(YUNNAN, 61, YUAN, "3"))
        taken = self.done(wallet.TrsfAccept(msgid="A1", trsf_id=first.trsf_id,
                                            recv_psn_key=self.town.keys[ANHUI]))
        self.assertEqual("ACCEPTED", taken.stas)
        self.at("2026-07-02T06:00:00.000+08:00")
        # Yesterday's is back before today's is judged: nothing pending blocks it (3014).
        self.assertEqual("PENDING", self.done(self.town.submit(YUNNAN, 61, YUAN, "4")).stas)
        self.refused(3024, wallet.TrsfAccept(trsf_id=other.trsf_id,
                                             recv_psn_key=self.town.keys[61]))
        mine = self.done(asking.WltQuery(psn_key=self.town.keys[YUNNAN]))
        self.assertEqual((1, YUAN), (mine.day_count, mine.day_sum))
        self.assertEqual(101 * YUAN, mine.held)
        self.assertEqual(100 * YUAN, wait_for(lambda: self.town.balance(self.client, ANHUI)))
        self.end()

    def test_a_day_counts_from_midnight(self):
        """The rule's night shortened to nothing, the day's count begins anew at 00:00:00.000."""
        now = self.client.hello(0).now
        for place, (param, value) in enumerate((("trsf_max_per_day", "1"),
                                                ("trsf_night_from", "24:00"),
                                                ("trsf_night_to", "00:00"))):
            self.done(asking.RulePush(msgid="DAY%d" % place, param=param, value=value,
                                      admdvs=530000, eff_from=now + 1000))
        for receiver in (ANHUI, 61, 11):
            self.town.bind(self.client, YUNNAN, receiver)
        self.at("2026-07-01T23:59:59.998+08:00")
        self.done(self.town.submit(YUNNAN, ANHUI, YUAN, "1"))
        self.at("2026-07-01T23:59:59.999+08:00")
        self.refused(3013, self.town.submit(YUNNAN, 61, YUAN, "2"))
        self.at("2026-07-02T00:00:00.000+08:00")
        self.done(self.town.submit(YUNNAN, 61, YUAN, "2"))
        self.refused(3013, self.town.submit(YUNNAN, 11, YUAN, "3"))
        self.end()

    def test_a_stop_over_six(self):
        """Down at 06:00: the return has the stamp of that instant all the same."""
        self.town.bind(self.client, YUNNAN, ANHUI)
        late = self.done(self.town.submit(YUNNAN, ANHUI, 100 * YUAN, "1"))
        self.crash()
        self.at("2026-07-04T15:00:00.123+08:00")
        self.refused(3024, wallet.TrsfAccept(trsf_id=late.trsf_id,
                                             recv_psn_key=self.town.keys[ANHUI]))
        told = wait_for(lambda: [m for m in self.client.outbox(YUNNAN) if m.type == RELEASE])
        self.assertEqual([harness.ms("2026-07-02 06:00:00")], [m.at for m in told])
        self.end()


class TestWhoMay(TownCase):
    """A province's connection and each kind of message: what is the platform's or the centre's is 1004,
    what is another province's as well; its own is heard (whatever then becomes of it)."""

    def messages(self, place):
        """Every message of its own that a province sends, about its own area."""
        key, area = self.town.keys[place], self.town.area(place)
        return [
            (asking.AuthSwitchPush(psn_key=key, insu_admdvs=area, switch=1, on=True, eff_at=1), None),
            (asking.FilingPush(psn_key=key, insu_admdvs=area, filing_no="F%d" % place, place=310000,
                               **{"from": 20260101}), None),
            (asking.InstDirPush(fixmedins_code="H%02d000000002" % place, admdvs=area, version=1,
                                fixmedins_name="测试医院", business_lv_wlt=1), None),
            (wallet.PsnStatePush(psn_key=key, insu_admdvs=area, insutype=310, psn_insu_stas=1,
                                 eff_date=20260701, seq=1), None),
            (wallet.PaGrant(psn_key=key, insu_admdvs=area, granted_amt=2000000 * YUAN, seq=2), None),
            (premium.PremDue(psn_key=key, insu_admdvs=area, insutype=390, year=2027,
                             due_amt=400 * YUAN, order_no="D1"), None),
            (wallet.WltPayPre(psn_key=key, mdtrtarea_admvs=area, medins_setl_id="I1", use=1,
                              fixmedins_code=self.town.hospital(place), want_amt=1), None),
            (self.town.pay(place, place, 1, "W%d" % place), None),
            (wallet.WltFreeze(psn_key=key, doc_no="F1", reason="court"), 0x0204),
            (wallet.WltFreeze(psn_key=key, doc_no="F2", reason="court"), 0x0205),
            (wallet.WltClose(psn_key=key, close_no="C1", reason=1), None),
        ]

    def test_own_and_another(self):
        with self.engine.client(ANHUI) as anhui:
            for message, type_ in self.messages(YUNNAN):
                message.msgid = ""
                self.refused(1004, message, type_, anhui)
            for message, type_ in self.messages(ANHUI):
                message.msgid = ""
                reply = anhui.wallet(message, type_)
                self.assertIn(reply.code, (0, 3025), "%s\n%s" % (message, reply))
        self.end()

    def test_what_refers_to_an_id(self):
        """Payments and premiums are taken back, money is frozen, by whose they are."""
        town, client = self.town, self.client
        town.bind(client, YUNNAN, ANHUI)
        town.bind(client, SHANGHAI, ANHUI)
        town.give(client, YUNNAN, ANHUI, 500 * YUAN, "1")
        holding = self.done(town.submit(SHANGHAI, ANHUI, 100 * YUAN, "2"))
        paid = self.done(town.pay(ANHUI, 61, 100 * YUAN, "1"))
        back = wallet.WltPayReverse(pay_id=paid.pay_id, psn_key=town.keys[ANHUI], rev_setl_id="V1",
                                    mdtrtarea_admvs=town.area(61))
        ack = wallet.PaHoldAck(hold_id=holding.trsf_id, held_amt=100 * YUAN)
        with self.engine.client(ANHUI) as anhui, self.engine.client(61) as shaanxi, \
                self.engine.client(SHANGHAI) as shanghai:
            self.refused(1004, ack, client=anhui)
            ack.msgid = ""
            self.refused(0, ack, client=shanghai)
            self.refused(1004, back, client=anhui)
            mine = wallet.WltPayReverse(pay_id=paid.pay_id, psn_key=town.keys[ANHUI],
                                        rev_setl_id="V1", mdtrtarea_admvs=town.area(ANHUI))
            self.refused(2016, mine, client=anhui)  # Its own area, but not who was paid.
            back.msgid = ""
            self.refused(0, back, client=shaanxi)
        self.end()

    def test_asked_again_by_another(self):
        """A number that another province has used says nothing to who may not send it: neither its answer
        nor that it is taken."""
        town, client = self.town, self.client
        town.bind(client, YUNNAN, ANHUI)
        town.give(client, YUNNAN, ANHUI, 500 * YUAN, "1")
        pay = town.pay(ANHUI, 61, 100 * YUAN, "1")
        paid = self.done(pay)
        back = wallet.WltPayReverse(pay_id=paid.pay_id, psn_key=town.keys[ANHUI], rev_setl_id="V1",
                                    mdtrtarea_admvs=town.area(61), rev_amt=YUAN)
        freeze = wallet.WltFreeze(psn_key=town.keys[ANHUI], doc_no="D1", reason="court")
        filing = asking.FilingPush(psn_key=town.keys[ANHUI], insu_admdvs=town.area(ANHUI),
                                   filing_no="F1", place=310000, **{"from": 20260101})
        sent = [(pay, None, 61), (back, None, 61), (filing, None, ANHUI), (freeze, 0x0204, ANHUI)]
        for message, type_, _ in sent[1:]:
            self.assertCode(0, client.wallet(message, type_))
        with self.engine.client(YUNNAN) as yunnan:
            for message, type_, province in sent:
                message.msgid = ""
                self.refused(1004, message, type_, yunnan)
                with self.engine.client(province) as its:
                    message.msgid = ""
                    reply = its.wallet(message, type_)
                    self.assertEqual((0, True), (reply.code, reply.dup))
            pay.msgid, pay.wlt_pay = "", 1
            self.refused(1004, pay, None, yunnan)
            pay.msgid = ""
            self.refused(2011, pay)
        self.end()

    def test_numbers_of_two_provinces(self):
        """Two provinces number their reversals of one payer's premiums alike, and do not say who they are."""
        town, client = self.town, self.client
        for number, (param, value) in enumerate((("prem_window_from", "01-01"), ("prem_due", "40000"))):
            self.done(asking.RulePush(msgid="W%d" % number, param=param, value=value,
                                      eff_from=client.hello(0).now + 1))
        self.at(MORNING.replace("09:00", "09:20"))
        town.bind(client, YUNNAN, ANHUI)
        town.bind(client, 61, ANHUI)
        town.give(client, YUNNAN, ANHUI, 900 * YUAN, "1")
        for place in (YUNNAN, 61):
            paid = self.done(premium.PremPay(
                msgid="P%d" % place, payer_psn_key=town.keys[ANHUI], psn_key=town.keys[place],
                insu_admdvs=town.area(place), insutype=390, year=2027, amt=400 * YUAN,
                order_no="O%d" % place, commit_ack=True))
            back = premium.PremReverse(pay_id=paid.pay_id, rev_no="R1", reason=1, amt=YUAN)
            with self.engine.client(place) as its:
                self.refused(0, back, client=its)
                back.msgid = ""
                self.assertTrue(self.refused(0, back, client=its).dup)
        self.end()

    def test_the_platforms_own(self):
        """What no province sends, not even for itself."""
        key, area = self.town.keys[ANHUI], self.town.area(ANHUI)
        trsf_id = "T" + key[:4].hex() + "0" * 16
        messages = [
            (wallet.WltOpen(psn_key=key, insu_admdvs=area, use_loc_admdvs=area, insutype=310), None),
            (wallet.WltUseLocChg(psn_key=key, client_no="1", new_use_loc_admdvs=310000), None),
            (wallet.RltsBind(giver_psn_key=key, recv_psn_key=self.town.keys[61], rlts_code=1,
                             consent_giver=True, consent_recv=True), None),
            (wallet.RltsUnbind(psn_key=key, rlts_id="R" + trsf_id[1:], side=1), None),
            (self.town.submit(ANHUI, 61, YUAN, "1"), None),
            (wallet.TrsfAccept(trsf_id=trsf_id, recv_psn_key=key), 0x0222),
            (wallet.TrsfAccept(trsf_id=trsf_id, recv_psn_key=key), 0x0223),
            (wallet.TrsfVoid(trsf_id=trsf_id, doc_no="1"), None),
            (wallet.LmtReclaim(psn_key=key, rlts_id="R" + trsf_id[1:], client_no="1"), None),
            (premium.PremQuote(psn_key=key, insu_admdvs=area, insutype=390, year=2027), None),
            (premium.PremPay(payer_psn_key=key, psn_key=key, insu_admdvs=area, insutype=390,
                             year=2027, amt=1, order_no="1", commit_ack=True), None),
            (asking.RulePush(param="wallet_enabled", value="on", admdvs=340000,
                             eff_from=harness.ms("2027-01-01 00:00:00")), None),
        ]
        with self.engine.client(ANHUI) as anhui:
            for message, type_ in messages:
                message.msgid = ""
                self.refused(1004, message, type_, anhui)
        self.end()

    def test_questions(self):
        """A person's data is for the platform and the insured province alone: 6002."""
        other, mine = self.town.keys[YUNNAN], self.town.keys[ANHUI]
        record = harness.Maker("W").settlement(
            psn_key=other, insu_admdvs=530100, mdtrtarea_admvs=340100,
            setl_time=harness.ms("2026-06-30 10:00:00"))
        self.assertCode(0, self.client.call(record))
        with self.engine.client(ANHUI) as anhui, self.engine.client(11) as beijing:
            for question in (asking.WltQuery(psn_key=other), asking.WltRecords(psn_key=other),
                             asking.YearSumGet(psn_key=other, year=2026)):
                self.assertEqual(6002, anhui.call(question).code, question)
            # Of settlements a province sees those that it treated or insured.
            treated = [(place, [r.setl_id for r in client.call(asking.SetlRecords(
                psn_key=other)).records]) for place, client in ((34, anhui), (11, beijing))]
            self.assertEqual([(34, [record.setl_id]), (11, [])], treated)
            self.assertEqual(0, anhui.call(asking.WltQuery(psn_key=mine)).code)
            statement = asking.StmtGet(insu_admdvs=530100, setl_id=record.setl_id)
            self.assertEqual(0, anhui.call(statement).code)  # It treated that person.
            self.assertEqual(6002, beijing.call(statement).code)
            # Another person's is not found, whether the two are in one shard or not.
            for asker in self.town.keys.values():
                statement.psn_key = asker
                for client in (self.client, anhui, beijing):
                    code = 6001 if asker != other else 6002 if client is beijing else 0
                    self.assertEqual(code, client.call(statement).code)
        self.assertEqual(6001, self.client.call(asking.WltQuery(psn_key=b"0123456789abcdef")).code)
        self.end()


if __name__ == "__main__":
    unittest.main()
