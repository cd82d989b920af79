"""The source thread: opens a source, copies its blocks into the ring, and opens it again.

Only live sources are opened again: a recording that breaks cannot be taken up where it broke.
"""

import logging
import threading
import time
from collections.abc import Callable

from agent.acquisition.conditioning import Conditioner
from agent.acquisition.ring_buffer import Ring
from agent.core.backoff import Backoff
from agent.core.errors import ConfigError
from agent.core.types import Mark, Source, SourceError

FIRST_S = 0.5

log = logging.getLogger("drsn.source")


class SourceReader:
    """One source. `run` is its thread; the rest tells other threads how it is."""

    def __init__(
        self,
        name: str,
        open_source: Callable[[], Source],
        attach: Callable[[Source], Conditioner],
        ring: Ring,
        wake: Callable[[], None],
        longest_s: float = 30.0,
    ) -> None:
        """`longest_s` is how long it waits at most before it opens a source again."""
        self.conditioner: Conditioner | None = None
        self.fault: str | None = None  # why there is no source just now
        self.opened = 0
        self.reading_s: float | None = None  # since when one read lasts
        self._name = name
        self._open_source = open_source
        self._attach = attach
        self._ring = ring
        self._wake = wake
        self._backoff = Backoff(FIRST_S, longest_s)
        self._source: Source | None = None

    def open(self) -> None:
        """Opens it before the thread starts, so that mistakes are told at once.

        A `SourceError` is noted and left to the thread: a sensor may come later than its agent.
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
        """For those who opened it and do not run it."""
        if self._source is not None:
            self._source.close()

    def trouble(self, now_s: float) -> Mark:
        """What is wrong with the source as a whole; nothing where it delivers or has ended."""
        if self._ring.ended:
            return Mark(0)
        if self.fault is not None:
            return Mark.BROKEN
        sample_clock = self.conditioner.sample_clock if self.conditioner is not None else None
        return Mark.SILENT if sample_clock is not None and sample_clock.silent(now_s) else Mark(0)

    @property
    def samples(self) -> int:
        return self.conditioner.samples if self.conditioner is not None else 0

    def told(self) -> str:
        """For people: ok, or what is wrong."""
        trouble = self.trouble(time.monotonic())
        if trouble is Mark.BROKEN:
            return f"broken: {self.fault}"
        slow = (
            self.conditioner is not None
            and self.conditioner.sample_clock is not None
            and self.conditioner.sample_clock.slow
        )
        return "silent" if trouble else "slow" if slow else "ok"

    def _read_to_end(self, stopping: threading.Event) -> bool:
        """True when the source has ended for good; False when it broke."""
        try:
            source = self._source or self._reopen()
        except SourceError as error:
            self._break(error)
            return False
        except ConfigError as error:  # of a device that was right once and may be again
            if self.conditioner is None:
                raise
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
        while not stopping.is_set():
            self.reading_s = time.monotonic()
            block = source.read()
            self.reading_s = None
            if block is None or not self.conditioner.push(block):
                break
            if len(block.samples) and self.fault is not None:
                log.warning("%s: delivers again", self._name)
                self.fault = None
                self._backoff.reset()
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
        elif self.conditioner.sample_clock is not None:
            self.conditioner.sample_clock.reopened()
        self.opened += 1
        return source

    def _break(self, error: SourceError) -> None:
        if self.fault is None:
            log.warning("%s: %s", self._name, error)
        self.fault = str(error)
        if self.conditioner is not None:
            self.conditioner.flush()
        self._wake()
