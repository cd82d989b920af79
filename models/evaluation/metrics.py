"""Figures of merit, from what was true and what was said. Pure; free of torch.

A confusion is [..., classes, classes]: counts of windows, a row what is true and a column what
was said. Leading axes are kept, so that a thousand resampled confusions are scored at once.
"""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int64]
Figures = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

BINS = 15  # of confidence, as in Guo et al., ICML 2017
RESAMPLES = 1000
LEVEL = 95.0  # per cent that an interval covers


def confusion(targets: Indices, found: Indices, classes: int) -> Indices:
    """Targets and answers [n] -> [classes, classes]."""
    flat = np.bincount(targets * classes + found, minlength=classes * classes)
    return flat.reshape(classes, classes)


def recall(counts: npt.NDArray[np.int64]) -> Figures:
    """Share of each class's windows called by its name [..., classes]; NaN where it has none."""
    return _quotient(_right(counts), counts.sum(-1))


def macro_recall(counts: Indices) -> Figures:
    return np.asarray(np.nanmean(recall(counts), axis=-1))


def macro_f1(counts: Indices) -> Figures:
    """Mean over the classes that occur of 2 TP / (2 TP + FP + FN) [...]."""
    f1 = _quotient(2 * _right(counts), counts.sum(-1) + counts.sum(-2))
    return np.asarray(np.nanmean(np.where(counts.sum(-1) > 0, f1, np.nan), axis=-1))


def missed(counts: Indices, normal: Mask) -> Figures:
    """Share of the faulty windows that were called normal [...]."""
    faulty = counts[..., ~normal, :]
    return _quotient(faulty[..., normal].sum((-1, -2)), faulty.sum((-1, -2)))


def false_alarms(counts: Indices, normal: Mask) -> Figures:
    """Share of the normal windows that were called a fault [...]."""
    healthy = counts[..., normal, :]
    return _quotient(healthy[..., ~normal].sum((-1, -2)), healthy.sum((-1, -2)))


def auroc(score: Figures, positive: Mask) -> float:
    """Chance that a positive scores above a negative one, ties half (Mann, Whitney, 1947)."""
    _, place, count = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[place]  # from 1; equal scores share theirs
    own = int(positive.sum())
    above = rank[positive].sum() - own * (own + 1) / 2
    return float(above / (own * (len(score) - own)))


def reliability(probabilities: Figures, targets: Indices) -> list[tuple[float, float, int]]:
    """Mean confidence, share right and windows of each confidence bin that has some."""
    confidence = probabilities.max(1)
    right = probabilities.argmax(1) == targets
    place = np.minimum((confidence * BINS).astype(int), BINS - 1)
    rows = [place == index for index in range(BINS)]
    return [
        (float(confidence[r].mean()), float(right[r].mean()), int(r.sum())) for r in rows if r.any()
    ]


def calibration_error(probabilities: Figures, targets: Indices) -> float:
    """Expected calibration error: mean distance of confidence from share right, by windows."""
    bins = reliability(probabilities, targets)
    return sum(abs(said - true) * count for said, true, count in bins) / len(targets)


def resampled(counts: Indices, labels: Sequence[str], seed: int) -> Indices:
    """Confusions [resamples, classes, classes], from recordings drawn anew within each label.

    `counts` [recordings, classes, classes] has one confusion a recording. A label that has a
    single recording does not vary: its interval knows nothing of other machines.
    """
    rng = np.random.default_rng(seed)
    total = np.zeros((RESAMPLES, *counts.shape[1:]), np.int64)
    for label in sorted(set(labels)):
        own = counts[[index for index, other in enumerate(labels) if other == label]]
        total += own[rng.integers(len(own), size=(RESAMPLES, len(own)))].sum(1)
    return total


def interval(figure: Callable[[Indices], Figures], drawn: Indices) -> tuple[float, float]:
    """Bootstrap percentile interval of a figure over resampled confusions."""
    tail = (100 - LEVEL) / 2
    low, high = np.nanpercentile(figure(drawn), [tail, 100 - tail])
    return float(low), float(high)


def _right(counts: Indices) -> Indices:
    return np.diagonal(counts, axis1=-2, axis2=-1)


def _quotient(part: npt.ArrayLike, whole: npt.ArrayLike) -> Figures:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.asarray(part, np.float64) / np.asarray(whole, np.float64))
