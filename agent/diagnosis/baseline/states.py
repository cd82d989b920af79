"""The operating states of a healthy machine, and how far a window is from the nearest. Pure.

A state is a centre and a spread for each feature. k-means finds the states (S. P. Lloyd, "Least
squares quantization in PCM", IEEE Trans. Information Theory 28(2), 1982); one more is taken only
where it halves what the others leave unexplained. Features are taken one by one, since a fault
moves a few of them far, and a healthy half hour is too short for all their covariances: the
distance is the mean of the `MOST` largest deviations.
"""

import msgspec
import numpy as np
import numpy.typing as npt

from agent.core.annotated import Positive
from agent.diagnosis.baseline.features import Vector

Members = npt.NDArray[np.intp]  # the state of each window

MOST = 3  # deviations that count
LEAST_SPREAD_DB = 0.5  # no feature is trusted to be steadier
STATES = 4  # at most
HALVES = 0.5
LEAST_SHARE, LEAST_WINDOWS = 0.05, 20  # that a state must have been seen in
ROUNDS = 50


class State(msgspec.Struct, frozen=True, kw_only=True):
    """One way of running, in dB, feature by feature."""

    centre: tuple[float, ...]
    spread: tuple[Positive, ...]
    share: float  # of the windows that it was learned from


def learn(rows: Vector) -> tuple[State, ...]:
    """The states in features [windows, features] of healthy running."""
    scale = np.sqrt(rows.var(axis=0) + LEAST_SPREAD_DB**2)
    chosen = np.zeros(len(rows), np.intp)
    left = _unexplained(rows / scale, chosen)
    for count in range(2, STATES + 1):
        members = _k_means(rows / scale, count)
        sizes = np.bincount(members, minlength=count)
        unexplained = _unexplained(rows / scale, members)
        if unexplained > HALVES * left or sizes.min() < max(LEAST_WINDOWS, LEAST_SHARE * len(rows)):
            break
        chosen, left = members, unexplained
    return tuple(_state(rows, chosen == each) for each in range(chosen.max() + 1))


def deviations(states: tuple[State, ...], vector: Vector) -> Vector:
    """[features] from the nearest state, in its spreads, with their signs."""
    each = [(vector - np.asarray(s.centre)) / np.asarray(s.spread) for s in states]
    return min(each, key=distance)


def distance(deviation: Vector) -> float:
    """The mean of the largest deviations [features]."""
    return float(np.sort(np.abs(deviation))[-MOST:].mean())


def distances(states: tuple[State, ...], rows: Vector) -> Vector:
    """Of each row of features [windows, features] from the state nearest to it."""
    each = [np.abs((rows - np.asarray(s.centre)) / np.asarray(s.spread)) for s in states]
    nearest: Vector = np.min([np.sort(d, axis=1)[:, -MOST:].mean(axis=1) for d in each], axis=0)
    return nearest


def _state(rows: Vector, members: npt.NDArray[np.bool_]) -> State:
    """Median and spread; the spread never less than `LEAST_SPREAD_DB`."""
    own = rows[members]
    degrees = 1 if len(own) > 1 else 0
    spread = np.sqrt(own.var(axis=0, ddof=degrees) + LEAST_SPREAD_DB**2)
    return State(
        centre=tuple(np.median(own, axis=0).tolist()),
        spread=tuple(spread.tolist()),
        share=round(len(own) / len(rows), 4),
    )


def _k_means(rows: Vector, count: int) -> Members:
    """The cluster of each row; begins with rows far from each other, so it needs no luck."""
    centres = [rows.mean(axis=0)]
    while len(centres) <= count:
        far = np.min([((rows - each) ** 2).sum(axis=1) for each in centres], axis=0)
        centres.append(rows[int(np.argmax(far))])
    means = np.stack(centres[1:])
    members = _nearest(rows, means)
    for _ in range(ROUNDS):
        present = [rows[members == each] for each in range(count)]
        means = np.stack(
            [own.mean(axis=0) if len(own) else means[at] for at, own in enumerate(present)]
        )
        moved = _nearest(rows, means)
        if np.array_equal(moved, members):
            break
        members = moved
    return members


def _nearest(rows: Vector, means: Vector) -> Members:
    squares = np.stack([((rows - each) ** 2).sum(axis=1) for each in means])
    nearest: Members = np.argmin(squares, axis=0)
    return nearest


def _unexplained(rows: Vector, members: Members) -> float:
    """Squared distances to the clusters' means, in all."""
    return float(
        sum(
            ((rows[members == each] - rows[members == each].mean(axis=0)) ** 2).sum()
            for each in np.unique(members)
        )
    )
