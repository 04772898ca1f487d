"""wallet_cli -- a few persons with wallets, driven through `qingfen call`, for end-to-end tests.

Plays all senders: the platform (APP), the provinces of givers, payees and insured persons. Amounts
are fen, as in the messages.
"""

from __future__ import annotations

import json
from typing import Optional

import harness

AREA = {"yunnan": 530100, "sichuan": 510100, "guizhou": 520100, "guangdong": 440100,
        "fujian": 350100, "shanxi": 140100, "anhui": 340100, "qinghai": 630100}
SPOUSE, PARENT, CHILD, SIBLING = 1, 2, 3, 4


class Wallets:
    """One engine and the persons who have been introduced to it."""

    def __init__(self, engine: harness.Engine):
        self.engine = engine
        self.count = 0
        self.areas: dict[str, int] = {}

    # Small things ---------------------------------------------------------------------------

    def next_id(self, letter: str) -> str:
        self.count += 1
        return "%s%08d" % (letter, self.count)

    @staticmethod
    def key(name: str) -> str:
        return harness.person(name).hex()

    def call(self, kind: str, **fields) -> dict:
        """One message; its answer. A msgid is made when none is given."""
        if not kind.endswith(("Get", "Query", "Records")):
            fields.setdefault("msgid", self.next_id("M"))
        text = json.dumps(fields)
        done = harness.run("call", "--to", self.engine.address, kind, text, check=False)
        if not done.stdout.strip():
            raise AssertionError("%s %s: exit %d, %s" % (kind, text, done.returncode, done.stderr))
        return json.loads(done.stdout)

    def ok(self, kind: str, **fields) -> dict:
        reply = self.call(kind, **fields)
        if reply.get("code", 0) != 0:
            raise AssertionError("%s %s: %s" % (kind, fields, reply))
        return reply

    # Persons ----------------------------------------------------------------------------------

    def open(self, name: str, area: str, insutype: int = 310, use_loc: Optional[int] = None,
             **fields) -> dict:
        self.areas[name] = AREA[area]
        return self.call("WltOpen", psn_key=self.key(name), insu_admdvs=AREA[area],
                         use_loc_admdvs=use_loc or AREA[area], insutype=insutype, auth_kind=1,
                         auth_ref="face-" + name, **fields)

    def bind(self, giver: str, receiver: str, kind: int = CHILD) -> dict:
        return self.call("RltsBind", giver_psn_key=self.key(giver), recv_psn_key=self.key(receiver),
                         rlts_code=kind, proof_kind=1, consent_giver=True, consent_recv=True)

    def wallet(self, name: str) -> dict:
        return self.ok("WltQuery", psn_key=self.key(name))

    def wlt_id(self, name: str) -> str:
        return self.wallet(name)["wlt_id"]

    def balance(self, name: str) -> int:
        return int(self.wallet(name).get("balc", 0))

    # Transfers --------------------------------------------------------------------------------

    def submit(self, giver: str, receiver: str, amount: int, src: int = 1, **fields) -> dict:
        return self.call("TrsfSubmit", giver_wlt_id=self.wlt_id(giver),
                         giver_psn_key=self.key(giver), recv_psn_key=self.key(receiver),
                         client_no=fields.pop("client_no", self.next_id("C")), src=src,
                         trsf_amt=amount, auth_kind=1, auth_ref="face", **fields)

    def outbox(self, dest: int) -> list[dict]:
        """What waits for a province, or for the platform (0)."""
        return self.ok("OutboxGet", dest=dest, limit=1000).get("messages", [])

    def hold(self, giver: str, trsf_id: str, amount: int, left: int = 500000) -> dict:
        """The giver's province freezes what it was asked to."""
        dest = self.areas[giver] // 10000
        asked = [m for m in self.outbox(dest) if m.get("hold_id") == trsf_id]
        if not asked:
            raise AssertionError("province %d was not asked to hold %s" % (dest, trsf_id))
        return self.ok("PaHoldAck", hold_id=trsf_id, held_amt=amount, balc_after=left, code=0)

    def pending(self, giver: str, receiver: str, amount: int) -> str:
        """A transfer that waits for its receiver; its id."""
        reply = self.submit(giver, receiver, amount)
        if reply.get("code", 0) != 0:
            raise AssertionError(str(reply))
        if reply["stas"] == "HOLDING":
            self.hold(giver, reply["trsf_id"], amount)
        return reply["trsf_id"]

    def accept(self, receiver: str, trsf_id: str) -> dict:
        return self.call("TrsfAccept", trsf_id=trsf_id, recv_psn_key=self.key(receiver))

    def give(self, giver: str, receiver: str, amount: int) -> str:
        """A transfer from submit to accept."""
        trsf_id = self.pending(giver, receiver, amount)
        reply = self.accept(receiver, trsf_id)
        if reply.get("code", 0) != 0:
            raise AssertionError(str(reply))
        return trsf_id

    # Places -----------------------------------------------------------------------------------

    def institution(self, code: str, area: int, level: int = 1, version: int = 1) -> dict:
        return self.ok("InstDirPush", fixmedins_code=code, fixmedins_name="测试机构", admdvs=area,
                       version=version, business_lv_wlt=level, business_lv_out_med_otp=1)

    def pay(self, name: str, area: int, amount: int, code: str, **fields) -> dict:
        base = dict(psn_key=self.key(name), setl_id=self.next_id("S"), fixmedins_code=code,
                    mdtrtarea_admvs=area, medins_setl_id=self.next_id("I"), use=1, wlt_pay=amount,
                    psn_part_amt=amount, acct_pay=0)
        base.update(fields)
        return self.call("WltPay", **base)
