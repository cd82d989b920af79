"""The other processes of the run, and what the kernel counts for them."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
BROKER = """user root
listener {port} 127.0.0.1
allow_anonymous true
set_tcp_nodelay true
max_queued_messages 0
persistence true
persistence_location {folder}/
"""


def wait_for(happened: Callable[[], bool], within_s: float, what: str) -> None:
    """Waits for a condition; a run in which it does not come is no run."""
    until_s = time.monotonic() + within_s
    while not happened():
        if time.monotonic() > until_s:
            raise TimeoutError(f"not within {within_s:g} s: {what}")
        time.sleep(0.05)


def cpu_s(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def tree_cpu_s(pid: int) -> float:
    """The same of a process with its children, those that have ended too."""
    total = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(") ")[2].split()
        except OSError:  # it has just ended
            continue
        if stat.parent.name == str(pid):
            total += sum(map(int, fields[11:15]))
        elif fields[1] == str(pid):
            total += sum(map(int, fields[11:13]))
    return total / TICKS


def memory_mib(pid: int, key: str = "VmRSS") -> float:
    found = re.search(rf"{key}:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Broker:
    """A mosquitto that keeps sessions over a restart. CPU time counts all of its lives."""

    def __init__(self, folder: Path, port: int, settings: str = BROKER) -> None:
        self._folder = folder
        self._port = port
        self._settings = settings
        self._spent_s = 0.0
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        config = self._folder / "mosquitto.conf"
        config.write_text(self._settings.format(port=self._port, folder=self._folder))
        program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        with (self._folder / "mosquitto.log").open("ab") as log:
            command = [program, "-c", str(config)]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_for(lambda: listens(self._port), 20, "mosquitto listens")

    def stop(self) -> None:
        """As `systemctl stop` does: it saves what it keeps."""
        assert self._process is not None
        self._spent_s += cpu_s(self._process.pid)
        self._process.terminate()
        self._process.wait()

    @property
    def cpu_s(self) -> float:
        alive = self._process is not None and self._process.poll() is None
        return self._spent_s + (cpu_s(self._process.pid) if alive and self._process else 0.0)

    def memory_mib(self, key: str = "VmRSS") -> float:
        assert self._process is not None
        return memory_mib(self._process.pid, key)


class Consumer:
    """`drsn-agent ingest`, killed and started again."""

    def __init__(self, folder: Path, name: str, *arguments: str) -> None:
        self.kills = 0
        self.log = folder / f"ingest-{name}.log"
        self._spent_s = 0.0
        self._command = [sys.executable, "-m", "agent", "ingest", "--name", name, *arguments]
        self.start()

    def start(self) -> None:
        self._subscribed_before = self._subscriptions()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stderr=log)

    def listens(self) -> bool:
        """Whether this life of it has its subscriptions."""
        return self._subscriptions() > self._subscribed_before

    def _subscriptions(self) -> int:
        return self.log.read_text().count(" takes ") if self.log.exists() else 0

    def kill(self) -> None:
        self._spent_s += cpu_s(self._process.pid)
        self._process.kill()
        self._process.wait()
        self.kills += 1

    def stop(self) -> None:
        self._spent_s = self.cpu_s
        self._process.terminate()
        self._process.wait()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def cpu_s(self) -> float:
        alive = self._process.poll() is None
        return self._spent_s + (cpu_s(self._process.pid) if alive else 0.0)
