"""Overlapping windows from a ring, in order, once each, flagged with their defects."""

from collections.abc import Iterator

import numpy as np

from agent.acquisition.ring_buffer import Ring
from agent.core.counting import counting_channels
from agent.core.errors import DataError
from agent.core.model_contract import Contract
from agent.core.types import Format, Mark, Samples, Window

STUCK_SHARE = 0.5  # of a window: a signal that does not change for longer is flat
MIDDLE = 16  # frames on each side of a window's middle
STILL = 1e-6  # relative to the largest |x|: a resampler's ripple on a constant
SMALLEST = 1e-11  # a step in the unit: networks divide by the deviation, but not by less


def hop_frames(hop_s: float, rate_hz: float) -> int:
    """The frames between the starts of two windows; `hop_s` in seconds."""
    return round(hop_s * rate_hz)


def check_length(recording: Format, contract: Contract) -> None:
    """`DataError` for a recording that is shorter than a window of the model."""
    if recording.frames is None:
        return
    frames = round(recording.frames * contract.rate_hz / recording.rate_hz)
    if frames < contract.window:
        found = f"found {recording.frames} frames, {recording.frames / recording.rate_hz:.3g} s"
        window_s = contract.window / contract.rate_hz
        expected = f"a window of the model {contract.name}, {window_s:.3g} s, or more"
        raise DataError(f"the recording is too short: {found}, expected {expected}")


class Windower:
    """Window k covers frames k * hop to k * hop + window: arithmetic on absolute indices.

    A window without any frame (deep inside a gap, or overwritten) is counted in `missed` and not
    returned; one that still has some of its frames is returned, flagged.
    """

    def __init__(self, ring: Ring, window: int, hop: int, tacho: bool = False) -> None:
        """`tacho`: the ring's last channel is the shaft's speed in rpm."""
        self.missed = 0
        self._ring = ring
        self._window = window
        self.hop = hop
        self._tacho = tacho
        self._next = 0  # absolute index of the next window's first frame
        ring.expect(0, window)

    def due(self, limit: int) -> Iterator[Window]:
        """Up to `limit` complete windows, in order."""
        if not self.late:
            return
        self._leap()
        while limit and self._next + self._window <= self._ring.end:
            window = self._take(self._next)
            self._next += self.hop
            self._ring.expect(self._next, self._window)
            if window.dropped == self._window:
                self.missed += 1
                continue
            limit -= 1
            yield window

    @property
    def late(self) -> bool:
        """Whether a complete window waits to be scored."""
        return self._next + self._window <= self._ring.end

    @property
    def drained(self) -> bool:
        """Whether the ring has ended and no window is left."""
        return self._ring.ended and self._next + self._window > self._ring.end

    def _leap(self) -> None:
        """Skips the windows whose every frame was overwritten."""
        behind = self._ring.start - self._window - self._next
        if behind >= 0:
            steps = behind // self.hop + 1
            self._next += steps * self.hop
            self.missed += steps

    def _take(self, first: int) -> Window:
        frames, frame_marks, arrived_s = self._ring.read(first, self._window)
        signals = frames[:, :-1] if self._tacho else frames
        samples = np.ascontiguousarray(signals.T)
        marks = Mark(int(np.bitwise_or.reduce(frame_marks)))
        missing = Mark.GAP | Mark.OVERRUN
        dropped = int(np.count_nonzero(frame_marks & missing)) if marks & missing else 0
        # Missing frames stand still, but not the signal.
        if not dropped and (is_flat(samples) or counting_channels(samples)):
            marks |= Mark.FLAT
        rpm = speed(frames[:, -1]) if self._tacho else None
        return Window(first, samples, dropped, marks, arrived_s, rpm)


def speed(rpm: Samples) -> float | None:
    """The mean of a window's speeds [frames]; None where it stood still or is unknown."""
    return float(rpm.mean()) if rpm.min() > 0 else None


def is_flat(samples: Samples) -> bool:
    """Whether any channel of `samples` [channels, frames] stands still for half of it or more."""
    frames = samples.shape[1]
    largest = np.maximum(samples.max(axis=1), -samples.min(axis=1))[:, None]
    still = np.maximum(STILL * largest, np.float32(SMALLEST))
    if _moves_about_the_middle(samples, still):
        return False
    moves = np.abs(np.diff(samples)) > still
    for channel in moves[np.count_nonzero(moves, axis=1) <= (1 - STUCK_SHARE) * frames]:
        at = np.concatenate([[-1], np.flatnonzero(channel), [frames - 1]])
        if np.diff(at).max() >= STUCK_SHARE * frames:
            return True
    return False


def _moves_about_the_middle(samples: Samples, still: Samples) -> bool:
    """Whether every channel moves close before and close behind its middle.

    Then nothing stands still for half of it: that would reach over one of the two moves.
    """
    half = samples.shape[1] // 2
    if half < 2 * MIDDLE:
        return False
    steps = np.abs(np.diff(samples[:, half - MIDDLE : half + MIDDLE + 1])) > still
    before, behind = steps[:, : MIDDLE - 1], steps[:, MIDDLE + 1 :]
    return bool(before.any(axis=1).all() and behind.any(axis=1).all())
