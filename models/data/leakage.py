"""Finds recordings that stand on both sides of a split, by what is in them.

A name proves nothing: a window of a test recording may lie in a training file under any name
and at any place. Pieces of training files are compared with every place of the others, as
stored, before anything is resampled or scaled. Free of torch.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from agent.core.errors import UserError
from models.data.listing import Entry
from models.data.recordings import stored

PIECE = 64  # frames: the shortest leak that is surely found has twice as many
BASE = np.uint64(0x9E3779B97F4A7C15)  # odd, so that its powers can be undone

Hashes = npt.NDArray[np.uint64]


def check(training: Sequence[Entry], held_back: Sequence[Entry]) -> None:
    """UserError that names both files where one side holds a piece of the other."""
    known: dict[int, Entry] = {}
    for entry in training:
        for channel in _channels(entry):
            pieces = _hashes(channel)[::PIECE]
            known |= dict.fromkeys(pieces[pieces != 0].tolist(), entry)
    all_pieces = np.fromiter(known, np.uint64, len(known))
    for entry in held_back:
        for channel in _channels(entry):
            shared = np.intersect1d(_hashes(channel), all_pieces)
            if len(shared):
                raise UserError(
                    f"{entry.path}: found a piece of it in {known[int(shared[0])].path}, "
                    "expected no recording on both sides of the split"
                )


def _channels(entry: Entry) -> Iterator[npt.NDArray[np.int64]]:
    """The bits of float32 samples: 16-bit codes are the same ones in every kind of file."""
    samples, _ = stored(entry)
    yield from np.ascontiguousarray(samples.T).view(np.int32).astype(np.int64)


def _hashes(samples: npt.NDArray[np.int64]) -> Hashes:
    """Of the piece that begins at each frame; 0 where the signal stands still, which is no sign.

    A polynomial in BASE modulo 2^64, from differences of its running sum.
    """
    count = len(samples) - PIECE + 1
    if count < 1:
        return np.zeros(0, np.uint64)
    powers = np.full(len(samples), BASE)
    powers[0] = 1
    powers = np.multiply.accumulate(powers)  # BASE ** frame
    total = np.concatenate([[np.uint64(0)], np.cumsum(samples.astype(np.uint64) * powers)])
    pieces = total[PIECE:] - total[:-PIECE]
    # Undone by the power that is missing to the last frame's: the same piece, the same number.
    hashes = pieces * powers[::-1][:count]
    moved = np.concatenate([[0], np.cumsum(np.diff(samples) != 0)])
    alive = moved[PIECE - 1 :] - moved[:count] > PIECE // 2
    found: Hashes = np.where(alive, hashes, np.uint64(0))
    return found
