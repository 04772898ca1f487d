"""Damage at rest, with the real binaries: what a start does, and what verify says."""

import csv
import json
import os
import unittest

import harness
from harness import Case


class TestDamage(Case):
    def setUp(self):
        super().setUp()
        self.data = self.init("data", 1)
        engine = self.start(self.data)
        harness.set_clock(engine, "2025-04-05T09:00:00+08:00")
        self.file = harness.gen(self.folder / "month.csv", "2025-03", 500, seed=3)
        harness.send(engine, self.file)
        self.want = harness.report_text(engine, "net", "2025-03")
        self.stop(engine)
        self.state = self.data / "shard-0000" / "state" / "data.mdb"
        self.journal = self.data / "shard-0000" / "journal" / "00000001.qfj"

    def flip(self, path, offset, bit=0):
        with open(path, "r+b") as file:
            file.seek(offset)
            byte = file.read(1)[0]
            file.seek(offset)
            file.write(bytes([byte ^ 1 << bit]))

    def last_page_of(self, path):
        data = path.read_bytes()
        return max(at for at in range(0, len(data), 4096) if any(data[at:at + 4096]))

    def test_damaged_pages_are_made_again(self):
        """A page number far behind the end of the file would be a SIGBUS: LMDB believes it."""
        for meta in (0, 4096):
            self.flip(self.state, meta + 128 + 3, 6)  # The upper part of the root's number.
        verify = harness.verify(self.data, check=False)
        self.assertEqual(1, verify.returncode)
        self.assertIn("shard-0000/state/data.mdb", verify.stderr)
        engine = self.start(self.data)
        self.assertEqual(self.want, harness.report_text(engine, "net", "2025-03"))
        self.stop(engine)
        self.assertTrue(self.state.with_name("data.mdb.damaged").exists())
        self.assertIn("verify: ok", harness.verify(self.data).stdout)

    def test_a_flip_in_the_last_block_is_no_torn_write(self):
        """Without a checkpoint behind it nothing but the sums can tell."""
        self.state.unlink()
        place = self.last_page_of(self.journal) + 200
        before = self.journal.read_bytes()
        self.flip(self.journal, place, 5)
        verify = harness.verify(self.data, check=False)
        self.assertEqual(1, verify.returncode)
        self.assertIn("00000001.qfj, byte %d" % place, verify.stderr)
        damaged = self.journal.read_bytes()
        with self.assertRaises(Exception):
            self.start(self.data)
        self.assertEqual(damaged, self.journal.read_bytes())  # A person decides.
        self.flip(self.journal, place, 5)
        self.assertEqual(before, self.journal.read_bytes())
        engine = self.start(self.data)
        self.assertEqual(self.want, harness.report_text(engine, "net", "2025-03"))
        self.stop(engine)

    def records(self):
        """The month's settlements as the arguments that show one."""
        with open(self.file, newline="", encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if not row.get("orig_setl_id")]
        return [("settlement", "--insu", row["insu_admdvs"], "--setl-id", row["setl_id"])
                for row in rows]

    def show(self, engine, record, check=True):
        return harness.run("show", *record, "--to", engine.address, check=check)

    def assert_ends_saying(self, engine, *words):
        self.assertEqual(1, engine.process.wait(harness.STOP_S))
        for each in words:
            self.assertIn(each, engine.stderr())
        engine.end()

    def assert_refused(self, engine, record, place):
        """What needs the record is refused and says which it is; the engine goes on."""
        told = self.show(engine, record, check=False)
        self.assertEqual(1, told.returncode)
        for each in ("6010", "shard 0, entry ", ", segment 1, offset "):
            self.assertIn(each, told.stderr)
        offset = int(told.stderr.split(", offset ")[1].split()[0].rstrip(".,;)"))
        self.assertLessEqual(offset, place)
        self.assertLess(place, offset + 4160)
        self.assertIsNone(engine.process.poll())

    def unreadable(self, engine):
        reply = json.loads(harness.run("status", "--format", "json", "--to", engine.address).stdout)
        return sum(int(shard.get("unreadable", 0)) for shard in reply["shard"])

    def test_an_old_record_that_has_rotted(self):
        """A start reads the journal from the checkpoint on: who asks for the record is refused, the
        same message again too, and everybody else is served."""
        records = self.records()
        place = self.journal.read_bytes().index(records[7][-1].encode())
        self.flip(self.journal, place, 2)
        engine = self.start(self.data)
        self.assertEqual(self.want, harness.report_text(engine, "net", "2025-03"))
        for _ in range(7):  # More often than systemd starts it again.
            self.assert_refused(engine, records[7], place)
        self.show(engine, records[8])
        sent = harness.run("send", str(self.file), "--to", engine.address, check=False)
        self.assertEqual(1, sent.returncode)
        self.assertIn("6010", sent.stdout + sent.stderr)
        self.assertEqual(self.want, harness.report_text(engine, "net", "2025-03"))
        self.assertEqual(8, self.unreadable(engine))
        self.assertEqual(1, engine.stderr().count(" does not stand here as it was written"))
        self.assertIn("journal/00000001.qfj, offset ", engine.stderr())
        more = harness.gen(self.folder / "more.csv", "2025-03", 100, seed=99)
        harness.send(engine, more)
        self.stop(engine)
        verify = harness.verify(self.data, check=False)
        self.assertEqual(1, verify.returncode)
        self.assertIn("00000001.qfj, byte", verify.stderr)
        self.flip(self.journal, place, 2)
        self.assertIn("verify: ok", harness.verify(self.data).stdout)
        engine = self.start(self.data)
        self.show(engine, records[7])
        self.stop(engine)

    def test_a_segment_cut_short_under_the_engine(self):
        """What comes through memory as a signal is said like every other error."""
        records = self.records()
        whole = self.journal.read_bytes()
        engine = self.start(self.data)
        self.show(engine, records[0])
        os.truncate(self.journal, 4096)
        for _ in range(2):
            self.assert_refused(engine, records[9], whole.index(records[9][-1].encode()))
        self.assertEqual(1, engine.stderr().count(": cannot read entry "))
        os.truncate(self.journal, len(whole))
        with open(self.journal, "r+b") as file:
            file.write(whole)
        self.show(engine, records[9])
        self.stop(engine)

    def test_a_flip_in_the_description(self):
        self.flip(self.data / "qingfen.store", 20)
        verify = harness.verify(self.data, check=False)
        self.assertEqual(1, verify.returncode)
        self.assertIn("qingfen.store", verify.stderr)


if __name__ == "__main__":
    unittest.main()
