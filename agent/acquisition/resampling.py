"""A streaming resampler that carries each frame's marks along; training resamples by it, too.

The bits of the result do not depend on the block sizes. An output leaves as soon as the filter has
the input that it needs: 3.75 ms behind it at 10 kHz.
"""

import numpy as np
import numpy.typing as npt

from agent.acquisition import polyphase
from agent.core.errors import ConfigError
from agent.core.types import Marks, Samples

MOST = 64  # a larger ratio takes a long filter, and is mostly a wrong header


class Resampler:
    """From one rate to another; returns its input where the two are equal."""

    def __init__(self, from_hz: float, to_hz: float, channels: int) -> None:
        """Rates in Hz; only their ratio counts. `ConfigError` where it is beyond `MOST`."""
        if not 1 / MOST <= to_hz / from_hz <= MOST:
            found = f"found {from_hz:g} Hz, to be resampled to {to_hz:g} Hz"
            raise ConfigError(f"rate: {found}, expected at most {MOST} times more or less")
        self.ratio = to_hz / from_hz
        self._same = from_hz == to_hz
        self._channels = channels
        self._filter = polyphase.design(from_hz, to_hz)
        self._silence = np.zeros((channels, self._filter.width), np.float32)
        self._reset()

    def push(self, samples: Samples, marks: Marks) -> tuple[Samples, Marks]:
        """`samples` [frames, channels] and their marks in; what is ready out, perhaps nothing."""
        if self._same:
            return samples, marks
        self._note(marks)
        self._taken += len(samples)
        step = self._filter.step
        complete = (self._taken - self._filter.ahead) * step.denominator
        return self._filter_until(samples, -(-complete // step.numerator))

    def flush(self) -> tuple[Samples, Marks]:
        """What the filter still holds; the next frame starts a new signal."""
        nothing = np.zeros((0, self._channels), np.float32)
        if self._same or not self._taken:
            return nothing, np.zeros(0, np.uint8)
        step = self._filter.step
        last = (2 * self._taken * step.denominator + step.numerator) // (2 * step.numerator)
        flushed = self._filter_until(nothing, last)
        self._reset()
        return flushed

    def missing(self, outputs: int) -> int:
        """Input frames that must still come until so many more outputs are ready."""
        if self._same:
            return outputs
        step = self._filter.step
        last = self._returned + outputs - 1
        return last * step.numerator // step.denominator + self._filter.ahead + 1 - self._taken

    def _reset(self) -> None:
        self._taken = 0  # frames in, since the start or the last flush
        self._returned = 0  # frames out
        self._first = self._filter.first_frame(0)  # of the frames held
        self._held = np.zeros((self._channels, -self._first), np.float32)
        self._marked: npt.NDArray[np.int64] = np.zeros(0, np.int64)  # outputs that carry a mark
        self._marks = np.zeros(0, np.uint8)  # theirs

    def _filter_until(self, samples: Samples, end: int) -> tuple[Samples, Marks]:
        """Takes `samples` and returns the outputs up to `end`, with their marks."""
        signal = np.concatenate([self._held, samples.T, self._silence], axis=1)
        begin, end = self._returned, max(self._returned, end)
        outputs = np.zeros((0, self._channels), np.float32)
        if end > begin:
            outputs = self._filter.outputs(signal, self._first, begin, end)
            self._returned = end
        first = self._filter.first_frame(end)
        self._held = signal[:, first - self._first : signal.shape[1] - self._filter.width]
        self._first = first
        return outputs, self._marks_of(begin, end)

    def _marks_of(self, begin: int, end: int) -> Marks:
        marks = np.zeros(end - begin, np.uint8)
        if len(self._marked):
            due = self._marked < end
            at = np.maximum(self._marked[due] - begin, 0)
            if end > begin:
                np.bitwise_or.at(marks, at, self._marks[due])
                self._marked, self._marks = self._marked[~due], self._marks[~due]
        return marks

    def _note(self, marks: Marks) -> None:
        at = np.flatnonzero(marks)
        if len(at):
            step = self._filter.step
            outputs = (self._taken + at) * step.denominator // step.numerator
            self._marked = np.concatenate([self._marked, outputs])
            self._marks = np.concatenate([self._marks, marks[at]])


def resample(samples: npt.ArrayLike, from_hz: float, to_hz: float) -> Samples:
    """A whole signal [frames] or [frames, channels] at another rate, as the agent resamples."""
    signal = np.asarray(samples, np.float32)
    columns = signal.reshape(len(signal), -1)
    resampler = Resampler(from_hz, to_hz, columns.shape[1])
    begin, _ = resampler.push(columns, np.zeros(len(columns), np.uint8))
    end, _ = resampler.flush()
    return np.concatenate([begin, end]).reshape(-1, *signal.shape[1:])
