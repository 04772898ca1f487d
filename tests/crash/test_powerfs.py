"""powerfs itself: what a cut takes and what it must leave, by the model in power_disk.h."""

import os
import sys
import unittest

from load import harness
from power import Power, end

LOSE_ALL, KEEP_SECTORS = 0, 3


def write(path, data: bytes, flags: int = 0, sync: bool = False) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | flags, 0o600)
    try:
        os.write(fd, data)
        if sync:
            os.fsync(fd)
    finally:
        os.close(fd)


def sync_folder(path) -> None:
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)


class TestPowerFs(harness.Case):
    def setUp(self):
        super().setUp()
        self.power = Power(self.folder)
        self.addCleanup(self.power.off)
        self.root = self.power.folder

    def after_cut(self, seed: int = LOSE_ALL) -> dict[str, bytes]:
        self.power.cut(seed)
        self.power.on()
        return {path.name: path.read_bytes() for path in self.root.iterdir() if path.is_file()}

    def test_bytes_and_names(self):
        """A file needs its own sync and its folder's."""
        write(self.root / "both", b"both", sync=True)
        write(self.root / "name", b"name")
        sync_folder(self.root)
        write(self.root / "bytes", b"bytes", sync=True)
        self.assertEqual(b"name", (self.root / "name").read_bytes())
        self.assertEqual({"both": b"both", "name": b""}, self.after_cut())

    def test_renames(self):
        write(self.root / "new", b"new", sync=True)
        write(self.root / "old", b"old", sync=True)
        sync_folder(self.root)
        os.rename(self.root / "new", self.root / "old")
        self.assertEqual(b"new", (self.root / "old").read_bytes())
        self.assertEqual({"new": b"new", "old": b"old"}, self.after_cut())
        os.rename(self.root / "new", self.root / "old")
        sync_folder(self.root)
        self.assertEqual({"old": b"new"}, self.after_cut())

    def test_synced_writes(self):
        """O_DSYNC stands for a sync of what was written so, and of nothing else."""
        write(self.root / "file", b"." * 8192, sync=True)
        sync_folder(self.root)
        fd = os.open(self.root / "file", os.O_WRONLY)
        durable = os.open(self.root / "file", os.O_WRONLY | os.O_DSYNC)
        os.pwrite(fd, b"lost", 0)
        os.pwrite(durable, b"kept", 4096)
        os.close(fd)
        os.close(durable)
        self.assertEqual(b"lost....", (self.root / "file").read_bytes()[:8])
        data = self.after_cut()["file"]
        self.assertEqual((b"....", b"kept"), (data[:4], data[4096:4100]))

    def test_reserved(self):
        """Room that was reserved is length, durable with the file's own sync, and reads as zeros."""
        for name in ("lost", "kept"):
            write(self.root / name, b"", sync=True)
            fd = os.open(self.root / name, os.O_WRONLY)
            os.posix_fallocate(fd, 0, 8192)
            if name == "kept":
                os.fsync(fd)
                os.pwrite(fd, b"gone", 4096)
            os.close(fd)
        sync_folder(self.root)
        self.assertEqual({"lost": b"", "kept": bytes(8192)}, self.after_cut())

    def test_torn(self):
        """Sector by sector old or new, never a mixture within one."""
        write(self.root / "file", b"o" * 65536, sync=True)
        sync_folder(self.root)
        write(self.root / "file", b"n" * 65536)
        data = self.after_cut(KEEP_SECTORS)["file"]
        sectors = {data[at:at + 512] for at in range(0, len(data), 512)}
        self.assertEqual({b"o" * 512, b"n" * 512}, sectors)

    def test_folders(self):
        """What stands in a folder that nobody synced into its own is gone with it."""
        for name in ("lost", "kept"):
            (self.root / name).mkdir()
            write(self.root / name / "file", b"x", sync=True)
            sync_folder(self.root / name)
            if name == "lost":
                continue
            sync_folder(self.root)
        os.rename(self.root / "kept" / "file", self.root / "kept" / "other")
        (self.root / "late").mkdir()
        self.after_cut()
        self.assertEqual({"lost", "kept"}, {path.name for path in self.root.iterdir()})
        self.assertEqual(["file"], [path.name for path in (self.root / "kept").iterdir()])


if __name__ == "__main__":
    sys.exit(end(unittest.main(exit=False)))
