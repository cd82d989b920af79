"""Integer samples as converters and files hold them, brought to a full scale of 1.0."""

import numpy as np
import numpy.typing as npt

from agent.core.types import Samples


def to_float(samples: npt.NDArray[np.generic]) -> Samples:
    """Integers over 2^(bits-1), as libsndfile does it, so that a file and a stream agree to the
    last bit; floats as they are."""
    if samples.dtype.kind not in "iu":
        return samples.astype(np.float32)
    return samples.astype(np.float32) * np.float32(1.0 / _range(samples.dtype))


def full_scale(dtype: npt.DTypeLike) -> float | None:
    """The largest positive value that `to_float` makes of it; None where there is no limit."""
    kind = np.dtype(dtype)
    if kind.kind not in "iu":
        return None
    return float(np.iinfo(str(kind)).max) / _range(kind)


def _range(kind: np.dtype[np.generic]) -> float:
    return float(2 ** (8 * kind.itemsize - 1))
