"""When a source's frames came, and how many were lost by the clock; one for all of its points."""

import time

from agent.acquisition.sample_clock import SampleClock
from agent.core.types import Format


class Arrivals:
    """Of one source; used by the thread that reads it."""

    def __init__(self, source: Format) -> None:
        self.format = source
        self.opened_s = time.monotonic()
        self.began_s: float | None = None  # monotonic time of frame 0; None until the first block
        self.sample_clock = (
            SampleClock(source.rate_hz, self.opened_s, source.counted) if source.live else None
        )
        self._index = 0  # absolute index, at the source's rate, of the next frame

    def take(self, frames: int, reported: int) -> int:
        """Updates the time of frame 0; returns the lost frames, those that were reported too."""
        lost = reported + self._hold_to_clock(frames, reported)
        self._index += lost + frames
        return lost

    def _hold_to_clock(self, frames: int, reported: int) -> int:
        """Lost frames beyond the reported ones."""
        if self.sample_clock is not None:
            self.sample_clock.lose(reported)
        if not frames:
            if self.sample_clock is not None:
                self.sample_clock.steady = False
            return 0
        now_s = time.monotonic()
        if self.sample_clock is None:
            if self.began_s is None:
                self.began_s = now_s - (self._index + frames) / self.format.rate_hz
            return 0
        lost = self.sample_clock.arrived(frames, now_s)
        self.began_s = self.sample_clock.began_s
        return lost
