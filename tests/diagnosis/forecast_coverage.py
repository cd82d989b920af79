"""`python -m tests.diagnosis.forecast_coverage`: how often a forecast is right."""

import numpy as np

from agent.diagnosis import trend_forecast
from tests.diagnosis.test_trend_forecast import DAYS, LIFE_DAYS, LIMIT, WEAR, noise


def main() -> None:
    dice = np.random.default_rng(5)
    truth = LIFE_DAYS - DAYS[-1]
    for shape, wear in WEAR.items():
        courses = [wear(DAYS) * (1 + noise(dice, 0.3)) for _ in range(300)]
        made = [trend_forecast.forecast(DAYS, means, LIMIT) for means in courses]
        forecasts = [item for item in made if item is not None]
        within = sum(item.days_low <= truth <= item.days_high for item in forecasts)
        median = LIFE_DAYS - truth + float(np.median([item.days for item in forecasts]))
        print(f"{shape}: {len(forecasts)} of 300 made, {within / len(forecasts):.0%} within the")
        print(f"  interval; the median date is day {median:.0f} of {LIFE_DAYS:.0f}")
    for correlation in (0.0, 0.5, 0.8):
        trends = [trend_forecast.trend(DAYS, 1 + noise(dice, correlation)) for _ in range(1000)]
        chance = sum(item is not None and item.is_significant for item in trends)
        print(f"no wear, correlation {correlation}: {chance / 1000:.1%} show a trend")


if __name__ == "__main__":
    main()
