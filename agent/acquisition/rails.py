"""The limits (rails) of a converter: inside of a wider container, too.

A converter of 24 bits whose counts stand in the upper bits of 32 (left-justified) ends one of its
own counts below the container's end. One whose counts stand in the lower bits (right-justified)
ends far below it. Both are found in the data, or set by the key `bits`. What holds for a frame
depends on the frames up to it alone, so blocks of any size give the same marks.
"""

import functools

import numpy as np
import numpy.typing as npt

from agent.core.types import Format, Samples

Counts = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

FEWEST_BITS = 8  # of a left-justified converter
LOWEST_RAIL = 1 << 9  # counts: a signal that peaks at 127 is more often small than at its rail
LARGEST = 2.0**61  # counts


class Rails:
    """Says which frames of one source are at a rail, in any channel."""

    def __init__(self, format: Format, channels: int, bits: int | None = None) -> None:
        """`bits`: the converter's width; None: only what the data show."""
        self._full_scale = format.full_scale
        counts = bits is not None and format.full_scale is None
        self._step = format.step or (1.0 if counts else None)
        self._container: int | None = None  # bits
        if self._step is not None and format.full_scale is not None:
            self._container = 1 - round(np.log2(self._step))
        self._bits = None if bits == self._container else bits
        self._ones = np.int64(0)  # every bit that was ever 1
        self._highest = np.full(channels, np.iinfo(np.int64).min)
        self._lowest = np.full(channels, np.iinfo(np.int64).max)

    def reached(self, samples: Samples) -> Flags:
        """Samples [frames, channels] of a full scale of 1.0 -> flags [frames]."""
        if self._step is None:
            if self._full_scale is None:
                return np.zeros(len(samples), bool)
            return _in_any(np.abs(samples) >= self._full_scale)
        if not len(samples) or (self._settled and self._inside(samples)):
            return np.zeros(len(samples), bool)
        counts = np.nan_to_num(samples.astype(np.float64) / self._step)
        return self._of_counts(np.rint(np.clip(counts, -LARGEST, LARGEST)).astype(np.int64))

    @property
    def _settled(self) -> bool:
        """Whether only a new extreme is at a rail: the lowest bit is in use, no width is set."""
        return bool(self._ones & 1) and self._bits is None

    def _inside(self, samples: Samples) -> bool:
        """Whether all samples lie between the extremes so far, and far from the container's end.

        False where one is not a number.
        """
        assert self._step is not None
        highest, lowest = samples.max(axis=0), samples.min(axis=0)
        top, bottom = (self._highest - 0.5) * self._step, (self._lowest + 0.5) * self._step
        inside = (highest < top) & (lowest > bottom)
        if self._container is not None:
            inside &= np.maximum(highest, -lowest) < 1 - 2.0 ** (1 - FEWEST_BITS)
        return bool(inside.all())

    def _of_counts(self, counts: Counts) -> Flags:
        if not len(counts):
            return np.zeros(0, bool)
        ones = np.bitwise_or.reduce(counts, axis=1)
        ones[0] |= self._ones
        ones = np.bitwise_or.accumulate(ones)
        self._ones = ones[-1]
        highest = np.maximum.accumulate(np.vstack([self._highest, counts]))[1:]
        lowest = np.minimum.accumulate(np.vstack([self._lowest, counts]))[1:]
        self._highest, self._lowest = highest[-1], lowest[-1]
        flags = _at_power_of_two(counts, highest, lowest)
        if self._container is not None:
            flags |= self._at_container_end(counts, ones)
            offset = 1 << (self._container - 1)  # of counts that were unsigned
            as_unsigned = _at_power_of_two(counts + offset, highest + offset, lowest + offset, 4)
            flags |= as_unsigned & (highest < 0)
        if self._bits is not None:
            flags |= self._at_configured_width(counts, ones, highest, lowest)
        return _in_any(flags)

    def _at_container_end(self, counts: Counts, ones: Counts) -> Flags:
        """Whether less than one count of a left-justified converter is left."""
        assert self._container is not None
        lowest_bit = np.minimum(ones & -ones, 1 << max(0, self._container - FEWEST_BITS))
        end = (1 << (self._container - 1)) - np.maximum(lowest_bit, 1)
        return np.asarray(np.abs(counts) >= end[:, None])

    def _at_configured_width(
        self, counts: Counts, ones: Counts, highest: Counts, lowest: Counts
    ) -> Flags:
        """Rails of right-justified counts, which are unsigned where none was ever negative.

        In an unsigned container all lie within the converter's range above the container's end.
        """
        assert self._bits is not None
        half, zero = 1 << (self._bits - 1), 0
        unsigned = lowest >= 0
        bottom = np.where(unsigned, zero, -half)
        if self._container is not None:
            zero = -(1 << (self._container - 1))
            bottom = np.where(highest < zero + 2 * half, zero, bottom)
        flags: Flags = (counts >= bottom + 2 * half - 1) | (counts <= bottom)
        if self._container is None:
            return flags
        unused = (1 << max(0, self._container - self._bits)) - 1
        return np.asarray(flags & ((ones & unused) != 0)[:, None])


def _at_power_of_two(counts: Counts, highest: Counts, lowest: Counts, part: int = 2) -> Flags:
    """Whether a count is the extreme so far and where a converter of fewer bits ends.

    The signal must have covered a quarter of that converter's range: one that rests at half of
    the range is close to a power of two as well. That is a `part` of the range above zero: of
    signed counts half of it, of unsigned ones a quarter.
    """
    spread = highest - lowest
    top, bottom = highest + 1, -lowest
    at_top = (counts == highest) & (highest & top == 0) & (top >= LOWEST_RAIL)
    at_bottom = (counts == lowest) & (lowest & bottom == bottom) & (bottom >= LOWEST_RAIL)
    return np.asarray((at_top & (spread >= top // part)) | (at_bottom & (spread >= bottom // part)))


def _in_any(flags: Flags) -> Flags:
    """[frames, channels] -> [frames]; by channel, since NumPy is slow along so short an axis."""
    return functools.reduce(np.logical_or, flags.T)
