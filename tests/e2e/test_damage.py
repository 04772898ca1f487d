"""Damage at rest, with the real binaries: what a start does, and what verify says."""

import csv
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

    def test_an_old_record_that_has_rotted(self):
        """A start reads the journal from the checkpoint on: who asks for the record finds it."""
        records = self.records()
        place = self.journal.read_bytes().index(records[7][-1].encode())
        self.flip(self.journal, place, 2)
        engine = self.start(self.data)
        self.assertEqual(self.want, harness.report_text(engine, "net", "2025-03"))
        self.show(engine, records[8])
        self.assertNotEqual(0, self.show(engine, records[7], check=False).returncode)
        self.assert_ends_saying(engine, "shard 0: ", "journal/00000001.qfj, offset ",
                                " does not stand here as it was written")
        verify = harness.verify(self.data, check=False)
        self.assertEqual(1, verify.returncode)
        self.assertIn("00000001.qfj, byte", verify.stderr)
        self.flip(self.journal, place, 2)
        engine = self.start(self.data)
        self.show(engine, records[7])
        self.stop(engine)

    def test_a_segment_cut_short_under_the_engine(self):
        """What comes through memory as a signal is said like every other error."""
        records = self.records()
        engine = self.start(self.data)
        self.show(engine, records[0])
        os.truncate(self.journal, 4096)
        self.assertNotEqual(0, self.show(engine, records[9], check=False).returncode)
        self.assert_ends_saying(engine, "journal/00000001.qfj, offset ", ": cannot read entry ")

    def test_a_flip_in_the_description(self):
        self.flip(self.data / "qingfen.store", 20)
        verify = harness.verify(self.data, check=False)
        self.assertEqual(1, verify.returncode)
        self.assertIn("qingfen.store", verify.stderr)


if __name__ == "__main__":
    unittest.main()
