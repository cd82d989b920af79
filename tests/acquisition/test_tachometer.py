"""A tachometer channel tells the speed of every frame, however the blocks are cut."""

import numpy as np
import pytest

from agent.acquisition.tachometer import Tachometer
from agent.core.types import Samples

RATE_HZ = 10_000


def noise(frames: int) -> Samples:
    return np.random.default_rng(0).standard_normal(frames).astype(np.float32)


def pulses(rpm: float, seconds: float, per_turn: int = 1) -> Samples:
    """High for a tenth of every pulse's period."""
    turns = np.arange(round(seconds * RATE_HZ)) / RATE_HZ * rpm / 60
    return ((turns * per_turn) % 1 < 0.1).astype(np.float32)


@pytest.mark.parametrize(("rpm", "per_turn"), [(120, 1), (600, 1), (1797, 1), (1797, 4), (6000, 1)])
def test_the_speed_is_that_of_the_pulses(rpm: float, per_turn: int) -> None:
    speeds = Tachometer(RATE_HZ, per_turn, 0.5).push(pulses(rpm, 3.0, per_turn))
    assert speeds[-RATE_HZ:].mean() == pytest.approx(rpm, rel=0.01)


def test_the_cut_of_the_blocks_changes_nothing() -> None:
    signal = pulses(1200, 2.0) + 0.05 * noise(20_000)
    whole = Tachometer(RATE_HZ, 1, 0.5).push(signal)
    cut = Tachometer(RATE_HZ, 1, 0.5)
    parts = [cut.push(part) for part in np.split(signal, [1, 7, 800, 801, 5000, 19_999])]
    assert np.array_equal(np.concatenate(parts), whole)


def test_noise_around_the_level_is_no_second_pulse() -> None:
    signal = pulses(600, 3.0)
    noisy = signal * 0.55 + 0.03 * noise(len(signal))
    assert np.ptp(Tachometer(RATE_HZ, 1, 0.5).push(noisy)[-RATE_HZ:]) < 60


def test_a_standstill_and_a_gap_leave_no_old_speed() -> None:
    tacho = Tachometer(RATE_HZ, 1, 0.5)
    assert tacho.push(pulses(600, 1.0))[-1] == pytest.approx(600, rel=0.01)
    assert tacho.push(np.zeros(3 * RATE_HZ, np.float32))[-1] == 0
    tacho = Tachometer(RATE_HZ, 1, 0.5)
    tacho.push(pulses(600, 1.0))
    tacho.lose()
    assert tacho.push(np.zeros(10, np.float32)).max() == 0


@pytest.mark.parametrize(("rpm", "shown_rpm"), [(33, 33), (27, 0)])
def test_a_shaft_that_turns_less_than_once_in_two_seconds_is_not_known_to_turn(
    rpm: float, shown_rpm: float
) -> None:
    speeds = Tachometer(RATE_HZ, 1, 0.5).push(pulses(rpm, 9.0))
    assert speeds[-RATE_HZ // 10 :] == pytest.approx(shown_rpm, rel=0.01)
