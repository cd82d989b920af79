"""A machine is learned while it is healthy; what is unlike it is reported."""

import functools

import msgspec
import numpy as np
import pytest

from agent.core.errors import UserError
from agent.diagnosis.baseline import noise_states, states, tail
from agent.diagnosis.baseline.features import BANDS, WIDE_BANDS, features
from agent.diagnosis.baseline.file import Baseline, Frame
from agent.diagnosis.baseline.fit import REMEMBERED, fit
from agent.diagnosis.baseline.healthy_signal import HealthyRun, HealthySignal
from agent.diagnosis.baseline.monitor import Monitor
from tests.conftest import recording

RNG = np.random.default_rng(0)
FRAME = Frame(rate_hz=1000.0, window=200, channels=None, scale=1.0, hop_s=0.1, patience=3)


@functools.cache
def healthy(windows: int, seed: int = 0) -> np.ndarray:
    """Features of noise [windows, features]."""
    signal = np.random.default_rng(seed).standard_normal((windows, 1, 200))
    return np.stack([features(each) for each in 0.1 * signal])


def healthy_signal(
    *runs: np.ndarray, rpm: float = 0.0, condition: str | None = None
) -> HealthySignal:
    """A signal whose windows have these features [windows, features]."""
    return HealthySignal([HealthyRun(condition, list(rows), [rpm] * len(rows)) for rows in runs])


@functools.cache
def baseline() -> Baseline:
    return msgspec.structs.replace(
        fit(healthy_signal(healthy(3100)), FRAME, 1.0), source="bearing-de"
    )


def threshold(*runs: np.ndarray) -> float:
    return fit(healthy_signal(*runs), FRAME, 1.0).points[0].threshold


def windows(count: int, seed: int = 9) -> np.ndarray:
    """Healthy windows as signal [windows, 1, frames]."""
    noise = 0.1 * np.random.default_rng(seed).standard_normal((count, 1, 200))
    return noise.astype(np.float32)


def test_ten_times_as_strong_is_twenty_decibels_and_the_same_shape() -> None:
    samples = RNG.standard_normal((2, 4096)).astype(np.float32)
    change = (features(10 * samples) - features(samples)).reshape(2, -1)
    assert change[:, : BANDS + 1] == pytest.approx(20.0, abs=0.01)
    assert change[:, BANDS + 1 :] == pytest.approx(0.0, abs=0.01)


def test_a_tone_is_in_its_own_band() -> None:
    tone = np.sin(2 * np.pi * 0.2 * np.arange(4096))[None].astype(np.float32)  # 0.4 of Nyquist
    assert int(np.argmax(features(tone)[:BANDS])) == int(0.4 / 0.9 * BANDS)


def test_a_window_of_silence_has_features() -> None:
    assert np.isfinite(features(np.zeros((1, 200), np.float32))).all()


def test_one_way_of_running_is_one_state_and_three_are_three() -> None:
    one = RNG.standard_normal((300, 31))
    assert len(states.learn(one)) == 1
    learned = states.learn(np.concatenate([one, one[:200] + 12, one[:100] - 15]))
    assert sorted(state.share for state in learned) == pytest.approx(
        [1 / 6, 1 / 3, 1 / 2], abs=0.01
    )


def test_every_state_is_healthy_and_what_lies_between_them_is_not() -> None:
    one = RNG.standard_normal((300, 31))
    learned = states.learn(np.concatenate([one, one + 20]))

    def apart(row: np.ndarray) -> float:
        return float(states.distances(learned, row[None])[0])

    assert max(apart(one[0]), apart(one[0] + 20)) < 4
    assert apart(one[0] + 10) > 6


def test_a_few_odd_windows_are_no_state_of_their_own() -> None:
    rows = RNG.standard_normal((300, 31))
    rows[:5] += 40
    assert len(states.learn(rows)) == 1


@pytest.mark.parametrize("per_month", [1.0, 100.0])
def test_a_threshold_beyond_the_data_is_near_the_truth_of_an_exponential_tail(
    per_month: float,
) -> None:
    found = [
        tail.threshold(np.random.default_rng(seed).exponential(1.0, 2000), 10.0, per_month)
        for seed in range(20)
    ]
    truth = np.log(tail.MONTH_S / 10.0 / per_month)
    assert np.median([each.distance for each in found]) == pytest.approx(truth, rel=0.25)
    assert found[0].decades == pytest.approx(
        np.log10(tail.MONTH_S / 10 / per_month / 2000), abs=0.01
    )


def test_a_rarer_alarm_needs_a_higher_threshold() -> None:
    largest = np.random.default_rng(2).exponential(1.0, 100_000)
    thresholds = [tail.threshold(largest, 10.0, each).distance for each in (100, 10, 1, 0.1)]
    assert thresholds == sorted(set(thresholds))


def test_what_is_held_is_what_all_windows_in_a_row_exceed() -> None:
    assert tail.held(np.asarray([1.0, 5.0, 4.0, 6.0, 2.0]), 3).tolist() == [1.0, 4.0, 2.0]
    assert tail.held(np.asarray([1.0]), 3).tolist() == []


def test_a_machine_that_wanders_has_wider_bounds() -> None:
    offsets_db = np.random.default_rng(1).normal(0, 6, (31, BANDS + 3 + WIDE_BANDS))
    wandering = healthy(3100) + np.repeat(offsets_db, 100, axis=0)
    assert threshold(wandering) > threshold(healthy(3100))


def test_a_state_that_fills_a_quarter_of_the_time_does_not_raise_the_threshold() -> None:
    off = healthy(3100).copy()
    off[:775] -= 30.0
    assert threshold(off) == pytest.approx(threshold(healthy(3100)), rel=0.1)


def test_no_threshold_is_farther_than_half_beyond_what_was_seen() -> None:
    largest = np.concatenate([np.full(40, 2.0), np.geomspace(3.0, 30.0, 40)])
    found = tail.threshold(largest, 10.0, 1.0)
    assert found.distance == pytest.approx(1.5 * 30.0)
    assert found.limited


def test_seconds_make_a_provisional_baseline_and_minutes_a_whole_one() -> None:
    assert fit(healthy_signal(healthy(40)), FRAME, 1.0).provisional
    assert not baseline().provisional


@pytest.mark.parametrize("runs", [[], [healthy(7)]])
def test_too_little_to_learn_from_is_refused(runs: list[np.ndarray]) -> None:
    with pytest.raises(UserError, match=r"sound windows in one operating point, expected at least"):
        fit(healthy_signal(*runs), FRAME, 1.0)


def test_extending_adds_seconds_and_never_narrows_a_bound() -> None:
    short = fit(healthy_signal(healthy(40)), FRAME, 1.0)
    longer = fit(healthy_signal(healthy(3000, 1)), FRAME, 1.0, before=short)
    assert longer.seconds == pytest.approx(304.0)
    assert not longer.provisional
    assert longer.points[0].threshold >= short.points[0].threshold
    assert longer.points[0].slow_threshold >= short.points[0].slow_threshold
    assert sum(longer.points[0].runs) <= REMEMBERED + 2


def test_each_speed_is_an_operating_point_and_a_speed_between_them_is_none() -> None:
    slow = fit(healthy_signal(healthy(100), rpm=600.0), FRAME, 1.0, speed_known=True)
    both = fit(healthy_signal(healthy(100, 1) + 20, rpm=1200.0), FRAME, 1.0, True, slow)
    assert [point.rpm for point in both.points] == [600.0, 1200.0]
    monitor = Monitor(both)
    assert monitor.compare(windows(1)[0], 603.0).healthy
    assert not monitor.compare(windows(1)[0], 1200.0).healthy
    assert not monitor.compare(windows(1)[0], 900.0).commissioned


def test_a_condition_that_was_not_commissioned_is_told_as_such() -> None:
    monitor = Monitor(fit(healthy_signal(healthy(100), condition="idle"), FRAME, 1.0))
    assert monitor.compare(windows(1)[0], condition="idle").healthy
    assert not monitor.compare(windows(1)[0], condition="load").commissioned


def test_a_shaft_that_speeds_up_leaves_a_point_for_each_speed_it_stays_at() -> None:
    run = HealthyRun(None, list(healthy(220)), [600.0] * 100 + [900.0] * 5 + [1200.0] * 115)
    points = fit(HealthySignal([run]), FRAME, 1.0, speed_known=True).points
    assert [point.rpm for point in points] == [600.0, 1200.0]


def test_new_healthy_windows_are_within_and_a_tone_of_the_same_strength_is_not() -> None:
    monitor = Monitor(baseline())
    assert monitor.drift is None
    assert np.mean([not monitor.compare(each).healthy for each in windows(300)]) < 0.01
    assert monitor.drift is not None
    assert monitor.drift < 0.2
    tone = 0.14 * np.sin(np.arange(200, dtype=np.float32))[None]
    assert (monitor.compare(tone).anomaly or 0.0) > 2


def test_a_change_too_small_for_any_window_is_told_by_the_median_of_seconds() -> None:
    monitor = Monitor(baseline())
    compared = [monitor.compare(1.5 * each) for each in windows(180)]
    assert np.mean([(each.anomaly or 0.0) > 1 for each in compared]) < 0.05
    assert (compared[-1].anomaly_slow or 0.0) > 1
    assert compared[30].anomaly_slow is None  # a few windows have no median to speak of


def test_a_shift_too_small_for_any_window_is_told_as_drift() -> None:
    monitor, before = Monitor(baseline()), Monitor(baseline())
    shifted = np.mean([(monitor.compare(1.2 * each).anomaly or 0) > 1 for each in windows(300)])
    for each in windows(300):
        before.compare(each)
    assert shifted < 0.01
    assert monitor.drift is not None
    assert before.drift is not None
    assert monitor.drift > 3 * before.drift


@pytest.mark.parametrize("colour", list(noise_states.EXPONENTS))
def test_noise_that_comes_later_is_no_anomaly(colour: str) -> None:
    """A machine with tones, so that noise is unlike it."""
    rng = np.random.default_rng(5)
    time_s = np.arange(0, 300, 1e-3, dtype=np.float64)
    tones = sum(np.sin(2 * np.pi * hz * time_s) for hz in (30, 110, 290))
    samples = (tones + 0.05 * rng.standard_normal(len(time_s))).astype(np.float32)
    cut = [samples[None, at : at + 200] for at in range(0, len(samples) - 200, 100)]
    signal = healthy_signal(np.stack([features(each) for each in cut[:1000]]))
    without = Monitor(fit(signal, FRAME, 1.0))
    signal.kept = [(0, at, cut[at]) for at in range(0, 1000, 4)]
    learned = Monitor(fit(signal, FRAME, 1.0))
    noisy = [noise_states.add(each, colour, 5.0, rng).astype(np.float32) for each in cut[1000:1300]]
    assert np.mean([not without.compare(each).healthy for each in noisy]) > 0.9
    assert np.mean([not learned.compare(each).healthy for each in noisy]) < 0.02


def test_bearings_that_ran_to_failure_are_told_before_and_not_at_once() -> None:
    from agent.diagnosis.baseline.fit import LEAST_DISTANCE
    from models.experiments.femto import alarm, lives

    folder = recording("femto", "manifest.csv").parent
    alarms = [alarm(life, LEAST_DISTANCE) for life in lives(folder)]
    assert sum(at is not None and at < 0.9 for at in alarms) >= 10
    assert sum(at is None or at >= 0.4 for at in alarms) >= 10
