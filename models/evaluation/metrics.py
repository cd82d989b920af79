"""Figures of merit from true and predicted labels. Free of torch.

A confusion matrix is [..., classes, classes]: counts of windows, rows by true label, columns by
predicted label. Leading axes are kept, so that a thousand resampled matrices are scored at once.
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


def confusion(targets: Indices, labels: Indices, classes: int) -> Indices:
    """True and predicted labels [n] -> [classes, classes]."""
    flat = np.bincount(targets * classes + labels, minlength=classes * classes)
    return flat.reshape(classes, classes)


def recall(counts: npt.NDArray[np.int64]) -> Figures:
    """Share of each class's windows with the right label [..., classes]; NaN for an empty class."""
    return _quotient(_right(counts), counts.sum(-1))


def macro_recall(counts: Indices) -> Figures:
    return np.asarray(np.nanmean(recall(counts), axis=-1))


def macro_f1(counts: Indices) -> Figures:
    """Mean over the classes that occur of 2 TP / (2 TP + FP + FN) [...]."""
    f1 = _quotient(2 * _right(counts), counts.sum(-1) + counts.sum(-2))
    return np.asarray(np.nanmean(np.where(counts.sum(-1) > 0, f1, np.nan), axis=-1))


def macro_f1_of(targets: Indices, labels: Indices) -> float:
    """Macro-F1 of true and predicted labels [n]."""
    classes = int(max(targets.max(), labels.max())) + 1
    return float(macro_f1(confusion(targets, labels, classes)))


def missed(counts: Indices, normal: Mask) -> Figures:
    """Share of the faulty windows with a normal label [...]."""
    faulty = counts[..., ~normal, :]
    return _quotient(faulty[..., normal].sum((-1, -2)), faulty.sum((-1, -2)))


def false_alarms(counts: Indices, normal: Mask) -> Figures:
    """Share of the normal windows with a fault's label [...]."""
    healthy = counts[..., normal, :]
    return _quotient(healthy[..., ~normal].sum((-1, -2)), healthy.sum((-1, -2)))


def auroc(score: Figures, positive: Mask) -> float:
    """Probability that a positive scores above a negative, ties half (Mann, Whitney, 1947)."""
    _, place, count = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[place]  # from 1; equal scores share theirs
    positives = int(positive.sum())
    above = rank[positive].sum() - positives * (positives + 1) / 2
    return float(above / (positives * (len(score) - positives)))


def reliability(probabilities: Figures, targets: Indices) -> list[tuple[float, float, int]]:
    """Mean confidence, share right and number of windows of each confidence bin, unless empty."""
    confidence = probabilities.max(1)
    right = probabilities.argmax(1) == targets
    place = np.minimum((confidence * BINS).astype(int), BINS - 1)
    rows = [place == index for index in range(BINS)]
    return [
        (float(confidence[r].mean()), float(right[r].mean()), int(r.sum())) for r in rows if r.any()
    ]


def calibration_error(probabilities: Figures, targets: Indices) -> float:
    """Expected calibration error: mean distance of confidence from share right over windows."""
    bins = reliability(probabilities, targets)
    return sum(abs(mean - right) * count for mean, right, count in bins) / len(targets)


def resampled(counts: Indices, labels: Sequence[str], seed: int) -> Indices:
    """Confusion matrices [resamples, classes, classes] of recordings resampled within a label.

    `counts` [recordings, classes, classes] has one matrix a recording. A label with a single
    recording does not vary: its interval does not cover other machines.
    """
    rng = np.random.default_rng(seed)
    total = np.zeros((RESAMPLES, *counts.shape[1:]), np.int64)
    for label in sorted(set(labels)):
        rows = counts[[index for index, name in enumerate(labels) if name == label]]
        total += rows[rng.integers(len(rows), size=(RESAMPLES, len(rows)))].sum(1)
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
