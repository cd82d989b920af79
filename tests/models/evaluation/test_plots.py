"""The axes of a report can be read: they hold the values, and their numbers are short."""

import re

import pytest

from models.evaluation import plots


@pytest.mark.parametrize("value", [3e-5, 0.0173, 0.0667, 0.19, 0.2, 0.69348, 1.0, 7.9, 8.1, 123.4])
def test_an_axis_ends_above_its_values_and_its_ticks_are_short(value: float) -> None:
    most = plots.ceiling(value)
    assert value <= most * (1 + 1e-9) <= 2.6 * value
    drawn = plots.lines({"a": [(0, 0), (1, value)]}, (0, 1), (0, most), "x|y")
    ticks = re.findall(r'class="end">([^<]+)<', drawn)
    assert len(ticks) == 5
    assert all(len(tick) <= 7 for tick in ticks), ticks


def test_an_axis_of_nothing_has_a_length() -> None:
    assert plots.ceiling(0.0) == 1.0
