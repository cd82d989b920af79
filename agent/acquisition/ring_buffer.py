"""The last N frames by absolute index, shared by a source thread and the main thread."""

import threading
import time
from collections.abc import Callable

import numpy as np

from agent.core.types import Mark, Marks, Samples


class Ring:
    """One writer, one reader.

    The reader announces its next window (`expect`). So the writer knows which frames are still
    needed (a live writer overwrites and counts them, a patient one waits) and when to wake the
    reader.
    """

    def __init__(
        self, frames: int, channels: int, wake: Callable[[], None], history: int = 0
    ) -> None:
        """`history`: frames before the reader's next window that a patient writer keeps, too."""
        self.size = frames + history
        self._history = history
        self.end = 0  # absolute index one past the newest frame
        self.ended = False  # no more frames will come
        self.gaps = 0
        self.missing = 0  # frames that never arrived
        self.overrun = 0  # frames overwritten before they were read
        self._samples = np.zeros((self.size, channels), np.float32)
        self._marks = np.full(self.size, Mark.GAP, np.uint8)
        self._arrived_s = time.monotonic()
        self._needed = 0  # frames before this one are not needed
        self._due = self.size  # the reader's next window ends at this frame
        self._step = self.size  # frames from one window to the next
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
        """Marks `frames` that never arrived as a gap."""
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
        """Ends the ring: no more frames will come, and a waiting writer returns."""
        with self._room:
            self.ended = True
            self._room.notify_all()
        self._wake()

    def expect(self, first: int, frames: int) -> None:
        """The reader's next window; frames before it may be overwritten."""
        with self._room:
            self._step = max(1, first - self._needed)
            self._needed, self._due = first, first + frames
            self._room.notify_all()

    def read(self, first: int, frames: int) -> tuple[Samples, Marks, float]:
        """Copies frames [frames, channels] and marks; also when the newest frame arrived.

        Overwritten frames are returned as zeros, marked.
        """
        with self._room:
            at = first % self.size
            fitting, rest = slice(at, at + frames), slice(0, max(0, at + frames - self.size))
            samples = np.concatenate([self._samples[fitting], self._samples[rest]])
            marks = np.concatenate([self._marks[fitting], self._marks[rest]])
            gone = min(max(0, self.end - self.size - first), frames)
            arrived_s = self._arrived_s
        if gone:
            samples[:gone], marks[:gone] = 0.0, Mark.OVERRUN
        return samples, marks, arrived_s

    def clean(self, end: int, most: int) -> Samples:
        """Up to `most` unmarked frames right before `end`."""
        frames = min(most, end, self.size)
        samples, marks, _ = self.read(end - frames, frames)
        bad = np.flatnonzero(marks)
        return samples[bad[-1] + 1 :] if len(bad) else samples

    @property
    def start(self) -> int:
        """Absolute index of the oldest frame in the ring."""
        return max(0, self.end - self.size)

    @property
    def crowded(self) -> bool:
        """Whether a patient writer should wait: half of its room is taken."""
        return 2 * (self.end - self._needed) > self.size - self._history

    @property
    def frames_to_due(self) -> int:
        """Frames until the reader's next window is complete, at least 1.

        The reader may not have taken the last one yet: then its next one is as far behind that as
        that was behind the one before.
        """
        due, step, end = self._due, self._step, self.end
        return due - end if due > end else step - (end - due) % step

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
        """Appends up to `size` frames."""
        frames, at = len(samples), self.end % self.size
        split = min(frames, self.size - at)
        for part, into in ((slice(0, split), at), (slice(split, frames), 0)):
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
            at = np.arange(first, last) % self.size
            self.overrun += int(np.count_nonzero(self._marks[at] & Mark.GAP == 0))

    def _notify(self) -> None:
        if self.end >= self._due:
            self._wake()
