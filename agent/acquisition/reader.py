"""Opens a source, copies its blocks into the rings of its points, and reopens it after a failure.

Only live sources are reopened: a recording cannot be resumed where it broke.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Sequence

from agent.acquisition.conditioning import Conditioner
from agent.acquisition.fan_out import FanOut
from agent.acquisition.rate_report import RateReport
from agent.acquisition.ring_buffer import Ring
from agent.acquisition.sample_clock import SampleClock
from agent.core.backoff import Backoff
from agent.core.errors import ConditionError, DataError, UserError
from agent.core.types import Block, Mark, Pollable, Refusing, Source, SourceError

FIRST_S = 0.5

log = logging.getLogger("drsn.source")


class SourceReader:
    """One source. `run` is its thread; other threads read its status.

    A source that can be polled may be read by a thread for all of them (`SharedReader`), which
    calls `take`, `write`, `break_off` and `end`. Then `run` only opens the source.
    """

    def __init__(
        self,
        name: str,
        open_source: Callable[[], Source],
        attach: Callable[[Source], Conditioner | FanOut],
        rings: Sequence[Ring],
        wake: Callable[[], None],
        longest_s: float = 30.0,
        rate_is_set: bool = False,
    ) -> None:
        """`longest_s`: the longest wait before the source is reopened.

        `rate_is_set`: see `agent.acquisition.rate_report`.
        """
        self.conditioner: Conditioner | FanOut | None = None
        self.fault: str | None = None  # why the source is not open; None while it is
        self.refusal: str | None = None  # what the source hears and refuses
        self.opened = 0
        self.reading_s: float | None = None  # monotonic time at which the running read began
        self._name = name
        self._open_source = open_source
        self._attach = attach
        self._rings = rings  # one a point
        self._wake = wake
        self._backoff = Backoff(FIRST_S, longest_s)
        self._rate_report = RateReport(name, rate_is_set)
        self._stuck_bit_logged = False
        self._wait_s = 0.0  # before the source is opened
        self._source: Source | None = None
        self._refusing: Refusing | None = None  # the open source, where it may refuse

    def open(self, strict: bool = True) -> None:
        """Opens the source before the thread starts, to report configuration errors at once.

        After a `SourceError` the thread tries again: a sensor may appear later than the agent.
        Unless it is `strict`, this holds for a recording that cannot be read, too.
        """
        try:
            self._source = self._reopen()
            self.fault = None
        except SourceError as error:
            self.break_off(error)
        except (DataError, ConditionError) as error:
            if strict:
                raise
            self.break_off(SourceError(str(error)))

    def run(
        self, stopping: threading.Event, share: Callable[[Pollable], None] | None = None
    ) -> None:
        """Reads to the end in this thread; `share` takes over a live source that can be polled."""
        with contextlib.ExitStack() as ending:
            ending.callback(self.end)
            while not stopping.wait(self._wait_s):
                source = self._opened()
                if source is None:
                    continue
                if share is not None and isinstance(source, Pollable) and source.format.live:
                    ending.pop_all()
                    share(source)
                    return
                if self._read_to_end(source, stopping):
                    return

    def take(self, read: Callable[[], Block | None]) -> Block | None:
        """What `read` returns, while other threads see since when it has been reading."""
        self.reading_s = time.monotonic()
        block = read()
        self.reading_s = None
        if self._refusing is not None:
            self.refusal = self._refusing.refusal
        return block

    def write(self, block: Block) -> bool:
        """Conditions a block into the rings; False when one of them has been closed."""
        assert self.conditioner is not None
        if not self.conditioner.push(block):
            return False
        if len(block.samples) and self.fault is not None:
            log.warning("%s: delivers again", self._name)
            self.fault = None
            self._backoff.reset()
        if self.sample_clock is not None:
            self._rate_report.look(self.sample_clock, self.conditioner.format)
        if self.stuck_bit is not None and not self._stuck_bit_logged:
            log.warning("%s: %s", self._name, self.stuck_bit)
            self._stuck_bit_logged = True
        return True

    def break_off(self, error: SourceError) -> None:
        """The source has failed: it is to be opened again after a while."""
        if self.fault is None:
            log.warning("%s: %s", self._name, error)
        self.fault = str(error)
        self.reading_s = None
        self._wait_s = self._backoff.next_s()
        if self.conditioner is not None:
            self.conditioner.flush()
        self._wake()

    def end(self) -> None:
        """Nothing more will come."""
        if self.conditioner is not None:
            self.conditioner.flush()
        for ring in self._rings:
            ring.close()

    @property
    def frames_to_due(self) -> int:
        """Frames that complete the next window, at least 1; see `Conditioner`."""
        assert self.conditioner is not None
        return self.conditioner.frames_to_due

    @property
    def due_s(self) -> float:
        """Monotonic time at which the next window will be complete; 0 where that is not known."""
        assert self.conditioner is not None
        return self.conditioner.due_s

    @property
    def crowded(self) -> bool:
        """Whether the source can wait and should: its windows are not scored yet."""
        return self.conditioner is not None and (
            self.conditioner.format.patient and any(ring.crowded for ring in self._rings)
        )

    def close(self) -> None:
        """Closes a source that was opened and never run; all of its points may do so."""
        source, self._source = self._source, None
        if source is not None:
            source.close()

    def trouble(self, now_s: float) -> Mark:
        """`BROKEN` or `SILENT`; 0 while the source delivers, and after it has ended."""
        if self.fault is not None:
            return Mark.BROKEN
        if self._rings[0].ended:
            return Mark(0)
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
    def stuck_bit(self) -> str | None:
        """The bit of the samples that never changes, and what to check; None: there is none."""
        return None if self.conditioner is None else self.conditioner.stuck_bit

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

    def _opened(self) -> Source | None:
        """The source; None where it cannot be opened now."""
        source, self._source = self._source, None
        try:
            return source or self._reopen()
        except SourceError as error:
            self.break_off(error)
        except UserError as error:  # the other sources go on, and a device may change again
            self.break_off(SourceError(str(error)))
        return None

    def _read_to_end(self, source: Source, stopping: threading.Event) -> bool:
        """True when the source has ended; False when it broke and is to be reopened."""
        try:
            while not stopping.is_set():
                block = self.take(source.read)
                if block is None or not self.write(block):
                    break
        except SourceError as error:
            self.break_off(error)
            if not source.format.live:
                raise
            return False
        finally:
            self.reading_s = None
            source.close()
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
        self._refusing = source if isinstance(source, Refusing) else None
        self.opened += 1
        return source
