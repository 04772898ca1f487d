"""What we ship knows no crash point: neither function nor name nor the environment's variable; the
twins of the crash tests do."""

import os
import pathlib
import re
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def names() -> list[str]:
    """As the sources have them; those of one word may stand in a program for other reasons."""
    text = "".join(path.read_text(encoding="utf-8")
                   for path in sorted((ROOT / "engine/world/linux").glob("*.c")))
    return [name for name in re.findall(r'crash_point\("([a-z-]+)"\)', text) if "-" in name]


def found(program: str, words: list[str]) -> list[str]:
    """Where they end; what stands before the first text of a program is the linker's affair."""
    data = pathlib.Path(program).read_bytes()
    return [word for word in words if word.encode() + b"\0" in data]


class TestShipped(unittest.TestCase):
    def test_names(self):
        words = [*names(), "QINGFEN_CRASH_AT", "QINGFEN_CRASH_FUA"]
        self.assertLess(20, len(words))
        for program in ("QINGFEND", "QINGFEN"):
            self.assertEqual([], found(os.environ[program], words), program)
        engine = [word for word in words if not word.startswith("init-")]
        self.assertEqual(engine, found(os.environ["QINGFEND_CRASH"], engine))
        init = [word for word in words if word.startswith("init-")]
        self.assertEqual(init, found(os.environ["QINGFEN_CRASH"], init))

    def test_function(self):
        for program, there in (("QINGFEND", False), ("QINGFEN", False), ("QINGFEND_CRASH", True),
                               ("QINGFEN_CRASH", True)):
            listing = subprocess.run(["nm", os.environ[program]], capture_output=True, text=True,
                                     check=True).stdout
            self.assertEqual(there, " crash_point\n" in listing, program)


if __name__ == "__main__":
    unittest.main()
