"""One data folder, one engine; and an orderly end."""

import errno
import os
import random
import signal
import subprocess
import time
import unittest

import harness
import wire_client as wire
from harness import Case

# A start that takes longer than a second says how far it is.
PROGRESS = r"^qingfend: shard \d+: replaying the journal, \d+ of at most \d+ MiB$"


class TestTwoEngines(Case):
    def test_second_engine_refused(self):
        data = self.init()
        engine = self.start(data)
        second = subprocess.run([harness.qingfend(), "--data", str(data), "--listen",
                                 "127.0.0.1:0"], capture_output=True, text=True, timeout=30,
                                stdin=subprocess.DEVNULL)
        self.assertNotEqual(0, second.returncode)
        self.assertNotIn("qingfend ready", second.stdout)
        self.assertIn(str(data), second.stderr)
        self.assertTrue(engine.running())
        with engine.client() as client:
            self.assertEqual(0, client.call(wire.centre.StatusGet()).code)
        self.stop(engine)
        self.stop(self.start(data))

    def test_no_store(self):
        done = subprocess.run([harness.qingfend(), "--data", str(self.folder / "none"), "--listen",
                               "127.0.0.1:0"], capture_output=True, text=True, timeout=30,
                              stdin=subprocess.DEVNULL)
        self.assertNotEqual(0, done.returncode)
        self.assertNotIn("qingfend ready", done.stdout)
        self.assertTrue(done.stderr.strip())
        self.assertFalse((self.folder / "none").exists(), "serving must not make a store")

    def test_sigterm_drains(self):
        """What was answered before and during the drain is kept; exit code 0."""
        rng = random.Random(3)
        maker = harness.Maker("D")
        records = [harness.random_settlement(maker, rng) for _ in range(4000)]
        data = self.init()
        engine = self.start(data)
        harness.set_clock(engine, "2025-04-05T09:00:00+08:00")
        answered = {}
        by_id = {}
        refused = 0
        position = 0
        with engine.client() as client:
            try:
                while position < len(records) or by_id:
                    if position < len(records) and len(by_id) < 400:
                        part = records[position:position + 50]
                        position += len(part)
                        by_id.update(zip(client.post_many(part), part))
                        continue
                    request_id, reply = client.take_any()
                    record = by_id.pop(request_id)
                    if reply.code == 0:
                        answered[record.msgid] = reply
                    else:
                        self.assertEqual(9001, reply.code, str(reply))
                        refused += 1
                    if len(answered) == 1000 and refused == 0:
                        engine.process.send_signal(signal.SIGTERM)
            except wire.ConnectionEnded:
                pass
        self.stop(engine)

        engine = self.start(data)
        with engine.client() as client:
            replies = client.call_many(records)
            for record, reply in zip(records, replies):
                self.assertEqual(0, reply.code, str(reply))
                if record.msgid in answered:
                    self.assertTrue(reply.dup)
                    self.assertEqual(answered[record.msgid].engine_seq, reply.engine_seq)
            self.assertEqual(len(records), harness.periods(client)[202503].count)
        self.stop(engine)

    def test_sigterm_into_a_stream(self):
        """What arrives when the end has begun holds up nobody: it is not taken."""
        rng = random.Random(4)
        maker = harness.Maker("E")
        records = [harness.random_settlement(maker, rng) for _ in range(1500)]
        data = self.init()
        for round_ in range(12):
            engine = self.start(data)
            if round_ == 0:
                harness.set_clock(engine, "2025-04-05T09:00:00+08:00")
            with engine.client() as client:
                try:
                    for first in range(0, len(records), 50):
                        client.post_many(records[first:first + 50])
                        if first == 100 + 50 * round_:
                            engine.process.send_signal(signal.SIGTERM)
                    while True:
                        client.take_any()
                except (wire.ConnectionEnded, ConnectionError):
                    pass
            self.stop(engine)

    def store_with_a_past(self):
        """A store whose journal holds something that no checkpoint has seen, and how to ask for it."""
        data = self.init()
        engine = self.start(data)
        record = harness.Maker("F").settlement()
        with engine.client() as client:
            first = client.call(record)
            self.assertCode(0, first)
        engine.kill()

        def ask():
            engine = self.start(data)
            with engine.client() as client:
                reply = client.call(record)
            self.assertEqual((0, True, first.engine_seq), (reply.code, reply.dup, reply.engine_seq))
            self.stop(engine)
            self.assertIn("verify: ok", harness.verify(data).stdout)

        return data, ask

    def serve(self, data, settle=None):
        process = subprocess.Popen(
            [harness.qingfend(), "--data", data, "--listen", "127.0.0.1:0", "--clock", "manual"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=settle)
        self.addCleanup(lambda: process.poll() is None and process.kill())
        return process

    def ends_well(self, process):
        said, cried = process.communicate(timeout=harness.STOP_S)
        self.assertEqual((0, ""), (process.returncode, said), cried)
        for line in cried.splitlines():
            self.assertRegex(line, PROGRESS)

    def test_sigterm_while_the_store_is_opened(self):
        """Before anything is served it ends at once: here while it reads a table that has no end."""
        data, ask = self.store_with_a_past()
        for signal_ in (signal.SIGTERM, signal.SIGINT):
            table = sorted((data / "tables").iterdir())[0]
            kept = table.rename(data / "kept")
            os.mkfifo(table)
            process = self.serve(data, lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
            writer = self.open_when_read(table)
            process.send_signal(signal_)
            self.ends_well(process)
            os.close(writer)
            kept.replace(table)
        ask()

    def test_sigint_that_was_ignored(self):
        """What a script leaves in the background goes on with its start when the script is told to end."""
        data, ask = self.store_with_a_past()
        table = sorted((data / "tables").iterdir())[0]
        kept = table.rename(data / "kept")
        os.mkfifo(table)
        process = self.serve(data, lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))
        writer = self.open_when_read(table)
        process.send_signal(signal.SIGINT)
        os.set_blocking(writer, True)
        with open(writer, "wb") as rest:
            rest.write(kept.read_bytes())
        self.assertIn("qingfend ready", process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        self.ends_well(process)
        kept.replace(table)
        ask()

    def open_when_read(self, fifo):
        """The other end of a pipe with a name, as soon as somebody wants to read it."""
        end = time.monotonic() + harness.START_S
        while time.monotonic() < end:
            try:
                return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
            except OSError as error:
                self.assertEqual(errno.ENXIO, error.errno)
            time.sleep(0.002)
        self.fail("nobody has read %s" % fifo)

    def test_sigterm_before_it_is_ready(self):
        """Told to end by when it listens, it ends as it would later, and never says that it is ready."""
        data, ask = self.store_with_a_past()

        def told_already():
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
            os.kill(os.getpid(), signal.SIGTERM)

        self.ends_well(self.serve(data, told_already))
        ask()

    def test_sigterm_with_a_silent_client(self):
        """A client that says nothing and reads nothing does not hold up the end."""
        engine = self.start(self.init())
        with engine.client(), engine.client() as half:
            half.send_raw(wire.frame(0x0602, 1, b"")[:10])
            self.stop(engine)


if __name__ == "__main__":
    unittest.main()
