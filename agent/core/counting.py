"""Finds channels that count frames or time: they go one way alone, which no vibration does."""

import numpy as np
import numpy.typing as npt

from agent.core.types import Samples

LEAST_STEPS = 48  # one way
FIRST = 32  # frames that are looked at first: nearly every signal turns twice in them


def counting_channels(samples: Samples) -> tuple[int, ...]:
    """Which channels of `samples` [channels, frames] go one way alone; one may begin anew once."""
    up, down = _steps(samples[:, :FIRST])
    if (np.minimum(up, down) > 1).all():
        return ()
    up, down = _steps(samples)
    one_way = (np.minimum(up, down) <= 1) & (np.maximum(up, down) >= LEAST_STEPS)
    return tuple(int(channel) for channel in np.flatnonzero(one_way))


def _steps(samples: Samples) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """How many steps of each channel go up, and how many down."""
    before, after = samples[:, :-1], samples[:, 1:]
    return np.count_nonzero(after > before, axis=1), np.count_nonzero(after < before, axis=1)
