#!/usr/bin/env python3
"""The client library as others have it: installed, found by pkg-config, its example built with
nothing of the source tree, and run against a real engine."""

import os
import pathlib
import shlex
import shutil
import subprocess
import unittest

import harness
import wire_client as wire
from harness import Case

EXAMPLE = wire.ROOT / "tools/client/example/clear_one_day.c"
TOOLS = ("meson", "pkg-config")


def build_folder() -> pathlib.Path:
    return pathlib.Path(harness.qingfen()).parents[2]


def quietly(command, **keywords) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, **keywords)
    if done.returncode != 0:
        raise AssertionError("%s: exit %d\n%s%s" % (" ".join(map(str, command)), done.returncode,
                                                    done.stdout[-2000:], done.stderr[-4000:]))
    return done.stdout


class ClientLibrary(Case):

    def build_from_installed(self) -> pathlib.Path:
        """The example, compiled as somebody else would."""
        away = self.folder / "away"
        quietly(["meson", "install", "-C", build_folder(), "--no-rebuild", "--quiet",
                 "--tags", "devel"], env={**os.environ, "DESTDIR": str(away)})
        pc = next(away.rglob("qingfen-client.pc"))
        prefix = next(away.rglob("include")).parent
        flags = shlex.split(quietly(
            ["pkg-config", "--define-variable=prefix=%s" % prefix, "--cflags", "--libs",
             "qingfen-client"], env={**os.environ, "PKG_CONFIG_PATH": str(pc.parent)}))
        source = self.folder / "example.c"
        shutil.copy(EXAMPLE, source)
        program = self.folder / "example"
        compiler = shlex.split(os.environ.get("QINGFEN_CC", "cc"))
        quietly([*compiler, "-std=gnu17", "-Wall", "-Wextra", "-Werror", source, *flags,
                 "-o", program], cwd=self.folder)
        return program

    def run_day(self, program, engine) -> str:
        done = subprocess.run([program, engine.address], capture_output=True, text=True, timeout=60)
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        return done.stdout.strip()

    @unittest.skipUnless(all(map(shutil.which, TOOLS)), "needs meson and pkg-config")
    def test_example_of_the_installed_library(self):
        engine = self.fresh()
        program = self.build_from_installed()
        self.assertEqual("accepted=1001 known=0 refused=0", self.run_day(program, engine))
        self.assertEqual("accepted=0 known=1001 refused=0", self.run_day(program, engine))
        rows = harness.report(engine, "position", "2025-03")
        self.assertEqual(1, len(rows), rows)  # One pair of provinces, one line, one class.

    def test_where_no_engine_is(self):
        program = build_folder() / "tools/client/clear_one_day"
        done = subprocess.run([program, "127.0.0.1:1"], capture_output=True, text=True, timeout=60)
        self.assertEqual(1, done.returncode)
        self.assertIn("cannot connect to 127.0.0.1:1", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
