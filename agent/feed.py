"""What happens to a block between its source and the ring, in the source thread.

Channels are chosen, the scale applied, bad frames marked, the rate brought to the model's. The
result never depends on how the source cuts its blocks.
"""

import time

import numpy as np
import numpy.typing as npt

from agent.core import Block, Format, Mark, Marks, Samples
from agent.resample import Resampler
from agent.ring import Ring

Flags = npt.NDArray[np.bool_]

CLIP_RUN = 3  # consecutive frames at full scale: fewer may be a true peak


class Feed:
    """Writes one source's blocks into its ring."""

    def __init__(
        self, source: Format, ring: Ring, rate_hz: float, channels: tuple[int, ...], scale: float
    ) -> None:
        self.samples = 0  # frames taken from the source
        self._format = source
        self._ring = ring
        self._channels = list(channels)
        self._scale = np.float32(scale)
        self._resampler = Resampler(source.rate_hz, rate_hz, len(channels))
        self._index = 0  # absolute index, at the source's rate, of the next frame
        self._railed: Flags = np.zeros(CLIP_RUN - 1, bool)  # the last frames of the block before

    def push(self, block: Block) -> bool:
        """Takes a block; False when the ring has been closed."""
        if block.lost:
            self._leap(block.lost)
        if not len(block.samples):
            return True
        if self._ring.anchor_s is None:
            self._anchor(len(block.samples))
        chosen = block.samples[:, self._channels]
        marks = self._marks(chosen)
        chosen = np.nan_to_num(chosen * self._scale, nan=0.0, posinf=0.0, neginf=0.0)
        self._index += len(chosen)
        self.samples += len(chosen)
        return self._ring.write(*self._resampler.push(chosen, marks), self._format.patient)

    def end(self) -> None:
        """The source has no more: writes what the filter still holds and closes the ring."""
        self._ring.write(*self._resampler.flush(), self._format.patient)
        self._ring.close()

    def _leap(self, lost: int) -> None:
        """Frames were lost: no filter may run across the gap, and the index jumps over it."""
        self._ring.write(*self._resampler.flush(), self._format.patient)
        self._index += lost
        self._railed[:] = False
        behind = round(self._index * self._resampler.ratio) - self._ring.end
        if behind > 0:
            self._ring.skip(behind)

    def _anchor(self, frames: int) -> None:
        started_s = self._format.started_s
        if started_s is None:
            started_s = time.time() - (self._index + frames) / self._format.rate_hz
        self._ring.anchor_s = started_s

    def _marks(self, samples: Samples) -> Marks:
        finite = np.isfinite(samples).all(axis=1)
        marks = np.where(finite, 0, int(Mark.INVALID)).astype(np.uint8)
        if self._format.full_scale is not None:
            railed: Flags = np.asarray((np.abs(samples) >= self._format.full_scale).any(axis=1))
            marks[self._clipped(railed)] |= np.uint8(Mark.CLIPPED)
        return marks

    def _clipped(self, railed: Flags) -> Flags:
        """Frames that end a run of `CLIP_RUN` or more at full scale, across blocks too."""
        run: Flags = np.concatenate([self._railed, railed])
        self._railed = run[len(run) - (CLIP_RUN - 1) :]
        windows = np.lib.stride_tricks.sliding_window_view(run, CLIP_RUN)
        return np.asarray(windows.all(axis=1))
