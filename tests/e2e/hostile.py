"""hostile -- clients that mean harm, and the provinces that must not feel them.

Used by test_hostile.py, and run by itself by tools/hostile.sh:

    python3 -B tests/e2e/hostile.py [--seconds N] [--connections N]

prints a table of figures: what the other provinces wait, before and during each attack, and what the
engine's memory does. An attack is a process of its own, so that it does not slow the measuring.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import random
import resource
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

import wire_client as wire

FLOOD_PROVINCE = 44
OTHERS = [11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 45, 46, 50, 51, 52,
          53, 54, 61, 62, 63, 64, 65, 66]
BATCH_FRAMES = 4
ASK_EVERY_S = 0.05  # Each of the 31 asks once in so long.


def raise_open_files(wanted: int) -> int:
    """Lets this process have so many handles, as far as it may; gives how many."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return allowed


def rss_mib(pid: int) -> int:
    """Resident memory of a process."""
    for line in pathlib.Path("/proc/%d/status" % pid).read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) // 1024
    return 0


def cpu_s(pid: int) -> float:
    """Processor time of a process so far."""
    fields = pathlib.Path("/proc/%d/stat" % pid).read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def handles(pid: int) -> int:
    """Open handles of a process."""
    return len(os.listdir("/proc/%d/fd" % pid))


# The others ------------------------------------------------------------------------------------

class Others:
    """31 provinces, a connection each, that go about their work."""

    def __init__(self, host: str, port: int, maker):
        self.maker = maker
        self.clients = []
        for province in OTHERS:
            client = wire.Client(host, port, 30)
            assert client.hello(province).code == 0
            self.clients.append((province, client))

    def close(self) -> None:
        for _, client in self.clients:
            client.close()

    def work(self, seconds: float) -> list[float]:
        """Each posts a settlement now and then and waits for its answer; what they waited, in
        milliseconds, ascending. An answer that is not "done" is an error."""
        waited = []
        end = time.monotonic() + seconds
        while True:
            begun = time.monotonic()
            if begun >= end:
                return sorted(waited)
            sent = {}
            for province, client in self.clients:
                record = self.maker.settlement(mdtrtarea_admvs=province * 10000 + 100,
                                               insu_admdvs=(11 if province != 11 else 31) * 10000
                                               + 100, sender_admdvs=province * 10000)
                sent[client.sock.fileno()] = (client, client.post(record), time.monotonic())
            while sent:
                ready, _, _ = select.select(list(sent), [], [], 30)
                if not ready:
                    raise AssertionError("%d of %d provinces got no answer in 30 s"
                                         % (len(sent), len(self.clients)))
                now = time.monotonic()
                for handle in ready:
                    client, request, at = sent.pop(handle)
                    reply = client.take(request)
                    if reply.code != 0:
                        raise AssertionError("refused: %s" % reply)
                    waited.append((now - at) * 1000)
            rest = ASK_EVERY_S - (time.monotonic() - begun)
            if rest > 0:
                time.sleep(rest)


def quantile(ascending: list[float], per_mille: int) -> float:
    return ascending[min(len(ascending) - 1, len(ascending) * per_mille // 1000)]


# Attacks ---------------------------------------------------------------------------------------
# Each runs until it is stopped. They are given the address and a number of connections.

def connect(host: str, port: int, province: int = 0) -> socket.socket:
    sock = socket.create_connection((host, port), timeout=10)
    if province:
        hello = wire.session.Hello(version=1, province=province, client="hostile")
        sock.sendall(wire.frame(wire.TYPE_OF[type(hello)], 1, hello.SerializeToString()))
    sock.setblocking(False)
    return sock


def batch_frames() -> list[bytes]:
    """Frames as long as they may be, of records that are sound."""
    import harness  # Only here: it wants the programs.
    maker = harness.Maker("F%d" % os.getpid())
    frames = []
    for number in range(BATCH_FRAMES):
        records = [maker.settlement(mdtrtarea_admvs=FLOOD_PROVINCE * 10000 + 100,
                                    insu_admdvs=310100, mdtrt_id="V" * 30,
                                    medins_setl_id="I" * 30)
                   for _ in range(wire.BATCH_MAX)]
        batch = wire.settlement.SetlBatch(records=records)
        frames.append(wire.frame(wire.TYPE_OF[type(batch)], number + 1,
                                 batch.SerializeToString()))
    return frames


def let_go(poller: select.epoll, socks: dict, handle: int) -> None:
    """A connection has ended: nobody waits for it any more."""
    sock, _ = socks.pop(handle)
    poller.unregister(sock)
    sock.close()


def pour(host: str, port: int, count: int, stream: bytes, province: int, reads: bool) -> None:
    """Sends the stream again and again on every connection, as fast as TCP takes it."""
    view = memoryview(stream)
    poller = select.epoll()
    socks: dict[int, list] = {}
    ready_said = False
    while True:
        while len(socks) < count:
            try:
                sock = connect(host, port, province)
            except OSError:
                break
            socks[sock.fileno()] = [sock, 0]
            poller.register(sock, select.EPOLLOUT | (select.EPOLLIN if reads else 0))
        if not ready_said:
            print("ready", flush=True)
            ready_said = True
        for handle, events in poller.poll(0.5):
            sock, at = socks[handle]
            try:
                if events & select.EPOLLIN and not sock.recv(1 << 20):
                    raise ConnectionResetError
                if events & select.EPOLLOUT:
                    at += sock.send(view[at:at + (1 << 18)])
                    socks[handle][1] = 0 if at == len(view) else at
                if events & (select.EPOLLERR | select.EPOLLHUP):
                    raise ConnectionResetError
            except BlockingIOError:
                pass
            except OSError:
                let_go(poller, socks, handle)


def flood(host: str, port: int, count: int) -> None:
    """One province: many connections, frames as long as they may be, answers read."""
    pour(host, port, count, b"".join(batch_frames()), FLOOD_PROVINCE, True)


def deaf(host: str, port: int, count: int) -> None:
    """The same, and nothing is read."""
    pour(host, port, count, b"".join(batch_frames()), FLOOD_PROVINCE, False)


def questions(host: str, port: int, count: int) -> None:
    """One province asks for reports, thousands at once, and reads nothing."""
    one = wire.cycle.SettingList()
    kind = wire.TYPE_OF[type(one)]
    stream = b"".join(wire.frame(kind, i, one.SerializeToString()) for i in range(1000))
    pour(host, port, count, stream, FLOOD_PROVINCE, False)


def bad_frames(host: str, port: int, count: int) -> None:
    """Frames that are wrong in every way, on connections that come again at once."""
    rng = random.Random(5)
    good = wire.frame(0x0101, 1, b"\x0a\x01x")
    wrong = [os.urandom(24), good[:20] + b"\0\0\0\0" + good[24:],
             wire.frame(0x0101, 1, b"", length=1 << 31), wire.frame(0x0101, 1, b"", version=9),
             wire.frame(0x7777, 1, b"") * 500, good * 500, good[:30]]
    print("ready", flush=True)
    while True:
        socks = []
        for _ in range(min(count, 50)):
            try:
                sock = connect(host, port)
                sock.send(rng.choice(wrong))
                socks.append(sock)
            except OSError:
                pass
        for sock in socks:
            sock.close()


def silent(host: str, port: int, count: int) -> None:
    """Connections that say nothing; those that are closed come again."""
    hold(host, port, count, b"")


def half_frames(host: str, port: int, count: int) -> None:
    """Connections that say almost all of a long frame, and then nothing."""
    hold(host, port, count, struct.pack("<4sIQHBBI", b"QF01", 1 << 20, 1, 0x0104, 1, 0, 0)
         + bytes((1 << 20) - 4096))


def hold(host: str, port: int, count: int, words: bytes) -> None:
    poller = select.epoll()
    socks: dict[int, list] = {}
    said = False
    while True:
        for _ in range(200):
            if len(socks) >= count:
                break
            try:
                sock = connect(host, port)
            except OSError:
                break
            socks[sock.fileno()] = [sock, 0]
            poller.register(sock, select.EPOLLIN | (select.EPOLLOUT if words else 0))
        if len(socks) >= count and not said:
            print("ready", flush=True)
            said = True
        for handle, events in poller.poll(0.05):
            sock, at = socks[handle]
            try:
                if events & select.EPOLLOUT:
                    at += sock.send(words[at:])
                    socks[handle][1] = at
                    if at == len(words):
                        poller.modify(sock, select.EPOLLIN)
                if events & (select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR):
                    if not sock.recv(65536):
                        raise ConnectionResetError
            except BlockingIOError:
                pass
            except OSError:
                let_go(poller, socks, handle)


def drip(host: str, port: int, count: int) -> None:
    """A byte a second of a good frame, on every connection."""
    good = wire.frame(0x0101, 1, bytes(1000))
    socks: list = []
    at = 0
    while True:
        while len(socks) < count:
            try:
                socks.append(connect(host, port))
            except OSError:
                break
        if at == 0:
            print("ready", flush=True)
        for sock in list(socks):
            try:
                sock.send(good[at:at + 1])
            except OSError:
                sock.close()
                socks.remove(sock)
        at = min(at + 1, len(good) - 1)
        time.sleep(1)


ATTACKS = {function.__name__: function for function in
           (flood, deaf, questions, bad_frames, silent, half_frames, drip)}


class Attack:
    """One of them, in a process of its own, until stop()."""

    def __init__(self, name: str, host: str, port: int, count: int, ready_s: float = 60):
        self.process = subprocess.Popen(
            [sys.executable, "-B", __file__, "--attack", name, "--host", host, "--port", str(port),
             "--connections", str(count)], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        ready, _, _ = select.select([self.process.stdout], [], [], ready_s)
        if not ready:
            self.stop()
            raise AssertionError("the attack %s did not begin" % name)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(20)
        self.process.stdout.close()


# By hand ---------------------------------------------------------------------------------------

def measure(engine, others: Others, name: str, count: int, seconds: float) -> None:
    before = others.work(seconds)
    attack = Attack(name, engine.host, engine.port, count)
    pid = engine.process.pid
    try:
        peak = rss_mib(pid)
        cpu = cpu_s(pid)
        begun = time.monotonic()
        during: list[float] = []
        while time.monotonic() - begun < seconds:
            during += others.work(0.5)
            peak = max(peak, rss_mib(pid))
        busy = (cpu_s(pid) - cpu) / (time.monotonic() - begun)
        open_handles = handles(pid)
    finally:
        attack.stop()
    during.sort()
    print("%-12s %6d  %7.1f %7.1f  %7.1f %7.1f %8.1f  %6d %6.2f %6d" % (
        name, count, quantile(before, 500), quantile(before, 990), quantile(during, 500),
        quantile(during, 990), during[-1], peak, busy, open_handles), flush=True)
    time.sleep(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--attack", choices=sorted(ATTACKS), help="be this attack, until killed")
    parser.add_argument("--only", choices=sorted(ATTACKS), action="append")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--connections", type=int, default=0, help="instead of the usual numbers")
    parser.add_argument("--seconds", type=float, default=10, help="of each measurement")
    parser.add_argument("--shards", type=int, default=2)
    parser.add_argument("engine", nargs="*", help="options of qingfend, behind --")
    options = parser.parse_args()
    raise_open_files(1 << 20)
    if options.attack:
        ATTACKS[options.attack](options.host, options.port, options.connections)
        return
    import harness
    folder = pathlib.Path(tempfile.mkdtemp(prefix="qingfen-hostile-"))
    try:
        harness.run("init", "--data", folder / "data", "--shards", options.shards)
        engine = harness.Engine(folder / "data", *options.engine)
        harness.set_clock(engine, "2025-04-01T09:00:00+08:00")
        others = Others(engine.host, engine.port, harness.Maker("O"))
        print("%-12s %6s  %15s  %24s  %6s %6s %6s" % (
            "", "conn.", "before p50 p99", "during p50 p99 max, ms", "MiB", "CPU", "files"))
        usual = {"flood": 200, "deaf": 200, "questions": 100, "bad_frames": 50, "silent": 10000,
                 "half_frames": 2000, "drip": 1000}
        for name in options.only or usual:
            measure(engine, others, name, options.connections or usual[name], options.seconds)
        others.close()
        if engine.stop() != 0:
            raise SystemExit("the engine did not end well: %s" % engine.stderr())
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
