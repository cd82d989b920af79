"""A streaming resampler that carries each frame's marks along.

How the signal is cut into blocks changes no bit of what comes out (soxr's filters keep their
state), and nothing comes out before the filter has seen enough: about 30 ms late at 10 kHz.
"""

from typing import Any

import numpy as np
import soxr

from agent.core.types import Marks, Samples

QUALITY = "HQ"  # training resamples with the same filter


class Resampler:
    """From one rate to another; hands everything through where the two are equal."""

    def __init__(self, from_hz: float, to_hz: float, channels: int) -> None:
        self.ratio = to_hz / from_hz
        self._same = from_hz == to_hz
        self._channels = channels
        self._stream: Any = (
            None
            if self._same
            else soxr.ResampleStream(from_hz, to_hz, channels, dtype="float32", quality=QUALITY)
        )
        self._taken = 0  # frames in, since the start or the last flush
        self._given = 0  # frames out
        self._marked = np.zeros(0, np.int64)  # frames out that carry a mark, not returned yet
        self._marks = np.zeros(0, np.uint8)  # theirs

    def push(self, samples: Samples, marks: Marks) -> tuple[Samples, Marks]:
        """`samples` [frames, channels] in, what is ready out (perhaps nothing)."""
        if self._same:
            return samples, marks
        self._note(marks)
        self._taken += len(samples)
        return self._give(self._stream.resample_chunk(samples))

    def flush(self) -> tuple[Samples, Marks]:
        """What the filter still holds; the next frame starts a new signal."""
        if self._same or not self._taken:
            return self._give(np.zeros((0, self._channels), np.float32))
        empty = np.zeros((0, self._channels), np.float32)
        out = self._give(self._stream.resample_chunk(empty, last=True))
        self._stream.clear()
        self._taken = self._given = 0
        self._marked, self._marks = self._marked[:0], self._marks[:0]
        return out

    def _note(self, marks: Marks) -> None:
        at = np.flatnonzero(marks)
        if len(at):
            frames = np.floor((self._taken + at) * self.ratio).astype(np.int64)
            self._marked = np.concatenate([self._marked, frames])
            self._marks = np.concatenate([self._marks, marks[at]])

    def _give(self, samples: Samples) -> tuple[Samples, Marks]:
        samples = samples.reshape(-1, self._channels)
        marks = np.zeros(len(samples), np.uint8)
        end = self._given + len(samples)
        ready = self._marked < end
        if ready.any():
            at = np.maximum(self._marked[ready] - self._given, 0)
            np.bitwise_or.at(marks, at, self._marks[ready])
            self._marked, self._marks = self._marked[~ready], self._marks[~ready]
        self._given = end
        return samples, marks
