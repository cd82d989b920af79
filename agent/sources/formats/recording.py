"""An open recording, and recordings of numbers that lie in memory or in a file."""

from collections.abc import Callable, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from agent.core import pcm
from agent.core.counting import counting_channels
from agent.core.types import Samples

Array = npt.NDArray[np.generic]
LOOKED_AT = 4096  # frames, for channels that count or stand still
ReadAt = Callable[[int, int], Array]  # from a frame up to another: numbers [frames, channels]


def _close_nothing() -> None:
    """For recordings that hold nothing open."""


class Recording(msgspec.Struct, frozen=True):
    """An open file. `read(frames)` returns the next ones [frames, channels], fewer at the end.

    It raises `DamagedError` where the file is damaged.
    """

    read: Callable[[int], Samples]
    rate_hz: float | None  # None: the file has none
    channels: int
    full_scale: float | None  # see `Format`
    frames: int
    step: float | None = None  # see `Format`
    units: tuple[str | None, ...] = ()  # of each channel, where the file has them
    names: tuple[str, ...] = ()  # of its channels, where the file has them
    counting: tuple[int, ...] = ()  # see `Format`
    still: tuple[int, ...] = ()  # see `Format`
    close: Callable[[], None] = _close_nothing
    note: str | None = None  # what a person should know of the file


def from_array(
    array: Array,
    rate_hz: float | None,
    units: Sequence[str | None] = (),
    names: Sequence[str] = (),
) -> Recording:
    """A recording of numbers [frames, channels] in memory."""

    def read_at(first: int, end: int) -> Array:
        return array[first:end]

    shape, kind = array.shape, array.dtype
    return from_reader(read_at, kind, shape, rate_hz, units=units, names=names)


def from_reader(
    read_at: ReadAt,
    dtype: npt.DTypeLike,
    shape: Sequence[int],
    rate_hz: float | None,
    *,
    units: Sequence[str | None] = (),
    names: Sequence[str] = (),
) -> Recording:
    """A recording of numbers `shape` [frames, channels], which are read piece by piece, in order.

    Integers of a known unit are numbers in that unit, and have no full scale.
    """
    at, (frames, channels) = 0, shape
    kind = np.dtype(np.float64 if any(units) else dtype)

    def samples_at(first: int, end: int) -> Samples:
        return pcm.to_float(np.asarray(read_at(first, end)).astype(kind, copy=False))

    head = samples_at(0, min(frames, LOOKED_AT))

    def read(wanted: int) -> Samples:
        nonlocal at
        first, at = at, min(at + wanted, frames)
        if first >= len(head):
            return samples_at(first, at)
        if at <= len(head):
            return head[first:at]
        return np.concatenate([head[first:], samples_at(len(head), at)])

    still = (head == head[:1]).all(axis=0)
    return Recording(
        *(read, rate_hz, channels, pcm.full_scale(kind), frames, pcm.step(kind)),
        units=tuple(units),
        names=tuple(names),
        counting=counting_channels(head.T),
        still=tuple(int(channel) for channel in np.flatnonzero(still)),
    )
