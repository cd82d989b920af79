"""Where a source's daily means lead, in words."""

import math
from collections.abc import Iterator

import numpy as np

from agent.cli.history_table import moment
from agent.core.bearing import MachineClass
from agent.core.units import Units, velocity
from agent.delivery.trends.reading import History
from agent.diagnosis import trend_forecast
from agent.diagnosis.levels import LIMITS_MM_S
from agent.diagnosis.trend_forecast import Forecast, Trend, Values

DAY_S = 86400
DAYS = 30  # the newest: older ones say little of the present slope
ASKED = (
    "velocity_mm_s",
    "velocity_in_s",
    "anomaly_slow",
    "drift",
)  # where no level is named: those with limits
VELOCITIES: dict[str, Units] = {"velocity_mm_s": "metric", "velocity_in_s": "imperial"}
FAR_DAYS = 365.0  # beyond that a forecast of some weeks says nothing

Limit = tuple[float, str]  # a value and what begins there


def lines(
    history: History,  # by the day
    level: str | None,
    machine_class: MachineClass | None,
    now_s: float,
    utc: bool,
) -> Iterator[str]:
    """A line for each channel and level; the day that is not over is left out."""
    whole = [
        point
        for point in history.points
        if now_s - (DAYS + 1) * DAY_S < point.start_s <= now_s - DAY_S
    ]
    for channel in sorted({point.channel for point in history.points}):
        for name in (level,) if level else ASKED:
            means = {
                point.start_s / DAY_S: point.summary.levels[name].mean
                for point in whole
                if point.channel == channel and name in point.summary.levels
            }
            if means or level:
                days, values = np.array(list(means)), np.array(list(means.values()))
                limits = _limits(name, machine_class)
                text = _sentence(days, values, limits, utc=utc)
                yield f"{name}, channel {channel}: {text}"


def _limits(level: str, machine_class: MachineClass | None) -> list[Limit]:
    """In rising order."""
    if level in VELOCITIES and machine_class is not None:
        zones = zip(LIMITS_MM_S[machine_class], "BCD", strict=True)
        units = VELOCITIES[level]
        return [(velocity(limit, units), f"zone {zone}") for limit, zone in zones]
    if level in ("anomaly", "anomaly_slow", "drift"):
        return [(1.0, "unlike the commissioned machine")]
    return []


def _sentence(days: Values, means: Values, limits: list[Limit], *, utc: bool) -> str:
    course = trend_forecast.trend(days, means)
    if course is None:
        return f"no forecast: found {len(days)} whole day(s), expected {trend_forecast.MIN_DAYS}"
    if not course.is_significant:
        return (
            f"no trend in {course.days} daily means "
            f"(Mann-Kendall p = {course.probability:.2g}), so no forecast"
        )
    return f"{_slope(course)}. {_reaches(days, means, limits, course, utc=utc)}"


def _slope(course: Trend) -> str:
    verb = "rises" if course.slope > 0 else "falls"
    low, high = sorted((abs(course.slope_low), abs(course.slope_high)))
    return (
        f"{verb} by {abs(course.slope):.3g} a day ({low:.3g} to {high:.3g}; {course.days} daily "
        f"means, Mann-Kendall p = {course.probability:.2g})"
    )


def _reaches(days: Values, means: Values, limits: list[Limit], course: Trend, *, utc: bool) -> str:
    if course.slope < 0:
        return "It leads to no limit"
    if not limits:
        return "There is no limit for this level"
    ahead = [limit for limit in limits if limit[0] > means[-1]]
    if not ahead:
        return f"It is above the last limit, {limits[-1][0]:.3g} ({limits[-1][1]})"
    value, name = ahead[0]
    forecast = trend_forecast.forecast(days, means, value)
    if forecast is None or forecast.days > FAR_DAYS:
        return f"It does not reach {value:.3g} ({name}) within a year"
    return f"It reaches {value:.3g} ({name}) {_when(forecast, (days[-1] + 0.5) * DAY_S, utc=utc)}"


def _when(forecast: Forecast, from_s: float, *, utc: bool) -> str:
    """Dates; `from_s` is the middle of the last day."""

    def date(ahead: float) -> str:
        return moment(from_s + ahead * DAY_S, utc=utc).date().isoformat()

    last = "never" if math.isinf(forecast.days_high) else date(min(forecast.days_high, 36525))
    return f"about {date(forecast.days)} ({date(forecast.days_low)} to {last})"
