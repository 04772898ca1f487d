"""harness -- starts real engines on temporary stores, runs the command line, builds records.

Every end-to-end test goes through the two programs and the wire, never through the engine's own
code. The programs are found in $QINGFEND and $QINGFEN, else below the build folder $QINGFEN_BUILD.
A process is stopped by its own id and never left behind; every wait has an end.
"""

from __future__ import annotations

import atexit
import csv
import datetime
import decimal
import hashlib
import io
import os
import pathlib
import queue
import random
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest
from typing import Iterable, Optional

import wire_client as wire

SHANGHAI = datetime.timezone(datetime.timedelta(hours=8))
READY = re.compile(r"^qingfend ready on (\S+):(\d+)\s*$")
START_S = 30.0
STOP_S = 40.0
RUN_S = 120.0


def _program(variable: str, *places: str) -> str:
    """Absolute path of a program."""
    path = os.environ.get(variable)
    if path:
        return os.path.abspath(path)
    build = pathlib.Path(os.environ.get("QINGFEN_BUILD", wire.ROOT / "build"))
    for place in places:
        if (build / place).is_file():
            return str((build / place).resolve())
    raise SystemExit("harness: no %s: set %s, or QINGFEN_BUILD to a meson build folder"
                     % (places[0], variable))


def qingfend() -> str:
    return _program("QINGFEND", "engine/qingfend", "qingfend")


def qingfen() -> str:
    return _program("QINGFEN", "tools/qingfen", "tools/qingfen/qingfen", "qingfen")


_ENGINES: list["Engine"] = []


@atexit.register
def _stop_what_is_left() -> None:
    for engine in list(_ENGINES):
        engine.end()


def run(*arguments: object, check: bool = True, timeout: float = RUN_S,
        text_in: Optional[str] = None) -> subprocess.CompletedProcess:
    """Runs `qingfen` with the arguments; with `check` anything but exit 0 is an error."""
    command = [qingfen()] + [str(argument) for argument in arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, input=text_in,
                          stdin=subprocess.DEVNULL if text_in is None else None)
    if check and done.returncode != 0:
        raise AssertionError("%s: exit %d\nstdout: %s\nstderr: %s" % (
            " ".join(command), done.returncode, done.stdout[-2000:], done.stderr[-2000:]))
    return done


# Memory for ids is touched at the start, and tests start hundreds of engines.
SMALL = ("--ids", "1")


class Engine:
    """One qingfend on one data folder."""

    def __init__(self, data: pathlib.Path, *arguments: str, clock: str = "manual"):
        self.data = data
        self.lines: "queue.Queue[Optional[str]]" = queue.Queue()
        self.err = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [qingfend(), "--data", str(data), "--listen", "127.0.0.1:0", "--clock", clock,
             *SMALL, *arguments],
            stdout=subprocess.PIPE, stderr=self.err, stdin=subprocess.DEVNULL, text=True)
        _ENGINES.append(self)
        self.last_words = ""
        self.reader = threading.Thread(target=self._read_stdout, daemon=True)
        self.reader.start()
        self.host, self.port = self._wait_ready()
        self.address = "%s:%d" % (self.host, self.port)

    def _read_stdout(self) -> None:
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put(None)

    def _wait_ready(self) -> tuple[str, int]:
        end = time.monotonic() + START_S
        while True:
            try:
                line = self.lines.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                self.kill()
                raise AssertionError("qingfend not ready after %.0f s: %s"
                                     % (START_S, self.stderr())) from None
            if line is None:
                self.kill()
                raise AssertionError("qingfend ended with %s before it was ready: %s"
                                     % (self.process.returncode, self.stderr()))
            found = READY.match(line)
            if found:
                return found.group(1), int(found.group(2))

    def stderr(self) -> str:
        """What it said so far."""
        if self.err.closed:
            return self.last_words
        size = os.fstat(self.err.fileno()).st_size
        return os.pread(self.err.fileno(), size, 0).decode("utf-8", "replace")[-4000:]

    def client(self, province: int = 0, timeout_s: float = 20.0, **hello) -> wire.Client:
        """A connection that speaks for a province; 0: the centre, without a Hello."""
        client = wire.Client(self.host, self.port, timeout_s)
        if province or hello:
            reply = client.hello(province, **hello)
            if reply.code != 0:
                raise AssertionError("hello refused: %d %s" % (reply.code, reply.text))
        return client

    def running(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        """kill -9, as a power failure of the process."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait(STOP_S)
        self._gone()

    def end(self) -> None:
        """When a test is over. With QINGFEN_COVERAGE in the environment it may end by itself: a
        killed process writes down no counts of the lines that it ran through."""
        if os.environ.get("QINGFEN_COVERAGE") and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                pass
        self.kill()

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("qingfend did not end within %.0f s of SIGTERM: %s"
                                 % (STOP_S, self.stderr())) from None
        self._gone()
        return code

    def _gone(self) -> None:
        if self not in _ENGINES:
            return
        _ENGINES.remove(self)
        self.last_words = self.stderr()
        self.err.close()
        self.reader.join(5)
        self.process.stdout.close()


class Case(unittest.TestCase):
    """A test with a temporary folder and engines that are always stopped."""

    maxDiff = 4000

    def setUp(self) -> None:
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="qingfen-e2e-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def init(self, name: str = "data", shards: int = 2) -> pathlib.Path:
        """A new store."""
        data = self.folder / name
        run("init", "--data", data, "--shards", shards)
        return data

    def start(self, data: pathlib.Path, *arguments: str, clock: str = "manual") -> Engine:
        engine = Engine(data, *arguments, clock=clock)
        self.addCleanup(engine.end)
        return engine

    def fresh(self, shards: int = 2, now: str = "2025-04-01T09:00:00+08:00") -> Engine:
        """A new store, served under a manual clock that stands at `now`."""
        engine = self.start(self.init(shards=shards))
        set_clock(engine, now)
        return engine

    def stop(self, engine: Engine) -> None:
        """An orderly end, which must be an orderly end."""
        code = engine.stop()
        self.assertEqual(0, code, engine.stderr())

    def assertCode(self, code: int, reply, what: str = "") -> None:  # noqa: N802
        self.assertEqual(code, reply.code, "%s %s" % (what, str(reply).replace("\n", " ")))


# The command line ------------------------------------------------------------------------------

SENT = re.compile(r"sent=(\d+) accepted=(\d+) duplicate=(\d+) rejected=(\d+)")


def sent_line(stdout: str) -> dict[str, int]:
    """The last line of `qingfen send`, as numbers."""
    lines = stdout.strip().splitlines()
    found = SENT.match(lines[-1]) if lines else None
    if found is None:
        raise AssertionError("no summary from qingfen send: %r" % stdout[-500:])
    return dict(zip(("sent", "accepted", "duplicate", "rejected"), map(int, found.groups())))


def gen(out: pathlib.Path, month: str, count: int, seed: int = 1) -> pathlib.Path:
    """A CSV of the national workload."""
    run("gen", "--month", month, "--count", count, "--seed", seed, "--format", "csv", "--out", out)
    return out


def send(engine: Engine, *arguments: object, check: bool = True) -> dict[str, int]:
    """`qingfen send` of the files; its summary."""
    return sent_line(run("send", "--to", engine.address, *arguments, check=check).stdout)


def report(engine: Engine, what: str, period: str, *arguments: str) -> list[dict[str, str]]:
    """`qingfen report` as rows."""
    text = run("report", what, "--to", engine.address, "--period", period, "--format", "csv",
               *arguments).stdout
    return list(csv.DictReader(io.StringIO(text)))


def report_text(engine: Engine, what: str, period: str, *arguments: str) -> str:
    return run("report", what, "--to", engine.address, "--period", period, "--format", "csv",
               *arguments).stdout


def set_clock(engine: Engine, when: str) -> None:
    run("clock", "--to", engine.address, "--set", when)


def cut(engine: Engine, period: str) -> None:
    """Cuts a month ("2025-03") by the command line."""
    run("period", "cut", period, "--to", engine.address)


def verify(data: pathlib.Path, *arguments: str, check: bool = True):
    """`qingfen verify`, offline."""
    return run("verify", "--data", data, *arguments, check=check)


# Records ---------------------------------------------------------------------------------------

def ms(text: str) -> int:
    """"2025-03-14 14:30:00" in Shanghai as milliseconds since the epoch."""
    at = datetime.datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=SHANGHAI)
    return int(at.timestamp()) * 1000


def person(name: object) -> bytes:
    """A psn_key for a made-up person."""
    return hashlib.sha256(("person %s" % name).encode()).digest()[:16]


FUND_PARTS = ("hifp_pay", "cvlserv_pay", "hifes_pay", "hifmi_pay", "hifob_pay", "hifdm_pay",
              "maf_pay", "oth_pay")
REFUNDABLE = ("medfee_sumamt", "fund_pay_sumamt", "psn_part_amt", "acct_pay", "psn_cash_pay",
              "acct_mulaid_pay", "wlt_pay", "hosp_part_amt") + FUND_PARTS


class Maker:
    """Builds sound records; every id is used once."""

    def __init__(self, prefix: str = "T"):
        self.prefix = prefix
        self.count = 0

    def next_id(self) -> str:
        self.count += 1
        return "%s%08d" % (self.prefix, self.count)

    def settlement(self, **fields) -> "wire.settlement.SetlPost":
        """An outpatient settlement of a Hefei employee in Shanghai, 100.00 yuan: 60 pool, 30
        account, 10 cash; any field can be said otherwise."""
        number = self.next_id()
        base = dict(msgid="M" + number, setl_id="S" + number, mdtrt_id="V" + number,
                    psn_key=person(number), fixmedins_code="H31000000001", insu_admdvs=340100,
                    mdtrtarea_admvs=310000, insutype=310, med_type=11, clr_type=11,
                    setl_time=ms("2025-03-14 14:30:00"), medfee_sumamt=10000,
                    fund_pay_sumamt=6000, hifp_pay=6000, psn_part_amt=4000, acct_pay=3000,
                    psn_cash_pay=1000)
        base.update(fields)
        return wire.settlement.SetlPost(**base)

    def refund(self, original, numerator: int = 1, denominator: int = 1, **fields):
        """A refund of that part of every amount, as SetlPost; the parts must divide evenly."""
        number = self.next_id()
        record = wire.settlement.SetlPost()
        record.CopyFrom(original)
        record.msgid, record.setl_id = "M" + number, "S" + number
        record.refd_setl_flag, record.orig_setl_id = True, original.setl_id
        for name in REFUNDABLE:
            setattr(record, name, -(getattr(original, name) * numerator // denominator))
        for name, value in fields.items():
            setattr(record, name, value)
        return record

    def reverse(self, original, **fields):
        """SetlReverse of the whole record."""
        number = self.next_id()
        base = dict(msgid="M" + number, rev_setl_id="S" + number, setl_id=original.setl_id,
                    psn_key=original.psn_key, insu_admdvs=original.insu_admdvs,
                    mdtrtarea_admvs=original.mdtrtarea_admvs, full=True,
                    setl_time=original.setl_time)
        base.update(fields)
        return wire.settlement.SetlReverse(**base)

    def correction(self, original, **fields):
        """2601 against the record."""
        number = self.next_id()
        base = dict(msgid="M" + number, omsgid=original.msgid, oinfno="2207",
                    psn_key=original.psn_key, sender_admdvs=original.mdtrtarea_admvs)
        base.update(fields)
        return wire.settlement.Correction(**base)

    def adjust(self, original, **fields):
        """An adjustment that both sides agreed on; asked by the treatment side."""
        number = self.next_id()
        base = dict(msgid="M" + number, adj_no="A" + number, setl_id=original.setl_id,
                    psn_key=original.psn_key, insu_admdvs=original.insu_admdvs,
                    mdtrtarea_admvs=original.mdtrtarea_admvs, reason="review deduction",
                    approved_by=original.insu_admdvs, approval_no="OK" + number,
                    sender_admdvs=original.mdtrtarea_admvs)
        base.update(fields)
        return wire.settlement.SetlAdjust(**base)


def random_settlement(maker: Maker, rng: random.Random, month: str = "2025-03", **fields):
    """A sound settlement with random parties, line and amounts in that month."""
    payer, payee = rng.sample([11, 13, 31, 32, 34, 44, 51, 61, 65, 66], 2)
    pool, account, cash = (rng.randrange(0, 1000000) for _ in range(3))
    employee = rng.random() < 0.6
    if not employee:
        account = 0
    med_type, clr_type = rng.choice([(11, 11), (21, 21), (41, 41)])
    base = dict(insu_admdvs=payer * 10000 + 100, mdtrtarea_admvs=payee * 10000 + 100,
                insutype=310 if employee else 390, med_type=med_type, clr_type=clr_type,
                fixmedins_code="H%02d000000001" % payee,
                setl_time=ms(month + "-01 00:00:00") + rng.randrange(28 * 86400) * 1000,
                medfee_sumamt=pool + account + cash, fund_pay_sumamt=pool, hifp_pay=pool,
                psn_part_amt=account + cash, acct_pay=account, psn_cash_pay=cash)
    base.update(fields)
    return maker.settlement(**base)


# The clearing cycle ----------------------------------------------------------------------------

def order(client: wire.Client, message, code: int = 0):
    """Sends an order; its answer, which must have that code."""
    reply = client.call(message)
    if reply.code != code:
        raise AssertionError("%s: %d %s, not %d" % (type(message).__name__, reply.code, reply.text,
                                                    code))
    return reply


def settle_batch(client: wire.Client, period: int, now: int) -> None:
    """Brings the month's batch to its end, as the centre for everybody: tables, signatures,
    notices, money."""
    name = str(period)
    for step in ("compute", "publish"):
        order(client, wire.cycle.BatchStep(msgid=step + name, period=period, step=step))
    batch = order(client, wire.cycle.BatchGet(period=period))
    for row in batch.positions:
        if row.payable or row.receivable:
            order(client, wire.cycle.BatchSign(msgid="sign%d-%s" % (row.province, name),
                                               province=row.province, period=period,
                                               digest=batch.batch.digest))
    order(client, wire.cycle.BatchStep(msgid="notice" + name, period=period, step="notice"))
    notices = order(client, wire.cycle.NoticeList(period=period, kind="clearing"))
    for count, notice in enumerate(notices.notices):
        ref = "B%s-%d" % (name, count)
        order(client, wire.cycle.PayReport(msgid="P" + ref, number=notice.number, bank_ref=ref,
                                           amount=notice.amount, paid_at=now))
        order(client, wire.cycle.ReceiptReport(msgid="R" + ref, number=notice.number, bank_ref=ref,
                                               amount=notice.amount))


# State, for "nothing changed" and "the same" ---------------------------------------------------

def periods(client: wire.Client) -> dict[int, object]:
    """PeriodSummary by period."""
    reply = client.call(wire.centre.PeriodList())
    if reply.code != 0:
        raise AssertionError(str(reply))
    return {period.period: period for period in reply.periods}


def fingerprint(client: wire.Client) -> str:
    """Everything the engine shows of its periods, as one text: equal means nothing changed."""
    parts = []
    for number, summary in sorted(periods(client).items()):
        parts.append(str(summary))
        position = client.call(wire.centre.PositionReport(period=number))
        parts.append(str(position))
        parts.append(str(client.call(wire.centre.NetReport(period=number, mode="gross"))))
    return "\n".join(parts)


def yuan(fen: int) -> str:
    """Fen as yuan with two decimals, by integers."""
    return "%s%d.%02d" % ("-" if fen < 0 else "", abs(fen) // 100, abs(fen) % 100)


def same_rows(rows: Iterable[dict[str, str]], columns: Iterable[str]) -> list[tuple[str, ...]]:
    """The columns of interest of a report's rows."""
    return [tuple(row[column] for column in columns) for row in rows]


def fen_of(text: str) -> int:
    """Yuan as reports write them into fen."""
    value = decimal.Decimal(text) * 100
    if value != value.to_integral_value():
        raise ValueError("more than two decimals: %r" % text)
    return int(value)
