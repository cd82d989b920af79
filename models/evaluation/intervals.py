"""Intervals of paired differences.

Student's interval over seeds covers the chance of training. The bootstrap over images covers the
choice of test images, for the networks as trained.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import stats

RESAMPLES, LEVEL = 2000, 0.95


def over_seeds(differences: Sequence[float]) -> tuple[float, float]:
    """Mean and half of Student's 95 % interval; NaN for fewer than two."""
    mean, count = float(np.mean(differences)), len(differences)
    if count < 2:
        return mean, float("nan")
    return mean, float(stats.t.ppf((1 + LEVEL) / 2, count - 1) * stats.sem(differences))


def over_images(differences: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Ends of the 95 % percentile interval of the mean of [images]."""
    drawn = np.random.default_rng(0).integers(len(differences), size=(RESAMPLES, len(differences)))
    tail = 50 * (1 - LEVEL)
    low, high = np.percentile(differences[drawn].mean(1), [tail, 100 - tail])
    return float(low), float(high)
