"""Compares a live source's frames with the monotonic clock, to find frames that were lost.

A sensor's own clock may be off by some per cent (MEMS sensors) and is then steady. In the first
seconds its rate is learned; from then on frames are due at that rate. The earliest arrival so far
says when they were taken; a clock that goes up to half a per cent slower moves it. Frames that are
behind by more than `SLACK_S` are lost, not late: they are counted, so that the index stays true to
time.

The learned rate moves time stamps alone. The signal is resampled by the configured rate, so that
the same samples give the same bits in a replay.
"""

import collections

from agent.acquisition.rate_meter import RateMeter

SLACK_S = 0.25  # a block from a pipe or driver may be this late
CLOCK_ERROR = 0.045  # relative error of a sensor's clock that can be learned
UNSETTLED = 0.07  # what is tolerated until the rate is measured
DRIFT = 0.005  # relative change of that clock later on
LATE_S = 0.05  # a block of a slow source may be this late, or as late as it is long
AMISS = 0.03  # off the learned rate by more: frames are lost, or there are too many
OVER_S = 2.0  # too few frames show over this time
SILENT_S = 2.0
# For a source that counts its losses, lateness says little: networks delay and catch up.
COUNTED_SLACK_S, COUNTED_OVER_S = 1.0, 10.0


class SampleClock:
    """One source's clock; all times are monotonic seconds."""

    def __init__(self, rate_hz: float, now_s: float, counted: bool = False) -> None:
        """`counted`: see `agent.core.types.Format`."""
        self._slack_s = COUNTED_SLACK_S if counted else SLACK_S
        self._over_s = COUNTED_OVER_S if counted else OVER_S
        self.last_s = now_s  # when the last block came
        self.nominal_hz = rate_hz
        self.meter = RateMeter(rate_hz)
        self.steady = False  # the last frames came in time: whoever reads may let some gather
        self._learned = False
        self._expected_hz = rate_hz
        self._forgiven_s = 0.0  # lateness that may be the clock's, as long as that is not known
        # Frame `position` was due at that time; before the first block only frames may be lost.
        self._origin: tuple[float, int] | None = None
        self._position = 0  # frames that arrived or are counted as lost
        self._delivered = 0
        self._came: collections.deque[tuple[float, int]] = (
            collections.deque()
        )  # when, frames in total

    def arrived(self, frames: int, now_s: float) -> int:
        """`frames` have arrived; returns how many were lost before them."""
        if self._origin is None:
            self._origin = (now_s, self._position + frames)
        lost = self._lost(frames, now_s)
        self._position += lost + frames
        self._delivered += frames
        self._came.append((now_s, self._delivered))
        while len(self._came) > 2 and self._came[1][0] <= now_s - self._over_s:
            self._came.popleft()
        self.last_s = now_s
        if self.meter.arrived(self._delivered, now_s) and not self._learned:
            self._learn()
        self.steady = lost == 0 and not self.slow
        return lost

    def reopened(self) -> None:
        """The source was reopened: its earlier rate does not count."""
        self._came.clear()
        self.meter.restart()
        self.steady = self._learned = False
        self._forgiven_s = 0.0
        self._expect(self.nominal_hz)

    def lose(self, frames: int) -> None:
        """Counts frames that the source reported as lost; they do not make it slow."""
        self._position += frames
        self._delivered += frames

    @property
    def began_s(self) -> float | None:
        """When frame 0 would have been taken, reckoned back at the nominal rate from the newest.

        So that of a sensor whose clock is off moves. None before the first block.
        """
        if self._origin is None:
            return None
        return self._due_s() - self._position / self.nominal_hz

    def due_s(self, frames: int) -> float:
        """Monotonic time at which so many more frames will have come, if they come in time."""
        return 0.0 if self._origin is None else self._due_s() + frames / self._expected_hz

    @property
    def slow(self) -> bool:
        """Whether the source delivers fewer frames per second than it should."""
        if not self._came:
            return False
        (first_s, before), (last_s, after) = self._came[0], self._came[-1]
        if last_s - first_s < self._over_s / 2:
            return False
        least_hz = (1 - self._tolerated) * self._expected_hz
        return (after - before) / (last_s - first_s) < least_hz

    @property
    def fast(self) -> bool:
        """Whether it delivers more frames per second than it should, and not after a delay."""
        return self.meter.above((1 + self._tolerated) * self._expected_hz)

    def silent(self, now_s: float) -> bool:
        """Whether nothing has come for too long."""
        return now_s - self.last_s > SILENT_S

    @property
    def _tolerated(self) -> float:
        """By how much the rate may be off: by more as long as the clock is not known."""
        return AMISS if self.meter.settled else UNSETTLED

    def _due_s(self) -> float:
        """When the frame after the last one is due."""
        assert self._origin is not None
        at_s, position = self._origin
        return at_s + (self._position - position) / self._expected_hz

    def _learn(self) -> None:
        """Takes a steady rate that is nearly the nominal one for that of the sensor's clock."""
        measured_hz = self.meter.measured_hz
        if measured_hz is None or not (self.meter.settled and self.meter.steady):
            return
        if abs(measured_hz / self.nominal_hz - 1) <= CLOCK_ERROR:
            self._learned, self._forgiven_s = True, 0.0
            self._expect(measured_hz)

    def _expect(self, rate_hz: float) -> None:
        """Frames are due at that rate from the present one on."""
        if self._origin is not None:
            self._origin = (self._due_s(), self._position)
        self._expected_hz = rate_hz

    def _lost(self, frames: int, now_s: float) -> int:
        slow = self.slow
        if self._forgiven_s and (slow or self.meter.settled):  # it was not the clock
            self._shift(-self._forgiven_s)
            self._forgiven_s = 0.0
            return 0  # the next block shows what is lost: this one is marked slow first
        behind_s = now_s - self._due_s() - frames / self._expected_hz
        behind = round(behind_s * self._expected_hz)
        if behind_s < 0:  # earlier than any before: all frames were taken earlier, too
            self._forgiven_s = max(0.0, self._forgiven_s + behind_s)
            self._shift(behind_s)
            return 0
        if slow:  # it loses frames: a block's worth behind is lost, not late
            return behind if behind > max(frames, LATE_S * self._expected_hz) else 0
        if behind_s > self._slack_s:
            return behind
        self._forgive(behind_s, frames / self._expected_hz)
        return 0

    def _forgive(self, behind_s: float, block_s: float) -> None:
        """Takes lateness for a clock's error, as far as it may be."""
        settled = self.meter.settled
        forgiven_s = min(behind_s, (DRIFT if settled else UNSETTLED) * block_s)
        if not settled:
            self._forgiven_s += forgiven_s
        self._shift(forgiven_s)

    def _shift(self, seconds: float) -> None:
        assert self._origin is not None
        at_s, position = self._origin
        self._origin = (at_s + seconds, position)
