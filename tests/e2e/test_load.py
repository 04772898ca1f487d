#!/usr/bin/env python3
"""`qingfen load`: every shape against a real engine, and its measuring against an engine that is
not real and stalls on purpose. Times are only asked to be at least what the stall makes them."""

import json
import socket
import threading
import time
import unittest

import harness
import wire_client as wire
from harness import Case

RESULT = (r"settlements_per_s=(\d+) p50_us=(\d+) p99_us=(\d+) p999_us=(\d+) "
          r"errors=(\d+)$")
SHAPES = ("national", "month", "random-ids", "one-province", "duplicates", "refunds", "tiny", "max")


def load(address, *arguments, check=True):
    """Runs it; the process, and the rows of its last line."""
    return harness.run("load", "--to", address, *arguments, check=check, timeout=60)


class RealEngine(Case):
    """One engine for all."""

    def test_shapes_thresholds_and_files(self):
        engine = self.start(self.init(), clock="system")
        for shape in SHAPES:
            with self.subTest(shape=shape):
                count = 20000 if shape == "duplicates" else 3000
                done = load(engine.address, "--shape", shape, "--count", count)
                self.assertRegex(done.stdout.splitlines()[-1], RESULT)
                self.assertIn(" errors=0", done.stdout)

        json_file, hgrm_file = self.folder / "r.json", self.folder / "r.hgrm"
        met = load(engine.address, "--rate", "2000,3000", "--count", 400, "--connections", 3,
                   "--threshold", "p99 < 60s", "--threshold", "errors<=0",
                   "--json", json_file, "--hgrm", hgrm_file)
        self.assertEqual(4, len(met.stdout.splitlines()), met.stdout)  # Head, two rows, the line.
        told = json.loads(json_file.read_text())
        self.assertEqual([2000, 3000], [run["offered_per_s"] for run in told["runs"]])
        self.assertEqual(3, told["options"]["connections"])
        self.assertTrue(told["host"]["processors"] >= 1 and told["version"])
        for run in told["runs"]:
            self.assertEqual((400, 0), (run["records"], run["errors"]))
            steps = [run[name] for name in ("p50_us", "p90_us", "p99_us", "p999_us", "p9999_us",
                                            "max_us")]
            self.assertEqual(sorted(steps), steps)
            self.assertGreater(run["client_cpu_us_per_record"], 0)
            self.assertGreaterEqual(run["seconds"], 399 / run["offered_per_s"])
        for rate in (2000, 3000):
            text = (self.folder / ("r-%d.hgrm" % rate)).read_text()
            self.assertIn("Total count    =          400", text)

        missed = load(engine.address, "--count", 100, "--threshold", "max<1us", check=False)
        self.assertEqual(1, missed.returncode)
        self.assertIn("not met: max<1us: max was", missed.stderr)
        self.assertRegex(missed.stdout.splitlines()[-1], RESULT)

    def test_what_makes_no_sense(self):
        for arguments, says in (
                (("--threshold", "p98<5ms"), "'p98' is none of p50"),
                (("--threshold", "p99<5min"), "'min' is no unit"),
                (("--threshold", "p99=5ms"), "behind 'p99' there must be <"),
                (("--threshold", "p99<"), "the number is missing"),
                (("--threshold", "errors<1ms"), "errors has no unit"),
                (("--rate", "100,x"), "'x' should be settlements per second"),
                (("--shape", "large"), "--shape 'large': it should be national")):
            with self.subTest(arguments=arguments):
                done = load("127.0.0.1:1", *arguments, check=False)
                self.assertEqual(2, done.returncode)
                self.assertIn(says, done.stderr)


class FakeEngine:
    """Answers everything with yes, but for a time during which it does not even read."""

    def __init__(self, stall_after_s: float, stall_s: float):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.stall_after_s, self.stall_s = stall_after_s, stall_s
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        hello = wire.session.HelloReply(version=1, shards=1, home_shard=1, store_id=b"F" * 16,
                                        now=int(time.time() * 1000)).SerializeToString()
        yes = b""  # A Reply with code 0.
        buffer, first, stalled = b"", None, False
        with peer:
            while True:
                data = peer.recv(1 << 16)
                if not data:
                    return
                buffer += data
                while len(buffer) >= wire.HEAD.size:
                    _, size, number, kind, _, _, _ = wire.HEAD.unpack(buffer[:wire.HEAD.size])
                    if len(buffer) < wire.HEAD.size + size:
                        break
                    buffer = buffer[wire.HEAD.size + size:]
                    if kind != 0x0001 and first is None:
                        first = time.monotonic()
                    if first is not None and not stalled and \
                            time.monotonic() - first >= self.stall_after_s:
                        stalled = True
                        time.sleep(self.stall_s)
                    try:
                        peer.sendall(wire.frame(kind | wire.REPLY_BIT, number,
                                                hello if kind == 0x0001 else yes))
                    except OSError:
                        return

    def close(self) -> None:
        self.listener.close()


class Omission(Case):
    """(O1) of tools/qingfen/load_run.h: what was due during a stall counts from when it was due."""

    RATE, COUNT, STALL_S = 1000, 1000, 0.6

    def measure(self, stall_s, *arguments):
        fake = FakeEngine(0.1, stall_s)
        self.addCleanup(fake.close)
        out = self.folder / "stall.json"
        done = load(fake.address, "--rate", self.RATE, "--count", self.COUNT, "--json", out,
                    *arguments, check=False)
        return done, json.loads(out.read_text())["runs"][0]

    def expect_stall(self, run):
        # Of 1000 records 600 were due while nothing went, one every millisecond: half of these
        # waited longer than half of it. A client that counts from sending sees a handful.
        self.assertGreaterEqual(run["max_us"], self.STALL_S * 0.95e6)
        self.assertGreaterEqual(run["p90_us"], self.STALL_S * 0.7e6)
        self.assertGreaterEqual(run["p50_us"], self.STALL_S * 0.1e6)

    def test_stall_with_room_in_the_window(self):
        done, run = self.measure(self.STALL_S)
        self.assertEqual((0, self.COUNT, 0), (done.returncode, run["records"], run["errors"]))
        self.expect_stall(run)

    def test_stall_with_a_full_window(self):
        done, run = self.measure(self.STALL_S, "--window", 4)
        self.assertEqual((0, self.COUNT, 0), (done.returncode, run["records"], run["errors"]))
        self.expect_stall(run)
        self.assertGreaterEqual(run["late_p99_us"], self.STALL_S * 0.9e6)

    def test_what_was_never_sent_or_answered_counts(self):
        """It never comes back: 100 answered, 4 under way, and the rest of the second was due."""
        done, run = self.measure(20, "--window", 4, "--patience", 1, "--seconds", 1)
        self.assertEqual(1, done.returncode)
        self.assertEqual(self.COUNT, run["records"] + run["errors"])
        self.assertIn("4 records have no answer", done.stderr)
        self.assertIn("were due and could not be sent", done.stderr)
        self.assertGreaterEqual(run["max_us"], 1.8e6)  # Due at 0.1 s, given up at 2 s.
        self.assertGreaterEqual(run["p50_us"], 1.0e6)


if __name__ == "__main__":
    unittest.main(verbosity=2)
