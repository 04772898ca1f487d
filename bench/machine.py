"""machine -- what the figures were taken on: processor, kernel, disk, and what one sync costs."""

import datetime
import mmap
import os
import pathlib
import platform
import subprocess
import tempfile
import time

SYNCS = 400
SYNC_FILE_BYTES = 4 << 20
BLOCK = 4096


def _line_of(path, key):
    for line in pathlib.Path(path).read_text(encoding="utf-8").splitlines():
        if line.startswith(key):
            return line.split(":", 1)[1].strip()
    return "unknown"


def queue_of(folder):
    """The disk below a folder: its name and the flags of its queue; a partition's are its disk's."""
    number = os.stat(folder).st_dev
    device = pathlib.Path("/sys/dev/block/%d:%d" % (os.major(number), os.minor(number)))
    found = {"device": device.resolve().name if device.exists() else "unknown"}
    for name in ("write_cache", "fua", "rotational"):
        for place in (device / "queue" / name, device / ".." / "queue" / name):
            if place.exists():
                found[name] = place.read_text().strip()
                break
        else:
            found[name] = "unknown"
    return found


def has_fua(folder):
    """Whether the engine would write with RWF_DSYNC there: engine/world/linux/journal_ring.c."""
    queue = queue_of(folder)
    return queue["fua"] == "1" or queue["write_cache"] == "write through"


def file_system_of(folder):
    """Type of the file system, by the longest mount point above the folder."""
    best = ("", "unknown")
    real = os.path.realpath(folder)
    for line in pathlib.Path("/proc/mounts").read_text(encoding="utf-8").splitlines():
        _, point, kind = line.split()[:3]
        above = real == point or real.startswith(point.rstrip("/") + "/")
        if above and len(point) >= len(best[0]):
            best = (point, kind)
    return best[1]


def sync_us(folder, count=SYNCS):
    """p50 and p99 of a 4 KiB O_DIRECT write and its fdatasync in a file written before, in us."""
    fd, path = tempfile.mkstemp(prefix="sync-probe.", dir=folder)  # Others may be measuring, too.
    os.close(fd)
    fd = os.open(path, os.O_RDWR | os.O_DIRECT)
    try:
        zeros = mmap.mmap(-1, SYNC_FILE_BYTES)
        os.pwrite(fd, zeros, 0)
        os.fsync(fd)
        block = memoryview(zeros)[:BLOCK]
        taken = []
        for number in range(count):
            begun = time.perf_counter_ns()
            os.pwrite(fd, block, number * BLOCK % SYNC_FILE_BYTES)
            os.fdatasync(fd)
            taken.append(time.perf_counter_ns() - begun)
        block.release()
    finally:
        os.close(fd)
        os.unlink(path)
    taken.sort()
    return taken[len(taken) // 2] // 1000, taken[len(taken) * 99 // 100] // 1000


def commit_of(root):
    """The sources' commit, with a mark when they were changed since."""
    try:
        return subprocess.run(["git", "-C", str(root), "describe", "--always", "--dirty"],
                              capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def describe(folder, root):
    """All of it as a dictionary of texts and numbers."""
    p50, p99 = sync_us(folder)
    queue = queue_of(folder)
    return {
        "date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        "commit": commit_of(root),
        "cpu": _line_of("/proc/cpuinfo", "model name"),
        "cores": os.cpu_count(),
        "memory_mb": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20,
        "kernel": platform.release(),
        "load_before": round(os.getloadavg()[0], 2),
        "file_system": file_system_of(folder),
        "disk": queue["device"],
        "disk_write_cache": queue["write_cache"],
        "disk_fua": queue["fua"],
        "disk_rotational": queue["rotational"],
        "sync_p50_us": p50,
        "sync_p99_us": p99,
    }


def sentence(found):
    """One line for people and for the foot of a plot."""
    return ("%(cores)d x %(cpu)s, Linux %(kernel)s, %(file_system)s on %(disk)s (%(disk_write_cache)s, "
            "fua %(disk_fua)s; 4 KiB sync %(sync_p50_us)d us p50), load %(load_before)s, "
            "%(commit)s" % found)
