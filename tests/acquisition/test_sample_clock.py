"""A live source is held against the clock: what is late waits, what is lost is counted."""

import numpy as np
import pytest

from agent.acquisition.sample_clock import DRIFT, SILENT_S, SampleClock

RATE_HZ = 10_000.0


def run(
    sample_clock: SampleClock,
    began_s: float,
    seconds: float,
    block: int,
    rate: float = 1.0,
    late_s: float = 0,
) -> tuple[int, bool]:
    """Blocks of a source that runs at `rate` times the nominal one, each up to `late_s` late; how
    many frames were lost, and whether it was slow at the end."""
    rng = np.random.default_rng(0)
    lost = 0
    period_s = block / RATE_HZ / rate
    for at in range(1, round(seconds / period_s) + 1):
        lost += sample_clock.arrived(block, began_s + at * period_s + rng.uniform(0, late_s))
    return lost, sample_clock.slow


@pytest.mark.parametrize("block", [200, 500, 5000])
@pytest.mark.parametrize("drift", [-3e-3, -1e-4, 0, 1e-4, 3e-3])
def test_a_sensor_whose_clock_is_not_ours_loses_nothing_in_an_hour(
    block: int, drift: float
) -> None:
    sample_clock = SampleClock(RATE_HZ, 0.0)
    assert run(sample_clock, 0.0, 3600, block, 1 + drift, late_s=0.05) == (0, False)


@pytest.mark.parametrize("block", [100, 1000, 3000])
@pytest.mark.parametrize("stall_s", [0.5, 5.0, 600.0])
def test_a_stall_is_a_gap_as_long_as_it_was_to_within_a_block(block: int, stall_s: float) -> None:
    sample_clock = SampleClock(RATE_HZ, 0.0)
    run(sample_clock, 0.0, 10, block)
    lost, _ = run(sample_clock, 10 + stall_s, 10, block)
    assert lost == pytest.approx(stall_s * RATE_HZ, abs=block + 0.01 * RATE_HZ)


def test_a_block_that_is_late_is_not_lost() -> None:
    sample_clock = SampleClock(RATE_HZ, 0.0)
    run(sample_clock, 0.0, 10, 1000)
    assert sample_clock.arrived(1000, 10.3) == 0
    assert sample_clock.arrived(1000, 10.3) == 0


@pytest.mark.parametrize(
    ("counted", "late_s", "lost"),
    [(False, 0.24, 0), (False, 0.26, 2600), (True, 0.99, 0), (True, 1.01, 10_100)],
)
def test_what_comes_later_than_a_quarter_of_a_second_is_lost_or_a_second_where_it_is_counted(
    counted: bool, late_s: float, lost: int
) -> None:
    sample_clock = SampleClock(RATE_HZ, 0.0, counted=counted)
    run(sample_clock, 0.0, 10, 1000)
    assert sample_clock.arrived(1000, 10.1 + late_s) == pytest.approx(lost, abs=1)


@pytest.mark.parametrize("rate", [0.5, 0.9, 0.95])
def test_too_few_frames_a_second_are_slow_and_lost_in_the_right_number(rate: float) -> None:
    sample_clock = SampleClock(RATE_HZ, 0.0)
    lost, slow = run(sample_clock, 0.0, 60, 500, rate)
    assert slow
    assert lost == pytest.approx(60 * RATE_HZ * (1 - rate), abs=2 * 500 + DRIFT * 2 * RATE_HZ)


def test_slow_is_known_within_three_seconds_and_over_within_three() -> None:
    sample_clock = SampleClock(RATE_HZ, 0.0)
    run(sample_clock, 0.0, 10, 500)
    assert run(sample_clock, 10.0, 3, 500, 0.9)[1]
    assert not run(sample_clock, 13.0, 3, 500)[1]


def test_a_pipe_that_was_filled_before_the_start_is_no_hurry() -> None:
    sample_clock = SampleClock(RATE_HZ, 0.0)
    assert sample_clock.arrived(30_000, 0.1) == 0
    assert run(sample_clock, 0.1, 60, 1000) == (0, False)


def test_silence_is_known_after_two_seconds_from_the_very_start() -> None:
    sample_clock = SampleClock(RATE_HZ, 100.0)
    assert not sample_clock.silent(100.0 + SILENT_S)
    assert sample_clock.silent(100.1 + SILENT_S)
    sample_clock.arrived(10, 103.0)
    assert not sample_clock.silent(103.0 + SILENT_S)


def test_what_the_source_itself_knows_to_be_lost_is_not_counted_twice() -> None:
    sample_clock = SampleClock(RATE_HZ, 0.0)
    run(sample_clock, 0.0, 10, 500)
    sample_clock.lose(5_000)
    assert run(sample_clock, 10.5, 0.1, 500) == (0, False)
    assert run(sample_clock, 10.6, 10, 500, late_s=0.05) == (0, False)


def test_a_source_that_counts_what_it_loses_may_be_held_back_by_its_network() -> None:
    sample_clock = SampleClock(RATE_HZ, 0.0, counted=True)
    assert run(sample_clock, 0.0, 60, 500, late_s=0.3) == (0, False)
    _, slow = run(SampleClock(RATE_HZ, 0.0, counted=True), 0.0, 20, 500, rate=0.9)
    assert slow  # its rate is not the configured one


def test_one_that_was_away_and_is_opened_anew_is_not_slow_for_having_been_away() -> None:
    sample_clock = SampleClock(RATE_HZ, 0.0)
    run(sample_clock, 0.0, 10, 500)
    sample_clock.reopened()
    lost, slow = run(sample_clock, 15.0, 0.5, 500)
    assert lost == pytest.approx(5 * RATE_HZ, abs=1000)
    assert not slow


@pytest.mark.parametrize("rate", [0.96, 0.97, 0.985, 1.02, 1.04])
@pytest.mark.parametrize("counted", [False, True])
def test_a_steady_clock_that_is_off_by_up_to_four_per_cent_is_learned(
    rate: float, counted: bool
) -> None:
    sample_clock = SampleClock(RATE_HZ, 0.0, counted)
    for turn in range(20):
        lost, slow = run(sample_clock, 30.0 * turn, 30, 200, rate, late_s=0.02)
        assert (lost, slow, sample_clock.fast) == (0, False, False)
    assert sample_clock.meter.measured_hz == pytest.approx(rate * RATE_HZ, rel=1e-3)


def test_the_time_of_a_frame_follows_the_learned_clock() -> None:
    sample_clock = SampleClock(RATE_HZ, 0.0)
    run(sample_clock, 0.0, 600, 200, 0.97)
    assert sample_clock.began_s is not None
    newest_s = sample_clock.began_s + round(600 * 0.97 * RATE_HZ) / RATE_HZ
    assert newest_s == pytest.approx(600, abs=0.01)


def test_losses_that_come_at_times_are_no_clock() -> None:
    """A fifth of a second is missing every 6 s: 3.3 % too few."""
    sample_clock, lost = SampleClock(RATE_HZ, 0.0), 0
    for turn in range(20):
        lost += run(sample_clock, 6.0 * turn, 5.8, 200)[0]
    assert lost == pytest.approx(19 * 0.2 * RATE_HZ, abs=0.5 * RATE_HZ)


@pytest.mark.parametrize("rate", [1.1, 2.0, 3.0])
@pytest.mark.parametrize("counted", [False, True])
def test_too_many_frames_a_second_are_known_within_eight_seconds(
    rate: float, counted: bool
) -> None:
    sample_clock = SampleClock(RATE_HZ, 0.0, counted)
    run(sample_clock, 0.0, 8, 200, rate, late_s=0.02)
    assert sample_clock.fast
    run(sample_clock, 8.0, 3, 200)
    assert not sample_clock.fast


def test_what_catches_up_after_a_delay_is_not_too_much() -> None:
    sample_clock = SampleClock(RATE_HZ, 0.0, counted=True)
    run(sample_clock, 0.0, 20, 200)
    run(sample_clock, 25.0, 0.1, 200, rate=50)  # five seconds at once
    for turn in range(10):
        assert not run(sample_clock, 25.1 + turn, 1, 200)[1]
        assert not sample_clock.fast


def test_a_learned_clock_is_forgotten_when_the_sensor_is_opened_again() -> None:
    sample_clock = SampleClock(RATE_HZ, 0.0)
    run(sample_clock, 0.0, 60, 200, 0.97)
    sample_clock.reopened()
    assert sample_clock.meter.measured_hz is None
    assert run(sample_clock, 60.0, 60, 200) == (0, False)
    assert sample_clock.meter.measured_hz == RATE_HZ


def test_it_is_steady_only_while_frames_come_in_time() -> None:
    """Whoever lets frames gather makes them late, and late ones may count as lost."""
    clock = SampleClock(1000.0, 0.0)
    assert not clock.steady
    clock.arrived(50, 0.05)
    assert clock.steady
    clock.arrived(50, 5.0)
    assert not clock.steady
    clock.arrived(50, 5.05)
    clock.reopened()
    assert not clock.steady
