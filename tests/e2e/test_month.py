"""One month from empty store to published tables, checked against an independent model."""

import unittest

import harness
import model
from harness import Case, fen_of

MONTH, PERIOD, COUNT = "2025-03", 202503, 20000


class TestMonth(Case):
    def rows_of(self, engine, mode):
        rows = harness.report(engine, "net", MONTH, "--mode", mode)
        return [(row["payer"], row["payee"], int(row["count"]), fen_of(row["amount"]))
                for row in rows]

    def check_reports(self, engine, month):
        """All three modes and the position report against the model."""
        self.assertEqual(month.gross(), self.rows_of(engine, "gross"))
        self.assertEqual(month.bilateral(), self.rows_of(engine, "bilateral"))
        multilateral = self.rows_of(engine, "multilateral")
        self.assertEqual(month.multilateral(), multilateral)
        self.assertEqual(sum(row[3] for row in multilateral if row[1] == "--"),
                         sum(row[3] for row in multilateral if row[0] == "--"))

        rows = harness.report(engine, "position", MONTH)
        self.assertEqual(
            month.position(),
            [(row["payer"], row["payee"], row["line"], row["insutype"], int(row["count"]),
              fen_of(row["fund"]), fen_of(row["account"]), fen_of(row["amount"]))
             for row in rows])

    def check_list(self, engine, month, state):
        with engine.client() as client:
            summary = harness.periods(client)[PERIOD]
        self.assertEqual(state, summary.state)
        self.assertEqual(month.count(), summary.count)
        self.assertEqual(month.refunds, summary.refund_count)
        self.assertEqual(0, summary.late_count)
        self.assertEqual(month.medfee, summary.medfee_sumamt)
        self.assertEqual(month.amount(), summary.fund + summary.account)
        self.assertEqual(sum(row[3] for row in month.bilateral()), summary.bilateral)
        self.assertEqual(
            sum(row[3] for row in month.multilateral() if row[1] == "--"), summary.multilateral)

    def test_month(self):
        file = harness.gen(self.folder / "month.csv", MONTH, COUNT, seed=20250301)
        again = harness.gen(self.folder / "again.csv", MONTH, COUNT, seed=20250301)
        self.assertEqual(file.read_bytes(), again.read_bytes(), "gen is deterministic by seed")
        rows = model.read(file)
        month = model.Month(rows, MONTH)
        self.assertGreater(month.count(), COUNT * 9 // 10)

        data = self.init()
        engine = self.start(data)
        harness.set_clock(engine, "2025-04-05T09:00:00+08:00")

        first = harness.send(engine, file)
        self.assertEqual(0, first["rejected"])
        self.assertEqual(len(rows), first["accepted"])
        self.assertEqual(first["sent"], first["accepted"] + first["duplicate"])
        self.check_reports(engine, month)
        self.check_list(engine, month, "OPEN")

        second = harness.send(engine, file)
        self.assertEqual((first["sent"], 0, first["sent"], 0), tuple(second.values()))
        self.check_reports(engine, month)

        harness.cut(engine, MONTH)
        self.check_reports(engine, month)
        self.check_list(engine, month, "CUT")
        third = harness.send(engine, file)
        self.assertEqual((first["sent"], 0, first["sent"], 0), tuple(third.values()))
        self.check_list(engine, month, "CUT")

        with engine.client() as client:
            digest = harness.periods(client)[PERIOD].digest.hex()
        self.stop(engine)
        told = harness.verify(data).stdout
        self.assertIn("verify: ok", told)
        self.assertIn("period %d: CUT, count %d," % (PERIOD, month.count()), told)
        self.assertIn("digest " + digest, told, "worked out again from the journal")
        self.assertIn("verify: ok", harness.verify(data, "--deep").stdout)

        engine = self.start(data)
        self.check_reports(engine, month)
        self.check_list(engine, month, "CUT")
        self.stop(engine)

    def test_corrections_in_the_file(self):
        """2601 before and after their originals; what was cancelled before it came is refused."""
        file = self.folder / "corrections.csv"
        harness.run("gen", "--month", MONTH, "--count", 20000, "--seed", 4, "--corrections", "--out",
                    file)
        want = model.File(file)
        self.assertGreater(want.corrected, 0)
        data = self.init()
        engine = self.start(data)
        harness.set_clock(engine, "2025-04-05T09:00:00+08:00")
        got = harness.send(engine, file, check=False)
        self.assertEqual((want.sent, want.accepted, want.duplicate, want.rejected),
                         tuple(got.values()))
        self.check_reports(engine, model.Month(want.rows, MONTH))
        self.stop(engine)
        self.assertIn("verify: ok", harness.verify(data).stdout)

    def test_empty_store(self):
        data = self.init()
        engine = self.start(data)
        with engine.client() as client:
            self.assertEqual({}, harness.periods(client))
        self.stop(engine)
        self.assertIn("verify: ok", harness.verify(data).stdout)

    def test_init_twice(self):
        data = self.init()
        done = harness.run("init", "--data", data, check=False)
        self.assertNotEqual(0, done.returncode)
        self.assertTrue(done.stderr.strip())

    def test_verify_finds_a_flipped_bit(self):
        data = self.init(shards=1)
        engine = self.start(data)
        harness.set_clock(engine, "2025-04-05T09:00:00+08:00")
        harness.send(engine, harness.gen(self.folder / "m.csv", MONTH, 2000))
        self.stop(engine)
        harness.verify(data)

        segment = sorted(data.rglob("*.qfj"))[0]
        with open(segment, "r+b") as file:
            file.seek(4096 + 20000)
            byte = file.read(1)
            file.seek(4096 + 20000)
            file.write(bytes([byte[0] ^ 1]))
        done = harness.verify(data, check=False)
        self.assertEqual(1, done.returncode, done.stdout)
        self.assertIn("journal", done.stdout + done.stderr)
        self.assertNotIn("verify: ok", done.stdout)


if __name__ == "__main__":
    unittest.main()
