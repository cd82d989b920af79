"""Reads the samples of a WAV file past a header that gives the wrong size."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from agent.core import pcm
from agent.core.types import Samples
from agent.sources.wav_header import WavHeader

Bytes = npt.NDArray[np.uint8]


def frames(header: WavHeader) -> int:
    """How many whole frames there are."""
    return header.present // _frame_bytes(header)


def reader(path: Path, header: WavHeader) -> Callable[[int], Samples]:
    """A function that returns the next frames [frames, channels], fewer at the end."""
    size, count = _frame_bytes(header), frames(header)
    data = np.memmap(path, np.uint8, "r", header.offset, (count, size))
    at = 0

    def read(wanted: int) -> Samples:
        nonlocal at
        part = np.ascontiguousarray(data[at : at + wanted])
        at += len(part)
        return pcm.to_float(_codes(part.reshape(-1), header)).reshape(-1, header.channels)

    return read


def bits(header: WavHeader) -> int | None:
    """The width of an integer sample; None for floats."""
    assert header.dtype is not None
    if header.dtype == "24":
        return 24
    dtype = np.dtype(header.dtype)
    return 8 * dtype.itemsize if dtype.kind in "iu" else None


def _codes(data: Bytes, header: WavHeader) -> npt.NDArray[np.generic]:
    """The samples in those bytes; three bytes become the upper ones of four."""
    assert header.dtype is not None
    if header.dtype != "24":
        return data.view(header.dtype)
    padded = np.zeros((len(data) // 3, 4), np.uint8)
    padded[:, 1:] = data.reshape(-1, 3)
    return padded.reshape(-1).view("<i4")


def _frame_bytes(header: WavHeader) -> int:
    assert header.dtype is not None
    width = 3 if header.dtype == "24" else np.dtype(header.dtype).itemsize
    return width * header.channels
