"""processes -- programs that are run to their end, or awaited until they are ready, and what /proc
says of them.

Shared by tools/year and bench. Must not know which programs they are, nor what is sent to them. The
tests have a harness of their own, which an engine that never gets ready must fail.
"""
import os
import pathlib
import subprocess
import time

TICKS = os.sysconf("SC_CLK_TCK")


class Failed(Exception):
    """A program did not do what it was started for; the text says which and why."""


def run(*command, patience=None, may_fail=False):
    """What a program printed; Failed when it did not end with 0. `patience`: seconds at most."""
    command = [str(word) for word in command]
    done = subprocess.run(command, capture_output=True, text=True, timeout=patience, check=False,
                          stdin=subprocess.DEVNULL)
    if done.returncode != 0 and not may_fail:
        raise Failed(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout[-1000:]}"
                     f"{done.stderr[-2000:]}")
    return done.stdout


def wait_ready(process, out, ready, patience):
    """The address that `ready` finds in what the process writes to the file `out`; None when it has
    ended, or that many seconds are over."""
    end = time.monotonic() + patience
    while True:
        ended = process.poll() is not None or time.monotonic() > end
        found = ready.search(out.read_text(errors="replace"))
        if found:
            return found.group(1)
        if ended:
            return None
        time.sleep(0.01)


# -- reading /proc -------------------------------------------------------------------------------

def thread_cpu_ns(pid, prefix):
    """Processor time of the threads whose names begin with `prefix`, in ns."""
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            if (task / "comm").read_text().startswith(prefix):
                total += int((task / "schedstat").read_text().split()[0])
        except FileNotFoundError:
            continue  # A thread that has just ended is none of the shards'.
    return total


def process_cpu_ns(pid, with_children=False):
    """Processor time of a process, in ns, as fine as the kernel's ticks; with that of the children
    it waited for."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15 if with_children else 13])) * 10**9 // TICKS


def written_bytes(pid):
    """Bytes that a process caused to be sent to the device; those of ended children are in it."""
    text = pathlib.Path(f"/proc/{pid}/io").read_text()
    found = dict(line.split(": ") for line in text.splitlines())
    return int(found["write_bytes"]) - int(found["cancelled_write_bytes"])


def of_children(pid, measure):
    """The sum of what `measure` says of each child. PostgreSQL's helpers come and go: one that ends
    meanwhile is in its parent's own account."""
    total = 0
    for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        try:
            total += measure(int(child))
        except (FileNotFoundError, ProcessLookupError):
            pass
    return total
