"""rounds -- a store that dies again and again, and what must hold after each time.

A Siege is one store under one Load. Each method that is a kind of round lets clients work, ends the
programs in its own way, starts them again and asks for everything acknowledged. end() brings the input
to its end, compares with the same input undisturbed, and has `qingfen verify --deep` read the store.
"""

from __future__ import annotations

import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import time

import load as loads
from load import harness, wire
from power import Power

ROOT = pathlib.Path(__file__).resolve().parents[2]
CLIENT = pathlib.Path(__file__).resolve().with_name("client.py")
SHARDS = 3


def crash_points() -> list[str]:
    """The names in the sources, in their order there."""
    names = []
    for path in sorted((ROOT / "engine/world/linux").glob("*.c")):
        names += re.findall(r'\bcrash_point\("([a-z-]+)"\)', path.read_text(encoding="utf-8"))
    if len(names) != len(set(names)) or len(names) < 30:
        raise AssertionError("crash points must be there, each once: %s" % names)
    return names


SHIPPED = {variable: os.environ.get(variable, "") for variable in ("QINGFEND", "QINGFEN")}


def use_programs(twins: bool) -> None:
    """From here on the programs that we ship, or their twins with crash points and small segments."""
    for variable, shipped in SHIPPED.items():
        program = os.environ.get(variable + "_CRASH", "") if twins else shipped
        if not program:
            raise SystemExit("rounds: %s and %s_CRASH must be set; run this by meson or by "
                             "tools/crash.sh" % (variable, variable))
        os.environ[variable] = program


class like_fua:  # noqa: N801
    """Engines started inside write the journal as on a disk with FUA: one write with RWF_DSYNC."""

    def __enter__(self) -> None:
        os.environ["QINGFEN_CRASH_FUA"] = "1"

    def __exit__(self, *_) -> None:
        del os.environ["QINGFEN_CRASH_FUA"]


class NobodyCame(AssertionError):
    """No thread passed the crash point."""


class at_point:  # noqa: N801 -- reads as a phrase: with at_point("written")
    """Programs started inside die at the point's n-th pass."""

    def __init__(self, name: str, passes: int = 1):
        self.text = "%s:%d" % (name, passes)

    def __enter__(self) -> None:
        os.environ["QINGFEN_CRASH_AT"] = self.text

    def __exit__(self, *_) -> None:
        del os.environ["QINGFEN_CRASH_AT"]


class Siege:
    """One store and its input; `place` is a folder of its own. With `power` the store stands on
    powerfs; `shape` is what Load() is told of the input's size. `first` is a crash point at which
    the very first start dies."""

    def __init__(self, place: pathlib.Path, seed: int, power: bool = False, first: str = "",
                 **shape):
        self.place, self.shape = place, dict(seed=seed, **shape)
        self.rng = random.Random(seed)
        self.rounds: dict[str, int] = {}
        self.engine = self.power = None
        place.mkdir(parents=True, exist_ok=True)
        self.load = loads.Load(place, **self.shape)
        if power:
            self.power = Power(place)
        try:
            self.data = (self.power.folder if power else place) / "store"
            harness.run("init", "--data", self.data, "--shards", SHARDS)
            if first:
                with at_point(first):
                    self.die_in_start()
            self.engine = self.begin()
            self.load.begin(self.engine)
        except BaseException:
            self.close()
            raise

    def begin(self, *options: str) -> harness.Engine:
        return harness.Engine(self.data, "--checkpoint", "1", *options)

    def die_in_start(self) -> None:
        try:
            self.engine = self.begin()
        except AssertionError as error:
            if "ended with -9 before" not in str(error):
                raise
        else:  # In a thread behind the loops; soon.
            self.engine.process.wait(20)
            self.engine.kill()
        self.count("crash points")

    def close(self) -> None:
        """Whatever happened, nothing stays."""
        if self.engine is not None:
            self.engine.kill()
        if self.power is not None:
            self.power.off()

    def count(self, kind: str) -> None:
        self.rounds[kind] = self.rounds.get(kind, 0) + 1

    def again(self, sample: int = 25) -> None:
        """The next life: everything that was told must still be so, and no crash damages the state:
        it is only made again from the journal where a disk has gone bad."""
        self.engine = self.begin()
        damaged = list(self.data.glob("shard-*/state/data.mdb.damaged"))
        if damaged:
            raise AssertionError("set aside: %s\n%s" % (damaged, self.engine.stderr()))
        self.load.check(self.engine, sample)

    def awake(self) -> None:
        """Some rounds leave a dead engine to the next one."""
        if not self.engine.running():
            self.again()

    # Kinds of rounds ----------------------------------------------------------------------------

    def work(self, most: int = 90) -> None:
        """Clients work until some of their messages are acknowledged."""
        self.load.start(self.engine)
        self.load.wait(self.rng.randrange(5, most))

    def kill(self) -> None:
        """kill -9 at a random moment."""
        self.work()
        self.engine.kill()
        self.load.stop()
        self.again()
        self.count("kill -9")

    def kill_all(self) -> None:
        """The engine, clients in processes of their own and the command line, at once."""
        lanes = [lane for lane in self.load.june if not lane.ended()]
        clients = []
        for lane in lanes:
            todo = self.place / ("todo-%d" % lane.home)
            todo.write_text("".join(record.SerializeToString().hex() + "\n"
                                    for record in lane.todo), encoding="ascii")
            clients.append(subprocess.Popen(
                [sys.executable, "-B", str(CLIENT), self.engine.host, str(self.engine.port),
                 str(lane.home), str(todo)],
                stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True))
        for client in clients:
            client.stdout.readline()  # "begin": all of them are at work.
        tools = [] if self.load.file.ended() else [
            self.load.file.begin(self.engine, "--batch", "3", "--window", "1")]
        time.sleep(self.rng.uniform(0.0, 0.06))
        for process in (self.engine.process, *clients, *tools):
            process.send_signal(signal.SIGKILL)
        self.engine.kill()
        for tool in tools:
            tool.communicate(timeout=30)
        for lane, client in zip(lanes, clients):
            self.told(lane, client.stdout.read())
            client.wait(30)
            client.stdout.close()
        self.again()
        self.count("all processes")

    @staticmethod
    def told(lane: loads.SettlementLane, text: str) -> None:
        """Takes what a client wrote down before it was killed."""
        sent = list(lane.todo)
        for line in text.splitlines(keepends=True):
            if not line.endswith("\n"):
                continue  # Killed while writing: the client knew, nobody else was told.
            place, reply = line.split()
            lane.note(sent[int(place)],
                      wire.common.Reply.FromString(bytes.fromhex(reply)))
            lane.todo.remove(sent[int(place)])

    def die_at(self, name: str, passes: int = 1) -> None:
        """A life that ends by SIGKILL from inside, at a crash point: at the start, while it is asked
        for what was told before, under load, or in the drain. The engine before it is killed."""
        self.engine.kill()
        if name.startswith("mend-zero"):
            self.tear()
        self.live_until(name, passes)
        self.count("crash points")

    def live_until(self, name: str, passes: int) -> None:
        with at_point(name, passes):
            try:
                self.engine = self.begin()
            except AssertionError as error:
                if "ended with -9 before" not in str(error):
                    raise
                return
        try:
            self.load.check(self.engine, 4)
        except loads.BROKEN:
            pass
        # A tick comes once a second: what is left of the input must last.
        self.load.pace_s = 0.05 if name.startswith(("merge-", "checkpoint-")) else 0.0
        self.load.start(self.engine)
        if name.startswith(("drain", "last-", "commit")):
            self.load.wait(10)
            self.load.stop()
            self.engine.process.send_signal(signal.SIGTERM)
        try:
            code = self.engine.process.wait(20)
        except subprocess.TimeoutExpired:
            self.engine.kill()
            self.load.stop()
            raise NobodyCame("%s: nobody came by" % name) from None
        self.engine.kill()
        self.load.stop()
        self.load.pace_s = 0.0
        if code != -signal.SIGKILL:
            raise AssertionError("%s: the engine ended with %d" % (name, code))

    def stop(self) -> None:
        """An orderly end."""
        code = self.engine.stop()
        if code != 0:
            raise AssertionError("ended with %d: %s" % (code, self.engine.stderr()))

    def tear(self) -> None:
        """What a write that never ended may leave behind a journal's tail: three pages of it."""
        page = 4096
        for journal in sorted(self.data.glob("shard-*/journal")):
            for segment in sorted(journal.glob("*.qfj"), reverse=True):
                data = segment.read_bytes()
                tail = -(-len(data.rstrip(b"\0")) // page) * page
                if 0 < tail <= len(data) - 4 * page:
                    with open(segment, "r+b") as file:
                        file.seek(tail)
                        file.write(b"a torn write".ljust(page, b".") * 3)
                    break

    def cut_power(self, sector: int = 512, seed: int | None = None) -> str:
        """The power fails under load, some syncs slow; what was told is still so when it is back."""
        self.power.slow(self.rng.choice((0, 0, 3, 10)))
        self.work(60)
        words = self.off_and_on(sector, seed)
        self.again()
        self.count("power cuts")
        return words

    def off_and_on(self, sector: int = 512, seed: int | None = None) -> str:
        words = self.power.cut(self.rng.randrange(1 << 32) if seed is None else seed, sector)
        self.engine.kill()
        self.load.stop()
        self.power.on()
        return words

    def kill_ask_cut(self, pause: float = 0.05) -> int:
        """kill -9 between write and sync of one message a shard; the next engine reads the written
        block out of the cache and answers who asks again, with nothing new written that would bring
        a sync. Then the power fails. How many were answered as known. `pause`: seconds until the kill,
        less than the 0.2 that a sync takes here, enough for the write on a busy machine."""
        picked: dict[int, tuple] = {}
        for lane in self.load.june:
            for record in lane.todo:
                picked.setdefault(wire.home_shard(record.psn_key, SHARDS), (lane, record))
        self.power.slow(200)
        with self.engine.client() as client:
            client.post_many([record for _, record in picked.values()])
            time.sleep(pause)
            self.engine.kill()
        self.power.slow(0)
        self.engine = self.begin()
        known = 0
        with self.engine.client() as client:
            for lane, record in picked.values():
                reply = client.call(record)
                known += reply.dup
                lane.note(record, reply)
                lane.todo.remove(record)
        self.off_and_on(seed=0)
        self.again()
        self.count("kill, then power cut")
        return known

    def die_at_and_cut(self, name: str, seed: int | None = None) -> None:
        """A crash point, and before anything else happens the power goes."""
        self.engine.kill()
        self.live_until(name, 1)
        self.off_and_on(seed=seed)
        self.again()
        self.count("crash point, then power cut")

    # The end ------------------------------------------------------------------------------------

    def verify(self) -> None:
        """Reads the store with the engine down, and starts it again."""
        self.stop()
        text = harness.verify(self.data, "--deep").stdout
        if "verify: ok" not in text:
            raise AssertionError(text)
        self.engine = self.begin()

    def end(self) -> None:
        """The rest of the input, everything once more, and the comparison."""
        if self.power is not None:
            self.power.slow(0)
        self.load.finish(self.engine)
        self.load.check(self.engine)
        result = self.load.result(self.engine)
        self.stop()
        text = harness.verify(self.data, "--deep").stdout
        if "verify: ok" not in text:
            raise AssertionError(text)
        if self.power is not None:  # After an orderly end nothing is left that a cut could take.
            self.off_and_on(seed=0)
            self.again()
        want = undisturbed(self.place / "calm", self.shape)
        if result != want:
            raise AssertionError("another end than undisturbed:\n%s" % first_difference(
                want, result))


def check_init(data: pathlib.Path) -> None:
    """After an init that died: either the folder is no store and says so, or it is a whole one."""
    if (data / "qingfen.store").exists():
        engine = harness.Engine(data)
        code = engine.stop()
        if code != 0:
            raise AssertionError("ended with %d: %s" % (code, engine.stderr()))
        return
    try:
        harness.Engine(data).kill()
    except AssertionError as error:
        if "is not a store" not in str(error):
            raise
    else:
        raise AssertionError("%s has no qingfen.store and was served" % data)


def die_in_init(data: pathlib.Path, name: str) -> None:
    with at_point(name):
        done = harness.run("init", "--data", data, "--shards", SHARDS, check=False)
    if done.returncode != -signal.SIGKILL:
        raise AssertionError("%s: init ended with %d" % (name, done.returncode))


def first_difference(want: str, result: str) -> str:
    for old, new in zip(want.splitlines(), result.splitlines()):
        if old != new:
            return "undisturbed: %s\ndisturbed:   %s" % (old, new)
    return "one is longer"


def undisturbed(place: pathlib.Path, shape: dict) -> str:
    """What the same input leaves in an engine that nobody disturbs: a twin, whose small segments are
    made faster."""
    place.mkdir()
    load = loads.Load(place, **shape)
    were_twins = os.environ["QINGFEND"] != SHIPPED["QINGFEND"]
    use_programs(twins=True)
    harness.run("init", "--data", place / "store", "--shards", SHARDS)
    engine = harness.Engine(place / "store")
    try:
        load.begin(engine)
        load.finish(engine)
        return load.result(engine)
    finally:
        engine.kill()
        use_programs(were_twins)
