"""The wire as docs/wire.md has it: its examples byte by byte, then the conversation itself."""

import pathlib
import random
import re
import threading
import time
import unittest

import harness
import wire_client as wire
from harness import Case

DOCUMENT = wire.ROOT / "docs" / "wire.md"


class TestDocument(unittest.TestCase):
    """Needs no engine."""

    def dumps(self):
        """The ```hex blocks: the bytes left of two spaces or the line's end."""
        text = pathlib.Path(DOCUMENT).read_text(encoding="utf-8")
        for block in re.findall(r"```hex\n(.*?)```", text, re.S):
            yield b"".join(bytes.fromhex(re.match(r"(?:[0-9a-f]{2}(?: |$))+", line).group(0))
                           for line in block.splitlines())

    def test_crc(self):
        self.assertEqual(0x00000000, wire.crc32c(b""))
        self.assertEqual(0xE3069283, wire.crc32c(b"123456789"))
        self.assertEqual(0x8A9136AA, wire.crc32c(bytes(32)))
        self.assertEqual(wire.crc32c(b"123456789"), wire.crc32c(b"6789", wire.crc32c(b"12345")))

    def test_examples(self):
        """Every dump is a whole frame, and our own encoding of its message gives the same."""
        kinds = {number: kind for number, (kind, _) in wire.MESSAGES.items()}
        kinds.update((number | wire.REPLY_BIT, reply)
                     for number, (_, reply) in wire.MESSAGES.items())
        kinds[wire.ERROR_TYPE] = wire.common.ErrorReply
        types = []
        for dump in self.dumps():
            magic, length, request_id, type_, version, flags, crc = wire.HEAD.unpack(dump[:24])
            payload = dump[24:]
            self.assertEqual((b"QF01", len(payload), 1, 0), (magic, length, version, flags))
            self.assertEqual(wire.crc32c(dump[:20] + payload), crc)
            if type_ in kinds:
                message = kinds[type_].FromString(payload)
                payload = message.SerializeToString()
            self.assertEqual(dump, wire.frame(type_, request_id, payload))
            types.append(type_)
        self.assertEqual([0x0001, 0x8001, 0x0101, 0x8101, 0x7777, 0xFFFF], types)

    def test_every_message_is_documented(self):
        text = pathlib.Path(DOCUMENT).read_text(encoding="utf-8")
        for number, (request, reply) in wire.MESSAGES.items():
            row = re.search(r"\| 0x%04x \| `%s`[^|]*\| 0x%04x \| `%s` \|" % (
                number, request.DESCRIPTOR.name, number | wire.REPLY_BIT,
                reply.DESCRIPTOR.name), text)
            self.assertIsNotNone(row, "0x%04x" % number)

    def test_every_code_is_documented(self):
        text = pathlib.Path(DOCUMENT).read_text(encoding="utf-8")
        for code in wire.common.ErrorCode.values():
            self.assertRegex(text, r"\| %d \| " % code)


class TestConversation(Case):
    def setUp(self):
        super().setUp()
        self.engine = self.fresh(shards=2)
        self.maker = harness.Maker("W")

    def test_hello(self):
        with self.engine.client() as client:
            first = client.hello(31)
            self.assertCode(0, first)
            self.assertEqual((1, 2, 16, 1 << 20, 1024),
                             (first.version, first.shards, len(first.store_id),
                              first.frame_payload_max, first.batch_records_max))
            self.assertTrue(first.manual_clock)
            self.assertEqual(0, first.cut_through)
            self.assertEqual(harness.ms("2025-04-01 09:00:00"), first.now)
        for shard in (1, 2):
            with self.engine.client() as client:
                reply = client.hello(31, home=shard)
                self.assertEqual(shard, reply.home_shard)
                self.assertEqual(first.store_id, reply.store_id)
        with self.engine.client() as client:
            self.assertCode(1002, client.hello(31, version=2))
        with self.engine.client() as client:
            self.assertCode(1004, client.hello(99))

    def test_home_shards(self):
        """The map of docs/wire.md 5 is the engine's."""
        with self.engine.client() as client:
            for number in range(40):
                record = self.maker.settlement(psn_key=harness.person(number))
                reply = client.call(record)
                self.assertCode(0, reply)
                self.assertEqual(wire.home_shard(record.psn_key, 2), reply.shard)

    def test_any_shard_takes_anything(self):
        with self.engine.client(31, home=1) as one, self.engine.client(31, home=2) as two:
            for client in (one, two):
                for number in range(20):
                    self.assertCode(0, client.call(self.maker.settlement(
                        psn_key=harness.person(number))))

    def test_pipelining(self):
        rng = random.Random(1)
        records = [harness.random_settlement(self.maker, rng) for _ in range(2000)]
        with self.engine.client() as client:
            replies = client.call_many(records, window=500)
            for record, reply in zip(records, replies):
                self.assertCode(0, reply)
                self.assertEqual(record.msgid, reply.msgid)
                self.assertEqual(("ACCRUED", 202503, 0, False),
                                 (reply.state, reply.clr_period, reply.orig_period, reply.dup))
                self.assertGreater(reply.engine_seq, 0)
            again = client.call_many(records)
            for first, second in zip(replies, again):
                self.assertTrue(second.dup)
                second.dup = False
                self.assertEqual(first, second)

    def test_order_of_one_person(self):
        """A refund right behind its original, without waiting."""
        with self.engine.client() as client:
            messages = []
            for _ in range(100):
                original = self.maker.settlement()
                messages += [original, self.maker.refund(original)]
            for reply in client.call_many(messages):
                self.assertCode(0, reply)

    def test_batches(self):
        records = [self.maker.settlement() for _ in range(1024)]
        bad = self.maker.settlement(hifp_pay=6001)
        with self.engine.client() as client:
            reply, results = client.batch(records[:100] + [bad] + records[:3])
            self.assertCode(0, reply)
            self.assertEqual((100, 3, 1), (reply.accepted, reply.duplicate, reply.rejected))
            self.assertEqual(list(range(104)), [result.index for result in results])
            self.assertEqual([0] * 100 + [2004] + [0] * 3, [result.code for result in results])
            self.assertEqual([False] * 100 + [False] + [True] * 3,
                             [result.dup for result in results])

            reply, results = client.batch(records)
            self.assertEqual((924, 100, 0), (reply.accepted, reply.duplicate, reply.rejected))

            before = harness.fingerprint(client)
            more = [self.maker.settlement() for _ in range(3)]
            batch = wire.settlement.SetlBatch
            self.assertCode(1010, client.call(batch(records=more, cnt=4)))
            self.assertCode(1010, client.call(batch(records=more, sum_amt=29999)))
            self.assertCode(1010, client.call(batch(records=more, sum_amt=0)))
            self.assertCode(1001, client.call(batch()))
            self.assertCode(1001, client.call(batch(records=records + [more[0]])))
            self.assertEqual(before, harness.fingerprint(client))
            reply = client.call(batch(records=more, cnt=3, sum_amt=30000))
            self.assertEqual((0, 3), (reply.code, reply.accepted))

    def test_bytes_one_by_one(self):
        with self.engine.client() as client:
            record = self.maker.settlement()
            for byte in wire.frame(0x0101, 77, record.SerializeToString()):
                client.send_raw(bytes([byte]))
            client.waiting[77] = 0x0101
            self.assertCode(0, client.take(77))

    def test_unknown_fields_are_passed_over(self):
        """A newer client: field 2000, all four wire types."""
        extra = (b"\x80\x7d\x05" + b"\x81\x7d" + bytes(8) + b"\x82\x7d\x03abc"
                 + b"\x85\x7d" + bytes(4))
        with self.engine.client() as client:
            record = self.maker.settlement()
            client.send_raw(wire.frame(0x0101, 5, record.SerializeToString() + extra))
            client.waiting[5] = 0x0101
            self.assertCode(0, client.take(5))
            self.assertTrue(client.call(record).dup)

    def test_answers_before_an_orderly_end(self):
        with self.engine.client() as client:
            ids = client.post_many(self.maker.settlement() for _ in range(200))
            client.end_sending()
            for request_id in ids:
                self.assertCode(0, client.take(request_id))
            self.assertTrue(client.at_end())

    def test_a_client_that_does_not_read(self):
        """It is held back, loses nothing, and hurts nobody else."""
        count = 20000
        data = b"".join(wire.frame(0x0413, number, wire.centre.PositionReport(
            period=202503).SerializeToString()) for number in range(count))
        rng = random.Random(2)
        with self.engine.client() as filler:
            for reply in filler.call_many(harness.random_settlement(self.maker, rng)
                                          for _ in range(300)):
                self.assertCode(0, reply)
        with self.engine.client(timeout_s=60) as lazy, self.engine.client() as other:
            writer = threading.Thread(target=lazy.send_raw, args=(data,), daemon=True)
            writer.start()
            time.sleep(0.5)
            for _ in range(50):
                self.assertCode(0, other.call(self.maker.settlement()))
            self.assertCode(0, other.call(wire.centre.StatusGet()))
            status = pathlib.Path("/proc/%d/status" % self.engine.process.pid)
            if status.exists():
                resident = int(re.search(r"VmRSS:\s+(\d+) kB", status.read_text()).group(1))
                self.assertLess(resident, 4 << 20, "answers nobody reads are piled up")
            if writer.is_alive():
                return  # Held back, as it should be; the connection is dropped with answers unread.
            lazy.close()
        self.assertTrue(self.engine.running())

    def test_back_pressure_loses_nothing(self):
        """A slow reader gets every answer in the end."""
        count = 3000
        records = [self.maker.settlement() for _ in range(count)]
        data = b"".join(wire.frame(0x0101, number, record.SerializeToString())
                        for number, record in enumerate(records))
        with self.engine.client(timeout_s=60) as client:
            writer = threading.Thread(target=client.send_raw, args=(data,), daemon=True)
            writer.start()
            time.sleep(0.5)
            seen = set()
            for _ in range(count):
                type_, request_id, payload = client.read_frame()
                self.assertEqual(0x8101, type_)
                self.assertEqual(0, wire.common.Reply.FromString(payload).code)
                seen.add(request_id)
            writer.join(30)
            self.assertEqual(count, len(seen))

    def test_many_connections(self):
        clients = [self.engine.client() for _ in range(150)]
        try:
            ids = [client.post(self.maker.settlement()) for client in clients]
            for client, request_id in zip(clients, ids):
                self.assertCode(0, client.take(request_id))
        finally:
            for client in clients:
                client.close()

    def test_reading(self):
        with self.engine.client() as client:
            record = self.maker.settlement()
            accepted = client.call(record)
            refund = self.maker.refund(record, 1, 2)
            self.assertCode(0, client.call(refund))
            get = wire.centre.SettlementGet
            reply = client.call(get(insu_admdvs=340100, setl_id=record.setl_id))
            self.assertCode(0, reply)
            self.assertEqual(1, len(reply.records))
            found = reply.records[0]
            kept = wire.settlement.SetlPost.FromString(found.setl_post)
            self.assertEqual(record.setl_id, kept.setl_id)
            self.assertEqual(record.medfee_sumamt, kept.medfee_sumamt)
            self.assertEqual(("ACCRUED", 202503, accepted.engine_seq, accepted.shard, 9000, 2),
                             (found.state, found.clr_period, found.engine_seq, found.shard,
                              found.clr_amt, found.line))
            self.assertEqual(-5000, found.refunded)
            self.assertEqual(0, sum(line.debit for line in found.postings))
            self.assertEqual(["accepted", "refund"], [item.what for item in found.history])
            self.assertCode(6001, client.call(get(insu_admdvs=340100, setl_id="NOBODY")))
            self.assertCode(6001, client.call(get(insu_admdvs=340200, setl_id=record.setl_id)))

            status = client.call(wire.centre.StatusGet())
            self.assertEqual((0, 2, True, 2, 0), (status.code, status.shards, status.manual_clock,
                                                  len(status.shard), status.cut_through))
            self.assertEqual(2, sum(shard.accepted for shard in status.shard))


if __name__ == "__main__":
    unittest.main()
