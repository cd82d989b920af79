"""The world around one injection: a folder, a broker, agents with their sources, who listens."""

import contextlib
import json
import math
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tests.conftest import Agent, Broker
from tests.support import tiny

from .listener import Listener

RATE_HZ, WINDOW = 1000, 200  # of the tiny model
RUN = ("-m", "agent")
SABOTAGE = Path(__file__).with_name("sabotage.py")
OPEN_BROKER = """allow_anonymous true
set_tcp_nodelay true
max_inflight_messages 0
max_queued_messages 0
"""
Tree = dict[str, Any]


def seconds_until(happened: Callable[[], object], within_s: float) -> float:
    """How long it took for a condition to come; infinity where it did not."""
    began_s = time.monotonic()
    while not happened():
        if time.monotonic() - began_s > within_s:
            return math.inf
        time.sleep(0.01)
    return time.monotonic() - began_s


class Notes:
    """The socket that systemd would give to the process: what was written there, and when."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.notes: list[tuple[float, str]] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        threading.Thread(target=self._listen, daemon=True).start()

    def when(self, what: str) -> list[float]:
        return [at_s for at_s, text in list(self.notes) if what in text]

    def _listen(self) -> None:
        while text := self._socket.recv(4096).decode():
            self.notes.append((time.monotonic(), text))


@dataclass
class Running(Agent):
    """An agent at work."""

    notes: Notes
    began_s: float = field(default_factory=time.monotonic)

    def ready_after_s(self, within_s: float = 20) -> float:
        """Seconds from its start until it said READY=1."""
        seconds_until(lambda: self.notes.when("READY=1") or not self.lives, within_s)
        ready = self.notes.when("READY=1")
        return ready[0] - self.began_s if ready else math.inf

    @property
    def lives(self) -> bool:
        return self.process.poll() is None

    def ended_after_s(self, within_s: float) -> float:
        """Seconds until it ends of itself."""
        return seconds_until(lambda: not self.lives, within_s)

    def stopped_after_s(self, within_s: float = 20) -> float:
        """Sends SIGTERM; seconds until it has ended."""
        self.process.send_signal(signal.SIGTERM)
        return self.ended_after_s(within_s)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def says(self, pattern: str) -> bool:
        return re.search(pattern, self.logged()) is not None

    def rss_mib(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024  # type: ignore[index]

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))  # noqa: PTH208 - no entries wanted


@dataclass(frozen=True)
class Kept:
    """What an outbox file holds; read from a copy, so that the agent does not notice."""

    integrity: str
    epoch: str
    last_seq: int
    seqs: frozenset[int]
    dropped: int
    parked: dict[int, str]


def kept(state: Path) -> Kept:
    """What is in the outbox of that state directory."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "outbox.sqlite"
        for ending in ("", "-wal"):
            with contextlib.suppress(FileNotFoundError):
                shutil.copyfile(state / f"outbox.sqlite{ending}", f"{copy}{ending}")
        with contextlib.closing(sqlite3.connect(copy)) as db:
            return _kept(db)


def _kept(db: sqlite3.Connection) -> Kept:
    (integrity,) = db.execute("PRAGMA integrity_check").fetchone()
    state = db.execute("SELECT epoch, dropped FROM state").fetchone()
    if state is None:  # caught while it is being made
        raise sqlite3.OperationalError("the outbox has no state yet")
    epoch, dropped = state
    last = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'message'").fetchone()
    seqs = frozenset(seq for (seq,) in db.execute("SELECT seq FROM message"))
    parked = dict(db.execute("SELECT seq, why FROM parked").fetchall())
    return Kept(integrity, epoch, last[0] if last else 0, seqs, dropped, parked)


def last_kept(state: Path) -> int:
    """The last sequence number on disk; 0 while a copy of the file cannot be read."""
    try:
        return kept(state).last_seq
    except sqlite3.Error:
        return 0


class World:
    """Makes the parts and, at its end, takes down what still stands; a context manager."""

    def __init__(self, folder: Path, quick: bool) -> None:
        self.folder = folder
        self.quick = quick
        self.stack = contextlib.ExitStack()
        self._started = self._brokers = 0

    def __enter__(self) -> "World":
        self.model = tiny.write(self.folder / "tiny.onnx")
        return self

    def __exit__(self, *_: object) -> None:
        self.stack.close()

    def size(self, full: int, quick: int) -> int:
        return quick if self.quick else full

    def broker(self, extra: str = "") -> Broker:
        """A mosquitto that keeps any number of messages for a slow subscriber."""
        self._brokers += 1
        folder = self.folder / f"broker-{self._brokers}"
        folder.mkdir()
        broker = Broker(folder, extra=OPEN_BROKER + extra)
        self.stack.callback(broker.stop)
        return broker.start()

    def listen(self, port: int, host: str = "127.0.0.1", **how: Any) -> Listener:
        listener = Listener(port, host, **how)
        self.stack.callback(listener.close)
        return listener

    def state(self, name: str = "box") -> Path:
        return self.folder / name

    # -- sources ----------------------------------------------------------------------

    def live(self, per_s: float, name: str = "live") -> Tree:
        """Windows at that rate, as a sensor would give them, for ever."""
        quiet = [{"duration_s": 3600}]
        synth = {"kind": "synth", "rate_hz": RATE_HZ, "repeat": True, "scenario": quiet}
        return self._source(name) | synth | {"hop_s": 1 / per_s}

    def recorded(self, messages: int, name: str = "recorded") -> Tree:
        """So many messages as fast as they can be made: all windows, but two events and states."""
        path = self.folder / f"recorded-{messages}.npy"
        frames = WINDOW + messages - 5
        np.save(path, np.random.default_rng(0).standard_normal(frames).astype(np.float32) * 0.1)
        file = {"kind": "file", "path": str(path), "pace": "fast", "rate_hz": RATE_HZ}
        return self._source(name) | file | {"hop_s": 1 / RATE_HZ}

    def stream(self, port: int, name: str = "sensor", **keys: Any) -> Tree:
        """Raw samples from a TCP server on loopback."""
        url = f"tcp://127.0.0.1:{port}"
        return self._source(name) | {"kind": "stream", "url": url, "rate_hz": RATE_HZ} | keys

    def _source(self, name: str) -> Tree:
        return {"name": name, "model": str(self.model), "publish_windows": True}

    # -- agents -----------------------------------------------------------------------

    def tree(self, port: int, *sources: Tree, name: str = "box", **sections: Tree) -> Tree:
        """A configuration; `name` is also that of the state directory."""
        agent = {"id": name, "state_dir": str(self.state(name)), "health_s": 0.5}
        mqtt = {"port": port} | sections.pop("mqtt", {})
        return {"agent": agent, "mqtt": mqtt, "sources": list(sources)} | sections

    def start(
        self,
        tree: Tree,
        prefix: tuple[str, ...] = (),
        program: tuple[str, ...] = RUN,
        environment: Mapping[str, str] | None = None,
    ) -> Running:
        """The real process, as `python -m agent run --config FILE`."""
        self._started += 1
        base = self.folder / f"agent-{self._started}"
        config = base.with_suffix(".json")
        config.write_text(json.dumps(tree))
        notes = Notes(base.with_suffix(".notify"))
        variables = {**os.environ, **(environment or {}), "NOTIFY_SOCKET": str(notes.path)}
        command = [*prefix, sys.executable, *program, "run", "--config", str(config)]
        log = base.with_suffix(".log")
        with log.open("wb") as err:
            process = subprocess.Popen(command, stderr=err, env=variables)
        running = Running(process, log, notes)
        self.stack.callback(running.kill)
        return running

    def drain(self, port: int, within_s: float = 60, name: str = "box", **sections: Tree) -> bool:
        """Runs an agent on that state directory until all is acknowledged."""
        agent = self.start(self.tree(port, self.recorded(10, "last"), name=name, **sections))
        return agent.ended_after_s(within_s) < math.inf and agent.process.returncode == 0


@contextlib.contextmanager
def world(quick: bool, folder: Path | None = None) -> Iterator[World]:
    """A world in a folder of its own, which goes with it unless it was given."""
    with contextlib.ExitStack() as stack:
        at = folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="drsn-")))
        yield stack.enter_context(World(at, quick))
