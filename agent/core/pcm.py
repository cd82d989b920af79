"""Integer samples as converters and files hold them, brought to a full scale of 1.0.

Formats of 8 to 32 bits have a full scale. Integers of 64 bits have none (NumPy's default type says
nothing of a converter): they are counts, as floats are, and `scale` gives them their unit.
"""

import numpy as np
import numpy.typing as npt

from agent.core.types import Samples

WIDEST = 4  # bytes of a format with a full scale


def to_float(samples: npt.NDArray[np.generic]) -> Samples:
    """Integers of up to 32 bits over 2^(bits-1), as libsndfile does it, so that a file and a
    stream agree to the last bit; unsigned ones without their offset; all others as they are."""
    if not _has_full_scale(samples.dtype):
        with np.errstate(over="ignore", invalid="ignore"):  # infinity and NaN are marked later
            return samples.astype(np.float32)
    half = 2 ** (8 * samples.dtype.itemsize - 1)
    if samples.dtype.kind == "u":
        samples = samples.astype(np.int64) - half
    return samples.astype(np.float32) * np.float32(1.0 / half)


def full_scale(dtype: npt.DTypeLike) -> float | None:
    """The largest positive value that `to_float` makes of it; None where there is no limit."""
    kind = np.dtype(dtype)
    return 1.0 - 2.0 ** (1 - 8 * kind.itemsize) if _has_full_scale(kind) else None


def step(dtype: npt.DTypeLike) -> float | None:
    """What `to_float` makes of one count; None for floats."""
    kind = np.dtype(dtype)
    if kind.kind not in "iu":
        return None
    return 2.0 ** (1 - 8 * kind.itemsize) if _has_full_scale(kind) else 1.0


def _has_full_scale(kind: np.dtype[np.generic]) -> bool:
    return kind.kind in "iu" and kind.itemsize <= WIDEST
