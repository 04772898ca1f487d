"""rig -- one scripted life of a store, in which the n-th use of a resource fails.

A life: a store with some history that was not checkpointed is copied, the engine is started on it
with tests/limits/failing.c preloaded, a client sends settlements, wallet messages, a cut and
questions one by one, the engine is told to stop. However that ended, the engine is then started
without failures, and must have everything that was answered, once, and `qingfen verify` must find
nothing. The engine is the real one, with segments and deltas so small that a hundred messages
bring segment changes and checkpoints.

Outcomes of a life, in words:

    unreached   the run has no n-th use of that kind
    went on     the failure made no difference to anybody: exit 0 after SIGTERM
    refused     the engine did not start, said why, and exited with 1
    stopped     it ended while at work, said why, and exited with 1
    told        it went on and ended, but exited with 1 and said what could not be done
    library     libcrypto, refused memory while it set itself up, died of it (SIGSEGV)
Anything else is a fault and comes back as a sentence.
"""

from __future__ import annotations

import ctypes
import dataclasses
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from typing import Optional

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))

import harness  # noqa: E402
import wallet_town  # noqa: E402
import wire_client as wire  # noqa: E402

MONTH = "2026-06"
PERIOD = 202606
END_S = 20.0  # Within so long every engine has ended, or is one that hangs.
ANSWER_S = 10.0
DYING_S = 5.0  # From the last lost connection to the end of an engine that stops.
CONNECTIONS = 4  # A connection may be lost to a failure; so many in a row may not.

ENOENT, EIO, EAGAIN, ENOMEM, EMFILE, ENOSPC = 2, 5, 11, 12, 24, 28
MODES = ("once", "on", "short")

MAP_FULL = -30792  # MDB_MAP_FULL

# Kind and mode: the errnos that such a resource really gives. What waits for room as long as there
# is none (a segment, a checkpoint on a full disk) is another test's: see test_room.py.
KINDS = {
    "alloc": {"once": (ENOMEM,), "on": (ENOMEM,)},
    "map": {"once": (ENOMEM,), "on": (ENOMEM,)},
    "thread": {"once": (EAGAIN,), "on": (EAGAIN,)},
    "write": {"once": (ENOSPC, EIO), "on": (EIO,), "short": (0,)},
    "sync": {"once": (EIO, ENOSPC), "on": (EIO,)},
    "file": {"once": (EMFILE, EIO, ENOSPC), "on": (EMFILE,)},
    "read": {"once": (EIO,), "on": (EIO,), "short": (0,)},
    "lmdb": {"once": (EIO, ENOMEM, MAP_FULL), "on": (EIO,)},
    "ring": {"once": (ENOMEM, EAGAIN), "on": (ENOMEM,)},
    "op": {"once": (ENOMEM,)},
    "commit": {"once": (EIO, ENOSPC, MAP_FULL), "on": (EIO,)},
    "lookup": {"once": (EIO,)},
    "crypto": {"once": (ENOMEM,), "on": (ENOMEM,)},
}
COUNTED = ("alloc", "map", "write", "sync", "file", "read", "lmdb", "ring", "op", "thread",
           "commit", "lookup", "crypto")
SENTENCE = re.compile(r"^qingfen(d|d_small)?( \w+)?: \S.*\S", re.M)


def programs() -> tuple[str, str, str]:
    """The small qingfend, qingfen, and the library that makes things fail."""
    build = pathlib.Path(os.environ.get("QINGFEN_BUILD", wire.ROOT / "build"))
    small = os.environ.get("QINGFEND_SMALL", str(build / "tests/limits/qingfend_small"))
    library = os.environ.get("QINGFEN_FAILING", str(build / "tests/limits/libfailing.so"))
    return os.path.abspath(small), harness.qingfen(), os.path.abspath(library)


@dataclasses.dataclass(frozen=True)
class Failure:
    """What fails: FAILING=KIND:N:ERRNO:MODE of failing.c."""
    kind: str
    n: int
    errno: int
    mode: str

    def __str__(self) -> str:
        return "%s:%d:%d:%s" % (self.kind, self.n, self.errno, self.mode)

    @staticmethod
    def parse(text: str) -> "Failure":
        kind, n, errno, mode = text.split(":")
        return Failure(kind, int(n), int(errno), mode)


class Told(ctypes.Structure):
    """struct told of failing.c."""
    _fields_ = [("counts", ctypes.c_uint64 * 16), ("fired", ctypes.c_uint64),
                ("caller", ctypes.c_uint64), ("call", ctypes.c_char * 48),
                ("module", ctypes.c_char * 160)]

    @staticmethod
    def read(path: pathlib.Path) -> "Told":
        data = path.read_bytes() if path.exists() else b""
        return Told.from_buffer_copy(data.ljust(ctypes.sizeof(Told), b"\0"))

    def where(self) -> str:
        return "%s called from %s+0x%x" % (self.call.decode(), os.path.basename(
            self.module.decode()), self.caller)


class Fault(AssertionError):
    """The engine did what it must not."""


class Process:
    """A program under the failing library; stdout and stderr go to files, so nobody has to read."""

    def __init__(self, folder: pathlib.Path, failure, *command: object, settle=None):
        self.out, self.err = folder / "stdout", folder / "stderr"
        self.told_path = folder / "told"
        self.told_path.unlink(missing_ok=True)
        environment = dict(os.environ, LD_PRELOAD=programs()[2], FAILING_TOLD=str(self.told_path))
        if failure is not None:
            environment["FAILING"] = str(failure)
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.process = subprocess.Popen([str(word) for word in command], stdout=out, stderr=err,
                                            stdin=subprocess.DEVNULL, env=environment,
                                            preexec_fn=settle)

    def said(self) -> str:
        return self.err.read_text("utf-8", "replace")

    def told(self) -> Told:
        return Told.read(self.told_path)

    def running(self) -> bool:
        return self.process.poll() is None

    def ends_within(self, seconds: float) -> bool:
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def wait(self, seconds: float = END_S) -> int:
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Fault("it hangs: not ended after %.0f s; said: %s"
                        % (seconds, self.said()[-500:])) from None
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()

    def kill(self) -> None:
        if self.running():
            self.process.kill()
            self.process.wait()

    def wait_ready(self, seconds: float = END_S):
        """The port, or None when it has ended."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            ended = not self.running()
            for line in self.out.read_text().splitlines():
                found = harness.READY.match(line)
                if found:
                    return int(found.group(2))
            if ended:
                return None
            time.sleep(0.002)
        self.kill()
        raise Fault("it hangs: neither ready nor ended after %.0f s; said: %s"
                    % (seconds, self.said()[-500:]))


def serve(folder: pathlib.Path, data: pathlib.Path, failure=None, settle=None) -> Process:
    return Process(folder, failure, programs()[0], "--data", data, "--listen", "127.0.0.1:0",
                   "--clock", "manual", settle=settle)


def clean_end(process: Process, code: int, expected=(0, 1)) -> None:
    """The rule of every end: no signal, no broken invariant, and a sentence when it is not 0."""
    said = process.said()
    if code < 0:
        raise Fault("it died of %s; said: %s" % (signal.Signals(-code).name, said[-500:]))
    if "broken invariant" in said:
        raise Fault("an outside cause is called a broken invariant: %s" % said[-500:])
    if code not in expected:
        raise Fault("exit code %d; said: %s" % (code, said[-500:]))
    if code != 0 and not SENTENCE.search(said):
        raise Fault("exit code %d without a sentence; said: %r" % (code, said[-500:]))


# The script ------------------------------------------------------------------------------------

def settled(reply) -> tuple:
    """What of the answer to a settlement must never change."""
    return (reply.code, reply.shard, reply.engine_seq, reply.clr_period, reply.posted_at)


class Past:
    """What a store's history holds before a life: settlements, and some that were refunded."""

    def __init__(self):
        self.answered: list[tuple[object, tuple]] = []
        self.replies: dict[str, tuple] = {}
        self.records: set[str] = set()
        self.refunded: list = []

    def make(self, client, count: int = 96) -> None:
        maker, rng = harness.Maker("P"), random.Random(7)
        for place in range(count):
            message = harness.random_settlement(maker, rng, MONTH)
            self._say(client, message)
            if place % 8 == 0:
                self._say(client, maker.refund(message))
                self.refunded.append(message)

    def _say(self, client, message) -> None:
        reply = client.call(message)
        assert reply.code == 0, reply
        self.records.add(message.setl_id)
        self.answered.append((message, settled(reply)))
        self.replies[message.msgid] = settled(reply)


class Script:
    """The client: sends one message after the other, remembers every answer, and can ask again."""

    def __init__(self, seed: int = 1, count: int = 36, past: "Optional[Past]" = None):
        self.town = wallet_town.Town()
        self.lane = wallet_town.Lane(self.town, "L", seed)
        self.rng = random.Random(seed)
        self.maker = harness.Maker("F%d" % seed)
        self.count = count
        self.step = 0
        self.pending = None
        self.answered: list[tuple[object, tuple]] = []
        self.past = past  # Before this life.
        self.records: set[str] = set(past.records) if past is not None else set()
        self.cut = False

    def make(self):
        """The next message, or None at the end."""
        self.step += 1
        if self.step > self.count:
            return None
        if self.step == self.count - 3:
            return wire.centre.PeriodCut(period=PERIOD)
        if self.step == self.count - 1:
            return wire.centre.NetReport(period=PERIOD)
        if self.step == self.count - 2:
            return wire.cycle.AreaReport(period=PERIOD, province=11)
        if self.past is not None and self.step % 4 == 1:
            return self.past.answered[self.step * 7 % len(self.past.answered)][0]
        if self.past is not None and self.step % 9 == 2:
            return self.maker.refund(self.past.refunded[self.step % len(self.past.refunded)])
        if self.step % 3 == 0:
            message = self.lane.make()
            if isinstance(message, wire.wallet.TrsfSubmit):
                message.src = 1  # A transfer from a wallet does not show its lots: see Town.broken().
            return message
        return harness.random_settlement(self.maker, self.rng, MONTH)

    def take(self, message, reply) -> None:
        if self.past is not None and getattr(message, "msgid", "") in self.past.replies:
            if not reply.dup or settled(reply) != self.past.replies[message.msgid]:
                raise Fault("it happened before, and is not recognised: %s" % reply)
        elif isinstance(message, wire.settlement.SetlPost) and message.refd_setl_flag:
            if reply.code not in (2014, 2015):
                raise Fault("what was refunded in full was refunded again: %s" % reply)
        elif isinstance(message, wire.settlement.SetlPost):
            if reply.code != 0:
                raise Fault("a good settlement was refused: %s" % reply)
            self.records.add(message.setl_id)
            self.answered.append((message, settled(reply)))
        elif isinstance(message, wire.centre.PeriodCut):
            if reply.code != 0:
                raise Fault("the cut was refused: %s" % reply)
            self.cut = True
        elif isinstance(message, (wire.centre.NetReport, wire.cycle.AreaReport)):
            if reply.code != 0:
                raise Fault("the report was refused: %s" % reply)
        else:
            self.lane.take(message, reply)
            if reply.code == 0:
                self.answered.append((message, wallet_town.same_answer(reply)))

    def run(self, port: int, alive) -> None:
        """Sends to the end, over a new connection when one is lost; returns when the engine ends."""
        lost = 0
        while alive() and lost < CONNECTIONS:
            try:
                with wire.Client("127.0.0.1", port, ANSWER_S) as client:
                    while True:
                        if self.pending is None:
                            self.pending = self.make()
                        if self.pending is None:
                            return
                        reply = client.call(self.pending)
                        # Overload, or an old record that could not be had: say it again, later.
                        if getattr(reply, "code", 0) in (1007, 6010):
                            lost += 1
                            if lost >= CONNECTIONS:
                                return
                            continue
                        message, self.pending = self.pending, None
                        self.take(message, reply)
                        lost = 0
            except TimeoutError:
                raise Fault("no answer within %.0f s to %s" % (
                    ANSWER_S, type(self.pending).__name__)) from None
            except wire.ProtocolError as error:
                if error.reply is None or error.reply.code != 1007:
                    raise Fault("the answer was %s" % error) from None
                lost += 1
            except (wire.ConnectionEnded, ConnectionError, OSError):
                lost += 1
                time.sleep(0.02)

    def check(self, port: int) -> None:
        """Everything that was answered is there, as it was answered, and nothing twice."""
        with wire.Client("127.0.0.1", port, ANSWER_S) as client:
            for message, before in self.answered + (self.past.answered if self.past else []):
                reply = client.call(message)
                now = (settled if isinstance(message, wire.settlement.SetlPost)
                       else wallet_town.same_answer)(reply)
                if now != before or not reply.dup:
                    raise Fault("answered before, and now otherwise: %s was %s, is %s (dup %s)"
                                % (type(message).__name__, before, now, reply.dup))
            self.step = min(self.step, self.count - 9)  # Some more work, and the cut in any case.
        self.run(port, lambda: True)
        if not self.cut:
            raise Fault("after the restart the month could not be cut")
        with wire.Client("127.0.0.1", port, ANSWER_S) as client:
            periods = client.call(wire.centre.PeriodList()).periods
            count = sum(p.count for p in periods if p.period == PERIOD)
            late = sum(p.late_count for p in periods if p.period != PERIOD)
            if count + late != len(self.records):
                raise Fault("%d settlements were accepted, %d are in the months"
                            % (len(self.records), count + late))
            end = time.monotonic() + 2
            while broken := self.town.broken(client):  # Mail between shards may be on its way.
                if time.monotonic() > end:
                    raise Fault("; ".join(broken))


# A life ------------------------------------------------------------------------------------------

class Lives:
    """Makes lives from one history; `folder` is given and taken away by the caller."""

    def __init__(self, folder: pathlib.Path, shards: int = 2):
        self.folder = folder
        self.shards = shards
        self.template = folder / "template"
        self.past = Past()
        self._make_template()

    def _make_template(self) -> None:
        """Persons, places, some transfers; killed, so that the next start has a journal to read."""
        harness.run("init", "--data", self.template, "--shards", self.shards)
        process = serve(self.folder, self.template)
        try:
            port = process.wait_ready()
            assert port is not None, process.said()
            engine = type("Address", (), {"address": "127.0.0.1:%d" % port, "client":
                                          lambda self: wire.Client("127.0.0.1", port)})()
            town = wallet_town.Town()
            town.begin(engine)
            with engine.client() as client:
                for giver, receiver in ((11, 13), (32, 34), (41, 42)):
                    town.bind(client, giver, receiver)
                    town.give(client, giver, receiver, 5000, "%d" % giver)
                self.past.make(client)
        finally:
            process.kill()

    def one(self, failure, settle=None) -> tuple[str, Told, str]:
        """One life; its outcome, what was reached, what was said. Raises Fault."""
        place = pathlib.Path(tempfile.mkdtemp(prefix="life-", dir=self.folder))
        try:
            data = place / "data"
            shutil.copytree(self.template, data)
            process = serve(place, data, failure, settle)
            try:
                return self._live(place, data, process)
            except Fault as fault:
                raise Fault("%s: %s; %s" % (failure, fault, process.told().where())) from None
            finally:
                process.kill()
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def _live(self, place, data, process) -> tuple[str, Told, str]:
        script = Script(past=self.past)
        port = process.wait_ready()
        if port is not None:
            script.run(port, process.running)
        # An engine that stops loses its connections before it has given back its memory.
        unserved = port is not None and (script.pending is not None or not script.cut)
        ended = process.ends_within(DYING_S if unserved else 0)
        if not ended:
            process.process.send_signal(signal.SIGTERM)
        code = process.wait()
        told, said = process.told(), process.said()
        if code == -signal.SIGSEGV and b"libcrypto" in told.module:
            self._restart(place, data, script)
            return "library", told, said
        clean_end(process, code)
        if port is not None and ended and code == 0:
            raise Fault("it ended with 0 and nobody had asked; said: %s" % process.said()[-500:])
        if unserved and not ended:
            raise Fault("it ran to the end and did not serve: %s" % process.said()[-500:])
        outcome = ("refused" if port is None else "stopped" if ended else
                   "told" if code != 0 else "went on")
        if told.fired == 0:
            outcome = "unreached"
        self._restart(place, data, script)
        return outcome, told, said

    @staticmethod
    def _restart(place, data, script) -> None:
        again = serve(place, data)
        try:
            port = again.wait_ready()
            if port is None:
                raise Fault("it does not start again: %s" % again.said()[-500:])
            script.check(port)
            again.process.send_signal(signal.SIGTERM)
            code = again.wait()
            if code != 0:
                raise Fault("the restarted engine ended with %d: %s" % (code, again.said()[-500:]))
        finally:
            again.kill()
        done = harness.verify(data, check=False)
        if done.returncode != 0:
            raise Fault("verify: %s" % (done.stdout + done.stderr)[-500:])
