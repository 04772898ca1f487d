"""An engine of one's own: started on a store, watched through /proc, stopped by its own number.

Shared by year_replay.py and bench/growth.py. Must not know what is sent to it.
"""
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from processes import Failed, process_cpu_ns, wait_ready  # noqa: E402

READY = re.compile(r"^qingfend ready on (\S+)$", re.MULTILINE)


def allocated(path):
    """Bytes on the disk of a file, or of all files of a folder."""
    path = pathlib.Path(path)
    files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
    return sum(file.stat().st_blocks * 512 for file in files)


class EngineProcess:
    """qingfend on one store, on a port that it chooses."""

    def __init__(self, qingfend, data, *options, start_s=3600):
        self.data = pathlib.Path(data)
        self.begun = time.monotonic()
        self.out = pathlib.Path(f"{data}.out")
        self.err = pathlib.Path(f"{data}.err")
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.process = subprocess.Popen(
                [str(qingfend), "--data", str(data), "--listen", "127.0.0.1:0",
                 *[str(option) for option in options]],
                stdout=out, stderr=err, stdin=subprocess.DEVNULL)
        self.address = wait_ready(self.process, self.out, READY, start_s)
        if self.address is None:
            self.kill()
            raise Failed(f"qingfend on {self.data} is not ready: {self.said()}")
        self.start_seconds = time.monotonic() - self.begun

    def said(self):
        return self.err.read_text()[-2000:].strip()

    def _proc(self, name):
        return pathlib.Path(f"/proc/{self.process.pid}/{name}").read_text()

    def memory(self):
        """Resident bytes: {"anon", "file", "shmem"}; the page cache of LMDB's map is in "file"."""
        found = re.findall(r"^Rss(Anon|File|Shmem):\s+(\d+) kB", self._proc("status"), re.MULTILINE)
        return {name.lower(): int(kb) * 1024 for name, kb in found}

    def cached_writes(self):
        """Bytes that it wrote through the page cache so far: its state, and the zeros of segments.
        With the journal, which goes past the cache, that is what the device gets, for each page is
        synced before it is written again. The kernel's write_bytes says more where the cache has
        large folios: it counts one as a whole when 4 KiB of it are changed and written."""
        return int(re.search(r"^wchar: (\d+)", self._proc("io"), re.MULTILINE).group(1))

    def processor_seconds(self):
        """Of all threads, user and system."""
        return process_cpu_ns(self.process.pid) / 1e9

    def state_bytes(self):
        """At rest: what the stores of the shards hold on the disk."""
        return sum(allocated(path) for path in self.data.glob("shard-*/state"))

    def stop(self, stop_s=600):
        """SIGTERM and the last checkpoint; Failed unless it ends with 0. Gives what
        cached_writes() was when it had ended."""
        self.process.send_signal(signal.SIGTERM)
        end = time.monotonic() + stop_s
        ended = os.WEXITED | os.WNOWAIT | os.WNOHANG  # It stays to be looked at.
        while os.waitid(os.P_PID, self.process.pid, ended) is None:
            if time.monotonic() > end:
                raise Failed(f"qingfend on {self.data} did not stop within {stop_s} s")
            time.sleep(0.005)
        written = self.cached_writes()
        if self.process.wait() != 0:
            raise Failed(f"qingfend on {self.data} ended with {self.process.returncode}: "
                         f"{self.said()}")
        self.out.unlink()
        self.err.unlink()
        return written

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
