"""Conditions a source's blocks on their way into the ring, in the source thread.

It selects channels, applies the scale, marks bad frames, counts the frames that a live source
lost (by the clock), and resamples to the model's rate. The result does not depend on the block
sizes of the source.
"""

import functools

import numpy as np
import numpy.typing as npt

from agent.acquisition.arrivals import Arrivals
from agent.acquisition.rails import Rails
from agent.acquisition.resampling import Resampler
from agent.acquisition.ring_buffer import Ring
from agent.acquisition.sample_clock import SampleClock
from agent.acquisition.stuck_bits import StuckBits
from agent.acquisition.tachometer import Tachometer
from agent.config.source import TachometerKeys
from agent.core.types import Block, Format, Mark, Marks, Samples

Flags = npt.NDArray[np.bool_]

CLIP_RUN = 3  # consecutive frames at full scale: fewer may be a real peak
LARGEST = 1e15  # |sample| in its unit: the squares of a window still fit into float32


class Conditioner:
    """Writes one source's blocks into its ring."""

    def __init__(
        self,
        source: Format,
        ring: Ring,
        rate_hz: float,
        channels: tuple[int, ...],
        scale: float,
        tacho: TachometerKeys | None = None,
        bits: int | None = None,
        arrivals: Arrivals | None = None,
    ) -> None:
        """With a `tacho` the ring's last channel holds the speed in rpm.

        `bits`: the converter's width, where it is narrower than its words. `arrivals`: those of a
        source that several conditioners share; None: this one has the source for itself.
        """
        self.samples = 0  # frames taken from the source
        self.arrivals = Arrivals(source) if arrivals is None else arrivals
        self.format = source
        self._ring = ring
        everything = channels == tuple(range(source.channels))
        self._channels = slice(None) if everything else list(channels)
        self._scale = np.float32(scale)
        self._resampler = Resampler(source.rate_hz, rate_hz, len(channels) + (tacho is not None))
        self._pulses = tacho.channel if tacho else 0
        self._tacho = (
            Tachometer(source.rate_hz, tacho.pulses_per_turn, tacho.level) if tacho else None
        )
        self._index = 0  # absolute index, at the source's rate, of the next frame
        self._rails = Rails(source, len(channels), bits)
        self._stuck_bits = StuckBits(source)
        self._railed: Flags = np.zeros(CLIP_RUN - 1, bool)  # the last frames of the block before

    def push(self, block: Block) -> bool:
        """Writes a block into the ring; False when the ring has been closed."""
        return self.write(Block(block.samples, self.arrivals.take(len(block.samples), block.lost)))

    def write(self, block: Block) -> bool:
        """As `push`, of a block whose lost frames are complete."""
        frames = len(block.samples)
        if block.lost:
            self._leap(block.lost)
        if not frames:
            return True
        samples = block.samples[:, self._channels]
        marks = self._marks(samples)
        self._stuck_bits.see(samples)
        with np.errstate(over="ignore", invalid="ignore"):  # what is no number is marked
            samples = samples * self._scale
        valid = np.abs(samples) <= LARGEST
        if not valid.all():
            marks |= _in_any(~valid) * np.uint8(Mark.INVALID)
            samples[~valid] = 0.0
        if self._tacho is not None:
            speeds = self._tacho.push(block.samples[:, self._pulses])
            samples = np.column_stack([samples, speeds])
        self._index += frames
        self.samples += frames
        return self._ring.write(*self._resampler.push(samples, marks), self.format.patient)

    def flush(self) -> None:
        """Writes what the filter still holds. The next block starts a new signal."""
        self._ring.write(*self._resampler.flush(), self.format.patient)
        self._railed[:] = False

    @property
    def sample_clock(self) -> SampleClock | None:
        """That of a live source."""
        return self.arrivals.sample_clock

    @property
    def stuck_bit(self) -> str | None:
        """The bit of the samples that never changes, and what to check; None: there is none."""
        return self._stuck_bits.text

    @property
    def frames_to_due(self) -> int:
        """Frames of the source that complete the next window, at least 1.

        1 where the source is not steady: a read that lets frames gather would make them late, and
        what is late may be lost.
        """
        if self.sample_clock is not None and not self.sample_clock.steady:
            return 1
        return max(1, self._resampler.missing(self._ring.frames_to_due))

    @property
    def due_s(self) -> float:
        """Monotonic time at which the next window will be complete; 0 where that is not known."""
        if self.sample_clock is None or not self.sample_clock.steady:
            return 0.0
        return self.sample_clock.due_s(self.frames_to_due)

    def _leap(self, lost: int) -> None:
        """Skips the lost frames in the ring; the filter restarts after the gap."""
        self.flush()
        if self._tacho is not None:
            self._tacho.lose()
        self._index += lost
        behind = round(self._index * self._resampler.ratio) - self._ring.end
        if behind > 0:
            self._ring.skip(behind)

    def _marks(self, samples: Samples) -> Marks:
        clipped = self._clipped(self._rails.reached(samples))
        marks: Marks = clipped * np.uint8(Mark.CLIPPED)
        if self.sample_clock is not None:
            marks |= self.sample_clock.slow * np.uint8(Mark.SLOW)
            marks |= self.sample_clock.fast * np.uint8(Mark.FAST)
        return marks

    def _clipped(self, railed: Flags) -> Flags:
        """Frames that end a run of `CLIP_RUN` or more at full scale, across blocks too."""
        run: Flags = np.concatenate([self._railed, railed])
        self._railed = run[len(run) - (CLIP_RUN - 1) :]
        if np.count_nonzero(run) < CLIP_RUN:
            return np.zeros(len(railed), bool)
        shifted = [run[at : at + len(railed)] for at in range(CLIP_RUN)]
        return functools.reduce(np.logical_and, shifted)


def _in_any(flags: Flags) -> Flags:
    """[frames, channels] -> [frames]; by channel, since NumPy is slow along so short an axis."""
    return functools.reduce(np.logical_or, flags.T)
