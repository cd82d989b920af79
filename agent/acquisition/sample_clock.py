"""Compares a live source's frames with the monotonic clock, to find frames that were lost.

Frame 0 is placed at the earliest time that fits all arrivals so far; a source whose clock runs up
to half a per cent slow moves it, since a sensor's clock is never exact. Frames that are behind by
more than `SLACK_S` are lost, not late: they are counted, so that the index stays true to time.
"""

import collections

SLACK_S = 0.25  # a block from a pipe or driver may be this late
DRIFT = 0.005  # relative error of a sensor's clock that is tolerated
LATE_S = 0.05  # a block of a slow source may be this late, or as late as it is long
SLOW_BELOW = 0.97  # of the nominal rate
OVER_S = 2.0  # the rate is measured over this time
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
        self._rate_hz = rate_hz
        self._began_s: float | None = None  # of frame 0
        self.steady = False  # the last frames came in time: whoever reads may let some gather
        self._position = 0  # frames that arrived or are counted as lost
        self._came: collections.deque[tuple[float, int]] = (
            collections.deque()
        )  # when, frames in total
        self._delivered = 0

    def arrived(self, frames: int, now_s: float) -> int:
        """`frames` have arrived; returns how many were lost before them."""
        if self._began_s is None:
            self._began_s = now_s - (self._position + frames) / self._rate_hz
        lost = self._lost(frames, now_s)
        self._position += lost + frames
        self._delivered += frames
        self._came.append((now_s, self._delivered))
        while len(self._came) > 2 and self._came[1][0] <= now_s - self._over_s:
            self._came.popleft()
        self.last_s = now_s
        self.steady = lost == 0 and not self.slow
        return lost

    def reopened(self) -> None:
        """The source was reopened: its earlier rate does not count."""
        self._came.clear()
        self.steady = False

    def lose(self, frames: int) -> None:
        """Counts frames that the source reported as lost; they do not make it slow."""
        self._position += frames
        self._delivered += frames

    @property
    def began_s(self) -> float | None:
        """Monotonic time of frame 0; None before the first block."""
        return self._began_s

    @property
    def slow(self) -> bool:
        """Whether the source delivers fewer frames per second than it should."""
        if not self._came:
            return False
        (first_s, before), (last_s, after) = self._came[0], self._came[-1]
        if last_s - first_s < self._over_s / 2:
            return False
        return (after - before) / (last_s - first_s) < SLOW_BELOW * self._rate_hz

    def silent(self, now_s: float) -> bool:
        """Whether nothing has come for too long."""
        return now_s - self.last_s > SILENT_S

    def _lost(self, frames: int, now_s: float) -> int:
        assert self._began_s is not None
        due = (now_s - self._began_s) * self._rate_hz
        behind = due - self._position - frames
        if behind < 0:  # earlier than any before: frame 0 was taken earlier, too
            self._began_s += behind / self._rate_hz
            return 0
        if self.slow:  # it loses frames: a block's worth behind is lost, not late
            return round(behind) if behind > max(frames, LATE_S * self._rate_hz) else 0
        if behind > self._slack_s * self._rate_hz:
            return round(behind)
        self._began_s += min(behind, DRIFT * frames) / self._rate_hz
        return 0
