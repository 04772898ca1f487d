"""power -- a folder on powerfs (powerfs.c), from which the power can be taken.

Where FUSE cannot be mounted, as in most containers, Power() raises unittest.SkipTest: a power cut that
nobody made is no passed test.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import unittest

END_S = 20.0
SKIPPED = 77  # What powerfs ends with where nothing can be mounted.


def end(program: unittest.TestProgram) -> int:
    """The exit code of a script whose tests were run: one for meson that says "skipped"."""
    result = program.result
    if not result.wasSuccessful():
        return 1
    return SKIPPED if result.skipped else 0


class Power:
    """`folder` is the file system; what is written there and not synced is lost at a cut."""

    def __init__(self, place: pathlib.Path):
        self.program = os.environ.get("QINGFEN_POWERFS", "")
        if not self.program:
            raise unittest.SkipTest("powerfs was not built: there is no libfuse3-dev")
        self.backing, self.folder = place / "disk", place / "power"
        self.backing.mkdir(parents=True)
        self.folder.mkdir()
        self.process = None
        self.on()

    def on(self) -> None:
        """Mounts what the disk holds."""
        self.process = subprocess.Popen([self.program, str(self.backing), str(self.folder)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if line != "powerfs ready\n":
            code = self.process.wait(END_S)
            self._close()
            if code == SKIPPED:
                raise unittest.SkipTest("FUSE cannot be mounted here")
            raise AssertionError("powerfs ended with %d" % code)

    def _tell(self, command: str) -> str:
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def _close(self) -> None:
        self.process.stdin.close()
        self.process.stdout.close()
        self.process = None

    def slow(self, ms: int) -> None:
        """From here on every sync takes that long."""
        self._tell("slow %d" % ms)

    def cut(self, seed: int, sector: int = 512) -> str:
        """The power fails: nothing is there until on(). What became of the unsynced, in words."""
        words = self._tell("cut %d %d" % (seed, sector))
        self.process.wait(END_S)
        self._close()
        if not words.startswith("cut: "):
            raise AssertionError("powerfs did not cut: %r" % words)
        return words

    def off(self) -> None:
        """An orderly end, or what is left of one."""
        if self.process is None:
            return
        try:
            self._tell("quit")
            self.process.wait(END_S)
        except (BrokenPipeError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait(END_S)
            subprocess.run(["fusermount3", "-u", "-q", "-z", str(self.folder)], check=False,
                           timeout=END_S)
        self._close()
