"""Resources that fail or run out: a sample of the exhaustive campaign, and each limit by itself."""

from __future__ import annotations

import ctypes
import errno
import os
import pathlib
import resource
import shutil
import signal
import socket
import subprocess
import time
import unittest

import limits
import rig
from rig import Failure, harness, wire

SAMPLE_LIVES = {"once": 3, "on": 2, "short": 1}  # A kind.
WAIT_S = 15.0
INIT_STEP = 7


class Case(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = pathlib.Path(limits.folder_for_lives())
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def init(self, name: str = "data", shards: int = 1) -> pathlib.Path:
        data = self.folder / name
        harness.run("init", "--data", data, "--shards", shards)
        return data

    def serve(self, data, failure=None, settle=None) -> rig.Process:
        process = rig.serve(self.folder, data, failure, settle)
        self.addCleanup(process.kill)
        return process

    def refused(self, process: rig.Process, *words: str) -> None:
        """It does not start, and says why with those words."""
        self.assertIsNone(process.wait_ready(), "it started: %s" % process.said())
        code = process.wait()
        rig.clean_end(process, code)
        self.assertEqual(1, code, process.said())
        for word in words:
            self.assertIn(word, process.said())

    def stop(self, process: rig.Process, code: int = 0) -> None:
        process.process.send_signal(signal.SIGTERM)
        self.assertEqual(code, process.wait(), process.said())

    def verify(self, data) -> None:
        done = harness.verify(data, check=False)
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)


class TestSample(Case):
    def test_every_kind(self):
        """A few lives of each kind, spread over its uses; tools/limits.sh lives all of them."""
        lives = rig.Lives(self.folder)
        counts = limits.counts_of(lives)
        campaign = limits.Campaign(lives, os.cpu_count() or 1, quiet=True)
        failures = []
        for kind, modes in rig.KINDS.items():
            for place, mode in enumerate(modes):
                some = SAMPLE_LIVES[mode]
                step = max(1, counts[kind] // some)
                first = 1 + (place * 7 + step // 2) % max(1, counts[kind])
                failures += list(limits.plan(kind, mode, counts, step, first))[:some]
        campaign.run(failures)
        self.assertEqual([], campaign.faults)
        outcomes = sum(campaign.table.values(), limits.collections.Counter())
        for outcome in ("went on", "refused", "stopped"):
            self.assertGreater(outcomes[outcome], 0, outcomes)

    def test_doubts_about_the_state(self):
        """A look into the state that fails while a message is judged: never "not there".

        Two thirds of the looks are the start's; of the others each one that is believed is seen."""
        lives = rig.Lives(self.folder)
        counts = limits.counts_of(lives)
        campaign = limits.Campaign(lives, os.cpu_count() or 1, quiet=True)
        campaign.run(Failure("lookup", n, errno.EIO, "once")
                     for n in range(counts["lookup"] * 2 // 3, counts["lookup"] - 3, 4))
        self.assertEqual([], campaign.faults)
        self.assertTrue(any("the state cannot be read" in line for line in campaign.said),
                        campaign.said)

    def test_every_commit(self):
        """A checkpoint that could not be written is never taken for one."""
        lives = rig.Lives(self.folder)
        for n in range(1, limits.counts_of(lives)["commit"] + 1):
            outcome, told, said = lives.one(Failure("commit", n, errno.EIO, "once"))
            self.assertNotEqual("went on", outcome, "%d: %s, %s" % (n, told.where(), said))


class TestInit(Case):
    def test_init(self):
        """`qingfen init` makes a whole store or none, whatever fails; then the next one works."""
        for kind, number in (("file", errno.EMFILE), ("write", errno.ENOSPC), ("sync", errno.EIO),
                             ("alloc", errno.ENOMEM)):
            for n in range(1, 400, INIT_STEP):
                data = self.folder / "store"
                process = rig.Process(self.folder, Failure(kind, n, number, "once"),
                                      harness.qingfen(), "init", "--data", data)
                code = process.wait()
                rig.clean_end(process, code)
                if process.told().fired == 0:
                    self.assertEqual(0, code)
                    shutil.rmtree(data)
                    break
                with self.subTest(kind=kind, n=n, said=process.said()):
                    if code != 0:
                        harness.run("init", "--data", data)
                    self.verify(data)
                shutil.rmtree(data)
            else:
                self.fail("init has no end")


class TestSystem(Case):
    """Limits that the system sets."""

    def test_io_uring_denied(self):
        data = self.init()
        for error in (errno.EPERM, errno.ENOSYS):
            with self.subTest(error=error):
                self.refused(self.serve(data, settle=lambda e=error: deny_io_uring(e)),
                             "io_uring is not available", "kernel.io_uring_disabled", "seccomp",
                             "deploy/README.md")
        self.verify(data)

    def test_open_files(self):
        """With every small number of handles: started, or refused with a sentence."""
        data = self.init()
        started = 0
        for most in range(4, 40):
            process = self.serve(data, settle=lambda m=most: limit(resource.RLIMIT_NOFILE, m))
            if process.wait_ready() is None:
                code = process.wait()
                rig.clean_end(process, code)
                self.assertEqual(1, code)
                self.assertIn("Too many open files", process.said())
                self.assertEqual(0, started, "with more handles it does not start: %s"
                                 % process.said())
                continue
            started += 1
            self.stop(process)
            if started == 3:
                break
        self.assertEqual(3, started)

    def test_fewer_handles_than_connections(self):
        """At the start it says how many connections there are handles for, and refuses more."""
        process = self.serve(self.init(), settle=lambda: limit(resource.RLIMIT_NOFILE, 60))
        port = process.wait_ready()
        self.assertIn("the limit of open files allows", process.said())
        with wire.Client("127.0.0.1", port) as first:
            first.hello(0)
            crowd = [socket.create_connection(("127.0.0.1", port)) for _ in range(80)]
            with socket.create_connection(("127.0.0.1", port), WAIT_S) as late:
                self.assertIn(b"too many connections", late.recv(4096))
            self.assertEqual(0, first.call(wire.centre.StatusGet()).code)
            for connection in crowd:
                connection.close()
        self.stop(process)

    def test_locked_memory(self):
        """Kernels since 5.12 count rings as memory, not as locked memory; either way, a word."""
        process = self.serve(self.init(), settle=lambda: limit(resource.RLIMIT_MEMLOCK, 0))
        if process.wait_ready() is None:
            rig.clean_end(process, process.wait())
            self.assertIn("ulimit -l", process.said())
        else:
            self.stop(process)

    def test_file_size(self):
        """Files may not be as large as a segment: refused, and not by a signal."""
        data = self.init()
        self.refused(self.serve(data, settle=lambda: limit(resource.RLIMIT_FSIZE, 32768)),
                     "File too large")
        self.stop_after_start(data)

    def test_threads(self):
        data = self.init(shards=2)
        for n in range(1, 7):
            with self.subTest(n=n):
                self.refused(self.serve(data, Failure("thread", n, errno.EAGAIN, "once")),
                             "qingfend: ", "Resource temporarily unavailable")
        self.stop_after_start(data)

    def stop_after_start(self, data) -> None:
        process = self.serve(data)
        self.assertIsNotNone(process.wait_ready(), process.said())
        self.stop(process)
        self.verify(data)


class TestRoom(Case):
    """A full disk: a small file system of its own, where this may be made."""

    def mount(self, megabytes: int) -> pathlib.Path:
        image, place = self.folder / "image", self.folder / "disk"
        place.mkdir()
        with open(image, "wb") as file:
            file.truncate(megabytes << 20)
        for command in (["mkfs.ext4", "-q", "-m", "0", str(image)],
                        ["mount", "-o", "loop", str(image), str(place)]):
            try:
                done = subprocess.run(command, capture_output=True, text=True, timeout=60)
            except FileNotFoundError:
                self.skipTest("there is no %s here" % command[0])
            if done.returncode != 0:
                self.skipTest("nothing can be mounted here: %s" % done.stderr.strip())
        self.addCleanup(subprocess.run, ["umount", "-l", str(place)], capture_output=True,
                        timeout=60)
        return place

    def test_full_disk(self):
        """Under load until it is full: what was answered stays, the engine says once that it waits,
        and goes on when there is room."""
        disk = self.mount(24)
        data = disk / "data"
        harness.run("init", "--data", data)
        process = self.serve(data)
        port = process.wait_ready()
        self.assertIsNotNone(port, process.said())
        script = Stream(port)
        self.addCleanup(script.client.close)
        script.send(40)
        ballast = fill(disk)
        with self.assertRaises(TimeoutError):
            script.send(2000)
        wait_for(lambda: "trying on" in process.said(), "a sentence")
        self.assertTrue(process.running(), process.said())
        self.assertEqual(1, process.said().count("cannot prepare journal segment"), process.said())
        self.assertIn("No space left on device", process.said())
        ballast.unlink()
        script.wait_for_answers()
        script.send(40)
        self.stop(process)
        self.again(data, script)

    def test_stop_on_a_full_disk(self):
        """Told to stop while it waits for room: it ends, with a sentence, and nothing is lost."""
        disk = self.mount(24)
        data = disk / "data"
        harness.run("init", "--data", data)
        process = self.serve(data)
        script = Stream(process.wait_ready())
        self.addCleanup(script.client.close)
        script.send(40)
        ballast = fill(disk)
        with self.assertRaises(TimeoutError):
            script.send(2000)
        self.stop(process, code=1)
        self.assertIn("must be sent again", process.said())
        # Nor does it start there for long: with no room for the next segment it waits again.
        ballast.unlink()
        self.again(data, script)

    def again(self, data, script) -> None:
        process = self.serve(data)
        script.check(process.wait_ready())
        self.stop(process)
        self.verify(data)


class Stream:
    """Settlements one after the other, and what was answered."""

    def __init__(self, port: int):
        self.client = wire.Client("127.0.0.1", port, 2.0)
        self.maker, self.rng = harness.Maker("R"), harness.random.Random(3)
        self.answered: list = []
        self.open: dict[int, object] = {}

    def send(self, count: int) -> None:
        for _ in range(count):
            message = harness.random_settlement(self.maker, self.rng, "2024-12")
            self.open[self.client.post(message)] = message
            self.take()

    def take(self) -> None:
        number, reply = self.client.take_any()
        assert reply.code == 0, reply
        self.answered.append((self.open.pop(number), rig.settled(reply)))

    def wait_for_answers(self) -> None:
        self.client.sock.settimeout(WAIT_S)
        while self.open:
            self.take()
        self.client.sock.settimeout(2.0)

    def check(self, port) -> None:
        with wire.Client("127.0.0.1", port, WAIT_S) as client:
            for message, before in self.answered:
                reply = client.call(message)
                assert reply.dup and rig.settled(reply) == before, (message, before, reply)
            for message in self.open.values():
                assert client.call(message).code == 0
            count = sum(p.count for p in client.call(wire.centre.PeriodList()).periods)
            assert count == len(self.answered) + len(self.open), count


class TestSend(Case):
    """The sender's side: what cannot be written is said, and the counts stay true."""

    def setUp(self) -> None:
        super().setUp()
        self.engine = harness.Engine(self.init())
        self.addCleanup(self.engine.kill)
        harness.set_clock(self.engine, "2025-04-01T09:00:00+08:00")
        self.good = harness.gen(self.folder / "march.csv", "2025-03", 200)
        lines = self.good.read_text().splitlines(keepends=True)
        self.bad = self.folder / "bad.csv"
        self.bad.write_text("".join(lines[:1] + [line.replace("310", "999999", 1)
                                                 for line in lines[1:60]] + lines[60:]))

    def send(self, *arguments, **streams) -> subprocess.CompletedProcess:
        return subprocess.run([harness.qingfen(), "send", "--to", self.engine.address,
                               *map(str, arguments)], stdin=subprocess.DEVNULL, text=True,
                              stderr=subprocess.PIPE, timeout=60, **streams)

    def held(self) -> int:
        with self.engine.client() as client:
            return sum(p.count for p in client.call(wire.centre.PeriodList()).periods)

    def test_rejects_on_a_full_disk(self):
        done = self.send(self.bad, "--rejects", "/dev/full", stdout=subprocess.PIPE)
        self.assertEqual(1, done.returncode)
        self.assertIn("cannot write the rejects: No space left on device", done.stderr)
        self.assertIn("Send the files again", done.stderr)
        counts = harness.sent_line(done.stdout)
        self.assertGreater(counts["rejected"], 0)
        self.assertEqual(200, counts["sent"])
        self.assertEqual(self.held(), counts["accepted"])

    def test_rejects_that_cannot_be_made(self):
        done = self.send(self.good, "--rejects", self.folder / "nowhere" / "rejects.csv",
                         stdout=subprocess.PIPE)
        self.assertEqual(1, done.returncode)
        self.assertEqual("sent=0 accepted=0 duplicate=0 rejected=0\n", done.stdout)
        self.assertEqual(0, self.held(), "nothing is sent when its rejects could not be kept")

    def test_stdout_full(self):
        with open("/dev/full", "w", encoding="ascii") as full:
            done = self.send(self.good, stdout=full)
        self.assertEqual(1, done.returncode)
        self.assertIn("cannot write the output", done.stderr)
        self.assertEqual(200, self.held())

    def test_stdout_closed(self):
        done = self.send(self.good, preexec_fn=lambda: os.close(1))
        self.assertEqual(1, done.returncode)
        self.assertIn("cannot write the output", done.stderr)
        self.assertEqual(200, self.held())

    def test_lost_engine(self):
        """The engine is killed: the counts of `send` are of answers only."""
        self.engine.kill()
        done = self.send(self.good, "--retry", "0", stdout=subprocess.PIPE)
        self.assertEqual(1, done.returncode)
        self.assertIn("nothing was sent", done.stderr)
        self.assertEqual("sent=0 accepted=0 duplicate=0 rejected=0\n", done.stdout)


# Small things ------------------------------------------------------------------------------------

def limit(what: int, most: int) -> None:
    resource.setrlimit(what, (most, most))


def wait_for(what, name: str) -> None:
    end = time.monotonic() + WAIT_S
    while not what():
        if time.monotonic() > end:
            raise AssertionError("waited in vain for " + name)
        time.sleep(0.02)


def fill(disk: pathlib.Path) -> pathlib.Path:
    """A file that leaves no room."""
    ballast = disk / "ballast"
    with open(ballast, "wb", buffering=0) as file:
        size = 1 << 20
        while size >= 4096:
            try:
                file.write(b"x" * size)
                os.fsync(file.fileno())
            except OSError:
                size //= 4
    return ballast


def deny_io_uring(error: int) -> None:
    """A seccomp filter, as containers have: io_uring_setup() fails with that errno."""
    io_uring_setup, allow, fail = 425, 0x7fff0000, 0x00050000 | error

    class Filter(ctypes.Structure):
        _fields_ = [("code", ctypes.c_ushort), ("jt", ctypes.c_ubyte), ("jf", ctypes.c_ubyte),
                    ("k", ctypes.c_uint32)]

    class Program(ctypes.Structure):
        _fields_ = [("size", ctypes.c_ushort), ("filter", ctypes.POINTER(Filter))]

    filters = (Filter * 4)(Filter(0x20, 0, 0, 0), Filter(0x15, 0, 1, io_uring_setup),
                           Filter(0x06, 0, 0, fail), Filter(0x06, 0, 0, allow))
    program = Program(4, filters)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0) != 0 or libc.prctl(22, 2, ctypes.byref(program), 0, 0) != 0:
        os._exit(99)


if __name__ == "__main__":
    unittest.main()
