"""The source thread: opens a source, copies its blocks into the ring, reopens it after a failure.

Only live sources are reopened: a recording cannot be resumed where it broke.
"""

import logging
import threading
import time
from collections.abc import Callable

from agent.acquisition.conditioning import Conditioner
from agent.acquisition.rate_report import RateReport
from agent.acquisition.ring_buffer import Ring
from agent.acquisition.sample_clock import SampleClock
from agent.core.backoff import Backoff
from agent.core.errors import UserError
from agent.core.types import Gathering, Mark, Refusing, Source, SourceError

FIRST_S = 0.5

log = logging.getLogger("drsn.source")


class SourceReader:
    """One source. `run` is its thread; other threads read its status."""

    def __init__(
        self,
        name: str,
        open_source: Callable[[], Source],
        attach: Callable[[Source], Conditioner],
        ring: Ring,
        wake: Callable[[], None],
        longest_s: float = 30.0,
        rate_is_set: bool = False,
    ) -> None:
        """`longest_s`: the longest wait before the source is reopened.

        `rate_is_set`: see `agent.acquisition.rate_report`.
        """
        self.conditioner: Conditioner | None = None
        self.fault: str | None = None  # why the source is not open; None while it is
        self.refusal: str | None = None  # what the source hears and refuses
        self.opened = 0
        self.reading_s: float | None = None  # monotonic time at which the running read began
        self._name = name
        self._open_source = open_source
        self._attach = attach
        self._ring = ring
        self._wake = wake
        self._backoff = Backoff(FIRST_S, longest_s)
        self._rate_report = RateReport(name, rate_is_set)
        self._source: Source | None = None

    def open(self) -> None:
        """Opens the source before the thread starts, to report configuration errors at once.

        After a `SourceError` the thread tries again: a sensor may appear later than the agent.
        """
        try:
            self._source = self._reopen()
            self.fault = None
        except SourceError as error:
            self._break(error)

    def run(self, stopping: threading.Event) -> None:
        try:
            while not (stopping.is_set() or self._read_to_end(stopping)):
                stopping.wait(self._backoff.next_s())
        finally:
            if self.conditioner is not None:
                self.conditioner.flush()
            self._ring.close()

    def close(self) -> None:
        """Closes a source that was opened and never run."""
        if self._source is not None:
            self._source.close()

    def trouble(self, now_s: float) -> Mark:
        """`BROKEN` or `SILENT`; 0 while the source delivers, and after it has ended."""
        if self._ring.ended:
            return Mark(0)
        if self.fault is not None:
            return Mark.BROKEN
        clock = self.sample_clock
        return Mark.SILENT if clock is not None and clock.silent(now_s) else Mark(0)

    @property
    def samples(self) -> int:
        return self.conditioner.samples if self.conditioner is not None else 0

    @property
    def sample_clock(self) -> SampleClock | None:
        """That of a live source; None for another, and before it was opened."""
        return None if self.conditioner is None else self.conditioner.sample_clock

    @property
    def rate_note(self) -> str | None:
        """What is amiss with the rate of the source; None: nothing, or not known yet."""
        if self.conditioner is None or self.sample_clock is None:
            return None
        return self._rate_report.text(self.sample_clock, self.conditioner.format)

    def status(self) -> str:
        """For people: ok, slow, fast, silent, or broken with the reason."""
        trouble = self.trouble(time.monotonic())
        if trouble is Mark.BROKEN:
            return f"broken: {self.fault}"
        clock = self.sample_clock
        if trouble or clock is None:
            return "silent" if trouble else "ok"
        return "slow" if clock.slow else "fast" if clock.fast else "ok"

    def _read_to_end(self, stopping: threading.Event) -> bool:
        """True when the source has ended; False when it broke and is to be reopened."""
        try:
            source = self._source or self._reopen()
        except SourceError as error:
            self._break(error)
            return False
        except UserError as error:  # the other sources go on, and a device may change again
            self._break(SourceError(str(error)))
            return False
        self._source = None
        try:
            return self._read(source, stopping)
        except SourceError as error:
            if not source.format.live:
                raise
            self._break(error)
            return False
        finally:
            self.reading_s = None
            source.close()

    def _read(self, source: Source, stopping: threading.Event) -> bool:
        assert self.conditioner is not None
        gathering = source if isinstance(source, Gathering) else None
        while not stopping.is_set():
            if gathering is not None:
                gathering.gather(self.conditioner.frames_to_due)
            self.reading_s = time.monotonic()
            block = source.read()
            self.reading_s = None
            if isinstance(source, Refusing):
                self.refusal = source.refusal
            if block is None or not self.conditioner.push(block):
                break
            if len(block.samples) and self.fault is not None:
                log.warning("%s: delivers again", self._name)
                self.fault = None
                self._backoff.reset()
            if self.sample_clock is not None:
                self._rate_report.look(self.sample_clock, source.format)
        return True

    def _reopen(self) -> Source:
        source = self._open_source()
        if self.conditioner is None:
            try:
                self.conditioner = self._attach(source)
            except BaseException:
                source.close()
                raise
        elif source.format != self.conditioner.format:
            source.close()
            raise SourceError(f"comes back as {source.format}, was {self.conditioner.format}")
        elif self.sample_clock is not None:
            self.sample_clock.reopened()
        self.opened += 1
        return source

    def _break(self, error: SourceError) -> None:
        if self.fault is None:
            log.warning("%s: %s", self._name, error)
        self.fault = str(error)
        if self.conditioner is not None:
            self.conditioner.flush()
        self._wake()
