"""A process of many boxes: a thread a box, and one that makes their machines change."""

import itertools
import logging
import random
import resource
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks.fleet.box import Box, OutboxTotals
from benchmarks.fleet.recorded import Recorded

CRAWL_S = 0.05  # how often the scheduler looks
FINISH_S = 90.0


@dataclass(frozen=True)
class Plan:
    """What a worker runs."""

    names: Sequence[str]
    folder: Path
    port: int
    health_s: float
    recorded: Recorded


@dataclass(frozen=True)
class Now:
    """How its boxes are."""

    connected: int
    depth: int
    rolling: bool
    failed: int  # boxes whose sender has ended with an error
    cpu_s: float


@dataclass(frozen=True)
class End:
    """What became of them."""

    outboxes: Sequence[OutboxTotals]
    connects: Sequence[float]  # Unix times
    attempts: Sequence[float]


class Worker:
    """Does what it is told over a pipe."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._boxes = [
            Box(name, plan.folder, plan.port, plan.health_s, plan.recorded) for name in plan.names
        ]
        self._every_s = 0.0  # between two changes of one box; 0: none
        self._due: list[tuple[float, Box]] = []
        self._roll: threading.Thread | None = None
        self._failed = 0
        self.attempts: list[float] = []
        threading.excepthook = self._on_failure

    def start(self, version: str) -> None:
        for box in self._boxes:
            box.start(version)

    def pace(self, every_s: float) -> None:
        """Each box changes so often from now on, each at its own moment."""
        self._every_s = every_s
        now_s = time.monotonic()
        self._due = [(now_s + random.uniform(0, every_s), box) for box in self._boxes] * bool(
            every_s
        )

    def burst(self, changes: int) -> None:
        for _, box in itertools.product(range(changes), self._boxes):
            box.change()

    def roll(self, version: str, over_s: float) -> None:
        """Restarts box after box."""
        self._roll = threading.Thread(target=self._roll_out, args=(version, over_s), daemon=True)
        self._roll.start()

    def now(self) -> Now:
        used = resource.getrusage(resource.RUSAGE_SELF)
        return Now(
            connected=sum(box.connected for box in self._boxes),
            depth=sum(box.depth for box in self._boxes),
            rolling=self._roll is not None and self._roll.is_alive(),
            failed=self._failed,
            cpu_s=used.ru_utime + used.ru_stime,
        )

    def end(self) -> End:
        for box in self._boxes:
            box.finish(FINISH_S)
        with ThreadPoolExecutor(len(self._boxes)) as pool:
            list(pool.map(lambda box: box.stop(FINISH_S), self._boxes))
        connects = [at_s for box in self._boxes for at_s in box.connects]
        return End([box.totals() for box in self._boxes], connects, self.attempts)

    def tick(self) -> None:
        """Changes what is due."""
        now_s = time.monotonic()
        for at, (due_s, box) in enumerate(self._due):
            if due_s <= now_s:
                self._due[at] = (due_s + self._every_s, box)
                box.change()

    def _roll_out(self, version: str, over_s: float) -> None:
        began_s = time.monotonic()
        for at, box in enumerate(self._boxes):
            time.sleep(max(0.0, began_s + over_s * at / len(self._boxes) - time.monotonic()))
            box.restart(version)

    def _on_failure(self, about: threading.ExceptHookArgs) -> None:
        self._failed += 1
        print(f"{about.thread}: {about.exc_value!r}", file=sys.stderr, flush=True)


def work(orders: Connection, plan: Plan) -> None:
    """The process: calls by name come over the pipe, answers go back."""
    logging.getLogger("drsn").setLevel(logging.ERROR)
    worker = Worker(plan)
    sys.addaudithook(_count_attempts(worker.attempts, plan.port))
    while True:
        if not orders.poll(CRAWL_S):
            worker.tick()
            continue
        name, arguments = orders.recv()
        orders.send(getattr(worker, name)(*arguments))
        if name == "end":
            return


def _count_attempts(attempts: list[float], port: int) -> Any:
    """An audit hook that sees every connect(2) to the broker, also those that it refuses."""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "socket.connect" and arguments[1][1] == port:
            attempts.append(time.time())

    return hook
