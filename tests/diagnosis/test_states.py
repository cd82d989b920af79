"""How far a window is from a state: the three features that are off most, none trusted too far."""

import numpy as np
import pytest

from agent.diagnosis.baseline import states


def test_the_distance_is_the_mean_of_the_three_largest_deviations() -> None:
    assert states.distance(np.array([1.0, -4.0, 2.0, 3.0, 0.0])) == 3.0


def test_no_feature_is_trusted_to_be_steadier_than_half_a_decibel() -> None:
    steady = np.tile([10.0, -20.0, 0.0], (50, 1))
    learned = states.state(steady, 1.0)
    assert learned.spread == (0.5, 0.5, 0.5)
    assert learned.centre == (10.0, -20.0, 0.0)
    wide = steady + np.random.default_rng(0).normal(0.0, [0.0, 2.0, 0.0], (50, 3))
    assert states.state(wide, 1.0).spread[1] == pytest.approx(np.hypot(2.0, 0.5), rel=0.2)
