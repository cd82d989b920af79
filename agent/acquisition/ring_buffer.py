"""The last N frames by absolute index: all that a source thread shares with the main thread."""

import threading
import time
from collections.abc import Callable

import numpy as np

from agent.core.types import Mark, Marks, Samples


class Ring:
    """One writer, one reader.

    The reader says which window it waits for (`expect`); by that the writer knows which frames
    are still needed (an impatient writer overwrites them and counts, a patient one waits), and
    when it is worth waking the reader.

    Every frame is kept twice, `size` apart, so that whatever is read is one slice.
    """

    def __init__(
        self, frames: int, channels: int, wake: Callable[[], None], history: int = 0
    ) -> None:
        """`history` frames before the reader's next window stay as well, if the writer can wait."""
        self.size = frames + history
        self._history = history
        self.end = 0  # absolute index one past the newest frame
        self.ended = False  # the writer is done
        self.gaps = 0
        self.missing = 0  # frames that never arrived
        self.overrun = 0  # frames overwritten before they were read
        self._samples = np.zeros((2 * self.size, channels), np.float32)
        self._marks = np.full(2 * self.size, Mark.GAP, np.uint8)
        self._arrived_s = time.monotonic()
        self._needed = 0  # the reader wants nothing before this frame
        self._due = self.size  # the reader's next window is complete at this frame
        self._wake = wake
        self._room = threading.Condition()

    def write(self, samples: Samples, marks: Marks, patient: bool = False) -> bool:
        """Appends `samples` [frames, channels]; False if the ring was closed while waiting."""
        step = max(1, (self.size - self._history) // 4)
        for at in range(0, len(samples), step):
            if not self._append(samples[at : at + step], marks[at : at + step], patient):
                return False
        return True

    def skip(self, frames: int) -> None:
        """Counts `frames` that never arrived; the index goes on behind them."""
        with self._room:
            kept = min(frames, self.size)
            self._make_way(frames)
            self.end += frames - kept
            nothing = np.zeros((kept, self._samples.shape[1]), np.float32)
            self._store(nothing, np.full(kept, Mark.GAP, np.uint8))
            self.gaps += 1
            self.missing += frames
        self._notify()

    def close(self) -> None:
        """No more frames will come; a waiting writer gives up."""
        with self._room:
            self.ended = True
            self._room.notify_all()
        self._wake()

    def expect(self, first: int, frames: int) -> None:
        """The reader's next window: what lies before it may go."""
        with self._room:
            self._needed, self._due = first, first + frames
            self._room.notify_all()

    def read(self, first: int, frames: int) -> tuple[Samples, Marks, float]:
        """A copy of those frames [frames, channels], their marks, and when the newest came in.

        Frames that are gone are zero and marked: it always returns as many as were asked for.
        """
        with self._room:
            at = slice(first % self.size, first % self.size + frames)
            samples, marks = self._samples[at].copy(), self._marks[at].copy()
            gone = min(max(0, self.end - self.size - first), frames)
            arrived_s = self._arrived_s
        if gone:
            samples[:gone], marks[:gone] = 0.0, Mark.OVERRUN
        return samples, marks, arrived_s

    def clean(self, end: int, most: int) -> Samples:
        """The frames right before `end` that are there and unmarked, up to `most` of them."""
        frames = min(most, end, self.size)
        samples, marks, _ = self.read(end - frames, frames)
        bad = np.flatnonzero(marks)
        return samples[bad[-1] + 1 :] if len(bad) else samples

    @property
    def start(self) -> int:
        """Absolute index of the oldest frame that is still there."""
        return max(0, self.end - self.size)

    def _append(self, samples: Samples, marks: Marks, patient: bool) -> bool:
        with self._room:
            if patient:
                self._room.wait_for(lambda: self.ended or self._fits(len(samples)))
            if self.ended:
                return False
            self._make_way(len(samples))
            self._store(samples, marks)
            self._arrived_s = time.monotonic()
        self._notify()
        return True

    def _store(self, samples: Samples, marks: Marks) -> None:
        """Puts up to `size` frames behind the newest, in both copies."""
        frames, at = len(samples), self.end % self.size
        split = min(frames, self.size - at)
        for part, into in (
            (slice(0, frames), at),
            (slice(0, split), at + self.size),
            (slice(split, frames), 0),
        ):
            place = slice(into, into + part.stop - part.start)
            self._samples[place], self._marks[place] = samples[part], marks[part]
        self.end += frames

    def _fits(self, frames: int) -> bool:
        return self.end + frames - (self._needed - self._history) <= self.size

    def _make_way(self, frames: int) -> None:
        """Counts the unread frames that the next `frames` will overwrite."""
        first = max(self._needed, self.start)
        last = min(self.end, self.end + frames - self.size)
        if first < last:
            at = slice(first % self.size, first % self.size + last - first)
            self.overrun += int(np.count_nonzero(self._marks[at] & Mark.GAP == 0))

    def _notify(self) -> None:
        if self.end >= self._due:
            self._wake()
