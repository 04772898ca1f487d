"""Everything that must be refused: with its precise code, and without leaving a trace."""

import csv
import json
import random
import re
import subprocess
import unittest

import harness
import wire_client as wire
from harness import Case, ms

TOO_MUCH = 10 ** 16  # N(16,2) ends below this.
INT64_MAX = 2 ** 63 - 1


class BadCase(Case):
    def setUp(self):
        super().setUp()
        self.engine = self.fresh(shards=2)
        self.client = self.engine.client()
        self.addCleanup(self.client.close)
        self.maker = harness.Maker("B")
        self.original = self.maker.settlement(
            medfee_sumamt=11000, fund_pay_sumamt=7000, hifob_pay=1000)
        self.assertCode(0, self.client.call(self.original))
        self.assertCode(0, self.client.call(self.maker.settlement()))

    def refuse(self, code, message, field="", check="", got=None, want=None, client=None):
        """Refused with the code, naming the field and the rule; nothing has changed."""
        before = harness.fingerprint(self.client)
        reply = (client or self.client).call(message)
        self.assertCode(code, reply)
        self.assertEqual((0, False, 0), (reply.engine_seq, reply.dup, reply.clr_period))
        self.assertTrue(reply.text)
        if field:
            errors = [e for e in reply.errors if e.field == field and (not check or e.check == check)]
            self.assertTrue(errors, "%s/%s not named: %s" % (field, check, reply))
            self.assertTrue(errors[0].text)
            if got is not None:
                self.assertEqual((got, want), (errors[0].got, errors[0].want), str(reply))
        self.assertEqual(before, harness.fingerprint(self.client))
        return reply

    def refuse_each(self, cases):
        for changes, *expected in cases:
            with self.subTest(**changes):
                record = self.maker.settlement(**changes)
                self.refuse(expected[0], record, *expected[1:])


class TestFields(BadCase):
    def test_lengths_and_ids(self):
        self.refuse_each([
            (dict(msgid="M" * 31), 1001, "msgid", "length", 31, 30),
            (dict(setl_id="S" * 31), 1001, "setl_id", "length", 31, 30),
            (dict(mdtrt_id="V" * 31), 1001, "mdtrt_id", "length", 31, 30),
            (dict(fixmedins_code="H" * 13), 1001, "fixmedins_code", "length", 13, 12),
            (dict(dise_codg="M" * 31), 1001, "dise_codg", "length", 31, 30),
            (dict(medins_setl_id="X" * 31), 1001, "medins_setl_id", "length", 31, 30),
            (dict(detail_digest=bytes(31)), 1001, "detail_digest", "length"),
            (dict(psn_key=bytes(15)), 1001, "psn_key"),
            (dict(psn_key=bytes(17)), 1001, "psn_key"),
            (dict(psn_key=b""), 1001, "psn_key"),
            (dict(msgid=""), 1001, "msgid", "missing"),
            (dict(setl_id=""), 1001, "setl_id", "missing"),
            (dict(msgid="M 1"), 1001, "msgid", "charset"),
            (dict(msgid="M\u00e41"), 1001, "msgid", "charset"),
            (dict(setl_id="S\x011"), 1001, "setl_id", "charset"),
            (dict(setl_id="S\u7ed3"), 1001, "setl_id", "charset"),
            (dict(setl_time=0), 2012, "setl_time", "missing"),
        ])

    def test_longest_is_allowed(self):
        record = self.maker.settlement(msgid="m" * 30, setl_id="s" * 30, mdtrt_id="v" * 30,
                                       fixmedins_code="H31000000001", medins_setl_id="x" * 30,
                                       detail_digest=bytes(32))
        self.assertCode(0, self.client.call(record))

    def test_codes(self):
        self.refuse_each([
            (dict(insu_admdvs=990000), 2002, "insu_admdvs", "known"),
            (dict(mdtrtarea_admvs=990000), 2002, "mdtrtarea_admvs", "known"),
            (dict(insu_admdvs=710000), 2002, "insu_admdvs", "known"),
            (dict(insu_admdvs=3401), 2002, "insu_admdvs"),
            (dict(insu_admdvs=3401000), 2002, "insu_admdvs"),
            (dict(insutype=999), 2006, "insutype", "known"),
            (dict(clr_type=77), 2006, "clr_type", "known"),
            (dict(med_type=1), 2006, "med_type"),
            (dict(med_type=1234567), 2006, "med_type"),
            (dict(insu_admdvs=310100), 2001),
        ])

    def test_several_at_once(self):
        reply = self.refuse(1001, self.maker.settlement(
            msgid="M" * 31, insutype=999, hifp_pay=6001, psn_cash_pay=1001))
        self.assertLessEqual({"msgid"}, {error.field for error in reply.errors})

    def test_nothing_is_remembered(self):
        """Mended, it comes again under the same ids and is no duplicate."""
        record = self.maker.settlement(hifp_pay=6001)
        self.refuse(2004, record)
        record.hifp_pay = 6000
        reply = self.client.call(record)
        self.assertEqual((0, False), (reply.code, reply.dup))


class TestMoney(BadCase):
    def test_sums(self):
        self.refuse_each([
            (dict(hifp_pay=6001), 2004, "fund_pay_sumamt", "E1", 6000, 6001),
            (dict(maf_pay=1), 2004, "fund_pay_sumamt", "E1", 6000, 6001),
            (dict(medfee_sumamt=10001), 2004, "medfee_sumamt", "E2", 10001, 10000),
            (dict(hosp_part_amt=7), 2004, "medfee_sumamt", "E2", 10000, 10007),
            (dict(psn_cash_pay=1001), 2004, "psn_part_amt", "E3", 4000, 4001),
            (dict(acct_pay=2999), 2004, "psn_part_amt", "E3", 4000, 3999),
            (dict(clr_amt=8999), 2004, "clr_amt", "E6", 8999, 9000),
            (dict(clr_amt=0), 2004, "clr_amt", "E6", 0, 9000),
        ])
        reply = self.refuse(2004, self.maker.settlement(hifp_pay=6001, medfee_sumamt=10002,
                                                        psn_cash_pay=1003))
        named = {(e.check, e.got, e.want) for e in reply.errors}
        self.assertLessEqual({("E1", 6000, 6001), ("E2", 10002, 10000), ("E3", 4000, 4003)}, named)

    def test_overflow(self):
        def whole(amount, **more):
            return dict(medfee_sumamt=amount, fund_pay_sumamt=amount, hifp_pay=amount,
                        psn_part_amt=0, acct_pay=0, psn_cash_pay=0, **more)
        self.refuse_each([
            (whole(TOO_MUCH), 2005, "medfee_sumamt", "range"),
            (whole(INT64_MAX), 2005, "medfee_sumamt", "range"),
            (whole(INT64_MAX, hifob_pay=INT64_MAX), 2005, "hifob_pay", "range"),
            (dict(psn_cash_pay=INT64_MAX), 2005, "psn_cash_pay", "range"),
            (dict(act_pay_dedc=TOO_MUCH), 2005, "act_pay_dedc", "range"),
        ])

    def test_signs(self):
        self.refuse_each([
            (dict(medfee_sumamt=-10000, fund_pay_sumamt=-6000, hifp_pay=-6000, psn_part_amt=-4000,
                  acct_pay=-3000, psn_cash_pay=-1000), 2005, "medfee_sumamt", "E5"),
            (dict(hifp_pay=6001, hifob_pay=-1), 2005, "hifob_pay", "E5"),
            (dict(medfee_sumamt=-INT64_MAX - 1), 2005, "medfee_sumamt"),
        ])
        refund = self.maker.refund(self.original)
        for name in harness.REFUNDABLE:
            setattr(refund, name, -getattr(refund, name))
        self.refuse(2005, refund, "medfee_sumamt", "E5")
        refund = self.maker.refund(self.original)
        refund.hifp_pay, refund.hifob_pay = -7001, 1
        self.refuse(2005, refund, "hifob_pay", "E5")


class TestOriginals(BadCase):
    def test_above_original_in_one_fund(self):
        """Together within the original, but not in one of its funds."""
        refund = self.maker.refund(self.original, medfee_sumamt=-2000, fund_pay_sumamt=-2000,
                                   hifp_pay=0, hifob_pay=-2000, psn_part_amt=0, acct_pay=0,
                                   psn_cash_pay=0)
        self.refuse(2015, refund, "hifob_pay", "refund", 2000, 1000)

    def test_unknown_original(self):
        stranger = self.maker.settlement()
        self.refuse(2013, self.maker.refund(stranger))
        self.refuse(2013, self.maker.reverse(stranger))
        self.refuse(1001, self.maker.refund(self.original, orig_setl_id=""), "orig_setl_id",
                    "missing")

    def test_refund_twice(self):
        self.assertCode(0, self.client.call(self.maker.reverse(self.original)))
        self.refuse(2014, self.maker.reverse(self.original))
        self.refuse(2014, self.maker.refund(self.original))

    def test_reused_ids(self):
        other = dict(medfee_sumamt=10100, psn_part_amt=4100, psn_cash_pay=1100)
        record = self.maker.settlement()
        self.assertCode(0, self.client.call(record))
        changed = self.maker.settlement(psn_key=record.psn_key, setl_id=record.setl_id, **other)
        self.refuse(2011, changed)
        changed = self.maker.settlement(psn_key=record.psn_key, msgid=record.msgid, **other)
        self.refuse(1005, changed)
        changed = self.maker.settlement(psn_key=record.psn_key, msgid=record.msgid,
                                        setl_id=record.setl_id, mdtrt_id=record.mdtrt_id, **other)
        reply = self.client.call(changed)
        self.assertIn(reply.code, (1005, 2011))
        self.assertTrue(self.client.call(record).dup)

        # The same content under a new msgid is the same settlement.
        again = wire.settlement.SetlPost()
        again.CopyFrom(record)
        again.msgid = self.maker.next_id()
        before = harness.fingerprint(self.client)
        reply = self.client.call(again)
        self.assertEqual((0, True), (reply.code, reply.dup))
        self.assertEqual(before, harness.fingerprint(self.client))

        # A setl_id is the insured area's: another area may use the same.
        self.assertCode(0, self.client.call(self.maker.settlement(
            psn_key=record.psn_key, setl_id=record.setl_id, insu_admdvs=320100)))

    def test_closed_year(self):
        self.assertCode(0, self.client.call(self.maker.settlement(
            setl_time=ms("2024-12-20 10:00:00"))))
        self.assertCode(0, self.client.call(wire.centre.PeriodCut(period=202412)))
        harness.settle_batch(self.client, 202412, self.client.call(wire.centre.StatusGet()).now)
        self.assertCode(0, self.client.call(wire.centre.YearClose(year=2024)))
        self.refuse(2009, self.maker.settlement(setl_time=ms("2024-12-21 10:00:00")))
        self.refuse(2009, self.maker.settlement(setl_time=ms("2023-12-21 10:00:00")))


class TestSenders(BadCase):
    def test_other_provinces(self):
        with self.engine.client(31) as shanghai, self.engine.client(34) as anhui:
            record = self.maker.settlement()
            self.refuse(1004, record, client=anhui)  # The insured side does not post.
            self.assertCode(0, shanghai.call(record))
            self.refuse(1004, record, client=anhui)  # Not even that it is there is told.
            self.refuse(1004, self.maker.settlement(mdtrtarea_admvs=320100), client=shanghai)
            self.refuse(1004, self.maker.settlement(sender_admdvs=320000), client=shanghai)
            self.refuse(1004, self.maker.reverse(record), client=anhui)
            self.refuse(1004, self.maker.correction(record), client=anhui)
            self.assertCode(0, shanghai.call(self.maker.correction(record, sender_admdvs=0)))
            reply, results = anhui.batch([self.maker.settlement(), self.maker.settlement(
                insu_admdvs=310100, mdtrtarea_admvs=340100, fixmedins_code="H34000000001")])
            self.assertEqual([1004, 0], [result.code for result in results])

    def test_send_as(self):
        file = harness.gen(self.folder / "m.csv", "2025-03", 3000)
        with open(file, newline="", encoding="utf-8") as text:
            rows = list(csv.DictReader(text))
        own = sum(row["mdtrtarea_admvs"].startswith("31") for row in rows)
        before = harness.periods(self.client)[202503].count
        rejects = self.folder / "rejects.csv"
        done = harness.run("send", "--to", self.engine.address, "--as", "31", "--rejects", rejects,
                           file, check=False)
        self.assertEqual(1, done.returncode, done.stderr)
        sent = harness.sent_line(done.stdout)
        self.assertEqual((len(rows), len(rows) - own), (sent["sent"], sent["rejected"]))
        self.assertEqual(before + sent["accepted"], harness.periods(self.client)[202503].count)
        with open(rejects, newline="", encoding="utf-8-sig") as text:
            self.assertEqual({"1004"}, {row["code"] for row in csv.DictReader(text)})


class TestExitStatus(BadCase):
    def test_call_of_a_batch(self):
        """A record that is refused is a failure, as it is alone."""
        good = dict(msgid="M1", setl_id="S1", psn_key="00" * 16, insu_admdvs=340100,
                    mdtrtarea_admvs=310000, insutype=310, med_type=11,
                    setl_time=ms("2025-03-14 14:30:00"), medfee_sumamt=100, fund_pay_sumamt=100,
                    hifp_pay=100)
        bad = dict(good, msgid="M2", setl_id="S2", hifp_pay=99)
        for records, status, rejected in (([good], 0, 0), ([good, bad], 1, 1), ([bad], 1, 1)):
            done = harness.run("call", "SetlBatch", json.dumps({"records": records}), "--to",
                               self.engine.address, check=False)
            reply = json.loads(done.stdout)
            self.assertEqual((status, 0, rejected),
                             (done.returncode, reply["code"], reply["rejected"]), done.stderr)

    def test_a_file_of_messages_that_cannot_be_read(self):
        done = harness.run("call", "--file", self.folder, "--to", self.engine.address, check=False)
        self.assertEqual((1, ""), (done.returncode, done.stdout))
        self.assertIn("was not sent", done.stderr)

    def test_an_empty_reason_is_none(self):
        for words in (("period", "object", "2025-03", "--as", 34), ("period", "abort", "2025-03"),
                      ("period", "unwind", "2025-03", "--province", 34),
                      ("notice", "reissue", "CLR-202503-1-34-31-1")):
            done = harness.run(*words, "--reason", "", "--to", self.engine.address, check=False)
            self.assertEqual(2, done.returncode, done.stderr)
            self.assertIn("--reason is needed", done.stderr)

    def test_send_where_no_engine_is(self):
        """The summary is the last line of stdout, also when nothing could be sent."""
        file = harness.gen(self.folder / "m.csv", "2025-03", 10)
        self.stop(self.engine)
        done = harness.run("send", "--to", self.engine.address, "--retry", 0, file, check=False)
        self.assertEqual((1, "sent=0 accepted=0 duplicate=0 rejected=0\n"),
                         (done.returncode, done.stdout))
        self.assertIn("nothing was sent", done.stderr)


class TestFrames(BadCase):
    def ends_with(self, data, code, request_id=0, half=False):
        """The bytes lead to an ErrorReply of that code and a closed connection."""
        before = harness.fingerprint(self.client)
        with self.engine.client() as client:
            good = client.post(wire.centre.StatusGet())
            self.assertCode(0, client.take(good))
            client.send_raw(data)
            if half:
                client.end_sending()
            got_id, reply = client.error_reply()
            self.assertEqual((code, True), (reply.code, reply.closing), str(reply))
            self.assertTrue(reply.text)
            if request_id is not None:
                self.assertEqual(request_id, got_id)
            self.assertTrue(client.at_end())
        self.assertEqual(before, harness.fingerprint(self.client))

    def test_bad_frames(self):
        payload = self.maker.settlement().SerializeToString()
        good = wire.frame(0x0101, 9, payload)
        self.ends_with(wire.frame(0x0101, 9, payload, magic=b"QF02"), 1001)
        self.ends_with(b"GET / HTTP/1.1\r\nHost: clearing\r\n\r\n", 1001)
        self.ends_with(b"\x16\x03\x01\x02", 1001)  # TLS, no more than the magic's four bytes.
        self.ends_with(wire.frame(0x0101, 9, payload, version=2), 1002, 9)
        self.ends_with(wire.frame(0x0101, 9, payload, crc=0x12345678), 1001, None)
        self.ends_with(good[:-1] + bytes([good[-1] ^ 1]), 1001, None)
        self.ends_with(good[:16] + b"\x02" + good[17:], 1001, None)  # Another type, same sum.
        self.ends_with(wire.frame(0x0101, 9, b"", length=2 ** 31), 1001, 9)
        self.ends_with(wire.frame(0x0101, 9, b"", length=2 ** 32 - 1), 1001, 9)
        self.ends_with(wire.frame(0x0101, 9, b"", length=wire.PAYLOAD_MAX + 1), 1001, 9)

    def test_half_frames(self):
        good = wire.frame(0x0101, 9, self.maker.settlement().SerializeToString())
        for size in (1, 3, 4, 23, 24, 25, len(good) - 1):
            with self.subTest(size=size):
                self.ends_with(good[:size], 1001, None, half=True)

    def test_good_before_bad(self):
        """What came in order before the bad frame is answered before the connection ends."""
        record = self.maker.settlement()
        with self.engine.client() as client:
            client.send_raw(wire.frame(0x0101, 4, record.SerializeToString()) + b"garbage!")
            answers = {}
            while not client.at_end():
                type_, request_id, payload = client.read_frame()
                answers[type_, request_id] = payload
            self.assertEqual({(0x8101, 4), (0xFFFF, 0)}, set(answers))
            self.assertEqual(0, wire.common.Reply.FromString(answers[0x8101, 4]).code)
            self.assertEqual(1001, wire.common.ErrorReply.FromString(answers[0xFFFF, 0]).code)
        self.assertTrue(self.client.call(record).dup)

    def test_unknown_types(self):
        before = harness.fingerprint(self.client)
        with self.engine.client() as client:
            for type_ in (0, 0x7777, 0x0206, 0x0410, 0x8101, 0xFFFF):
                client.send_raw(wire.frame(type_, 31, b"anything"))
                request_id, reply = client.error_reply()
                self.assertEqual((31, 1002, False), (request_id, reply.code, reply.closing))
            self.assertCode(0, client.call(wire.centre.StatusGet()))
            self.assertCode(0, client.call(self.maker.settlement()))
        self.assertNotEqual(before, harness.fingerprint(self.client))

    def test_broken_payloads(self):
        """No valid message of its type: the type's own answer, code 1001, and the connection stays."""
        before = harness.fingerprint(self.client)
        broken = (b"\xff", b"\x0a\x7f", b"\x0a\xff\xff\xff\xff\x0f", b"\x08",
                  b"\x07", b"\x80" * 11 + b"\x01")
        with self.engine.client() as client:
            for number, (type_, (_, reply_kind)) in enumerate(wire.MESSAGES.items()):
                for payload in broken:
                    client.send_raw(wire.frame(type_, number, payload))
                    got_type, request_id, data = client.read_frame()
                    self.assertEqual((type_ | 0x8000, number), (got_type, request_id),
                                     "type 0x%04x payload %s" % (type_, payload.hex()))
                    self.assertEqual(1001, reply_kind.FromString(data).code)
            bad = self.maker.settlement(hifp_pay=6001).SerializeToString()
            batch = b"\x0a" + bytes([len(bad) & 127 | 128, len(bad) >> 7]) + bad + b"\x0a\x02\xff\xff"
            client.send_raw(wire.frame(0x0104, 99, batch))
            got_type, _, data = client.read_frame()
            reply = wire.settlement.SetlBatchReply.FromString(data)
            codes = {result.index: result.code for result in reply.results}
            self.assertEqual((0x8104, 0, 2, {0: 2004, 1: 1001}),
                             (got_type, reply.code, reply.rejected, codes))
            self.assertCode(0, client.call(wire.centre.StatusGet()))
        self.assertEqual(before, harness.fingerprint(self.client))

    def test_noise(self):
        """Random bytes, and good frames with random damage: the engine lives, nothing changes but
        what is sound."""
        rng = random.Random(8)
        before = harness.fingerprint(self.client)
        for number in range(150):
            data = bytearray(wire.frame(0x0101, number,
                                        self.maker.settlement().SerializeToString()))
            if number % 3 == 0:
                data = bytearray(rng.randbytes(rng.randrange(1, 400)))
            else:
                for _ in range(rng.randrange(1, 4)):
                    place = rng.randrange(len(data))
                    data[place] ^= 1 << rng.randrange(8)
                if number % 3 == 2:
                    del data[rng.randrange(len(data)):]
            with self.engine.client() as client:
                try:
                    client.send_raw(bytes(data))
                    client.end_sending()
                    while not client.at_end():
                        client.read_frame()
                except (wire.ConnectionEnded, OSError):
                    pass
        self.assertEqual(before, harness.fingerprint(self.client))
        self.assertTrue(self.engine.running())


class TestFiles(BadCase):
    """CSV files through `qingfen send`."""

    def lines(self, count=50, seed=3):
        file = harness.gen(self.folder / ("gen-%d.csv" % seed), "2025-03", count, seed=seed)
        return file.read_text(encoding="utf-8").splitlines()

    def write(self, name, lines, end="\n", begin=""):
        path = self.folder / name
        path.write_bytes((begin + end.join(lines) + end).encode("utf-8"))
        return path

    def send(self, path, *more):
        return harness.run("send", "--to", self.engine.address, *more, path, check=False)

    def test_bom_and_crlf(self):
        lines = self.lines()
        done = self.send(self.write("dos.csv", lines, "\r\n", "\ufeff"))
        self.assertEqual(0, done.returncode, done.stderr)
        first = harness.sent_line(done.stdout)
        self.assertGreater(first["accepted"], 40)
        again = harness.sent_line(self.send(self.write("unix.csv", lines)).stdout)
        self.assertEqual(again["sent"], again["duplicate"])

    def test_column_order_and_missing_columns(self):
        """Any order; a missing optional column is empty."""
        rows = list(csv.DictReader(self.lines(seed=4)))
        names = [name for name in reversed(rows[0])
                 if any(row[name] not in ("", "0", "0.00") for row in rows)]
        path = self.folder / "turned.csv"
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, names, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)
        done = self.send(path)
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertGreater(harness.sent_line(done.stdout)["accepted"], 40)

    def test_rejects_are_no_file_to_send(self):
        """What would be overwritten before it is read is refused, under whatever name it goes."""
        path = self.write("march.csv", self.lines())
        other = self.folder / "other.csv"
        other.symlink_to(path)
        before = path.read_bytes()
        for rejects in (path, other):
            done = self.send(path, "--rejects", rejects)
            self.assertEqual((2, ""), (done.returncode, done.stdout))
            self.assertIn("would be overwritten", done.stderr)
        with open(path, "rb") as file:
            done = subprocess.run([harness.qingfen(), "send", "--to", self.engine.address, "-",
                                   "--rejects", str(path)], stdin=file, capture_output=True,
                                  text=True, timeout=harness.RUN_S)
        self.assertEqual(2, done.returncode, done.stderr)
        self.assertEqual(before, path.read_bytes())
        self.assertEqual(0, self.send(path, "--rejects", self.folder / "rejects.csv").returncode)

    def test_files_that_are_none(self):
        before = harness.fingerprint(self.client)
        lines = self.lines(seed=5)
        header = lines[0].split(",")
        doubled = [",".join(header + ["setl_id"])] + [line + ",X" for line in lines[1:]]
        keep = [number for number, name in enumerate(header) if name != "setl_id"]
        missing = [",".join(line.split(",")[number] for number in keep) for line in lines]
        for name, path in (("doubled", self.write("doubled.csv", doubled)),
                           ("empty", self.write("empty.csv", [""])),
                           ("text", self.write("text.csv", ["hello", "world"])),
                           ("none", self.folder / "none.csv")):
            with self.subTest(name):
                done = self.send(path)
                self.assertEqual(2, done.returncode, done.stdout + done.stderr)
                self.assertTrue(done.stderr.strip())
        done = self.send(self.folder / "doubled.csv")
        self.assertIn("setl_id", done.stderr)

        # A missing column is an empty one: each line is refused for what it lacks.
        rejects = self.folder / "rejects.csv"
        done = self.send(self.write("missing.csv", missing), "--rejects", rejects)
        self.assertEqual(1, done.returncode, done.stdout + done.stderr)
        sent = harness.sent_line(done.stdout)
        self.assertEqual((len(lines) - 1, len(lines) - 1), (sent["sent"], sent["rejected"]))
        with open(rejects, newline="", encoding="utf-8-sig") as file:
            self.assertEqual({"1001"}, {row["code"] for row in csv.DictReader(file)})
        self.assertEqual(before, harness.fingerprint(self.client))

    def test_bad_values(self):
        """Each in its own line: refused at the edge, the others go through."""
        lines = self.lines(seed=6)
        header = lines[0].split(",")
        sound = [line for line in lines[1:]
                 if line.split(",")[header.index("refd_setl_flag")] in ("", "0")]

        def spoil(line, column, value):
            parts = line.split(",")
            parts[header.index(column)] = value
            return ",".join(parts)

        spoilt = [("medfee_sumamt", "12.345"), ("medfee_sumamt", "1e3"), ("medfee_sumamt", "abc"),
                  ("medfee_sumamt", "99999999999999999999"), ("setl_time", "2025-02-30 10:00:00"),
                  ("setl_time", "14.03.2025"), ("insu_admdvs", "34O100"), ("insutype", "-1")]
        body = [spoil(line, *what) for line, what in zip(sound, spoilt)]
        rest = sound[len(spoilt):len(spoilt) + 10]
        rejects = self.folder / "rejects.csv"
        done = self.send(self.write("bad.csv", [lines[0]] + body + rest), "--rejects", rejects)
        self.assertEqual(1, done.returncode, done.stderr)
        sent = harness.sent_line(done.stdout)
        self.assertEqual(len(spoilt), sent["rejected"])
        self.assertEqual(len(rest), sent["accepted"] + sent["duplicate"])
        with open(rejects, newline="", encoding="utf-8-sig") as file:
            named = {int(row["line"]): row for row in csv.DictReader(file)}
        self.assertEqual(set(range(2, 2 + len(spoilt))), set(named))
        for number, (column, _) in enumerate(spoilt, 2):
            self.assertIn(column, named[number]["text"])

    def test_long_lines(self):
        """However long a line is, it is one bad line, and those behind it are read as their own."""
        mib = 2 ** 20
        lines = self.lines(seed=8)
        good = [line for line in lines[1:] if ",1," not in line][:6]
        first = '"%s"' % good[0].split(",")[0] + good[0][good[0].index(","):]
        long = ["x" * 5 * mib, '"' + "y" * 6 * mib + '"', "z," * 2 * mib + '"z"', "w" * 4 * mib]
        for name, rows, bad in (
                ("plain", [good[0], long[0], *good[1:]], {3: 5 * mib}),
                ("quoted", [first, long[1], good[1], "", "", long[2], *good[2:]],
                 {3: 6 * mib + 2, 7: 4 * mib + 3}),
                ("last", [*good, long[3]], {8: 4 * mib})):
            with self.subTest(name):
                path = self.write(name + ".csv", [lines[0], *rows], "\r\n" if name == "quoted" else "\n")
                if name == "last":
                    path.write_bytes(path.read_bytes()[:-1])
                rejects = self.folder / (name + "-rejects.csv")
                done = self.send(path, "--rejects", rejects)
                self.assertEqual(1, done.returncode, done.stderr)
                sent = harness.sent_line(done.stdout)
                self.assertEqual((len(good) + len(bad), len(bad)), (sent["sent"], sent["rejected"]))
                with open(rejects, newline="", encoding="utf-8-sig") as file:
                    told = [(int(row["line"]), row["code"], row["text"]) for row in csv.DictReader(file)]
                ends = len("\r") if name == "quoted" else 0
                self.assertEqual([(line, "1001", "the line has %d bytes, no row has so many" % (size + ends))
                                  for line, size in bad.items()], told)

    def test_row_over_the_end_of_what_is_read(self):
        """A row that is begun far before the end of what was read, and goes on behind it."""
        lines = self.lines(seed=9)
        good = [line for line in lines[1:] if ",1," not in line]
        first = '"%s"' % good[0].split(",")[0] + good[0][good[0].index(","):]
        rows = [lines[0], first]
        size = sum(len(row) + 1 for row in rows)
        while size < 4 * 2 ** 20 - 80 * 2 ** 10:
            rows.append(good[len(rows) % len(good)])
            size += len(rows[-1]) + 1
        rows += ["x" * 100 * 2 ** 10, good[0]]
        rejects = self.folder / "rejects.csv"
        done = self.send(self.write("far.csv", rows), "--rejects", rejects)
        self.assertEqual(1, done.returncode, done.stderr)
        sent = harness.sent_line(done.stdout)
        self.assertEqual((len(rows) - 1, 1), (sent["sent"], sent["rejected"]))
        with open(rejects, newline="", encoding="utf-8-sig") as file:
            self.assertEqual([str(len(rows) - 1)], [row["line"] for row in csv.DictReader(file)])

    def test_nothing_and_a_header_alone(self):
        """Nothing at all is what a program leaves that died; a header alone is a list of nobody."""
        header = self.lines(seed=10)[0] + "\n"
        for name, content, status in (("none.csv", "", 2), ("none.pb", "", 2), ("-", "", 2),
                                      ("header.csv", header, 0), ("-", header, 0)):
            with self.subTest(name, content=content):
                path = name if name == "-" else self.folder / name
                if name != "-":
                    path.write_text(content, encoding="utf-8")
                done = harness.run("send", "--to", self.engine.address, path, check=False,
                                   text_in=content)
                self.assertEqual((status, "sent=0 accepted=0 duplicate=0 rejected=0\n"),
                                 (done.returncode, done.stdout), done.stderr)
                self.assertEqual(status == 2, "nothing is in it" in done.stderr)

    def test_thousand_bad_among_good(self):
        lines = self.lines(20000, seed=7)
        header = lines[0].split(",")
        rows = [dict(zip(header, line.split(","))) for line in lines[1:]]
        referenced = {row["orig_setl_id"] for row in rows if row["orig_setl_id"]}
        times: dict[str, int] = {}
        for row in rows:
            times[row["setl_id"]] = times.get(row["setl_id"], 0) + 1
        free = [number for number, row in enumerate(rows)
                if row["refd_setl_flag"] in ("", "0") and row["setl_id"] not in referenced
                and times[row["setl_id"]] == 1]
        bad = set(random.Random(9).sample(free, 1000))
        column = header.index("psn_cash_pay")
        for number in bad:
            parts = lines[number + 1].split(",")
            fen = harness.fen_of(parts[column] or "0") + 1
            parts[column] = harness.yuan(fen)
            lines[number + 1] = ",".join(parts)
        before = harness.periods(self.client)[202503].count
        rejects = self.folder / "rejects.csv"
        done = self.send(self.write("mixed.csv", lines), "--rejects", rejects)
        self.assertEqual(1, done.returncode, done.stderr)
        sent = harness.sent_line(done.stdout)
        self.assertEqual((len(rows), 1000), (sent["sent"], sent["rejected"]))
        self.assertEqual(len(set(times)) - 1000, sent["accepted"])
        self.assertEqual(before + sent["accepted"], harness.periods(self.client)[202503].count)
        with open(rejects, newline="", encoding="utf-8-sig") as file:
            named = list(csv.DictReader(file))
        self.assertEqual({number + 2 for number in bad}, {int(row["line"]) for row in named})
        self.assertEqual(1000, len(named))
        self.assertEqual({"2004"}, {row["code"] for row in named})
        for row in named:
            self.assertTrue(re.search("psn_part_amt|E3", row["text"]), row["text"])


if __name__ == "__main__":
    unittest.main()
