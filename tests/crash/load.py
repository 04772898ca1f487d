"""load -- the input of a crash campaign: the same messages in whatever pieces they get through.

A seed gives every message that clients will ever send, but for the ids that the engine gives itself.
Lanes send them side by side and keep what was acknowledged; a lane whose connection breaks sends again
what was not answered, over the next engine. What is left in the engine at the end does not depend on
how often it died, so that a disturbed run can be compared with an undisturbed one:
settlements of June and of July, a cut of June while July's go on, and in pairs of persons relations,
transfers and payments from wallets.
"""

from __future__ import annotations

import pathlib
import random
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import harness  # noqa: E402
import wallet_town  # noqa: E402
import wire_client as wire  # noqa: E402
from wire_client import wallet  # noqa: E402

JUNE, JULY = 202606, 202607
NIGHT = "2026-07-02T06:00:00.000+08:00"
QUIET_S = 30.0
BROKEN = (wire.ConnectionEnded, ConnectionError, OSError)


def answer_of(reply) -> tuple:
    """What of an answer must never change, whatever kind it is."""
    if isinstance(reply, wire.common.Reply):
        return (reply.code, reply.engine_seq, reply.posted_at, reply.clr_period, reply.orig_period,
                reply.shard)
    if isinstance(reply, wire.centre.PeriodCutReply):
        return (reply.code, reply.cut_at, reply.period.SerializeToString(True))
    return wallet_town.same_answer(reply)


class Lane:
    """A client that sends its messages in their order and knows what was answered."""

    def __init__(self, home: int):
        self.home = home
        self.acknowledged: list[tuple[object, tuple]] = []
        self.known: dict[bytes, tuple] = {}

    def ended(self) -> bool:
        raise NotImplementedError

    def turn(self, client: wire.Client) -> None:
        """Sends some and takes their answers."""
        raise NotImplementedError

    def note(self, message, reply) -> None:
        """An acknowledgement; a second one must say the same."""
        if reply.code != 0:
            raise AssertionError("refused: %s\n%s" % (message, reply))
        key, answer = message.SerializeToString(True), answer_of(reply)
        if key not in self.known:
            self.known[key] = answer
            self.acknowledged.append((message, answer))
        elif self.known[key] != answer:
            raise AssertionError("another answer than before: %s\n%s\n%s"
                                 % (message, self.known[key], reply))


class SettlementLane(Lane):
    """Records in groups; each group is answered before the next is sent."""

    def __init__(self, home: int, records: list, rng: random.Random, largest: int):
        super().__init__(home)
        self.todo = records
        self.rng, self.largest = rng, largest

    def ended(self) -> bool:
        return not self.todo

    def turn(self, client: wire.Client) -> None:
        group = self.todo[:self.rng.randrange(1, self.largest + 1)]
        by_number = dict(zip(client.post_many(group), group))
        while by_number:
            number, reply = client.take_any()
            message = by_number.pop(number)
            self.note(message, reply)
            self.todo.remove(message)


class PairLane(Lane):
    """A giver and a receiver, step by step; what the next step needs is waited for."""

    def __init__(self, home: int, town: wallet_town.Town, giver: int, receiver: int, rounds: int,
                 rng: random.Random):
        super().__init__(home)
        self.town, self.giver, self.receiver = town, giver, receiver
        self.amounts = [rng.randrange(10000, 90000) for _ in range(rounds)]
        self.name = "%d" % giver
        self.rlts_id = self.trsf_id = ""
        self.step = 0
        self.given = 0

    def ended(self) -> bool:
        return self.step > 4 * len(self.amounts)

    def message(self):
        """The message of the step: a relation first, then submit, accept, pay and pay again."""
        keys = self.town.keys
        if self.step == 0:
            return wallet.RltsBind(msgid="B" + self.name, giver_psn_key=keys[self.giver],
                                   recv_psn_key=keys[self.receiver], rlts_code=3,
                                   consent_giver=True, consent_recv=True)
        place, what = divmod(self.step - 1, 4)
        number = "%s-%d" % (self.name, place)
        if what == 0:
            return self.town.submit(self.giver, self.receiver, self.amounts[place], number)
        if what == 1:
            return wallet.TrsfAccept(msgid="MA" + number, trsf_id=self.trsf_id,
                                     recv_psn_key=keys[self.receiver])
        part = self.amounts[place] // 3
        return self.town.pay(self.receiver, self.giver, part, "%s-%d" % (number, what))

    def turn(self, client: wire.Client) -> None:
        message = self.message()
        reply = client.call(message)
        self.note(message, reply)
        if isinstance(message, wallet.TrsfSubmit):
            self.trsf_id = reply.trsf_id
        if isinstance(message, wallet.TrsfAccept):
            self.wait_for_money(client)
        self.step += 1

    def wait_for_money(self, client: wire.Client) -> None:
        """The receiver's shard hears of it by mail, now or after the next start."""
        self.given = sum(self.amounts[:(self.step - 1) // 4 + 1])
        spent = sum(2 * (amount // 3) for amount in self.amounts[:(self.step - 1) // 4])
        end = time.monotonic() + QUIET_S
        while self.town.balance(client, self.receiver) != self.given - spent:
            if time.monotonic() > end:
                raise AssertionError("the money of %s never arrived" % self.name)
            time.sleep(0.005)


class FileLane(Lane):
    """The command line, file by file; what it is not told it sends again as a whole."""

    def __init__(self, folder: pathlib.Path, seed: int, files: int, count: int):
        super().__init__(1)
        whole = harness.gen(folder / "june.csv", "2026-06", files * count, seed=seed)
        lines = whole.read_text(encoding="utf-8").splitlines(keepends=True)
        self.files: list[pathlib.Path] = []
        size = -(-(len(lines) - 1) // files)
        for place in range(files):
            part = folder / ("june-%d.csv" % place)
            part.write_text(lines[0] + "".join(lines[1 + place * size:1 + (place + 1) * size]),
                            encoding="utf-8")
            self.files.append(part)

    def ended(self) -> bool:
        return not self.files

    def begin(self, engine: harness.Engine, *options: str) -> subprocess.Popen:
        return subprocess.Popen([harness.qingfen(), "send", "--to", engine.address, "--retry", "0",
                                 *options, str(self.files[0])], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def send(self, engine: harness.Engine) -> None:
        process = self.begin(engine)
        text, _ = process.communicate(timeout=60)
        if process.returncode < 0 or not engine.running():
            raise wire.ConnectionEnded("the engine went away")
        if process.returncode != 0 and engine.running():
            time.sleep(0.02)  # It may be about to die; if not, it is asked again and says so.
            raise wire.ConnectionEnded("not sent: %s" % text)
        if harness.sent_line(text)["rejected"] != 0:
            raise AssertionError("the command line was refused: %s" % text)
        self.files.pop(0)


class CutLane(Lane):
    """Cuts June when all its records are in."""

    def __init__(self, before: list[Lane]):
        super().__init__(1)
        self.before, self.cut = before, False

    def ended(self) -> bool:
        return self.cut

    def turn(self, client: wire.Client) -> None:
        if not all(lane.ended() for lane in self.before):
            time.sleep(0.01)
            return
        message = wire.centre.PeriodCut(period=JUNE, msgid="CUT")
        self.note(message, client.call(message))
        self.cut = True


class Runner(threading.Thread):
    """A lane on one engine, until it is through, told to stop, or the connection breaks."""

    def __init__(self, load: "Load", lane: Lane, engine: harness.Engine):
        super().__init__(daemon=True)
        self.load, self.lane, self.engine = load, lane, engine
        self.error = None

    def run(self) -> None:
        try:
            with self.engine.client() as client:
                client.hello(0, home=self.lane.home)
                while not self.lane.ended() and not self.load.stopping.is_set():
                    if isinstance(self.lane, FileLane):
                        self.lane.send(self.engine)
                    else:
                        self.lane.turn(client)
                    if self.load.pace_s:
                        time.sleep(self.load.pace_s)
        except BROKEN:
            pass
        except BaseException as error:  # noqa: BLE001 -- told to the test by its own thread
            self.error = error


class Load:
    """All lanes of a seed."""

    def __init__(self, folder: pathlib.Path, seed: int, june: int, july: int, transfers: int = 2,
                 largest: int = 24, files: int = 3, file_count: int = 200):
        rng = random.Random(seed)
        self.town = wallet_town.Town(online=())
        self.stopping = threading.Event()
        self.pace_s = 0.0  # Between two turns of a lane.
        self.runners: list[Runner] = []
        maker = harness.Maker("C%d-" % seed)
        first = [self._settlements(maker, rng, "2026-06", june // 3, home, largest)
                 for home in (1, 2, 3)]
        later = [self._settlements(maker, rng, "2026-07", july // 2, home, 3) for home in (1, 2)]
        places = wallet_town.PROVINCES
        pairs = [PairLane(place % 3 + 1, self.town, places[place], places[-1 - place], transfers,
                          rng) for place in range(3)]
        self.june = first
        self.file = FileLane(folder, seed, files, file_count)
        self.lanes: list[Lane] = [*first, *later, *pairs, self.file,
                                  CutLane([*first, self.file])]
        self.rng = rng

    @staticmethod
    def _settlements(maker, rng, month, count, home, largest) -> SettlementLane:
        records = []
        for _ in range(count):
            fields = {}
            if month == "2026-07":  # The first morning: nothing of what is to come.
                fields["setl_time"] = harness.ms("2026-07-01 00:00:00") + rng.randrange(8 * 3600000)
            records.append(harness.random_settlement(maker, rng, month, **fields))
        return SettlementLane(home, records, random.Random(rng.random()), largest)

    def begin(self, engine: harness.Engine) -> None:
        """Persons, places and the morning's clock: before anything is disturbed."""
        self.town.begin(engine)

    def acknowledged(self) -> int:
        return sum(len(lane.acknowledged) for lane in self.lanes)

    def ended(self) -> bool:
        return all(lane.ended() for lane in self.lanes)

    def start(self, engine: harness.Engine) -> None:
        self.stopping.clear()
        self.runners = [Runner(self, lane, engine) for lane in self.lanes if not lane.ended()]
        for runner in self.runners:
            runner.start()

    def wait(self, count: int, seconds: float = 60.0) -> None:
        """Until that many more are acknowledged, nobody sends any more, or the engine died."""
        goal, end = self.acknowledged() + count, time.monotonic() + seconds
        while self.acknowledged() < goal and any(
                runner.is_alive() and runner.engine.running() for runner in self.runners):
            if time.monotonic() > end:
                raise AssertionError("only %d of %d answered in %.0f s"
                                     % (self.acknowledged(), goal, seconds))
            time.sleep(0.001)

    def join(self) -> None:
        """The engine died, or stop() was said: every lane ends, and what one saw is told."""
        for runner in self.runners:
            runner.join(40)
            if runner.is_alive():
                raise AssertionError("a client hangs")
            if runner.error is not None:
                raise runner.error
        self.runners = []

    def stop(self) -> None:
        self.stopping.set()
        self.join()

    def finish(self, engine: harness.Engine) -> None:
        """Everything that is left, undisturbed."""
        self.start(engine)
        self.join()
        if not self.ended():
            raise AssertionError("the engine went away: %s" % engine.stderr())

    # What must hold -----------------------------------------------------------------------------

    def check(self, engine: harness.Engine, sample: int = 0) -> None:
        """Every acknowledged message is answered as before, as one that was seen. With `sample` the
        last ones of each lane and that many of the older ones."""
        rng = random.Random(self.acknowledged())
        with engine.client() as client:
            for lane in self.lanes:
                told = lane.acknowledged
                if sample and len(told) > 2 * sample:
                    told = told[-sample:] + rng.sample(told[:-sample], sample)
                for (message, answer), reply in zip(
                        told, client.call_many([message for message, _ in told])):
                    if not reply.dup:
                        raise AssertionError("lost: acknowledged before, unknown now: %s\n%s"
                                             % (message, reply))
                    if answer_of(reply) != answer:
                        raise AssertionError("another answer than before: %s\n%s\n%s"
                                             % (message, answer, reply))

    def result(self, engine: harness.Engine) -> str:
        """Everything that may be seen of the input at its end, the next morning."""
        harness.set_clock(engine, NIGHT)
        with engine.client() as client:
            wallet_town.quiet(client, 10, 0.005)
            parts = [str(summary) for _, summary in sorted(harness.periods(client).items())]
            for period in (JUNE, JULY):
                parts.append(str(client.call(wire.centre.PositionReport(period=period))))
                parts += [str(client.call(wire.centre.NetReport(period=period, mode=mode)))
                          for mode in ("gross", "bilateral", "multilateral")]
            for province, w in sorted(self.town.wallets(client).items()):
                parts.append("%d: %d %d %d %d %s" % (
                    province, w.balc, w.held, w.consumed, w.granted,
                    sorted((lot.admdvs, lot.amt) for lot in w.lots)))
            faults = self.town.broken(client)
            if faults:
                raise AssertionError("the books of givers: %s" % faults)
            return "\n".join(parts)
