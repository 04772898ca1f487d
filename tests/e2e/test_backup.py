"""Copies of a store while its engine works, and stores made out of copies.

`test_boundaries` restores a small history of three shards to every entry and block boundary. How far
each shard may go is found once more here, from the bytes of the original's journal, by a model of its
own; the months' sums likewise. In the suite some of the stores are replayed by `verify --deep` and
served; with QINGFEN_EVERY_BOUNDARY=1 all of them are replayed.
"""

import json
import os
import random
import resource
import signal
import struct
import subprocess
import threading
import time
import unittest

import harness
from harness import Case, run
from wallet_town import MORNING, YUAN, Town, quiet
from wire_client import person as asking, premium, settlement

BLOCK = 4096
SETTLEMENT, REFUND, ADJUSTMENT, CORRECTION, CUT, CLOCK, YEAR, CYCLE, WALLET, DEBT = range(1, 11)
MAIL, CLAIM, PUSHES = 0xe102, 0xe101, (0x0513, 0x0514)
BEIJING, ANHUI, GUIZHOU = 11, 34, 52  # Of shard 0, 1 and 2.


# The model -------------------------------------------------------------------------------------

def whole_words(size):
    return (size + 3) // 4 * 4


FIELDS = {1: "k8", 4: "i4s8884444", 5: "44kk88", 6: "44kkki4444488", 7: "4488ssk88444444",
          8: "4488ssk88444444", 9: "448", 10: "t444444T", 11: "4488"}
ROWS = {1: "i44444444488", 2: "444444", 3: "44844", 4: "88844", 5: "44kk88", 6: "ki4448",
        7: "i4k8888844", 8: "i4k88", 9: "k8", 10: "ist488", 11: "444488ksi4", 12: "448", 13: "s4444"}
KEYS = {5: "4", 6: "k4", 7: "i", 8: "i", 9: "k", 10: "i", 11: "44", 12: "48", 13: "s"}
SIZES = {"4": 4, "8": 8, "k": 16, "i": 28, "s": 32, "t": 16, "T": 96}


class Terse:
    """What stands behind the head of a wallet's entry, field by field (docs/formats.md)."""

    def __init__(self, data):
        self.data, self.at, self.large, self.keys, self.ids = data, 0, {}, [], []

    def take(self, size):
        self.at += size
        return self.data[self.at - size:self.at]

    def byte(self):
        return self.take(1)[0]

    def number(self, code, width):
        if width == 8 and 9 <= code <= 12:
            return self.large[code - 9].to_bytes(8, "little")
        value = int.from_bytes(self.take(code), "little")
        if value >> 32:
            self.large[(value * 0x9e3779b97f4a7c15 >> 62) & 3] = value
        return value.to_bytes(width, "little")

    def counted(self, code, last, seen, read):
        if code <= last:
            return seen[(code if code < last else self.byte()) - 1]
        value = read()
        if len(seen) < 64:
            seen.append(value)
        return value

    def field(self, kind, code):
        size = SIZES[kind]
        if kind in "48":
            return self.number(code, size)
        if code == 0:
            return bytes(size)
        if kind == "k":
            return self.counted(code, 14, self.keys, lambda: self.take(16))
        if kind in "tT":
            return self.take(self.byte()).ljust(size, b"\0")
        if code == 14:
            read = lambda: self.take(1) + self.take(12).hex().encode()
        else:
            read = lambda: self.take(self.byte())
        return self.counted(code, 13, self.ids, read).ljust(size, b"\0")

    def row(self, kinds):
        codes = [code for byte in self.take((len(kinds) + 1) // 2) for code in (byte & 15, byte >> 4)]
        row = b"".join(self.field(*pair) for pair in zip(kinds, codes))
        if len(row) in (96, 120) and kinds[:3] in ("i4k", "44k"):  # The lots it carries.
            count = struct.unpack_from("<I", row, 92 if kinds[0] == "i" else 100)[0]
            row += b"".join(self.row("44kk88") for _ in range(count))
        return row

    def item(self):
        op = self.byte()
        if op == 15:
            head = self.take(4)
            return head + self.take(int.from_bytes(head[:2], "little"))
        row = self.row(FIELDS[op])
        return struct.pack("<HH", len(row), op) + row

    def op(self, outs):
        tag = self.byte()
        kind, op = tag >> 4, tag & 15
        if tag == 15:
            op, kind, size = struct.unpack("<BBH", self.take(4))
            row = self.take(size)
        elif tag == 13:
            op, row = 8, outs.pop(0)
            row = row[:8] + self.number(self.byte(), 8) + row[16:]
        elif tag == 12:
            kind, codes = self.take(2)
            row = self.number(codes & 15, 4) + self.field("s", codes >> 4).rstrip(b"\0")
        else:
            row = self.row({2: ROWS, 3: KEYS}.get(op, {}).get(kind) or FIELDS[op])
        return struct.pack("<BBH", op, kind, len(row)) + row.ljust(whole_words(len(row)), b"\0")

    def words(self, message, items_at, fact, size):
        out = self.take(items_at or message)
        outs = []
        while len(out) < message:
            item = self.item()
            out += item
            if item[2] == 7:
                outs.append(item[4:])
        out = out.ljust(whole_words(message), b"\0")
        if fact:
            out += self.row("k4444444444844")
        while len(out) < size:
            out += self.op(outs)
        return out


class Entry:
    """One entry, by the bytes of docs/formats.md."""

    def __init__(self, data, shards):
        self.bytes = data
        _, body, self.seq, self.stamp, self.kind, _, self.period = struct.unpack_from("<IIQqHHI", data)
        self.line = data[38]
        self.body = data[64:64 + body]
        self.type, self.message, self.sends, self.mail = 0, b"", [], None
        if self.kind == WALLET:
            self._read_wallet(shards)

    def _read_wallet(self, shards):
        self.type, fact, form, size, words = struct.unpack_from("<HBBHH", self.body)
        rest = self.body[8:]
        if form:
            rest = Terse(rest).words(size, form & 127, fact, 4 * words)
        self.message = rest[:size]
        at = whole_words(size)
        self.fact = rest[at:at + fact]
        at += fact
        while at < len(rest):
            op, _, length = struct.unpack_from("<BBH", rest, at)
            data = rest[at + 4:at + 4 + length]
            if op == 6:
                self.sends.append(shard_of(data[8:24], shards))
            if op == 7:
                self.sends.append(struct.unpack_from("<I", data, 4)[0] % shards)
            at += 4 + whole_words(length)
        if self.type == MAIL:
            self.mail = struct.unpack_from("<IIQQ", self.message)  # from, count, first, has


def shard_of(key, shards):
    return struct.unpack_from("<I", key)[0] * shards >> 32


class Journal:
    """All entries of one shard, and where blocks and judgements end."""

    def __init__(self, folder, shard, shards):
        self.entries, self.block_ends, self.group = [], [0], {}
        for path in sorted((folder / ("shard-%04d" % shard) / "journal").glob("*.qfj")):
            with open(path, "rb") as file:
                self._read(file.read(8 << 20), shards)  # Small histories.

    def _read(self, data, shards):
        at = BLOCK
        while data[at:at + 8] == b"QFBLOCK2":
            payload, = struct.unpack_from("<I", data, at + 28)
            place, end = at + 96, at + 96 + payload
            while place < end:
                size, = struct.unpack_from("<I", data, place)
                self._add(Entry(data[place:place + size], shards))
                place += size
            self.block_ends.append(len(self.entries))
            at = (end + BLOCK - 1) // BLOCK * BLOCK

    def _add(self, entry):
        before = self.entries[-1] if self.entries else None
        joins = entry.kind == DEBT or (
            entry.kind == WALLET and before is not None and entry.message == before.body and
            before.kind in (SETTLEMENT, REFUND, CORRECTION))
        self.group[entry.seq] = self.group[before.seq] if joins else entry.seq
        self.entries.append(entry)


class History:
    def __init__(self, folder, shards):
        self.shards = shards
        self.journals = [Journal(folder, shard, shards) for shard in range(shards)]

    def whole(self, shard, end):
        """Not within a judgement."""
        journal = self.journals[shard]
        group = journal.group.get(end + 1, end + 1)
        return end if group > end else group - 1

    def prefix(self, ends, shard):
        return self.journals[shard].entries[:ends[shard]]

    def consistent(self, ends):
        """The greatest ends within those given at which nothing lacks its cause."""
        ends = [self.whole(shard, end) for shard, end in enumerate(ends)]
        while True:
            wrong = self._first_wrong(ends)
            if wrong is None:
                return ends
            shard, seq = wrong
            ends[shard] = self.journals[shard].group[seq] - 1

    def restored(self, ends):
        """The same, and nothing is stamped later than the first entry that a shard leaves out."""
        limit = None
        while True:
            before, ends = ends, self.consistent(ends)
            left = [journal.entries[end].stamp for journal, end in zip(self.journals, ends)
                    if end < len(journal.entries) and
                    (limit is None or journal.entries[end].stamp <= limit)]
            limit = min(left + [limit] if limit is not None else left, default=limit)
            if limit is not None:
                ends = [min(end, sum(e.stamp <= limit for e in journal.entries))
                        for journal, end in zip(self.journals, ends)]
            if before == ends:
                return ends

    def _first_wrong(self, ends):
        every = range(self.shards)
        sent = {(a, b): sum(e.sends.count(b) for e in self.prefix(ends, a)) for a in every for b in every}
        taken = {(a, b): sum(e.mail[1] for e in self.prefix(ends, b) if e.mail and e.mail[0] == a)
                 for a in every for b in every}
        cuts = [sum(e.kind == CUT for e in self.prefix(ends, s)) for s in every]
        for shard in every:
            done = {other: 0 for other in every}
            own = 0
            for entry in self.prefix(ends, shard):
                lacks = False
                if entry.mail:
                    other, count, _, has = entry.mail
                    done[other] += count
                    lacks |= done[other] > sent[other, shard] or has > taken[shard, other]
                if entry.kind == CUT:
                    lacks |= any(cuts[other] < own for other in every)
                    own += 1
                lacks |= entry.kind == CYCLE and min(cuts) < own
                if entry.type in PUSHES and shard != 0:
                    lacks |= self._lost(ends, 0, lambda e: e.message == entry.message)
                elif entry.kind == WALLET and entry.fact:
                    claim = struct.pack("<H", entry.type) + entry.message
                    lacks |= self._lost(ends, shard_of(entry.fact, self.shards),
                                        lambda e: e.type == CLAIM and e.message == claim)
                if lacks:
                    return shard, entry.seq
        return None

    def _lost(self, ends, shard, is_it):
        """There is such an entry, and it is left out."""
        return next((e.seq > ends[shard] for e in self.journals[shard].entries if is_it(e)), False)

    def months(self, ends):
        """Period -> records and their medfee."""
        months = {}
        for shard in range(self.shards):
            for entry in self.prefix(ends, shard):
                if entry.kind in (SETTLEMENT, REFUND, DEBT):
                    record = settlement.SetlPost.FromString(entry.body)
                    count, fee = months.get(entry.period, (0, 0))
                    months[entry.period] = (count + 1, fee + record.medfee_sumamt)
        return months


def entry_bytes(folder, shards):
    return [[entry.bytes for entry in Journal(folder, shard, shards).entries]
            for shard in range(shards)]


# The tests -------------------------------------------------------------------------------------

def backup(data, out, *arguments, **options):
    done = run("backup", "--data", data, "--out", out, "--format", "json", *arguments, **options)
    return json.loads(done.stdout) if done.returncode == 0 else done


def restore(out, *arguments, **options):
    done = run("restore", "--from", out, "--format", "json", *arguments, **options)
    return json.loads(done.stdout) if done.returncode == 0 else done


def check(out):
    return run("backup", "--check", out, check=False)


class TestRestore(Case):
    def history(self, engine):
        """Wallets of three persons in three shards, settlements, a premium, a cut, and what follows."""
        town, maker = Town(online=()), harness.Maker("B")
        here = (BEIJING, ANHUI, GUIZHOU)
        town.keys = {province: key for province, key in town.keys.items() if province in here}
        with engine.client() as client:
            harness.set_clock(engine, MORNING)
            now = client.hello(0).now
            window = asking.RulePush(msgid="WINDOW", param="prem_window_from", value="01-01",
                                     admdvs=0, eff_from=now + 1)
            for message in [*town.rules(now)[2:5], window]:
                town.done(client, message)
            harness.set_clock(engine, MORNING.replace("09:00", "09:10"))
            for message in town.people():
                town.done(client, message)
            town.bind(client, BEIJING, ANHUI)
            town.bind(client, ANHUI, GUIZHOU)
            harness.set_clock(engine, MORNING.replace("09:00", "09:20"))
            town.give(client, BEIJING, ANHUI, 900 * YUAN, "1")
            town.done(client, premium.PremDue(
                msgid="DUE", psn_key=town.keys[GUIZHOU], insutype=390, year=2027,
                insu_admdvs=520100, due_amt=400 * YUAN, order_no="O1"))
            harness.set_clock(engine, MORNING.replace("09:00", "09:30"))
            town.done(client, town.pay(ANHUI, GUIZHOU, 100 * YUAN, "1"))
            town.done(client, premium.PremPay(
                msgid="PREM", payer_psn_key=town.keys[ANHUI], psn_key=town.keys[GUIZHOU],
                amt=400 * YUAN, insu_admdvs=520100, insutype=390, year=2027, order_no="O1",
                commit_ack=True))
            for province in here:
                record = maker.settlement(
                    psn_key=town.keys[province], insu_admdvs=town.area(province),
                    setl_time=harness.ms("2026-07-01 09:00:00"))
                self.assertCode(0, client.call(record))
            quiet(client)
            harness.set_clock(engine, "2026-08-01T09:00:00+08:00")
            harness.cut(engine, "2026-07")
            town.done(client, town.pay(ANHUI, GUIZHOU, 50 * YUAN, "2"))
            town.give(client, BEIJING, ANHUI, 60 * YUAN, "2")
            quiet(client)

    def restored(self, out, history, through, deep):
        """A store restored through those entries: its entries, verified; its ends."""
        data = self.folder / "restored"
        self.remove(data)
        said = restore(out, "--data", data, "--through",
                       ",".join("%d:%d" % pair for pair in enumerate(through)))
        ends = [shard["entries"] for shard in said["shards"]]
        entries = entry_bytes(data, history.shards)
        for shard in range(history.shards):
            self.assertEqual([e.bytes for e in history.prefix(ends, shard)], entries[shard])
        told = harness.verify(data, *(["--deep"] if deep else [])).stdout
        self.assertIn("verify: ok", told)
        self.assertEqual(history.months(ends), self.months(told))
        return data, ends

    @staticmethod
    def remove(data):
        subprocess.run(["rm", "-rf", str(data)], check=True)

    @staticmethod
    def months(told):
        """What verify counted, in the form of History.months."""
        months = {}
        for line in told.splitlines():
            if line.startswith("period ") and "count" in line:
                words = line.replace(",", "").split()
                at = {word: words[place + 1] for place, word in enumerate(words[:-1])}
                if at["count"] != "0":
                    months[int(words[1].rstrip(":"))] = (int(at["count"]), harness.fen_of(at["medfee"]))
        return months

    def serve_again(self, data, history, ends):
        """It starts, goes on where it was cut, and stays sound."""
        engine = self.start(data)
        with engine.client() as client:
            quiet(client)
            self.assertEqual("", harness.order(client, harness.wire.cycle.BookGet()).broken)
        for period, (count, _) in history.months(ends).items():
            rows = harness.report(engine, "position", "%d-%02d" % divmod(period, 100))
            self.assertEqual(count, sum(int(row["count"]) for row in rows))
        self.stop(engine)
        self.assertIn("verify: ok", harness.verify(data, "--deep").stdout)

    def test_boundaries(self):
        data, out, shards = self.init(shards=3), self.folder / "backup", 3
        engine = self.start(data)
        self.history(engine)
        self.stop(engine)
        backup(data, out)
        history = History(data, shards)
        last = [len(journal.entries) for journal in history.journals]
        self.assertEqual(last, history.consistent(last))

        trimmed, seen = 0, {}
        for shard, journal in enumerate(history.journals):
            for end in range(last[shard]):
                through = list(last)
                through[shard] = end
                want = history.restored(through)
                said = restore(out, "--dry-run", "--through", "%d:%d" % (shard, end), check=any(want))
                if not any(want):
                    continue
                got = [row["entries"] for row in said["shards"]]
                self.assertEqual(want, got, "through entry %d of shard %d" % (end, shard))
                trimmed += got != [history.whole(s, n) for s, n in enumerate(through)]
                if end in journal.block_ends:
                    seen[tuple(got)] = through
        self.assertLess(20, trimmed)
        self.assertLess(20, len(seen))
        every = "QINGFEN_EVERY_BOUNDARY" in os.environ
        for place, (want, through) in enumerate(seen.items()):
            copy, ends = self.restored(out, history, through, every or place % 12 == 0)
            self.assertEqual(list(want), ends)
            if place % 30 == 20:
                self.serve_again(copy, history, ends)

    def test_to_a_time(self):
        """Everything stamped up to the time, and what it says of the rest."""
        data, out = self.init(shards=3), self.folder / "backup"
        engine = self.start(data)
        self.history(engine)
        said = backup(data, out, "--to", engine.address)
        self.stop(engine)
        history, at = History(data, 3), "2026-07-01T09:20:00"
        until = harness.ms(at.replace("T", " "))
        want = history.consistent([sum(e.stamp <= until for e in journal.entries)
                                   for journal in history.journals])
        for text in (at, at + "+08:00", "2026-07-01T01:20:00Z"):
            got = restore(out, "--dry-run", "--to", text)
            self.assertEqual(want, [row["entries"] for row in got["shards"]])
        got = restore(out, "--data", self.folder / "new/", "--to", at)
        self.assertEqual([len(j.entries) - n for j, n in zip(history.journals, want)],
                         [row["later"] + row["inconsistent"] for row in got["shards"]])
        self.serve_again(self.folder / "new", history, want)
        origin = (self.folder / "new/restored.txt").read_text()
        self.assertIn("to=%s+08:00" % at, origin)

        for arguments, status, words in (
                (("--data", self.folder / "new"), 1, "is there already"),
                (("--data", self.folder / "a", "--to", "2026-07-01"), 2, "not a time"),
                (("--data", self.folder / "a", "--to", "2027-01-01T00:00:00"), 1, "reaches to"),
                (("--data", self.folder / "a", "--to", "2020-01-01T00:00:00"), 1, "nothing"),
                (("--data", self.folder / "a", "--through", "x"), 2, "not SHARD:ENTRY"),
                (("--data", self.folder / "no/a"), 1, "cannot make the folder"),
                ((), 2, "--data is missing")):
            done = run("restore", "--from", out, *arguments, check=False)
            self.assertEqual(status, done.returncode, done.stderr)
            self.assertIn(words, done.stderr)
        self.assertFalse((self.folder / "a").exists())
        done = run("restore", "--from", data, "--data", self.folder / "a", check=False)
        self.assertIn("is not a backup", done.stderr)
        for store in (out, self.folder / "backup"):  # Neither an engine nor verify takes it for a store.
            self.assertEqual(2, harness.verify(store, check=False).returncode)
        self.assertEqual(1, said["run"])


class Sender(threading.Thread):
    """Posts records one by one for as long as it is wanted."""

    def __init__(self, engine, number):
        super().__init__(daemon=True)
        self.engine, self.number = engine, number
        self.acknowledged = {}  # Shard -> last entry.
        self.wanted = True

    def run(self):
        maker, rng = harness.Maker("L%d" % self.number), random.Random(self.number)
        with self.engine.client() as client:
            while self.wanted:
                numbers = client.post_many([harness.random_settlement(maker, rng) for _ in range(20)])
                for reply in map(client.take, numbers):
                    at = self.acknowledged.get(reply.shard, 0)
                    self.acknowledged[reply.shard] = max(at, reply.engine_seq)


class TestOnline(Case):
    def loaded(self, clock="manual"):
        engine = self.start(self.init(shards=2), clock=clock)
        if clock == "manual":
            harness.set_clock(engine, "2025-04-01T09:00:00+08:00")
        senders = [Sender(engine, number) for number in range(2)]
        for sender in senders:
            sender.start()
        self.addCleanup(self.end, senders)
        return engine, senders

    @staticmethod
    def end(senders):
        for sender in senders:
            sender.wanted = False
        for sender in senders:
            sender.join(20)

    def test_under_load(self):
        """What was acknowledged before a run is in it; a run adds what is new and leaves the rest."""
        engine, senders = self.loaded()
        out, before = self.folder / "backup", {}
        for turn in range(1, 6):
            time.sleep(0.3)
            told = [dict(sender.acknowledged) for sender in senders]
            said = backup(engine.data, out, "--to", engine.address)
            self.assertEqual(turn, said["run"])
            for row in said["shards"]:
                for heard in told:
                    self.assertLessEqual(heard.get(row["shard"], 0), row["entries"])
                self.assertEqual(before.get(row["shard"], 0) + row["new"], row["entries"])
                before[row["shard"]] = row["entries"]
            self.assertLess(0, said["new_entries"])
        self.end(senders)
        self.assertEqual(0, check(out).returncode)
        self.stop(engine)
        restore(out, "--data", self.folder / "new")
        self.assertIn("verify: ok", harness.verify(self.folder / "new", "--deep").stdout)
        original, copy = entry_bytes(engine.data, 2), entry_bytes(self.folder / "new", 2)
        for shard in range(2):
            self.assertEqual(original[shard][:len(copy[shard])], copy[shard])
        for path in [out, *out.rglob("*")]:
            self.assertEqual(0, path.stat().st_mode & 0o007, path)

    def test_the_horizon(self):
        """By the system's clock a restore ends where the newest run began, at the latest."""
        engine, senders = self.loaded(clock="system")
        out = self.folder / "backup"
        time.sleep(0.5)
        told = [dict(sender.acknowledged) for sender in senders]
        backup(engine.data, out, "--to", engine.address)
        said = restore(out, "--dry-run")
        for row in said["shards"]:
            for heard in told:
                self.assertLessEqual(heard.get(row["shard"], 0), row["entries"])
            self.assertEqual(0, row["inconsistent"])

    def test_kills_and_a_full_disk(self):
        """A run that dies or finds no room leaves the backup as it was; the next one is whole."""
        engine = self.fresh()
        out = self.folder / "backup"
        harness.send(engine, harness.gen(self.folder / "a.csv", "2025-03", 3000))
        backup(engine.data, out, "--to", engine.address)
        first = restore(out, "--dry-run")
        harness.send(engine, harness.gen(self.folder / "b.csv", "2025-03", 40000, seed=2))
        command = [harness.qingfen(), "backup", "--data", str(engine.data), "--out", str(out), "--to",
                   engine.address]

        def small():
            resource.setrlimit(resource.RLIMIT_FSIZE, (1500000, 1500000))

        full = subprocess.run(command, capture_output=True, text=True, preexec_fn=small, timeout=60,
                              restore_signals=False)  # SIGXFSZ stays ignored: it is an error.
        self.assertEqual(1, full.returncode, full.stdout)
        self.assertIn("cannot write the segment", full.stderr)
        self.assertEqual(first["shards"], restore(out, "--dry-run")["shards"])
        for wait_ms in (8, 15, 30, 50):
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(wait_ms / 1000)
            process.send_signal(signal.SIGKILL)
            process.wait(20)
            self.assertEqual(0, check(out).returncode)
        backup(engine.data, out, "--to", engine.address)
        self.assertEqual(0, check(out).returncode)
        self.stop(engine)
        restore(out, "--data", self.folder / "new")
        self.assertEqual(entry_bytes(engine.data, 2), entry_bytes(self.folder / "new", 2))

    def test_refusals(self):
        engine = self.fresh()
        other = self.fresh_other()
        out = self.folder / "backup"
        for arguments, status, words in (
                (("--data", engine.data, "--to", "127.0.0.1:1"), 1, "is in use"),
                (("--data", engine.data, "--to", other.address), 1, "another store"),
                (("--data", self.folder), 2, "is not a store")):
            done = run("backup", "--out", out, *arguments, check=False)
            self.assertEqual(status, done.returncode)
            self.assertIn(words, done.stderr)
        self.assertFalse(out.exists())
        backup(engine.data, out, "--to", engine.address)
        done = backup(other.data, out, "--to", other.address, check=False)
        self.assertIn("backup of another store", done.stderr)
        self.stop(other)  # Its lock is free: only its description says what it is.
        for data, to in ((engine.data, engine.address), (other.data, other.address)):
            done = backup(data, other.data, "--to", to, check=False)
            self.assertEqual(1, done.returncode)
            self.assertIn("is a store", done.stderr)
        self.assertEqual([], list(other.data.glob("run-*")))

    def fresh_other(self):
        other = self.start(self.init("other", 2))
        harness.set_clock(other, "2025-04-01T09:00:00+08:00")
        return other

    def test_a_torn_tail_and_another_table(self):
        """A stopped engine's store: what was cut off is not taken; tables are kept by version."""
        engine = self.fresh(shards=1)
        harness.send(engine, harness.gen(self.folder / "a.csv", "2025-03", 300))
        engine.kill()
        journal = engine.data / "shard-0000/journal/00000001.qfj"
        end = Journal(engine.data, 0, 1).block_ends[-1]
        data = journal.read_bytes()
        tail = max(at for at in range(BLOCK, 4 << 20, BLOCK) if any(data[at:at + BLOCK])) + BLOCK
        with open(journal, "r+b") as file:
            file.seek(tail)
            file.write(b"QFBLOCK2 torn" + bytes(500))
        out = self.folder / "backup"
        self.assertEqual(end, backup(engine.data, out)["shards"][0]["entries"])
        table = engine.data / "tables/calendar.csv"
        table.write_text(table.read_text() + "\n")
        backup(engine.data, out)
        self.assertEqual(0, check(out).returncode)
        restore(out, "--data", self.folder / "new")
        self.assertEqual(table.read_text(), (self.folder / "new/tables/calendar.csv").read_text())

    def test_a_torn_head(self):
        """A crash can leave the first block of a segment and not the head before it: a start keeps the
        block, and so does a backup."""
        for written in (0, 40):
            with self.subTest(written=written):
                data = self.init("torn-%d" % written, shards=1)
                engine = self.start(data)
                with engine.client() as client:
                    self.assertCode(0, client.call(harness.Maker("H").settlement()))
                engine.kill()
                with open(data / "shard-0000/journal/00000001.qfj", "r+b") as file:
                    file.seek(written)
                    file.write(bytes(BLOCK - written))
                out = self.folder / ("backup-%d" % written)
                self.assertEqual(1, backup(data, out)["shards"][0]["entries"])
                self.assertEqual(0, check(out).returncode)

                engine = self.start(data)  # It writes the head again and goes on there.
                with engine.client() as client:
                    self.assertEqual(1, harness.periods(client)[202503].count)
                    self.assertCode(0, client.call(harness.Maker("I").settlement()))
                self.stop(engine)
                self.assertEqual(2, backup(data, out)["shards"][0]["entries"])
                self.assertEqual(0, check(out).returncode)
                restore(out, "--data", self.folder / ("new-%d" % written))


if __name__ == "__main__":
    unittest.main()
