"""What is refused at the door: options that make no sense, messages that are too long, questions
that name a month, a mode or a province there is not. Each with a sentence, and the engine goes on."""

import os
import subprocess
import unittest

import harness
import wire_client as wire
from harness import Case

cycle, centre = wire.cycle, wire.centre
MALFORMED, NOT_ALLOWED, UNKNOWN_AREA, CLOCK, UNKNOWN_TYPE = 1001, 1004, 2002, 1009, 1002
PERIOD_ORDER = 5001
LONGER = 5000  # Bytes; a message has at most 4,096.
UNKNOWN_FIELD = b"\xfa\x3f"  # Number 1023, with a length: whoever does not know it passes it over.


def long_one(message) -> bytes:
    """The message with a field that nobody knows and that is too long."""
    return message.SerializeToString() + UNKNOWN_FIELD + bytes([0x88, 0x27]) + bytes(LONGER)


class TestOptions(unittest.TestCase):
    def told(self, *arguments):
        """Exit code, and what was said."""
        done = subprocess.run([harness.qingfend(), *arguments], capture_output=True, text=True,
                              timeout=60, stdin=subprocess.DEVNULL)
        return done.returncode, done.stdout + done.stderr

    def test_options(self):
        for arguments, says in (
                (("--clock", "sundial"), "--clock is neither system nor manual: sundial"),
                (("--checkpoint", "0"), "--checkpoint is not in 1..86400 seconds: 0"),
                (("--connections", "many"), "--connections is not in 1..1000000: many"),
                (("--stall", "-1"), "--stall is not in 1..86400 seconds: -1"),
                (("--buffers", "15"), "--buffers is not in 16..65536 MiB: 15"),
                (("--ids", "0"), "--ids is not in 1..100000 millions: 0"),
                (("--colour",), "see the options below"),
                (("--data", "x", "surplus"), "not an option: surplus")):
            code, text = self.told(*arguments)
            self.assertEqual(2, code, text)
            self.assertIn("qingfend: " + says, text)
            self.assertIn("--listen", text)  # The options follow.
        if os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGESIZE") < 100000 * 6700000:
            code, text = self.told("--data", "x", "--ids", "100000")
            self.assertEqual(2, code, text)
            self.assertIn("--ids is in millions, 6.7 MB each: more than this machine's memory: 100000", text)
        for option, says in (("--help", "--checkpoint"), ("--version", "qingfend ")):
            code, text = self.told(option)
            self.assertEqual(0, code, text)
            self.assertIn(says, text)


    def test_numbers_out_of_range(self):
        """The command line says which option it was, what stood there and what may stand there."""
        month = ("gen", "--month", "2025-03", "--count", "1")
        for arguments, says in (
                (("init", "--data", "x", "--shards", "0"),
                 "--shards '0': it should be a whole number from 1 to 64"),
                (("init", "--data", "x", "--shards=65"),
                 "--shards '65': it should be a whole number from 1 to 64"),
                (("send", "--retry", "-1", "x"), "--retry '-1': it should be a whole number from 0 to 86400"),
                (("load", "--seed", str(2 ** 64)),
                 "--seed '%d': it should be a whole number from 0 to %d" % (2 ** 64, 2 ** 64 - 1)),
                (("gen", "--month", "2025-03", "--count", "0"),
                 "--count '0': it should be a whole number from 1 to 2000000000"),
                (("gen", "--month", "1999-12"),
                 "--month '1999-12': it should be a month of 2000 to 2999 such as 2025-03"),
                ((*month, "--after", "2025-04"), "--after 202504: the month after is not 1 to 13 months before"),
                ((*month, "--format", "xml"), "--format 'xml': it should be csv or pb"),
                (("premium", "quote", "--insu", "340100", "--psn-key", "00" * 16,
                  "--insutype", "390", "--year", str(2 ** 32)),
                 "--year '%d': it should be a whole number from 0 to %d" % (2 ** 32, 2 ** 32 - 1))):
            done = harness.run(*arguments, check=False)
            self.assertEqual((2, ""), (done.returncode, done.stdout), arguments)
            self.assertIn("qingfen %s" % arguments[0], done.stderr)
            self.assertIn(says, done.stderr)


class TestStart(Case):
    def refuse(self, data, says, address="127.0.0.1:0", status=1):
        done = subprocess.run([harness.qingfend(), "--data", str(data), "--listen", address],
                              capture_output=True, text=True, timeout=60,
                              stdin=subprocess.DEVNULL)
        self.assertEqual(status, done.returncode, done.stderr)
        self.assertIn(says, done.stderr)

    def test_a_table_that_is_none(self):
        data = self.init(shards=1)
        table = data / "tables" / "areas.csv"
        table.write_text(table.read_text(encoding="utf-8") + "no,line\n", encoding="utf-8")
        self.refuse(data, "tables/areas.csv line ")
        table = data / "tables" / "provinces.csv"
        table.write_text("".join(table.read_text(encoding="utf-8").splitlines(True)[:-1]),
                         encoding="utf-8")
        self.refuse(data, "tables/areas.csv line ")
        (data / "tables" / "areas.csv").write_bytes(
            (self.init("other", shards=1) / "tables" / "areas.csv").read_bytes())
        self.refuse(data, "/tables: provinces.csv: not all of the 32 participants are there")

    def test_two_on_one_folder(self):
        data = self.init(shards=1)
        self.start(data)
        self.refuse(data, "is in use by process ")

    def test_addresses(self):
        data = self.init(shards=1)
        engine = self.start(data)
        other = self.init("other", shards=1)
        for address in ("nowhere", ":7040", "h" * 300 + ":1", "[::1]:no-port", "127.0.0.1:-1",
                        "127.0.0.1:72576"):  # 7040 and 65536.
            self.refuse(other, "--listen is not HOST:PORT: " + address, address, status=2)
        for address, says in (("256.1.1.1:1", "--listen 256.1.1.1:1"),
                              (engine.address, "cannot listen on " + engine.address)):
            self.refuse(other, says, address)


class TestExitStatus(Case):
    """The same kind of fault has the same status, whichever command meets it."""

    def told(self, status, says, *words):
        program = words[0] if words[0] == harness.qingfend() else harness.qingfen()
        words = words[1:] if program == words[0] else words
        done = subprocess.run([program, *map(str, words)], capture_output=True, text=True,
                              timeout=60, stdin=subprocess.DEVNULL)
        self.assertEqual(status, done.returncode, "%s: %s" % (words, done.stderr))
        self.assertIn(says, done.stderr)

    def commands(self, data, refuse):
        refuse(harness.qingfend(), "--data", data, "--listen", "127.0.0.1:0")
        refuse("verify", "--data", data)
        refuse("backup", "--data", data, "--out", self.folder / "copy", "--to", "127.0.0.1:1")

    def test_no_store(self):
        (self.folder / "other").mkdir()
        for data in (self.folder / "nowhere", self.folder / "other"):
            self.commands(data, lambda *words: self.told(2, "", *words))

    def test_a_store_in_use(self):
        engine = self.fresh(shards=1)
        self.commands(engine.data, lambda *words: self.told(1, "is in use", *words))

    def test_a_store_that_is_damaged(self):
        data = self.init(shards=1)
        (data / "qingfen.store").write_text("format=1\n", encoding="utf-8")
        self.commands(data, lambda *words: self.told(1, "qingfen.store", *words))

    def test_no_backup(self):
        (self.folder / "other").mkdir()
        for backup in (self.folder / "nowhere", self.folder / "other"):
            self.told(2, str(backup), "backup", "--check", backup)
            self.told(2, str(backup), "restore", "--from", backup, "--data", self.folder / "new")

    def test_files(self):
        """One to be read that is not there is a slip; one that cannot be written is a failure."""
        engine = self.fresh(shards=1)
        to = ("--to", engine.address)
        nowhere = self.folder / "nowhere" / "file"
        month = harness.gen(self.folder / "m.csv", "2025-03", 5)
        no_key = (2, "cannot read the key file '%s'" % nowhere)
        self.told(2, "No such file", "send", nowhere, *to)
        self.told(2, "No such file", "call", "--file", nowhere, *to)
        self.told(*no_key, "send", month, "--psn-key", nowhere, *to)
        self.told(*no_key, "gen", "--month", "2025-03", "--format", "pb", "--psn-key", nowhere)
        self.told(*no_key, "person", "wallet", "--psn-no", "P1", "--psn-key-file", nowhere, *to)
        self.told(1, "No such file", "gen", "--month", "2025-03", "--count", 5, "--out", nowhere)
        self.told(1, "nothing was sent", "send", month, "--rejects", nowhere, *to)


class TestMonthsToCome(Case):
    def refuse(self, client, period, says):
        reply = client.call(wire.centre.PeriodCut(period=period))
        self.assertEqual((PERIOD_ORDER, True), (reply.code, says in reply.text), reply)

    def test_cut(self):
        """A month is cut from its first instant on; before it, nothing of the order stays."""
        engine = self.fresh(now="2025-04-30T23:59:59+08:00")
        record = harness.Maker("C").settlement(setl_time=harness.ms("2025-04-30 10:00:00"))
        with engine.client() as client:
            self.refuse(client, 202505, "2025-05 has not begun: the engine's clock stands at 2025-04-30")
            self.refuse(client, 299912, "2999-12 has not begun")
            reply = client.call(wire.centre.PeriodCut(period=202505, provisional=True))
            self.assertCode(PERIOD_ORDER, reply)
            reply = client.call(record)
            self.assertEqual((0, 202504), (reply.code, reply.clr_period))
            self.assertCode(0, client.call(wire.centre.PeriodCut(period=202504)))
            harness.set_clock(engine, "2025-05-01T00:00:00+08:00")
            self.assertCode(0, client.call(wire.centre.PeriodCut(period=202505)))
            self.assertTrue(client.call(wire.centre.PeriodCut(period=202505)).dup)

    def test_a_clock_that_nobody_has_set(self):
        engine = self.start(self.init(shards=1))
        with engine.client() as client:
            self.assertCode(0, client.call(wire.centre.PeriodCut(period=202503)))


class TestMessages(Case):
    def setUp(self):
        super().setUp()
        self.engine = self.fresh(shards=2)
        self.client = self.engine.client()
        self.addCleanup(self.client.close)

    def post_bytes(self, type_: int, payload: bytes):
        """The answer to a payload as it is."""
        request_id = self.client.next_id
        self.client.next_id += 1
        self.client.waiting[request_id] = type_
        self.client.send_raw(wire.frame(type_, request_id, payload))
        return self.client.take(request_id)

    def refuse(self, message, code: int, says: str, client=None):
        reply = (client or self.client).call(message)
        self.assertEqual((code, True), (reply.code, says in reply.text), reply)

    def test_longer_than_a_message(self):
        settlement = harness.Maker("L").settlement()
        reply = self.post_bytes(0x0101, long_one(settlement))
        self.assertCode(MALFORMED, reply)
        self.assertEqual(["length"], [error.check for error in reply.errors])
        # In a batch it is refused alone.
        maker = harness.Maker("B")
        records = [maker.settlement() for _ in range(3)]
        batch = b""
        for place, record in enumerate(records):
            body = long_one(record) if place == 1 else record.SerializeToString()
            size = len(body)
            length = bytes([size & 0x7F | 0x80, size >> 7]) if size > 127 else bytes([size])
            batch += b"\x0a" + length + body
        reply = self.post_bytes(0x0104, batch)
        self.assertEqual((2, 1), (reply.accepted, reply.rejected), reply)
        self.assertEqual([(1, MALFORMED)], [(one.index, one.code) for one in reply.results
                                            if one.code != 0])
        reply = self.post_bytes(0x0420, long_one(cycle.SettingSet(msgid="S", name="x")))
        self.assertEqual((MALFORMED, "message is longer than 4096 bytes"), (reply.code, reply.text))
        self.assertCode(0, self.client.call(settlement))  # As it should be, it is a new one.

    def test_a_batch_of_mistakes(self):
        """Each of them is answered by itself, with all that is wrong as long as there is room, and
        with the first mistake from there on."""
        maker = harness.Maker("W")
        records = [maker.settlement(insutype=9, med_type=9, medfee_sumamt=7, fund_pay_sumamt=1,
                                    psn_part_amt=2, acct_pay=3, hifp_pay=4)
                   for _ in range(1000)]
        alone = self.client.call(records[0])
        self.assertGreater(len(alone.errors), 3)
        reply = self.client.call(wire.settlement.SetlBatch(records=records))
        self.assertEqual((0, 1000), (reply.accepted, reply.rejected))
        self.assertEqual(list(range(1000)), sorted(one.index for one in reply.results))
        named = [len(one.errors) for one in reply.results]
        self.assertEqual({1, len(alone.errors)}, set(named))
        self.assertEqual({alone.code}, {one.code for one in reply.results})

    def test_questions_about_what_there_is_not(self):
        for message, code, says in (
                (centre.NetReport(period=202503, mode="trilateral"), MALFORMED, "mode is none of"),
                (centre.NetReport(period=202513), MALFORMED, "is no month"),
                (centre.PositionReport(period=0), MALFORMED, "is no month"),
                (centre.PeriodCut(period=202500), MALFORMED, "is no month"),
                (centre.YearClose(year=1999), MALFORMED, "year is not in"),
                (centre.ClockSet(to=1), CLOCK, "outside the years"),
                (cycle.AreaReport(period=202503), MALFORMED, "province is missing"),
                (cycle.AreaReport(period=202500, province=31), MALFORMED, "is no month"),
                (cycle.CellList(period=202503, province=71), UNKNOWN_AREA, "no such province"),
                (cycle.DisputeList(state="SHUT"), MALFORMED,
                 "state: 'SHUT' is none of OPEN ACCEPTED CONTESTED RESOLVED"),
                (cycle.ExceptionList(state="\u7ea2"), MALFORMED, "state: '???' is none of"),
                (cycle.NoticeList(kind="letter"), MALFORMED, "kind: 'letter' is none of")):
            self.refuse(message, code, says)

    def test_who_says_hello(self):
        for province, code in ((71, NOT_ALLOWED), (31, 0)):
            with wire.Client(self.engine.host, self.engine.port) as client:
                self.assertEqual(code, client.hello(province=province).code)
        for payload, code in ((b"\xff", MALFORMED), (wire.session.Hello(version=9)
                                                     .SerializeToString(), UNKNOWN_TYPE)):
            reply = self.post_bytes(0x0001, payload)
            self.assertEqual(code, reply.code)


if __name__ == "__main__":
    unittest.main()
