"""Whether a level rises or falls from day to day, and when it reaches a limit. Pure.

The slope is the median of the slopes between all pairs of days (Theil 1950, Sen 1968), its interval
Sen's. Whether there is a trend is asked of the same pairs' signs (Mann 1945, Kendall). Days of one
machine resemble each other: the test's variance is enlarged by the correlation of neighbouring days
around the nearer of a straight and an exponential line, (1 + r) / (1 - r).

How a machine wears out cannot be told from some weeks of it: straight on, or ever faster. So
a forecast's interval spans both, a straight line and an exponential one, and its early end looks at
the later half of the days as well, where wear may have become faster.
"""

import math
from statistics import NormalDist

import msgspec
import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]

MIN_DAYS = 7  # with fewer, the test's normal approximation says nothing
SIGNIFICANT = 0.01  # probability of so clear a trend by chance
CONFIDENCE = 0.9  # of the intervals
MOST_CORRELATION = 0.8  # of neighbouring days


class Trend(msgspec.Struct, frozen=True):
    """A level's course over some days."""

    days: int  # with a mean
    probability: float  # of so clear a trend by chance: two-sided
    slope: float  # a day
    slope_low: float
    slope_high: float

    @property
    def is_significant(self) -> bool:
        return self.probability < SIGNIFICANT and self.slope_low * self.slope_high > 0


class Forecast(msgspec.Struct, frozen=True):
    """When a level reaches a limit, in days after the last mean."""

    days: float
    days_low: float
    days_high: float  # infinity: perhaps never


class _Line(msgspec.Struct, frozen=True):
    """A straight line through the medians of days and values."""

    day: float
    value: float
    slope: float
    slope_low: float
    slope_high: float
    probability: float
    error: float  # median distance of the values

    def reaches(self, limit: float, slope: float) -> float:
        """The day; infinity where it goes the other way."""
        days = (limit - self.value) / slope if slope else math.inf
        return self.day + days if days >= 0 else math.inf


class _Reading(msgspec.Struct, frozen=True):
    """When one line reaches the limit, in days after the last mean."""

    days: float
    days_low: float
    days_high: float
    error: float  # of the line, as a share of the level


def trend(days: Values, means: Values) -> Trend | None:
    """Of daily means at those days, rising; None with fewer than `MIN_DAYS`."""
    if len(days) < MIN_DAYS:
        return None
    line = _fit(days, means, _nearest_rest(days, means))
    return Trend(len(days), line.probability, line.slope, line.slope_low, line.slope_high)


def forecast(days: Values, means: Values, limit: float) -> Forecast | None:
    """When a significant trend reaches `limit`; None where there is none, or it leads elsewhere."""
    course = trend(days, means)
    if course is None or not course.is_significant or course.slope * (limit - means[-1]) <= 0:
        return None
    whole = _readings(days, means, limit)
    later = days >= days[-1] - (days[-1] - days[0]) / 3
    newest = _readings(days[later], means[later], limit)
    best = min(whole, key=lambda reading: reading.error)
    return Forecast(
        max(0.0, best.days),
        max(0.0, min(reading.days_low for reading in whole + newest)),
        max(0.0, *(reading.days_high for reading in whole)),
    )


def _readings(days: Values, means: Values, limit: float) -> list[_Reading]:
    """Straight on and, where all is above 0, exponentially; none with too few days."""
    if len(days) < MIN_DAYS:
        return []
    scale = abs(float(np.median(means))) or 1.0
    readings = [_reading(_fit(days, means), limit, days[-1], scale)]
    if means.min() > 0 and limit > 0:
        readings.append(_reading(_fit(days, np.log(means)), math.log(limit), days[-1], 1.0))
    return readings


def _reading(line: _Line, limit: float, last: float, scale: float) -> _Reading:
    times = [line.reaches(limit, slope) for slope in (line.slope_low, line.slope_high)]
    return _Reading(
        days=line.reaches(limit, line.slope) - last,
        days_low=min(times) - last,
        days_high=max(times) - last,
        error=line.error / scale,
    )


def _nearest_rest(days: Values, means: Values) -> Values:
    """What a straight line or, where that is nearer, an exponential one leaves of the means.

    Around a straight line the days of a clear exponential rise resemble each other by its bend
    alone, which is no sign of chance.
    """
    rests = [_rest(days, means)]
    if means.min() > 0:
        rests.append(_rest(days, np.log(means)) * np.median(means))
    return min(rests, key=lambda rest: float(np.median(np.abs(rest))))


def _rest(days: Values, values: Values) -> Values:
    """Of the values, beside their Theil-Sen line."""
    later, earlier = np.tril_indices(len(days), -1)
    slope = np.median((values[later] - values[earlier]) / (days[later] - days[earlier]))
    rest: Values = values - slope * days
    return rest - np.median(rest)


def _fit(days: Values, values: Values, scatter: Values | None = None) -> _Line:
    """`scatter`: what chance leaves beside the course; None: beside this line."""
    later, earlier = np.tril_indices(len(days), -1)
    steps = values[later] - values[earlier]
    slopes = np.sort(steps / (days[later] - days[earlier]))
    slope = float(np.median(slopes))
    day, value = float(np.median(days)), float(np.median(values - slope * days))
    rest = values - value - slope * days
    sigma = math.sqrt(_variance(values) * _inflation(rest if scatter is None else scatter))
    score = abs(float(np.sign(steps).sum()))
    probability = 2 * NormalDist().cdf(-max(0.0, score - 1) / sigma) if sigma else 1.0
    reach = NormalDist().inv_cdf((1 + CONFIDENCE) / 2) * sigma
    low = max(0, math.floor((len(slopes) - reach) / 2))
    high = min(len(slopes) - 1, math.ceil((len(slopes) + reach) / 2))
    return _Line(
        day=day,
        value=value + slope * day,
        slope=slope,
        slope_low=float(slopes[low]),
        slope_high=float(slopes[high]),
        probability=probability,
        error=float(np.median(np.abs(rest))),
    )


def _variance(values: Values) -> float:
    """Of Kendall's score where there is no trend; equal values are subtracted."""
    _, ties = np.unique(values, return_counts=True)
    counts = np.array([len(values), *ties], float)
    parts = counts * (counts - 1) * (2 * counts + 5) / 18
    return float(parts[0] - parts[1:].sum())


def _inflation(rest: Values) -> float:
    """By how much the correlation of neighbouring days enlarges the variance; at least 1."""
    power = float(np.dot(rest, rest))
    if not power:
        return 1.0
    estimate = float(np.dot(rest[1:], rest[:-1])) / power
    unbiased = (len(rest) * estimate + 1) / (len(rest) - 4)  # Kendall 1954
    correlation = min(max(unbiased, 0.0), MOST_CORRELATION)
    return (1 + correlation) / (1 - correlation)
