"""The bare loop (bench/bare) is a client's engine as far as a yardstick must be: `qingfen load` runs
against it unchanged, every record is answered, and what was answered stands on the disk as it came."""

import os
import pathlib
import re
import resource
import signal
import struct
import subprocess
import time
import unittest

import harness
import wire_client as wire
from harness import Case

GROUP_HEAD = struct.Struct("<8sQQQ")
GROUP_ALIGN = 4096
SHARDS = 2
START_S = 20
STOP_S = 20
LAST_LINE = re.compile(r"settlements_per_s=\d+ p50_us=\d+ p99_us=\d+ p999_us=\d+ errors=(\d+)")


def bare_loop() -> str:
    path = os.environ.get("BARE_LOOP")
    build = pathlib.Path(os.environ.get("QINGFEN_BUILD", wire.ROOT / "build"))
    return os.path.abspath(path or build / "bench" / "bare_loop")


def records_of(type_, payload):
    """SetlPosts of a frame."""
    message = wire.MESSAGES[type_][0].FromString(payload)
    return list(message.records) if type_ == 0x0104 else [message]


def frames_in(data):
    """(type, request id, payload) of all frames of the groups at the front of a file."""
    at = number = 0
    while at < len(data):
        magic, group, size, records = GROUP_HEAD.unpack_from(data, at)
        if magic != b"QFGROUP1" or group != number:
            break
        end, place, found = at + size, at + 64, 0
        while place < end:
            magic, length, request_id, type_, _, _, crc = wire.HEAD.unpack_from(data, place)
            payload = data[place + 24:place + 24 + length]
            assert magic == b"QF01" and place + 24 + length <= end
            assert crc == wire.crc32c(payload, wire.crc32c(data[place:place + 20]))
            found += len(records_of(type_, payload))
            yield type_, request_id, payload
            place += 24 + length
        assert found == records, "group %d says %d records and has %d" % (group, records, found)
        number += 1
        at += (size + GROUP_ALIGN - 1) // GROUP_ALIGN * GROUP_ALIGN


class TestBare(Case):
    def start_bare(self, *arguments):
        self.out = open(self.folder / "out", "w+b")
        self.addCleanup(self.out.close)
        self.process = subprocess.Popen(
            [bare_loop(), "--folder", str(self.folder), "--shards", str(SHARDS), "--file-mb", "8",
             *arguments], stdout=self.out, stderr=self.out, stdin=subprocess.DEVNULL)
        self.addCleanup(self.end, signal.SIGKILL)
        end = time.monotonic() + START_S
        while time.monotonic() < end and self.process.poll() is None:
            found = re.search(r"bare ready on (\S+):(\d+)", self.said())
            if found:
                return found.group(1), int(found.group(2))
            time.sleep(0.02)
        raise AssertionError("the bare loop is not ready")

    def said(self):
        return pathlib.Path(self.folder / "out").read_text(encoding="utf-8")

    def end(self, number):
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(STOP_S)

    def written(self):
        """For each shard, what stands in its file."""
        return [list(frames_in((self.folder / ("bare-%d.dat" % shard)).read_bytes()))
                for shard in range(SHARDS)]

    def load(self, address, *arguments):
        done = harness.run("load", "--to", "%s:%d" % address, "--count", 1000, *arguments)
        self.assertEqual("0", LAST_LINE.match(done.stdout.strip().splitlines()[-1]).group(1),
                         done.stderr)

    def test_load_runs_unchanged(self):
        """Batches and single messages of `qingfen load`: all answered, each in its shard's file."""
        address = self.start_bare()
        self.load(address)
        self.load(address, "--batch", 1, "--rate", 5000)
        self.assertEqual(0, self.end(signal.SIGTERM))

        said = [int(count) for count in re.findall(r" records=(\d+)", self.said())]
        ids = set()
        for shard, frames in enumerate(self.written()):
            records = [record for type_, _, payload in frames
                       for record in records_of(type_, payload)]
            self.assertEqual({shard}, {wire.home_shard(record.psn_key, SHARDS)
                                       for record in records})
            self.assertEqual(said[shard], len(records))
            ids.update(record.setl_id for record in records)
        self.assertEqual(2000, len(ids))

    def check_answers_are_on_disk(self, *arguments):
        """Sends frames of our own, and kills it as soon as they are answered."""
        host, port = self.start_bare(*arguments)
        make = harness.Maker()
        single = make.settlement()
        batch = wire.settlement.SetlBatch(records=[make.settlement() for _ in range(300)])
        with wire.Client(host, port) as client:
            hello = client.hello(home=2)
            self.assertEqual((0, SHARDS, 2), (hello.code, hello.shards, hello.home_shard))
            ids = client.post_many([single, batch])
            answer, answers = client.take(ids[0]), client.take(ids[1])
        self.assertEqual(-signal.SIGKILL, self.end(signal.SIGKILL))
        self.assertEqual((0, "ACCRUED", 1), (answer.code, answer.state, answer.shard))
        self.assertEqual((0, 300, 0, 0), (answers.code, answers.accepted, answers.duplicate,
                                          answers.rejected))
        self.assertEqual([[], [(0x0101, ids[0], single.SerializeToString()),
                               (0x0104, ids[1], batch.SerializeToString())]], self.written())
        return answer, answers

    def test_answered_is_on_disk(self):
        answer, answers = self.check_answers_are_on_disk()
        self.assertEqual(list(range(300)), [result.index for result in answers.results])
        self.assertEqual(list(range(answer.engine_seq + 1, answer.engine_seq + 301)),
                         [result.engine_seq for result in answers.results])

    def test_dsync_and_terse(self):
        _, answers = self.check_answers_are_on_disk("--dsync", "--terse")
        self.assertEqual([], list(answers.results))

    def test_nothing_is_answered_that_was_not_written(self):
        """The kernel takes no more bytes for the file: no answer, and the end."""
        host, port = self.start_bare()
        with wire.Client(host, port) as client:
            client.hello(home=1)
            resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (0, 0))
            client.post(harness.Maker().settlement())
            self.assertTrue(client.at_end())
        self.assertNotEqual(0, self.process.wait(STOP_S))

    def test_what_is_no_settlement_ends_the_connection(self):
        """And only that one."""
        host, port = self.start_bare()
        with wire.Client(host, port) as client, wire.Client(host, port) as other:
            client.hello(home=1)
            other.hello(home=1)
            damaged = bytearray(wire.frame(0x0101, 1, b"\x0a\x01M"))
            damaged[-1] ^= 1
            client.send_raw(bytes(damaged))
            self.assertTrue(client.at_end())
            self.assertEqual(0, other.call(harness.Maker().settlement()).code)


if __name__ == "__main__":
    unittest.main()
