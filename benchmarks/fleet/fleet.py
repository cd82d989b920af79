"""The fleet at work, and what is counted of it, phase by phase."""

import contextlib
import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks.fleet.auditor import Auditor
from benchmarks.fleet.processes import Broker, Consumer, memory_mib, tree_cpu_s, wait_for
from benchmarks.fleet.recorded import record
from benchmarks.fleet.worker import End, Now, Plan, work
from tests.support.postgres import Postgres

SETTLED_S = 400.0  # how long a phase may take to come to rest


@dataclass(frozen=True)
class Size:
    """How large a fleet, and how fast its time goes."""

    boxes: int = 1000
    processes: int = 8  # select(2) takes descriptors below 1024, and a box has five
    hour_s: float = 180.0  # that stand for an hour
    changes_per_hour: float = 6.0  # of each box; each is an event and a state
    health_s: float = 60.0  # of the hour
    down_s: float = 30.0  # of the broker; not compressed: the backoff is not either
    roll_s: float = 60.0
    burst: int = 5  # changes of each box at once


@dataclass
class Phase:
    """One line of the table."""

    name: str
    began_s: float = field(default_factory=time.time)
    seconds: float = 0.0
    messages: int = 0
    duplicates: int = 0
    cpu_s: dict[str, float] = field(default_factory=dict)
    broker_mib: float = 0.0


class Fleet:
    """All processes of the run; a context manager."""

    def __init__(self, size: Size, folder: Path, port: int, postgres: Postgres) -> None:
        self.size = size
        self.phases: list[Phase] = []
        self.postgres = postgres
        self._stack = contextlib.ExitStack()
        self._folder = folder
        self._port = port
        self._pipes: list[Connection] = []

    def __enter__(self) -> "Fleet":
        with self._stack:
            self._start_all()
            self._stack = self._stack.pop_all()
        return self

    def _start_all(self) -> None:
        self.broker = Broker(self._folder, self._port)
        self.broker.start()
        self._stack.callback(self.broker.stop)
        self.auditor = Auditor(self._port)
        self._stack.callback(self.auditor.close)
        self.databases = {name: self.postgres.create(name) for name in ("alone", "shared")}
        group = ("--group", "fleet")
        self.consumers = [
            self._consumer("alone", "alone"),
            self._consumer("first", "shared", *group),
            self._consumer("second", "shared", *group),
        ]
        self._await_consumers()
        self._start_workers()

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _consumer(self, name: str, database: str, *more: str) -> Consumer:
        to = ("--to", self.databases[database], "--port", str(self._port))
        consumer = Consumer(self._folder, name, *to, *more)
        self._stack.callback(consumer.stop)
        return consumer

    def _start_workers(self) -> None:
        size, spawn = self.size, multiprocessing.get_context("spawn")
        recorded = record(self._folder)
        names = [f"box-{at:04}" for at in range(size.boxes)]
        health_s = size.health_s * size.hour_s / 3600
        for at in range(size.processes):
            ours, theirs = spawn.Pipe()
            plan = Plan(names[at :: size.processes], self._folder, self._port, health_s, recorded)
            process = spawn.Process(target=work, args=(theirs, plan), daemon=True)
            process.start()
            self._stack.callback(process.kill)
            self._pipes.append(ours)
        self.ask("now")

    # -- what the phases are made of -------------------------------------------------------

    def ask(self, name: str, *arguments: object) -> list[Any]:
        """A call to every worker, at once."""
        for pipe in self._pipes:
            pipe.send((name, arguments))
        return [pipe.recv() for pipe in self._pipes]

    def now(self) -> Now:
        workers: Sequence[Now] = self.ask("now")
        return Now(
            connected=sum(now.connected for now in workers),
            depth=sum(now.depth for now in workers),
            rolling=any(now.rolling for now in workers),
            failed=sum(now.failed for now in workers),
            cpu_s=sum(now.cpu_s for now in workers),
        )

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[Phase]:
        """Counts what happens inside."""
        before, phase = self._counts(), Phase(name)
        began_s = time.monotonic()
        yield phase
        phase.seconds = time.monotonic() - began_s
        after = self._counts()
        change = {key: after[key] - before[key] for key in after}
        phase.messages, phase.duplicates = int(change.pop("new")), int(change.pop("again"))
        phase.cpu_s = change
        phase.broker_mib = self.broker.memory_mib()
        self.phases.append(phase)
        print(f"{name}: {phase}", flush=True)

    def _counts(self) -> dict[str, float]:
        return {
            "new": self.auditor.distinct,
            "again": self.auditor.duplicates,
            "broker": self.broker.cpu_s,
            "boxes": self.now().cpu_s,
            "alone": self.consumers[0].cpu_s,
            "shared": self.consumers[1].cpu_s + self.consumers[2].cpu_s,
            "postgres": tree_cpu_s(self.postgres.pid),
        }

    def settle(self, done: Callable[[Now], bool], what: str) -> None:
        """Waits for the boxes to be so; a box whose sender ends never will."""

        def settled() -> bool:
            now = self.now()
            if now.failed:
                raise RuntimeError(f"{now.failed} senders ended with an error, see above")
            return done(now)

        wait_for(settled, SETTLED_S, what)

    def kill_consumers(self) -> None:
        """The one that is alone and one of the group, and starts them again."""
        for consumer in self.consumers[:2]:
            consumer.kill()
            consumer.start()
        self._await_consumers()

    def _await_consumers(self) -> None:
        wait_for(lambda: all(c.listens() for c in self.consumers), SETTLED_S, "consumers listen")

    def end(self) -> End:
        ends: Sequence[End] = self.ask("end")
        return End(
            [totals for end in ends for totals in end.outboxes],
            sorted(at_s for end in ends for at_s in end.connects),
            sorted(at_s for end in ends for at_s in end.attempts),
        )

    def peak_mib(self) -> float:
        return self.broker.memory_mib("VmHWM")

    def consumer_mib(self) -> float:
        return max(memory_mib(consumer.pid) for consumer in self.consumers)
