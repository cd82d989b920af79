"""Between source and ring: nothing depends on how a source cuts its blocks."""

import time
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.acquisition.conditioning import Conditioner
from agent.acquisition.resampling import resample
from agent.acquisition.ring_buffer import Ring
from agent.config.source import TachometerKeys
from agent.core.types import Block, Format, Mark

SIGNAL = np.random.default_rng(0).standard_normal((5000, 2)).astype(np.float32)


def fed(
    samples: np.ndarray,
    cuts: list[int],
    rates: tuple[float, float] = (12_000, 10_000),
    full_scale: float | None = None,
) -> tuple[Ring, np.ndarray, np.ndarray]:
    """The ring's whole content after feeding `samples` cut at `cuts`."""
    ring = Ring(20_000, 1, lambda: None)
    conditioner = Conditioner(
        Format(rates[0], samples.shape[1], full_scale), ring, rates[1], (0,), 2.0
    )
    for first, last in pairwise([0, *sorted(cuts), len(samples)]):
        conditioner.push(Block(samples[first:last]))
    conditioner.flush()
    out, marks, _ = ring.read(0, ring.end)
    return ring, out, marks


@settings(max_examples=40, deadline=None)
@given(
    cuts=st.lists(st.integers(0, 5000), max_size=30),
    rates=st.sampled_from([(12_000, 10_000), (48_000, 10_000), (8_000, 10_000), (1000, 1000)]),
)
def test_blocks_never_change_a_bit(cuts: list[int], rates: tuple[float, float]) -> None:
    spoiled = SIGNAL.copy()
    spoiled[1000:1004] = 1.0
    spoiled[3000, 0] = np.nan
    _, whole, whole_marks = fed(spoiled, [], rates, full_scale=4.4)
    _, cut, cut_marks = fed(spoiled, cuts, rates, full_scale=4.4)
    assert np.array_equal(whole, cut)
    assert np.array_equal(whole_marks, cut_marks)


def test_resamples_as_training_does_and_scales() -> None:
    _, out, _ = fed(SIGNAL, [100, 2000])
    expected = resample(2 * SIGNAL[:, :1], 12_000, 10_000)
    assert np.array_equal(out, expected)


def test_a_gap_is_as_long_in_the_ring_as_it_was_in_time() -> None:
    ring = Ring(20_000, 1, lambda: None)
    conditioner = Conditioner(Format(12_000, 2), ring, 10_000, (0,), 1.0)
    conditioner.push(Block(SIGNAL))
    conditioner.push(Block(SIGNAL, lost=1200))
    conditioner.flush()
    assert ring.gaps == 1
    assert ring.missing == pytest.approx(1000, abs=1)
    assert ring.end == pytest.approx((2 * len(SIGNAL) + 1200) / 1.2, abs=1)


def test_no_filter_runs_across_a_gap() -> None:
    """What follows a gap equals the same signal at the start of a stream."""
    ring = Ring(20_000, 1, lambda: None)
    conditioner = Conditioner(Format(12_000, 2), ring, 10_000, (0,), 1.0)
    conditioner.push(Block(100 * SIGNAL))
    conditioner.push(Block(SIGNAL, lost=1200))
    conditioner.flush()
    alone = resample(SIGNAL[:, :1], 12_000, 10_000)
    after, _, _ = ring.read(ring.end - len(alone), len(alone))
    assert np.array_equal(after, alone)


@pytest.mark.parametrize(("run", "clipped"), [(1, False), (2, False), (3, True), (50, True)])
@pytest.mark.parametrize("cut", [500, 501, 502])
def test_clipped_is_three_frames_at_full_scale_across_blocks_too(
    run: int, clipped: bool, cut: int
) -> None:
    samples = np.clip(SIGNAL * 0.1, -0.9, 0.9)
    samples[500 : 500 + run, 0] = -1.0
    _, _, marks = fed(samples, [cut], full_scale=1.0)
    assert bool((marks & Mark.CLIPPED).any()) is clipped


def test_a_channel_that_is_not_chosen_flags_nothing() -> None:
    samples = SIGNAL * 0.1
    samples[500:600, 1] = 1.0
    _, _, marks = fed(samples, [], full_scale=1.0)
    assert not marks.any()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_marked_and_spoils_no_other_frame(bad: float) -> None:
    samples = SIGNAL.copy()
    samples[700, 0] = bad
    _, out, marks = fed(samples, [])
    assert np.isfinite(out).all()
    assert np.flatnonzero(marks).tolist() == [583]  # 700 / 1.2
    assert marks[583] == Mark.INVALID


def with_tacho(*blocks: Block) -> np.ndarray:
    """The speeds [frames] in the ring; the source's second channel pulses once a turn."""
    ring = Ring(20_000, 2, lambda: None)
    keys = TachometerKeys(channel=1, pulses_per_turn=1, level=0.5)
    conditioner = Conditioner(Format(1000, 2), ring, 1000, (0,), 1.0, keys)
    for block in blocks:
        conditioner.push(block)
    conditioner.flush()
    frames, _, _ = ring.read(0, ring.end)
    speeds: np.ndarray = frames[:, -1]
    return speeds


def turning(frames: int, period: int = 100) -> np.ndarray:
    """[frames, 2]: a signal, and a pulse for every `period` frames."""
    pulses = (np.arange(frames) % period < 10).astype(np.float32)
    return np.column_stack([SIGNAL[:frames, 0], pulses])


def test_the_tachometers_speed_is_the_last_channel_at_every_frame() -> None:
    speeds = with_tacho(Block(turning(3000)))
    assert speeds[:200].max() == 0  # before the second pulse
    assert set(speeds[200:].tolist()) == {600.0}


def test_after_a_loss_the_speed_is_unknown_until_two_pulses_have_come() -> None:
    """The time since the last pulse says nothing of a turn when frames are missing."""
    speeds = with_tacho(Block(turning(1000)), Block(turning(1000), lost=150))
    after = speeds[-1000:]
    assert speeds[999] == 600
    assert after[:200].max() == 0
    assert set(after[200:].tolist()) == {600.0}


def test_a_run_at_full_scale_does_not_go_on_across_a_gap() -> None:
    ring = Ring(20_000, 1, lambda: None)
    conditioner = Conditioner(Format(1000, 1, full_scale=1.0), ring, 1000, (0,), 1.0)
    quiet, railed = np.zeros((10, 1), np.float32), np.ones((2, 1), np.float32)
    conditioner.push(Block(np.concatenate([quiet, railed])))
    conditioner.push(Block(np.concatenate([railed, quiet]), lost=5))
    conditioner.flush()
    _, marks, _ = ring.read(0, ring.end)
    assert not (marks & Mark.CLIPPED).any()


def at(monkeypatch: pytest.MonkeyPatch, now_s: float) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: now_s)


def test_frame_0_of_a_recording_was_taken_before_the_block_that_holds_it_came(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at(monkeypatch, 100.0)
    conditioner = Conditioner(Format(1000, 1), Ring(2000, 1, lambda: None), 1000, (0,), 1.0)
    conditioner.push(Block(np.ones((500, 1), np.float32)))
    assert conditioner.arrivals.began_s == 99.5
    at(monkeypatch, 200.0)
    conditioner.push(Block(np.ones((500, 1), np.float32)))
    assert conditioner.arrivals.began_s == 99.5


def test_what_a_live_source_says_it_lost_is_not_counted_against_the_clock_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at(monkeypatch, 0.0)
    ring = Ring(20_000, 1, lambda: None)
    conditioner = Conditioner(Format(1000, 1, live=True), ring, 1000, (0,), 1.0)
    for second in (1, 2, 3):
        at(monkeypatch, float(second))
        conditioner.push(Block(np.ones((1000, 1), np.float32)))
    at(monkeypatch, 6.0)
    conditioner.push(Block(np.ones((1000, 1), np.float32), lost=2000))
    assert (ring.missing, ring.end) == (2000, 6000)


def test_frames_gather_until_a_window_needs_them_and_not_where_the_source_was_silent() -> None:
    ring = Ring(20_000, 1, lambda: None)
    ring.expect(0, 1000)
    conditioner = Conditioner(Format(12_000, 2, live=True), ring, 10_000, (0,), 1.0)
    assert conditioner.frames_to_due == 1
    conditioner.push(Block(SIGNAL[:600]))
    missing = conditioner.frames_to_due
    conditioner.push(Block(SIGNAL[600 : 600 + missing - 1]))
    assert (ring.end, conditioner.frames_to_due) == (999, 1)
    conditioner.push(Block(SIGNAL[:1]))
    assert ring.end == 1000
    conditioner.push(Block(SIGNAL[:0]))
    assert conditioner.frames_to_due == 1
