"""Runs one source at a rate that is not the configured one, minutes in seconds."""

import contextlib
import logging
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from unittest import mock

from agent.acquisition.conditioning import Conditioner
from agent.acquisition.rate_report import RateReport
from agent.acquisition.ring_buffer import Ring
from agent.acquisition.timestamps import Timeline, WallClock
from agent.acquisition.windows import Windower
from agent.core.types import Source
from tests.rates import nodes

RATE_HZ = 10_000.0  # configured
WINDOW, HOP = 2048, 1000
BLOCK = 200  # frames
LATE_S = 0.01  # a block comes up to so late
WALL_S = 1_800_000_000.0


@dataclass
class Run:
    """What came of it."""

    windows: int = 0
    flagged: int = 0
    flags: set[str] = field(default_factory=set)
    first_flag_s: float | None = None
    measured_hz: float | None = None
    logged: list[tuple[float, str]] = field(default_factory=list)  # when, what
    earliest_s: float = 0.0  # the first time stamp, since the start
    ahead_s: float = -1e9  # how far a time stamp was ahead of its window's end


class _Clock:
    """The monotonic clock and the wall clock."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        with (
            mock.patch("time.monotonic", self._monotonic),
            mock.patch("time.time", self._wall),
        ):
            yield

    def _monotonic(self) -> float:
        return self.now_s

    def _wall(self) -> float:
        return WALL_S + self.now_s


class _Log(logging.Handler):
    def __init__(self, clock: _Clock, run: Run) -> None:
        super().__init__()
        self._clock, self._run, self._began_s = clock, run, clock.now_s

    def emit(self, record: logging.LogRecord) -> None:
        self._run.logged.append((self._clock.now_s - self._began_s, record.getMessage()))


def simulate(kind: str, share: float, seconds: float, seed: int = 0) -> Run:
    """That kind of source with `share` of its configured rate for so long."""
    clock, run = _Clock(), Run()
    handler = _Log(clock, run)
    logger = logging.getLogger("drsn.source")
    with nodes.KINDS[kind](RATE_HZ) as (source, deliver), clock.running():
        logger.addHandler(handler)
        try:
            _feed(clock, run, source, deliver, share * RATE_HZ, seconds, random.Random(seed))
        finally:
            logger.removeHandler(handler)
    return run


def _feed(
    clock: _Clock,
    run: Run,
    source: Source,
    deliver: nodes.Deliver,
    rate_hz: float,
    seconds: float,
    jitter: random.Random,
) -> None:
    chain = _Chain(source, clock, run)
    began_s, samples = clock.now_s, nodes.noise(BLOCK)
    for number in range(round(seconds * rate_hz / BLOCK)):
        taken_s = began_s + (number + 1) * BLOCK / rate_hz
        clock.now_s = max(clock.now_s, taken_s + jitter.uniform(0, LATE_S))
        deliver(samples, number * BLOCK)
        chain.read()


class _Chain:
    """From the source to its windows, as in the daemon."""

    def __init__(self, source: Source, clock: _Clock, run: Run) -> None:
        self._source, self._clock, self._run = source, clock, run
        self._began_s = clock.now_s
        ring = Ring(100_000, 1, lambda: None)
        self._conditioner = Conditioner(source.format, ring, RATE_HZ, (0,), 1.0)
        self._windower = Windower(ring, WINDOW, HOP)
        self._timeline = Timeline(WallClock(), RATE_HZ)
        self._timeline.attach(self._conditioner.arrivals)
        self._report = RateReport("sensor", rate_is_set=False)

    def read(self) -> None:
        block = self._source.read()
        assert block is not None
        self._conditioner.push(block)
        sample_clock = self._conditioner.sample_clock
        assert sample_clock is not None
        self._report.look(sample_clock, self._source.format)
        self._run.measured_hz = sample_clock.meter.measured_hz
        for window in self._windower.due(16):
            self._count(window.flags, window.first)

    def _count(self, flags: list[str], first: int) -> None:
        run, now_s = self._run, time.monotonic()
        start_s = self._timeline.unix_s(first) - WALL_S - self._began_s
        end_s = self._timeline.unix_s(first + WINDOW) - WALL_S - now_s
        run.earliest_s = start_s if not run.windows else min(run.earliest_s, start_s)
        run.ahead_s = max(run.ahead_s, end_s)
        run.windows += 1
        run.flagged += bool(flags)
        run.flags |= set(flags)
        if flags and run.first_flag_s is None:
            run.first_flag_s = now_s - self._began_s
