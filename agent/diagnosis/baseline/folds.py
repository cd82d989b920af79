"""Healthy running left out: how far is each part of it from what the other parts teach? Pure.

The time is cut into blocks, and the blocks are dealt in turn to `FOLDS` folds, as cards are. A
state that lasts for a quarter of the time is then in every fold. (With whole quarters left out, a
machine that was off in one of them has a distance as large as any fault's.)
"""

from collections.abc import Sequence

import numpy as np

from agent.diagnosis.baseline import states, tail
from agent.diagnosis.baseline.features import Vector

FOLDS = 4
STRETCH_S = 10.0  # windows closer than this tell the same thing
LEAST_BLOCKS = 8  # a short signal is cut finer
SLOW_S = 18.0  # that the slow statistic is the median of
LEAST_SLOW_S = 4.0  # below it, it has nothing to say


def left_out(runs: Sequence[Vector], hop_s: float) -> list[Vector]:
    """For each run [windows, features]: each window's distance to what other blocks teach."""
    rows = np.concatenate(runs)
    blocks = _blocks([len(run) for run in runs], hop_s)
    folds = blocks % FOLDS
    apart = np.zeros(len(rows))
    for fold in range(FOLDS):
        member = folds == fold
        if member.any() and not member.all():
            apart[member] = states.distances(states.learn(rows[~member]), rows[member])
    return np.split(apart, np.cumsum([len(run) for run in runs])[:-1])


def largest_held(distances: Sequence[Vector], hop_s: float, patience: int) -> Vector:
    """The largest distance of each stretch that `patience` windows in a row hold [stretches].

    A run that is shorter than a stretch is one.
    """
    windows = max(patience, round(STRETCH_S / hop_s))
    largest = []
    for run in distances:
        held = tail.held(run, min(patience, len(run)))
        pieces = np.array_split(held, max(1, len(held) // windows))
        largest += [float(piece.max()) for piece in pieces if len(piece)]
    return np.asarray(largest)


def largest_median(distances: Sequence[Vector], hop_s: float) -> float | None:
    """The largest median of `SLOW_S`, of shorter runs of the whole run; None: all too short."""
    long, least = slow_windows(hop_s)
    medians = []
    for run in distances:
        if len(run) >= least:
            pieces = np.lib.stride_tricks.sliding_window_view(run, min(long, len(run)))
            medians.append(float(np.median(pieces, axis=1).max()))
    return max(medians) if medians else None


def slow_windows(hop_s: float) -> tuple[int, int]:
    """How many windows the slow statistic is the median of: at most, and at least."""
    return max(1, round(SLOW_S / hop_s)), max(1, round(LEAST_SLOW_S / hop_s))


def _blocks(lengths: Sequence[int], hop_s: float) -> states.Members:
    """The block of each window; a run begins a new one."""
    size = max(1, min(round(STRETCH_S / hop_s), sum(lengths) // LEAST_BLOCKS))
    blocks, last = [], -1
    for length in lengths:
        own = last + 1 + np.arange(length) // size
        blocks.append(own)
        last = int(own[-1])
    return np.concatenate(blocks).astype(np.intp)
