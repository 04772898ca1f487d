"""What the tests of the shape share: the map in engine/LAYERS, and the project's own files."""
import fnmatch
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
ENGINE = ROOT / "engine"


class Layers:
    """engine/LAYERS: the words of each line, by room or by file."""

    def __init__(self, text=None):
        self.words = {}
        if text is None:
            text = (ENGINE / "LAYERS").read_text(encoding="utf-8")
        for number, line in enumerate(text.splitlines(), 1):
            line = line.split("#")[0].strip()
            if not line:
                continue
            key, colon, words = line.partition(":")
            if not colon:
                raise SystemExit(f"engine/LAYERS:{number}: no colon in '{line}'")
            self.words.setdefault(key.strip(), set()).update(words.split())

    def rooms(self):
        return [key for key in self.words if key != "*" and not key.endswith((".c", ".h"))]

    def allowed(self, room, file_name=""):
        """Words for a file of that room: everybody's, the room's and the file's own."""
        words = set(self.words.get("*", ()))
        words |= self.words.get(room, set())
        prefix = "" if room == "(root)" else room + "/"
        return words | self.words.get(prefix + file_name, set())

    def may_include(self, room, file_name, kind, name):
        """kind is '<' or '"', name what stands between the marks."""
        words = self.allowed(room, file_name)
        if "*" in words:
            return True
        if kind == "<":
            return f"<{name}>" in words
        home = room_of(name)
        if home == room or home in words or name in words:
            return True
        return any("*" in word and fnmatch.fnmatch(name, word) for word in words)


def room_of(name):
    """The room of a path relative to engine/: 'world/linux' of 'world/linux/ring.h'."""
    folder = pathlib.PurePosixPath(name).parent.as_posix()
    return "(root)" if folder == "." else folder


def project_files():
    """Every file that belongs to the project: what git tracks or would track, else what is there
    and not a build folder."""
    try:
        listed = subprocess.run(
            ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z", "-co", "--exclude-standard"],
            cwd=ROOT, capture_output=True, check=True).stdout
        names = [name for name in listed.decode("utf-8").split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        names = [path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*")]
        names = [name for name in names
                 if not name.startswith(("build", ".git/")) and "__pycache__" not in name]
    return sorted(ROOT / name for name in set(names) if (ROOT / name).is_file())


def text_of(path):
    """The file's text, or None when it is not text."""
    data = path.read_bytes()
    if b"\0" in data:
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def finish(faults, all_well):
    """Prints the faults, or one line that says what holds; gives the exit code."""
    print("\n".join(faults) if faults else all_well)
    return 1 if faults else 0
