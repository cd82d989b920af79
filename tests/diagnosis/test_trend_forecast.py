"""A forecast holds the truth within its interval, and is made of no chance."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from agent.diagnosis import trend_forecast
from agent.diagnosis.trend_forecast import Values

DAYS = np.arange(30.0)
START, LIMIT, LIFE_DAYS = 1.2, 2.8, 40.0
WEAR: dict[str, Callable[[Values], Values]] = {  # the level by day
    "steady": lambda day: START + (LIMIT - START) * day / LIFE_DAYS,
    "exponential": lambda day: START * (LIMIT / START) ** (day / LIFE_DAYS),
    "quadratic": lambda day: START + (LIMIT - START) * (day / LIFE_DAYS) ** 2,
}


def noise(dice: np.random.Generator, correlation: float, sigma: float = 0.05) -> Values:
    """Of one day after another, correlated as a machine's load is."""
    values = [dice.normal() * sigma]
    for _ in DAYS[1:]:
        fresh = dice.normal() * sigma * math.sqrt(1 - correlation**2)
        values.append(correlation * values[-1] + fresh)
    return np.array(values)


@pytest.mark.parametrize("shape", WEAR)
def test_of_simulated_wear_outs_four_in_five_reach_the_limit_within_the_interval(
    shape: str,
) -> None:
    dice = np.random.default_rng(20)
    forecasts = [
        trend_forecast.forecast(DAYS, WEAR[shape](DAYS) * (1 + noise(dice, 0.3)), LIMIT)
        for _ in range(60)
    ]
    made = [item for item in forecasts if item is not None]
    truth = LIFE_DAYS - DAYS[-1]
    within = sum(item.days_low <= truth <= item.days_high for item in made)
    assert len(made) >= 30
    assert within >= 0.8 * len(made), f"{within} of {len(made)}"


def test_a_steady_machine_whose_days_resemble_each_other_seldom_shows_a_trend() -> None:
    dice = np.random.default_rng(21)
    trends = [trend_forecast.trend(DAYS, 1 + noise(dice, 0.5)) for _ in range(300)]
    assert sum(item is not None and item.is_significant for item in trends) <= 0.04 * 300


def test_a_clear_exponential_rise_is_a_trend_though_it_bends() -> None:
    dice = np.random.default_rng(22)
    days = np.arange(20.0)
    for _ in range(20):
        means = 1.2 * 1.055**days * (1 + 0.01 * dice.normal(size=20))
        item = trend_forecast.trend(days, means)
        assert item is not None
        assert item.is_significant


def test_a_line_without_noise_is_told_exactly() -> None:
    means = 1.0 + 0.1 * DAYS
    course = trend_forecast.trend(DAYS, means)
    assert course is not None
    assert course.slope == pytest.approx(0.1)
    item = trend_forecast.forecast(DAYS, means, 5.0)
    assert item is not None
    assert item.days == pytest.approx((5.0 - means[-1]) / 0.1)
    assert item.days_low < item.days <= item.days_high + 1e-9, "it may become faster"


@pytest.mark.parametrize("limit", [0.5, 3.9])
def test_what_lies_behind_is_not_reached(limit: float) -> None:
    assert trend_forecast.forecast(DAYS, 1.0 + 0.1 * DAYS, limit) is None


def test_few_days_and_equal_days_give_none() -> None:
    assert trend_forecast.trend(DAYS[:6], DAYS[:6]) is None
    course = trend_forecast.trend(DAYS, np.ones(30))
    assert course is not None
    assert not course.is_significant


def test_days_without_a_mean_are_left_out() -> None:
    days = DAYS[DAYS % 5 != 2]
    course = trend_forecast.trend(days, 2.0 * days)
    assert course is not None
    assert course.slope == pytest.approx(2.0)
