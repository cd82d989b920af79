"""Finds recordings that are on both sides of a split, by their samples.

Names prove nothing: a piece of a test recording may be in a training file under any name and at
any place. Pieces of the training files are compared with every place in the others, as stored,
before resampling or scaling. Free of torch.
"""

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from agent.core.errors import UserError
from models.data.listing import Entry
from models.data.recordings import stored

PIECE = 64  # frames: a leak of twice as many is always detected
BASE = np.uint64(0x9E3779B97F4A7C15)  # odd, so that its powers are invertible modulo 2^64

Hashes = npt.NDArray[np.uint64]


def check(training: Sequence[Entry], held_out: Sequence[Entry]) -> None:
    """Raises a UserError that names both files where one side holds a piece of the other."""
    owners: dict[int, Entry] = {}  # hash of a piece -> its training file
    for entry in training:
        for channel in _channels(entry):
            pieces = _hashes(channel)[::PIECE]
            owners |= dict.fromkeys(pieces[pieces != 0].tolist(), entry)
    all_pieces = np.fromiter(owners, np.uint64, len(owners))
    for entry in held_out:
        for channel in _channels(entry):
            shared = np.intersect1d(_hashes(channel), all_pieces)
            if len(shared):
                raise UserError(
                    f"{entry.path}: found a piece of it in {owners[int(shared[0])].path}, "
                    "expected no recording on both sides of the split"
                )


def contradictions(entries: Sequence[Entry]) -> Iterator[tuple[Entry, Entry]]:
    """Pairs of recordings with the same samples and different labels."""
    owners: dict[bytes, Entry] = {}
    for entry in entries:
        samples, _ = stored(entry)
        digest = hashlib.sha256(samples.tobytes()).digest()
        owner = owners.setdefault(digest, entry)
        if owner.label != entry.label:
            yield owner, entry


def _channels(entry: Entry) -> Iterator[npt.NDArray[np.int64]]:
    """The bits of float32 samples: 16-bit codes are the same ones in every kind of file."""
    samples, _ = stored(entry)
    yield from np.ascontiguousarray(samples.T).view(np.int32).astype(np.int64)


def _hashes(samples: npt.NDArray[np.int64]) -> Hashes:
    """The hash of the piece that begins at each frame; 0 where the signal hardly changes.

    It is a polynomial in BASE modulo 2^64, computed from differences of a running sum.
    """
    count = len(samples) - PIECE + 1
    if count < 1:
        return np.zeros(0, np.uint64)
    powers = np.full(len(samples), BASE)
    powers[0] = 1
    powers = np.multiply.accumulate(powers)  # BASE ** frame
    total = np.concatenate([[np.uint64(0)], np.cumsum(samples.astype(np.uint64) * powers)])
    pieces = total[PIECE:] - total[:-PIECE]
    # Multiplied by the power missing to the last frame's: equal pieces have equal hashes.
    hashes = pieces * powers[::-1][:count]
    changes = np.concatenate([[0], np.cumsum(np.diff(samples) != 0)])
    alive = changes[PIECE - 1 :] - changes[:count] > PIECE // 2
    result: Hashes = np.where(alive, hashes, np.uint64(0))
    return result
