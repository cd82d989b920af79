"""From a sample's index to the time it was taken.

Frame 0 has a monotonic time (a live source's may move with the sensor's clock). The wall clock is
added as an offset, which changes only when it is off by more than `HELD_S`. So a step of the wall
clock moves published times, and never an index, an order or a window. A recording's time is fixed
when it is opened.
"""

import ctypes
import ctypes.util
import time
from pathlib import Path

from agent.acquisition.arrivals import Arrivals

HELD_S = 0.02
STEP_S = 1.0  # a change of the offset by as much is a step, not drift
TIME_ERROR = 5  # ntp_gettime(3): the clock is not synchronised
SYNCHRONISED = Path("/run/systemd/timesync/synchronized")  # where the kernel may not be asked


class WallClock:
    """The wall clock's offset from the monotonic clock, held steady against small changes."""

    def __init__(self) -> None:
        self.steps = 0
        self._offset_s = time.time() - time.monotonic()

    def offset_s(self) -> float:
        offset_s = time.time() - time.monotonic()
        change_s = abs(offset_s - self._offset_s)
        if change_s > HELD_S:
            self.steps += change_s > STEP_S
            self._offset_s = offset_s
        return self._offset_s


class Timeline:
    """Converts one source's sample index to Unix time, once `attach` was called."""

    def __init__(self, clock: WallClock, rate_hz: float) -> None:
        self._clock = clock
        self._rate_hz = rate_hz
        self._arrivals: Arrivals | None = None
        self._fixed_s: float | None = None

    def attach(self, arrivals: Arrivals) -> None:
        self._arrivals = arrivals
        self._fixed_s = arrivals.format.started_s
        if self._fixed_s is None and arrivals.format.patient and not arrivals.format.live:
            self._fixed_s = time.monotonic() + self._clock.offset_s()

    def unix_s(self, index: int) -> float:
        """Unix time at which frame `index` (at the model's rate) was taken, to the millisecond.

        Never before the source was opened: what waited in a pipe until then has that time.
        """
        if self._fixed_s is not None:
            return round(self._fixed_s, 3) + index / self._rate_hz
        offset_s = self._clock.offset_s()
        if self._arrivals is None or self._arrivals.began_s is None:
            return round(time.monotonic() + offset_s, 3) + index / self._rate_hz
        taken_s = round(self._arrivals.began_s + offset_s, 3) + index / self._rate_hz
        return max(taken_s, round(self._arrivals.opened_s + offset_s, 3))


def synchronised() -> bool | None:
    """Whether the kernel says that the wall clock is synchronised; None if it does not say."""
    try:
        libc = ctypes.CDLL(None)
        answer = (ctypes.c_long * 16)()  # struct ntptimeval, and room to spare
        state = int(libc.ntp_gettime(ctypes.byref(answer)))
    except (OSError, AttributeError):
        return None
    if state >= 0:
        return state != TIME_ERROR
    return True if SYNCHRONISED.exists() else None
