"""programs -- the programs that are compared, each on a fresh folder: started, measured, stopped.

A server is used with `with`: what was started is stopped by its own process id whatever happens,
and its folder is removed. Processor time is read from /proc/PID: shards' threads by their names
(shard-0, shard-1, ...), the whole process with everything it waited for.
"""

import functools
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tools/lib"))
from processes import (Failed, of_children, process_cpu_ns, run, thread_cpu_ns,  # noqa: E402
                       wait_ready, written_bytes)

READY_S = 120
RUN_S = 600
STOP_S = 300
LAST_LINE = re.compile(r"(\w+)=(\d+)")
POSTGRES_BIN = pathlib.Path("/usr/lib/postgresql/15/bin")
POSTGRES_USER = "postgres"

# What the cluster has beside PostgreSQL's own defaults; durability is full.
POSTGRES_CONF = """
fsync = on
synchronous_commit = on
full_page_writes = on
shared_buffers = {buffers}MB
effective_cache_size = {cache}MB
wal_buffers = 64MB
wal_compression = lz4
wal_level = minimal
max_wal_senders = 0
max_wal_size = 24GB
checkpoint_timeout = 30min
max_connections = 100
autovacuum_naptime = 15s
jit = off
"""


def interruptible():
    """Makes SIGTERM and SIGHUP end this program as an exception, so that nothing stays behind."""
    def leave(number, _frame):
        raise SystemExit(128 + number)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)


def memory_mb():
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20


# -- servers -------------------------------------------------------------------------------------

class Server:
    """A program that is started on a folder of its own and says on stdout when it is ready."""

    name = ""
    ready = re.compile(r" ready on (\S+)")

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.process = None
        self.address = ""
        self.cpu_before = (0, 0)
        self.bytes_before = 0

    def command(self):
        """What is to be run; may make what it needs in self.folder."""
        raise NotImplementedError

    def __enter__(self):
        self.folder.mkdir(parents=True)
        try:
            with open(self.folder / "stdout", "wb") as out, \
                    open(self.folder / "stderr", "wb") as err:
                self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL,
                                                stdout=out, stderr=err)
            self._wait_ready()
            self.cpu_before = self._cpu()
            self.bytes_before = written_bytes(self.process.pid)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *_):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def said(self, stream="stdout"):
        return (self.folder / stream).read_text(errors="replace")

    def _wait_ready(self):
        self.address = wait_ready(self.process, self.folder / "stdout", self.ready, READY_S)
        if self.address is None:
            raise Failed("%s has ended, or is not ready after %d s: %s"
                         % (self.name, READY_S, self.said("stderr")))

    def _cpu(self):
        return thread_cpu_ns(self.process.pid, "shard-"), process_cpu_ns(self.process.pid)

    def used(self):
        """What was used since it was ready: ns of the shards' threads and of the process, bytes."""
        shards, whole = self._cpu()
        return {"shard_cpu_ns": shards - self.cpu_before[0],
                "process_cpu_ns": whole - self.cpu_before[1],
                "device_bytes": written_bytes(self.process.pid) - self.bytes_before}

    def stop(self):
        """Stops it in good order."""
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            raise Failed("%s did not stop within %d s" % (self.name, STOP_S)) from None
        if code != 0:
            raise Failed("%s ended with exit code %d: %s" % (self.name, code, self.said("stderr")))


class Engine(Server):
    """qingfend on a store made for it."""

    name = "engine"

    def __init__(self, folder, build, shards, options=()):
        super().__init__(folder)
        self.build = build
        self.shards = shards
        self.options = options

    def command(self):
        store = self.folder / "store"
        run(self.build / "tools/qingfen/qingfen", "init", "--data", store, "--shards", self.shards,
            patience=RUN_S)
        return [self.build / "engine/qingfend", "--data", store, "--listen", "127.0.0.1:0",
                *self.options]

    def records(self):
        """Accepted or recognised as sent before since its start; while it runs."""
        text = run(self.build / "tools/qingfen/qingfen", "status", "--to", self.address,
                   "--format", "csv", patience=RUN_S)
        head, *rows = [line.split(",") for line in text.split()]
        return sum(int(row[head.index(name)]) for row in rows for name in ("accepted", "duplicate"))


class Bare(Server):
    """bench/bare on files made for it."""

    name = "bare"

    def __init__(self, folder, build, shards, dsync):
        super().__init__(folder)
        self.build = build
        self.shards = shards
        self.dsync = dsync

    def command(self):
        return [self.build / "bench/bare_loop", "--folder", self.folder, "--shards",
                str(self.shards)] + (["--dsync"] if self.dsync else [])

    def records(self):
        """Answered since its start; when it was stopped."""
        return sum(int(count) for count in re.findall(r" records=(\d+)", self.said()))


class Postgres(Server):
    """PostgreSQL 15 on loopback, a cluster of its own; as another user when we are root. The
    cluster is kept from one `with` to the next, remove() removes it."""

    name = "postgresql"

    def __init__(self, folder, build):
        super().__init__(folder)
        self.build = build
        self.port = 0
        self.user = {"user": POSTGRES_USER, "group": POSTGRES_USER, "extra_groups": []} \
            if os.geteuid() == 0 else {}

    def _run(self, *command):
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              cwd=self.folder, check=False, **self.user)
        if done.returncode != 0:
            raise Failed("%s: %s%s" % (command[0], done.stdout, done.stderr))

    def _make(self):
        """A cluster; anybody on this machine may connect to it while it runs, but only from it."""
        self.folder.mkdir(parents=True)
        if self.user:
            shutil.chown(self.folder, POSTGRES_USER, POSTGRES_USER)
        self._run(POSTGRES_BIN / "initdb", "-D", self.folder / "data", "-U", POSTGRES_USER,
                  "--auth=trust", "--locale=C", "--encoding=UTF8")
        buffers = min(4096, memory_mb() // 4)
        with open(self.folder / "data/postgresql.conf", "a", encoding="utf-8") as conf:
            conf.write(POSTGRES_CONF.format(buffers=buffers, cache=memory_mb() // 2))

    def __enter__(self):
        if not self.folder.exists():
            self._make()
        with socket.socket() as probe:  # A port that nobody has; PostgreSQL cannot choose.
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.address = "127.0.0.1:%d" % self.port
        command = [POSTGRES_BIN / "postgres", "-D", self.folder / "data", "-p", str(self.port),
                   "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
        with open(self.folder / "server.log", "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, cwd=self.folder, **self.user)
        try:
            self._wait_ready()
            self.cpu_before = self._cpu()
            self.bytes_before = self._bytes()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _wait_ready(self):
        end = time.monotonic() + READY_S
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise Failed("PostgreSQL ended: %s" % self.said("server.log")[-2000:])
            if subprocess.run([POSTGRES_BIN / "pg_isready", "-q", "-h", "127.0.0.1", "-p",
                               str(self.port)], check=False).returncode == 0:
                return
            time.sleep(0.1)
        raise Failed("PostgreSQL was not ready within %d s" % READY_S)

    def _cpu(self):
        total = process_cpu_ns(self.process.pid, with_children=True)
        return 0, total + of_children(self.process.pid, process_cpu_ns)

    def _bytes(self):
        return written_bytes(self.process.pid) + of_children(self.process.pid, written_bytes)

    def used(self):
        return {"shard_cpu_ns": 0, "process_cpu_ns": self._cpu()[1] - self.cpu_before[1],
                "device_bytes": self._bytes() - self.bytes_before}

    def __exit__(self, *_):
        """Fast shutdown; one that hangs is ended without a checkpoint, and then killed."""
        for number, patience in ((signal.SIGINT, STOP_S), (signal.SIGQUIT, 30),
                                 (signal.SIGKILL, 30)):
            if self.process.poll() is not None:
                return
            self.process.send_signal(number)
            try:
                self.process.wait(patience)
            except subprocess.TimeoutExpired:
                continue

    def stop(self):
        self.__exit__(None, None, None)

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def conninfo(self):
        return "host=127.0.0.1 port=%d user=%s dbname=postgres" % (self.port, POSTGRES_USER)


# -- loads ---------------------------------------------------------------------------------------

def result_of(stdout, json_file):
    """One run's figures: of the JSON file when the program wrote one, else of its last line."""
    if json_file is not None and json_file.exists():
        with open(json_file, encoding="utf-8") as text:
            return json.load(text)["runs"][0]
    lines = stdout.strip().splitlines()
    found = {name: int(value) for name, value in LAST_LINE.findall(lines[-1])} if lines else {}
    if "settlements_per_s" not in found:
        raise Failed("the load said nothing that can be read: %r" % stdout[-500:])
    return found


@functools.lru_cache
def load_help(build):
    """What this build's `qingfen load` says of itself: not every build knows every option."""
    return run(build / "tools/qingfen/qingfen", "load", "--help", patience=RUN_S)


def _measured(command, json_file, patience):
    """Runs a load and adds the processor time that it took itself."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    stdout = run(*command, patience=patience, may_fail=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = result_of(stdout, json_file)
    result["client_cpu_s"] = round(after.ru_utime + after.ru_stime
                                   - before.ru_utime - before.ru_stime, 3)
    return result


def load(build, address, folder, seconds, options, hgrm=None):
    """`qingfen load` against a server that speaks the wire protocol. `hgrm`: where its percentile
    distribution goes, in us."""
    json_file = pathlib.Path(folder) / "load.json"
    json_file.unlink(missing_ok=True)
    command = [build / "tools/qingfen/qingfen", "load", "--to", address, "--seconds", seconds]
    for name, value in options.items():
        command += ["--" + name, value]
    if "--json" in load_help(build):
        command += ["--json", json_file]
    if hgrm is not None and "--hgrm" in load_help(build):
        command += ["--hgrm", hgrm]
    return _measured(command, json_file, seconds + 120)


def postgres_load(build, server, seconds, options):
    """bench/peers/postgres_peer against a cluster; its tables are made anew."""
    json_file = server.folder.parent / "peer.json"
    json_file.unlink(missing_ok=True)
    command = [build / "bench/postgres_peer", "--conninfo", server.conninfo(), "--seconds",
               seconds, "--json", json_file]
    for name, value in options.items():
        command += ["--" + name, value]
    return _measured(command, json_file, 3 * seconds + 300)
