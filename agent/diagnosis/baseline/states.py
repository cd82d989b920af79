"""The operating states of a healthy machine, and how far a window is from the nearest. Pure.

A state is a centre and a spread for each feature. k-means finds the states (S. P. Lloyd, "Least
squares quantization in PCM", IEEE Trans. Information Theory 28(2), 1982); one more is taken only
where it halves what the others leave unexplained. Features are taken one by one, since a fault
moves a few of them far, and a healthy half hour is too short for all their covariances: the
distance is the mean of the `MOST` largest deviations.
"""

from collections.abc import Sequence

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
DIGITS = 3  # of a decibel, in the file


class State(msgspec.Struct, frozen=True, kw_only=True):
    """One way of running, in dB, feature by feature."""

    centre: tuple[float, ...]
    spread: tuple[Positive, ...]
    share: float  # of the windows that it was learned from
    noise: str | None = None  # the same running with that noise on top, e.g. pink 6 dB


class StateArrays:
    """States as arrays, for distances to many of them at once."""

    def __init__(self, states: Sequence[State]) -> None:
        self._centre = np.asarray([state.centre for state in states])
        self._spread = np.asarray([state.spread for state in states])

    def deviation(self, vector: Vector) -> Vector:
        """[features] from the nearest state, in its spreads, with their signs."""
        deviations = (vector - self._centre) / self._spread
        nearest: Vector = deviations[int(np.argmin(_largest(deviations)))]
        return nearest

    def distances(self, rows: Vector) -> Vector:
        """Of each row of features [windows, features] from the state nearest to it."""
        nearest = np.full(len(rows), np.inf)
        for centre, spread in zip(self._centre, self._spread, strict=True):
            nearest = np.minimum(nearest, _largest((rows - centre) / spread))
        return nearest


def learn(rows: Vector) -> tuple[State, ...]:
    """The states in features [windows, features] of healthy running."""
    scale = np.sqrt(rows.var(axis=0) + LEAST_SPREAD_DB**2)
    members = np.zeros(len(rows), np.intp)
    left = _unexplained(rows / scale, members)
    for count in range(2, STATES + 1):
        divided = _k_means(rows / scale, count)
        sizes = np.bincount(divided, minlength=count)
        unexplained = _unexplained(rows / scale, divided)
        if unexplained > HALVES * left or sizes.min() < max(LEAST_WINDOWS, LEAST_SHARE * len(rows)):
            break
        members, left = divided, unexplained
    groups = [rows[members == at] for at in range(members.max() + 1)]
    return tuple(state(own, len(own) / len(rows)) for own in groups)


def distance(deviation: Vector) -> float:
    """The mean of the largest deviations [features]."""
    return float(_largest(deviation[None])[0])


def distances(states: Sequence[State], rows: Vector) -> Vector:
    """Of each row of features [windows, features] from the state nearest to it."""
    return StateArrays(states).distances(rows)


def nearest(states: Sequence[State], rows: Vector) -> Members:
    """The state of each row of features [windows, features]."""
    apart = np.stack([distances([state], rows) for state in states])
    members: Members = np.argmin(apart, axis=0)
    return members


def state(rows: Vector, share: float, noise: str | None = None) -> State:
    """Median and spread of rows [windows, features]; no spread below `LEAST_SPREAD_DB`."""
    degrees = 1 if len(rows) > 1 else 0
    spread = np.sqrt(rows.var(axis=0, ddof=degrees) + LEAST_SPREAD_DB**2)
    return State(
        centre=tuple(np.median(rows, axis=0).round(DIGITS).tolist()),
        spread=tuple(spread.round(DIGITS).tolist()),
        share=round(share, 4),
        noise=noise,
    )


def _largest(deviations: Vector) -> Vector:
    """The mean of the largest deviations of each row [rows, features]."""
    first = deviations.shape[1] - MOST
    largest: Vector = np.partition(np.abs(deviations), first, axis=1)[:, first:].mean(axis=1)
    return largest


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
