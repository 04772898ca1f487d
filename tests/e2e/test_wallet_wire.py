"""Wallet messages over the wire: each on its way, from any home, with one shard and with three."""

import time
import unittest

import harness
from harness import Case
from wire_client import person, wallet

OPEN_DAY = "2026-07-01T09:00:00+08:00"
YUAN = 100


def person_key(place, number):
    """A person whose shard is `place` of three; with one shard everybody's is 0."""
    first = (place * 0x55555556 + 0x1000 + number).to_bytes(4, "little")
    return first + number.to_bytes(12, "big")


def wait_for(what, seconds=10.0):
    """Mail between shards takes a moment."""
    end = time.monotonic() + seconds
    while True:
        value = what()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("nothing came")
        time.sleep(0.01)


class TestWalletWire(Case):
    def call(self, client, message, type_=None, code=0):
        reply = client.wallet(message, type_)
        self.assertEqual(code, reply.code, "%s\n%s" % (message, reply))
        return reply

    def open_wallets(self, client, keys, area=340100):
        for number, key in enumerate(keys):
            self.call(client, wallet.WltOpen(psn_key=key, insu_admdvs=area, use_loc_admdvs=area,
                                             insutype=310, auth_kind=1))

    def grant(self, client, key, amount, seq=1, area=340100):
        self.call(client, wallet.PaGrant(psn_key=key, insu_admdvs=area, granted_amt=amount,
                                              seq=seq))

    def use_grants(self, client):
        rule = person.RulePush(param="pa_hold_mode", value="grant", admdvs=340000)
        rule.eff_from = self.now_ms(client) + 1000
        self.call(client, rule)

    def now_ms(self, client):
        return client.hello(0).now

    def walk(self, shards):
        """A transfer between every two shards, each step from another home."""
        engine = self.start(self.init("walk-%d" % shards, shards))
        harness.set_clock(engine, OPEN_DAY)
        clients = [engine.client(0, home=home + 1) for home in range(shards)]
        keys = [person_key(place, 1) for place in range(3)]
        self.open_wallets(clients[0], keys)
        self.use_grants(clients[-1])
        harness.set_clock(engine, "2026-07-01T09:10:00+08:00")
        step = 0
        for giver in keys:
            self.grant(clients[step % shards], giver, 10000 * YUAN)
            for receiver in keys:
                if giver == receiver:
                    continue
                step += 1
                client = clients[step % shards]
                other = clients[(step + 1) % shards]
                self.call(client, wallet.RltsBind(
                    giver_psn_key=giver, recv_psn_key=receiver, rlts_code=1, consent_giver=True,
                    consent_recv=True))
                submit = wallet.TrsfSubmit(
                    giver_psn_key=giver, recv_psn_key=receiver, src=1, trsf_amt=100 * YUAN,
                    client_no="C%d" % step, auth_kind=1)
                made = self.call(other, submit)
                self.assertEqual("PENDING", made.stas)
                submit.msgid = ""
                again = self.call(client, submit)
                self.assertTrue(again.dup)
                self.assertEqual(made.trsf_id, again.trsf_id)
                accept = wallet.TrsfAccept(trsf_id=made.trsf_id, recv_psn_key=receiver)
                taken = self.call(client, accept)
                self.assertEqual("ACCEPTED", taken.stas)
                self.assertTrue(self.call(other, accept).dup)
        notices = wait_for(lambda: clients[0].outbox(0))
        self.assertEqual([n.position for n in notices], list(range(1, len(notices) + 1)))
        for client in clients:
            client.close()
        self.stop(engine)
        self.assertIn("verify: ok", harness.verify(engine.data).stdout)

    def test_every_pair_of_shards(self):
        for shards in (1, 3):
            with self.subTest(shards=shards):
                self.walk(shards)

    def test_provinces_send_only_their_own(self):
        engine = self.fresh(3, OPEN_DAY)
        key = person_key(1, 1)
        with engine.client() as centre, engine.client(34) as anhui, engine.client(31) as shanghai:
            self.call(anhui, wallet.WltOpen(psn_key=key, insu_admdvs=340100, use_loc_admdvs=340100,
                                            insutype=310), code=1004)
            self.open_wallets(centre, [key])
            self.assertEqual(1004, shanghai.call(wallet.OutboxGet(dest=34)).code)
            self.assertEqual(0, anhui.call(wallet.OutboxGet(dest=34)).code)
            self.call(shanghai, wallet.OutboxAck(dest=34, upto=1), code=1004)

    def test_what_is_wrong_is_named(self):
        engine = self.fresh(3, OPEN_DAY)
        with engine.client() as client:
            reply = self.call(client, wallet.WltOpen(psn_key=b"short", insu_admdvs=7), code=1001)
            self.assertEqual({"psn_key", "insu_admdvs", "use_loc_admdvs", "insutype"},
                             {error.field for error in reply.errors})
            reply = self.call(client, wallet.TrsfAccept(trsf_id="T1"), code=1001)
            self.assertIn("recv_psn_key", {error.field for error in reply.errors})

    def test_a_rule_holds_in_every_shard(self):
        engine = self.fresh(3, OPEN_DAY)
        keys = [person_key(place, 7) for place in range(3)]
        with engine.client() as client:
            rule = person.RulePush(param="wallet_enabled", value="off", admdvs=340000)
            rule.eff_from = self.now_ms(client) + 60000
            self.call(client, rule)
            rule.msgid = ""
            self.assertTrue(self.call(client, rule).dup)
            self.open_wallets(client, keys[:1])
            harness.set_clock(engine, "2026-07-01T09:10:00+08:00")
            for key in keys[1:]:
                self.call(client, wallet.WltOpen(psn_key=key, insu_admdvs=340100,
                                                 use_loc_admdvs=340100, insutype=310), code=3006)


if __name__ == "__main__":
    unittest.main()
