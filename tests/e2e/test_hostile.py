"""Clients that mean harm: the engine stays up, small and answering, and the others do their work.

The attacks are hostile.py's, smaller and shorter; bounds are wide, for a machine that does other things
too. Figures are tools/hostile.sh's matter."""

import os
import socket
import time
import unittest
import unittest.mock

import harness
import hostile
import wire_client as wire

WAIT_MS = 5000  # p99 of what the others wait: before there were turns, a flood made it 12 s and more.


class TestHostile(harness.Case):
    def begin(self, *options):
        self.engine = self.start(self.init(shards=2), *options)
        harness.set_clock(self.engine, "2025-04-01T09:00:00+08:00")
        self.begun_mib = hostile.rss_mib(self.engine.process.pid)  # Tables touched at the start.
        self.others = hostile.Others(self.engine.host, self.engine.port, harness.Maker("O"))
        self.addCleanup(self.others.close)

    def under(self, name, connections, seconds=1.0):
        """What the others wait during the attack; what the engine's memory grew by until its end."""
        attack = hostile.Attack(name, self.engine.host, self.engine.port, connections)
        try:
            waited = self.others.work(seconds)
            rss = hostile.rss_mib(self.engine.process.pid)
        finally:
            attack.stop()
        self.assertTrue(self.engine.running(), self.engine.stderr())
        self.assertLess(hostile.quantile(waited, 990), WAIT_MS, name)
        return rss - self.begun_mib

    def test_others_are_served_and_memory_is_bounded(self):
        hostile.raise_open_files(4096)
        # What was given back goes at once: how much of it the allocator keeps is the machine's speed.
        with unittest.mock.patch.dict(os.environ,
                                      MALLOC_CONF="dirty_decay_ms:0,muzzy_decay_ms:0"):
            self.begin("--buffers", "64")
        for name, connections in (("flood", 40), ("deaf", 40), ("questions", 20),
                                  ("bad_frames", 20), ("half_frames", 200)):
            with self.subTest(name):
                self.assertLess(self.under(name, connections), 350)
        self.stop(self.engine)

    def test_who_says_nothing_or_does_not_end_is_closed(self):
        self.begin("--stall", "1")
        address = (self.engine.host, self.engine.port)
        silent = socket.create_connection(address, timeout=10)
        half = socket.create_connection(address, timeout=10)
        half.sendall(wire.frame(0x0101, 1, bytes(5000))[:4500])
        drip = socket.create_connection(address, timeout=10)
        idle = self.engine.client(31)
        end = time.monotonic() + 8
        byte = wire.frame(0x0101, 1, bytes(1000))
        for i in range(100):  # A byte now and then is no progress: the frame does not end.
            try:
                drip.sendall(byte[i:i + 1])
            except OSError:
                break
            time.sleep(0.1)
        for sock in (silent, half):
            client = wire.Client.__new__(wire.Client)
            client.sock, client.buffer = sock, bytearray()
            self.assertEqual(1001, client.error_reply()[1].code)
            self.assertTrue(client.at_end())
        self.assertLess(time.monotonic(), end)
        # Who has said one frame may be silent as long as it likes.
        self.assertCode(0, idle.hello(31))
        for sock in (silent, half, drip, idle):
            sock.close()
        self.stop(self.engine)

    def test_too_many_connections_are_told_so(self):
        self.begin("--connections", "40")  # The others are 31 of them.
        clients = [self.engine.client() for _ in range(9)]
        late = wire.Client(self.engine.host, self.engine.port)
        self.assertEqual(1007, late.error_reply()[1].code)
        self.assertTrue(late.at_end())
        late.close()
        clients.pop().close()
        end = time.monotonic() + 10
        while True:  # The place is free as soon as the engine has noticed.
            try:
                with self.engine.client(31):
                    break
            except (wire.ConnectionEnded, wire.ProtocolError, OSError):
                self.assertLess(time.monotonic(), end)
                time.sleep(0.05)
        self.others.work(0.2)
        for client in clients:
            client.close()
        self.stop(self.engine)


if __name__ == "__main__":
    unittest.main()
