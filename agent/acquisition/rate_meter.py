"""Measures how many frames a second a live source delivers, against the monotonic clock.

A block may be late and is never early. So each span of time is represented by its earliest
arrival, and a rate is taken between two of those: V. Paxson, "On calibrating measurements of packet
transit times", SIGMETRICS 1998.
"""

import collections
import itertools

SPAN_S = 1.5  # each span gives one earliest arrival
INTERVALS = 3  # between arrivals, until the rate is settled: 4 spans, 6 s
KEPT = 41  # earliest arrivals: the rate is that of the last minute
STEADY = 0.015  # an interval's rate may differ from the mean by this share
QUANTUM = 1e-4  # the rate is given in steps of this share of the nominal one


class RateMeter:
    """One source's rate; all times are monotonic seconds. Other threads may read the results."""

    def __init__(self, rate_hz: float) -> None:
        """`rate_hz`: what the source should deliver."""
        self._nominal_hz = rate_hz
        self._arrivals: collections.deque[tuple[float, int]] = collections.deque(maxlen=KEPT)
        self.restart()

    def restart(self) -> None:
        """What came before does not count."""
        self._arrivals.clear()
        self._ends_s: float | None = None  # of the span that is running
        self._earliest = (0.0, 0)  # arrival of the span that is running, and frames until then
        self.measured_hz: float | None = None  # over up to a minute, in steps of `QUANTUM`
        self.seconds = 0.0  # how long it has been measured
        self.settled = False  # there are enough intervals to say whether the rate is steady
        self.steady = False  # every interval has about the same rate, as that of a clock
        self._least_hz = 0.0  # of the last intervals

    def arrived(self, frames: int, now_s: float) -> bool:
        """So many `frames` have come in all; whether this ended a span."""
        ended = self._ends_s is not None and now_s >= self._ends_s
        if ended:
            self._arrivals.append(self._earliest)
            self._measure()
        if ended or self._ends_s is None:
            self._ends_s = now_s + SPAN_S
            self._earliest = (now_s, frames)
        elif self._lateness_s(now_s, frames) < self._lateness_s(*self._earliest):
            self._earliest = (now_s, frames)
        return ended

    def above(self, rate_hz: float) -> bool:
        """Whether the last intervals are all faster: a burst after a delay is not."""
        return self.settled and self._least_hz > rate_hz

    def _measure(self) -> None:
        intervals_hz = [_rate_hz(*pair) for pair in itertools.pairwise(self._arrivals)]
        mean_hz = _rate_hz(self._arrivals[0], self._arrivals[-1])
        self.steady = all(abs(hz - mean_hz) <= STEADY * mean_hz for hz in intervals_hz)
        if not self.steady and len(intervals_hz) > INTERVALS:  # the oldest may be true no more
            while len(self._arrivals) > INTERVALS + 1:
                self._arrivals.popleft()
            self._measure()
            return
        self.settled = len(intervals_hz) >= INTERVALS
        self._least_hz = min(intervals_hz[-INTERVALS:], default=0.0)
        self.seconds = self._arrivals[-1][0] - self._arrivals[0][0]
        if len(intervals_hz) >= 2:
            quantum_hz = QUANTUM * self._nominal_hz
            self.measured_hz = round(round(mean_hz / quantum_hz) * quantum_hz, 6)

    def _lateness_s(self, at_s: float, frames: int) -> float:
        return at_s - frames / self._nominal_hz


def _rate_hz(before: tuple[float, int], after: tuple[float, int]) -> float:
    """Frames a second from one arrival to a later one; 0 for one with itself."""
    return (after[1] - before[1]) / max(after[0] - before[0], 1e-9)
