"""A threshold for a rate of false alarms that is far rarer than what was watched. Pure.

The largest distances of healthy running are taken stretch by stretch, so that neighbours count
once, and the excesses of the higher half over its median are described by a generalized Pareto
distribution, fitted by probability-weighted moments (J. R. M. Hosking and J. R. Wallis, "Parameter
and quantile estimation for the generalized Pareto distribution", Technometrics 29(3), 1987). Its
tail is read where one stretch in as many exceeds it as the asked-for rate allows.

Half an hour has seen nothing of a month. The tail is never taken to end (shape at least 0), but
nothing here knows of a season, a load or a neighbour's machine that the half hour did not hold.
So a threshold lies at most `FARTHEST` times as far as what was seen: beyond that it would be the
tail's invention, and a threshold beyond every fault.
"""

import math

import msgspec
import numpy as np

from agent.diagnosis.baseline.features import Vector

MONTH_S = 30 * 86400.0
SHAPES = (0.0, 0.3)  # between these, whatever few excesses say
FARTHEST = 1.5  # times the largest distance that was seen


class Threshold(msgspec.Struct, frozen=True):
    """A distance, and how far beyond the data it lies."""

    distance: float
    stretches: int  # that it was read from
    decades: float  # from the rarest thing seen (once in all stretches) to what was asked for
    limited: bool = False  # the tail asked for more than `FARTHEST` times what was seen


def threshold(largest: Vector, stretch_s: float, per_month: float) -> Threshold:
    """Exceeded `per_month` times, from the largest distance of each stretch [stretches]."""
    bound = float(np.median(largest))
    excesses = np.sort(largest[largest > bound] - bound)
    chance = min(0.5, per_month * stretch_s / MONTH_S)  # of a stretch
    rarer = len(excesses) / len(largest) / chance if len(excesses) else 1.0
    decades = math.log10(max(1.0, 1 / (chance * len(largest))))
    distance = bound + _quantile(excesses, max(1.0, rarer))
    farthest = FARTHEST * float(largest.max())
    limited = distance > farthest
    return Threshold(min(distance, farthest), len(largest), round(decades, 2), limited)


def held(distances: Vector, patience: int) -> Vector:
    """What `patience` windows in a row all exceed, ending with each that has as many before it."""
    if len(distances) < patience:
        return np.zeros(0)
    runs = np.lib.stride_tricks.sliding_window_view(distances, patience)
    lowest: Vector = runs.min(axis=1)
    return lowest


def _quantile(excesses: Vector, rarer: float) -> float:
    """The excess that one in `rarer` excesses exceeds; `excesses` rise."""
    count = len(excesses)
    if not count:
        return 0.0
    mean = float(excesses.mean())
    weights = 1 - (np.arange(1, count + 1) - 0.35) / count
    moment = float(np.mean(weights * excesses))
    slack = mean - 2 * moment
    shape = float(np.clip(2 - mean / slack, *SHAPES)) if slack > 1e-12 else SHAPES[1]
    scale = mean * (1 - shape)
    if shape < 1e-6:
        return scale * math.log(rarer)
    return scale / shape * (float(rarer**shape) - 1)
