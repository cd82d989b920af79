"""A preview says early what the baseline will say: its states, its threshold, and deafness."""

import numpy as np
import pytest

from agent.core.types import Mark, Window
from agent.diagnosis.baseline.file import Frame
from agent.diagnosis.baseline.fit import fit
from agent.diagnosis.baseline.healthy_signal import HealthySignal
from agent.diagnosis.baseline.preview import preview
from agent.pipeline.commissioning import learning

FRAME = Frame(rate_hz=1000, window=200, channels=None, scale=1, hop_s=0.1, patience=5)
HOP = 100


def signal(gains: np.ndarray, rpm: float | None = None) -> HealthySignal:
    """Noise, a window each of these gains."""
    rng = np.random.default_rng(0)
    heard = HealthySignal()
    for at, gain in enumerate(gains):
        samples = (gain * rng.standard_normal((1, 200))).astype(np.float32)
        heard.take(Window(at * HOP, samples, 0, Mark(0), 0.0), HOP, rpm, None)
    return heard


def rattling() -> HealthySignal:
    """Steady but for eight windows in every 800, which are 40 dB louder: too rare for a state."""
    gains = np.ones(2400)
    gains[[at for at in range(2400) if at % 800 < 8]] = 100.0
    return signal(gains)


def test_a_preview_has_the_states_and_the_threshold_of_the_baseline() -> None:
    heard = signal(np.ones(400))
    (seen,) = preview(heard.features_until_now(), FRAME, 1.0, speed_known=False)
    (learned,) = fit(heard, FRAME, 1.0).points
    assert seen.seconds == learned.seconds == 40
    assert seen.states == sum(state.noise is None for state in learned.states)
    assert seen.threshold == learned.threshold


def test_a_machine_that_rattles_now_and_then_is_called_deaf_early_and_a_steady_one_is_not() -> None:
    (steady,) = preview(signal(np.ones(400)), FRAME, 1.0, speed_known=False)
    (deaf,) = preview(rattling(), FRAME, 1.0, speed_known=False)
    assert not learning.is_deaf(steady.threshold)
    assert learning.is_deaf(deaf.threshold)


def test_each_speed_is_a_point_and_one_that_was_passed_through_is_none() -> None:
    heard = signal(np.ones(100), rpm=1000.0)
    for at in range(4):  # a start through 1500 rpm
        heard.take(Window((100 + at) * HOP, heard.kept[0][2], 0, Mark(0), 0.0), HOP, 1500.0, None)
    (point,) = preview(heard, FRAME, 1.0, speed_known=True)
    assert point.rpm == pytest.approx(1000)


def test_a_copy_does_not_change_while_more_is_heard() -> None:
    heard = signal(np.ones(50))
    copy = heard.features_until_now()
    heard.take(Window(50 * HOP, heard.kept[0][2], 0, Mark(0), 0.0), HOP, None, None)
    assert (copy.windows, heard.windows) == (50, 51)
