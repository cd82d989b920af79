"""When a source is measured: at fixed places of its sample count, not of a clock. Pure."""

import zlib

from agent.core.types import Window
from agent.diagnosis.measurements import SECONDS

SOUND_S = 1.0  # of signal after a flagged window, before it is measured again


class MeasuringTimes:
    """One source's; a recording is measured at the same samples as the live signal.

    The places are `measure_s` apart and begin at an offset made of the source's name, so that
    many sources are not measured in the same moment. One that falls into a flagged stretch is
    made up for once the signal has been sound for a second.
    """

    def __init__(self, source: str, measure_s: float, rate_hz: float) -> None:
        """`measure_s` above 0."""
        self._every = max(1, round(measure_s * rate_hz))
        self._offset = zlib.crc32(source.encode()) % self._every
        self._sound_frames = min(self._every, round(SOUND_S * rate_hz))
        self._sound_from = 0  # absolute index after the last flagged window
        self._next = self._after(min(self._every, round(SECONDS * rate_hz)) - 1)

    def is_due(self, window: Window) -> bool:
        """Whether the signal up to that window's end is to be measured; asked once a window."""
        end = window.first + window.samples.shape[1]
        if window.marks:
            self._sound_from = end
            return False
        if end < self._next or end - self._sound_from < self._sound_frames:
            return False
        self._next = self._after(end)
        return True

    def _after(self, frame: int) -> int:
        """The first place behind that absolute index."""
        return self._offset + ((frame - self._offset) // self._every + 1) * self._every
