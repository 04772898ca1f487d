"""plants -- reads the planted defects of this folder, and plants them in a copy of the sources.

    plants.py check                 every plant's text stands exactly once where it says it does
    plants.py list
    plants.py run FOLDER [NAME...]  plants each in FOLDER (made when it is missing, used again when it
                                    is there), builds, runs its tests, and says what caught it

A plant that is not caught, does not build or does not fit any more is a failure: exit 1. A test
that only ran out of time is marked so: that can be the mistake, or a busy machine. Nothing is changed
in the sources it stands in. The format is told in README.md.
"""

from __future__ import annotations

import collections
import json
import os
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD_FAILED = 125  # What `meson test` exits with when it could not build.
TIME_FACTOR = 3  # Of each test's own limit; a plant should fail, not run out of time.


class BadPlant(Exception):
    """A plant that is badly written, or fits the sources no more."""


class Plant:
    """One .plant file: a sentence, the tests that catch it, and texts to change."""

    def __init__(self, path: pathlib.Path):
        self.name = path.stem
        self.breaks = ""
        self.tests: list[str] = []
        self.changes: list[tuple[str, str, str]] = []
        self._read(path.read_text(encoding="utf-8").splitlines(keepends=True))
        if not self.breaks or not self.tests or not self.changes:
            raise BadPlant(f"{self.name}: needs 'breaks:', 'caught by:' and a change in a file")

    def _read(self, lines: list[str]) -> None:
        file, before, after, part = "", "", "", None
        for number, line in enumerate(lines, 1):
            mark = line.rstrip("\n")
            if mark == "<<<<" and part is None and file:
                before, after, part = "", "", "before"
            elif mark == "====" and part == "before":
                part = "after"
            elif mark == ">>>>" and part == "after":
                self.changes.append((file, before, after))
                part = None
            elif part == "before":
                before += line
            elif part == "after":
                after += line
            elif mark.startswith("file: "):
                file = mark[len("file: "):].strip()
            elif mark.startswith("breaks: "):
                self.breaks = mark[len("breaks: "):].strip()
            elif mark.startswith("caught by: "):
                self.tests = mark[len("caught by: "):].split()
            elif mark.strip():
                raise BadPlant(f"{self.name}: line {number} is none of the format's: {mark}")
        if part is not None:
            raise BadPlant(f"{self.name}: the last change has no end")

    def planted(self, root: pathlib.Path) -> dict[pathlib.Path, tuple[str, str]]:
        """For each file the text as it is and as it is to be."""
        texts: dict[pathlib.Path, tuple[str, str]] = {}
        for name, before, after in self.changes:
            path = root / name
            if not path.is_file():
                raise BadPlant(f"{self.name}: there is no {name}")
            whole, text = texts.get(path, (None, None))
            if text is None:
                whole = text = path.read_text(encoding="utf-8")
            count = text.count(before)
            if count != 1:
                raise BadPlant(f"{self.name}: its text stands {count} times in {name}, not once")
            texts[path] = (whole, text.replace(before, after))
        return texts


def all_plants(names: list[str]) -> list[Plant]:
    """Those of that name, or all, in the order of their names."""
    paths = sorted(HERE.glob("*.plant"))
    known = {path.stem for path in paths}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise BadPlant(f"there is no plant {unknown[0]}; 'list' names them")
    return [Plant(path) for path in paths if not names or path.stem in names]


def check() -> int:
    """Says of each plant that does not fit what is wrong with it."""
    wrong = 0
    count = 0
    for path in sorted(HERE.glob("*.plant")):
        try:
            Plant(path).planted(ROOT)
            count += 1
        except BadPlant as problem:
            print(problem)
            wrong += 1
    print(f"{count} plants fit the sources, {wrong} do not")
    return 1 if wrong else 0


def meson_test(build: pathlib.Path, tests: list[str]) -> tuple[int, str, list[str], list[str]]:
    """Builds what the tests need and runs them: meson's exit code, what it printed, and by its own
    record those that failed and those that it does not have."""
    record = build / "meson-logs" / "testlog.json"
    record.unlink(missing_ok=True)
    ran = subprocess.run(["meson", "test", "-C", str(build), "-t", str(TIME_FACTOR), *tests],
                         text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                         stdin=subprocess.DEVNULL)
    failed = []
    absent = set(tests)
    for line in record.read_text(encoding="utf-8").splitlines() if record.is_file() else []:
        test = json.loads(line)
        name = test["name"].split(" / ")[-1]
        absent.discard(name)
        if test["result"] not in ("OK", "EXPECTEDFAIL", "SKIP"):
            late = " (out of time)" if test["result"] == "TIMEOUT" else ""
            failed.append(name + late)
    return ran.returncode, ran.stdout, failed, sorted(absent)


def copy_sources(to: pathlib.Path) -> None:
    """The project's own files, as they are now."""
    listed = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard"],
                            text=True, stdout=subprocess.PIPE, check=True).stdout.splitlines()
    for name in listed:
        source, target = ROOT / name, to / name
        if not source.is_file():
            continue
        data = source.read_bytes()
        if target.is_file() and target.read_bytes() == data:
            continue  # Its time stays, and nothing is built anew for it.
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        target.chmod(source.stat().st_mode & 0o777)


def plant_one(plant: Plant, sources: pathlib.Path, build: pathlib.Path) -> tuple[str, list[str]]:
    """Plants it, tests, takes it out again. Says in a line, and gives, what became of it and by which
    tests."""
    from_s = time.monotonic()
    texts = plant.planted(sources)
    try:
        for path, (_, text) in texts.items():
            path.write_text(text, encoding="utf-8")
        code, output, failed, _ = meson_test(build, plant.tests)
    finally:
        for path, (whole, _) in texts.items():
            path.write_text(whole, encoding="utf-8")
    word = "DOES NOT BUILD" if code == BUILD_FAILED else "caught" if failed else "NOT CAUGHT"
    print(f"{word:14} {time.monotonic() - from_s:5.0f} s  {plant.name:40} "
          f"{', '.join(failed) if failed else ' '.join(plant.tests):28} {plant.breaks}", flush=True)
    if word == "DOES NOT BUILD":
        print(output[-2000:])
    return word, failed


def run(folder: pathlib.Path, names: list[str]) -> int:
    """Plants, builds, tests, one after the other."""
    plants = all_plants(names)
    sources, build = folder / "sources", folder / "build"
    copy_sources(sources)
    if not (build / "build.ninja").is_file():
        subprocess.run(["meson", "setup", str(build), str(sources), "--buildtype=debugoptimized",
                        "-Dtests=true", "-Dwerror=false"], check=True, stdout=subprocess.DEVNULL)
    wanted = sorted({test for plant in plants for test in plant.tests})
    print(f"{len(plants)} plants, {len(wanted)} tests; first the tests on sound sources", flush=True)
    from_s = time.monotonic()
    code, output, failed, absent = meson_test(build, wanted)
    if code != 0 or absent:
        print(output)
        print(f"on sound sources these do not pass: {', '.join(failed)}; "
              f"these do not exist: {', '.join(absent)}; nothing can be said")
        return 1
    missed = 0
    by: collections.Counter[str] = collections.Counter()
    for plant in plants:
        word, failed = plant_one(plant, sources, build)
        missed += word != "caught"
        by.update(failed)
    print(f"{len(plants) - missed} of {len(plants)} planted defects caught, "
          f"{time.monotonic() - from_s:.0f} s: "
          + ", ".join(f"{test} {count}" for test, count in by.most_common()))
    return 1 if missed else 0


def main() -> int:
    words = sys.argv[1:]
    try:
        if words[:1] == ["check"] and len(words) == 1:
            return check()
        if words[:1] == ["list"] and len(words) == 1:
            for plant in all_plants([]):
                print(f"{plant.name:40} {' '.join(plant.tests):28} {plant.breaks}")
            return 0
        if words[:1] == ["run"] and len(words) >= 2:
            return run(pathlib.Path(os.path.abspath(words[1])), words[2:])
    except BadPlant as problem:
        print(problem, file=sys.stderr)
        return 1
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
