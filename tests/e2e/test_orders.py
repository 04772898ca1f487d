"""The commands `wallet` and `premium`, and the table of provincial rules at the start."""
import json
import pathlib
import unittest

import harness

TABLE = "tables/provincial_rules.csv"


class TestOrders(harness.Case):
    def setUp(self):
        super().setUp()
        self.engine = self.fresh(now="2026-03-02T10:00:00+08:00")

    def order(self, *words):
        """A command; its exit status, its answer in JSON and what it said on stderr."""
        done = harness.run(*words, "--to", self.engine.address, "--format", "json", check=False)
        return done.returncode, json.loads(done.stdout or "{}"), done.stderr

    def done(self, *words):
        status, reply, text = self.order(*words)
        self.assertEqual((0, 0), (status, reply.get("code")), text)
        return reply

    def refused(self, code, field, *words):
        status, reply, text = self.order(*words)
        self.assertEqual((1, code), (status, reply.get("code")), text)
        self.assertIn(": %d " % code, text)
        self.assertIn("what to do: ", text)
        if field:
            self.assertIn("  " + field, text)
        return text

    def open(self, person, area, insutype):
        return self.done("wallet", "open", "--psn-no", person, "--insu", area, "--use-loc", area,
                         "--insutype", insutype)

    def test_a_relative_pays(self):
        """A daughter's account in Yunnan pays for her mother in Sichuan, step by step."""
        giver = self.open("P1", 530100, 310)["wlt_id"]
        self.open("P2", 510100, 390)
        self.done("wallet", "bind", "--giver-no", "P1", "--receiver-no", "P2", "--relation",
                  "parent", "--consent-giver", "--consent-receiver")
        submit = ("wallet", "transfer", "--wallet", giver, "--receiver-no", "P2", "--amount")
        self.refused(3012, "trsf_amt", *submit, "2000.01")
        sent = self.done(*submit, "500.00")
        self.assertEqual(("HOLDING", 50000, False), (sent["stas"], sent["amt"], sent["dup"]))
        again = self.done(*submit, "500")
        self.assertEqual((True, sent["trsf_id"]), (again["dup"], again["trsf_id"]))
        self.done("wallet", "hold-ack", "--transfer", sent["trsf_id"], "--amount", "500",
                  "--balance", "1200", "--as", 53)
        accept = ("wallet", "accept", "--transfer", sent["trsf_id"], "--receiver-no")
        self.refused(3020, "recv_psn_key", *accept, "P1")
        self.assertEqual("ACCEPTED", self.done(*accept, "P2")["stas"])

        pay = ("wallet", "pay", "--psn-no", "P2", "--setl-id", "S1", "--place", 510100,
               "--institution", "H51010000001", "--person-part", "420.00", "--as", 51, "--amount")
        self.refused(3021, "fixmedins_code", *pay, "300.00")
        self.done("wallet", "institution", "--code", "H51010000001", "--area", 510100, "--version",
                  1, "--wallet", 1, "--as", 51)
        paid = self.done(*pay, "300.00")
        self.assertEqual((30000, 20000), (paid["amt"], paid["balc"]))
        self.assertEqual([{"admdvs": 530100, "amt": 30000}], paid["lots"])
        self.refused(2011, "setl_id", *pay, "300.01")

        back = ("wallet", "reverse", "--payment", paid["pay_id"], "--place", 510100, "--amount",
                "100", "--as", 51)
        first = self.done(*back)
        self.assertTrue(self.done(*back)["dup"])
        other = self.done(*back, "--reversal-no", "second")
        self.assertNotEqual(first["rev_id"], other["rev_id"])
        self.assertEqual(40000, other["balc"])

    def test_the_page_says_what_there_is(self):
        self.open("P1", 530100, 310)
        done = harness.run("wallet", "open", "--psn-no", "P1", "--insu", 530100, "--use-loc",
                           530100, "--insutype", 310, "--to", self.engine.address)
        self.assertRegex(done.stdout, r"\Adone before.*\n  state 状态 +DONE\n  wlt_id +W[0-9a-f]+\n\Z")

    def test_files(self):
        path = self.folder / "institutions.csv"
        path.write_text("# ours\nfixmedins_code,fixmedins_name,admdvs,version,business_lv_wlt\n"
                        "H51010000001,成都市第一医院,510100,1,1\n"
                        "H51010000002,\"成都, 第二\",510100,1,9\n"
                        "H51010000003,第三,5101,1,1\n", encoding="utf-8")
        words = ("wallet", "institution", "--file", path, "--to", self.engine.address)
        first = harness.run(*words, check=False)
        self.assertEqual(1, first.returncode)
        self.assertEqual({"sent": 2, "accepted": 1, "duplicate": 0, "rejected": 2},
                         harness.sent_line(first.stdout))
        self.assertIn("institutions.csv:4: 6008 ", first.stderr)
        self.assertIn("institutions.csv:5: --area '5101'", first.stderr)
        self.assertEqual(1, harness.sent_line(harness.run(*words, check=False).stdout)["duplicate"])
        path.write_text("fixmedins_code,colour\nH51010000001,red\n", encoding="utf-8")
        bad = harness.run(*words, check=False)
        self.assertEqual(2, bad.returncode)
        self.assertIn("there is no column 'colour'", bad.stderr)

    def test_rules(self):
        rule = ("wallet", "rule", "--area", 440000, "--param", "wallet_enabled", "--value", "on",
                "--from", "2026-03-03T00:00:00+08:00")
        self.refused(3006, "use_loc_admdvs", "wallet", "open", "--psn-no", "P3", "--insu", 440100,
                     "--use-loc", 440100, "--insutype", 390)
        self.assertFalse(self.done(*rule)["dup"])
        self.assertTrue(self.done(*rule)["dup"])
        self.refused(6009, "value", *rule[:7], "off", *rule[8:])
        self.refused(6009, "eff_from", *rule[:9], "2026-03-02T09:59:59+08:00")
        self.refused(6009, "param", "wallet", "rule", "--param", "wallets", "--value", "on",
                     "--from", "2026-03-03T00:00:00+08:00")
        self.refused(6009, "admdvs", "wallet", "rule", "--area", 440000, "--param", "deduct_max_fen",
                     "--value", 9000000, "--from", "2026-03-03T00:00:00+08:00")
        self.refused(1004, "", *rule, "--as", 44)
        harness.set_clock(self.engine, "2026-03-03T00:00:00+08:00")
        self.open("P3", 440100, 390)

    def test_premium(self):
        giver = self.open("P1", 530100, 310)["wlt_id"]
        harness.set_clock(self.engine, "2026-10-01T10:00:00+08:00")
        quote = ("premium", "quote", "--psn-no", "P1", "--insu", 530100, "--year", 2027)
        self.assertEqual("ASKED", self.done(*quote)["stas"])
        self.done("premium", "due", "--psn-no", "P1", "--insu", 530100, "--year", 2027, "--amount",
                  "400.00", "--order-no", "O1", "--as", 53)
        answer = self.done(*quote)
        self.assertEqual(("DONE", 40000, "O1"), (answer["stas"], answer["amt"], answer["order_no"]))
        pay = ("premium", "pay", "--psn-no", "P1", "--insu", 530100, "--year", 2027, "--wallet",
               giver, "--amount")
        self.refused(4004, "amt", *pay, "399.99", "--commitment")
        self.refused(4005, "commit_ack", *pay, "400.00")
        self.refused(3025, "amt", *pay, "400.00", "--commitment")

    def test_the_engine_is_away(self):
        self.stop(self.engine)
        done = harness.run("wallet", "close", "--wallet", "W1", "--reason", "asked", "--to",
                           self.engine.address, check=False)
        self.assertEqual(1, done.returncode)
        self.assertIn("cannot connect", done.stderr)


class TestTable(harness.Case):
    def spoil(self, data: pathlib.Path, old: str, new: str) -> None:
        path = data / TABLE
        text = path.read_text(encoding="utf-8")
        self.assertIn(old, text)
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    def refused(self, old: str, new: str, *said: str) -> None:
        data = self.init("data%d" % len(list(self.folder.iterdir())))
        self.spoil(data, old, new)
        with self.assertRaises(AssertionError) as caught:
            self.start(data)
        for text in (TABLE, *said):
            self.assertIn(text, str(caught.exception))

    def test_it_is_checked_at_the_start(self):
        self.refused("660000,wallet_enabled,on,2025-09-22\n", "", "line ", "660000 兵团")
        self.refused("0,trsf_night_from,22:00,", "0,trsf_night_from,25:00,", "line ", "value: ")
        self.refused("0,trsf_max_each,", "0,trsf_max_eachs,", "line ", "param: ")

    def test_an_older_store_has_the_one_built_in(self):
        data = self.init()
        (data / TABLE).unlink()
        engine = self.start(data)
        harness.set_clock(engine, "2026-03-02T10:00:00+08:00")
        harness.run("wallet", "open", "--psn-no", "P1", "--insu", 510100, "--use-loc", 510100,
                    "--insutype", 310, "--to", engine.address)
        self.stop(engine)
        harness.run("verify", "--data", data, "--deep")


if __name__ == "__main__":
    unittest.main()
