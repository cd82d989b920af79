"""The resampler's filter against exact sines, and its promise that block sizes change nothing."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.acquisition.resampling import Resampler, resample
from agent.acquisition.windows import STILL, is_flat
from agent.core.types import Mark

TO_HZ = 10_000
RATES_HZ = [51_200, 48_000, 44_100, 25_600, 26_667, 12_000, 8_000, 500, 26_666.7]
EDGE_S = 0.2  # of a signal's begin and end, where the filter sees silence


def sine(frequency_hz: float, rate_hz: float, seconds: float) -> np.ndarray:
    times = np.arange(round(seconds * rate_hz)) / rate_hz
    return np.sin(2 * np.pi * frequency_hz * times).astype(np.float32)


def middle(samples: np.ndarray, rate_hz: float) -> np.ndarray:
    edge = round(EDGE_S * rate_hz)
    return samples[edge : len(samples) - edge]


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("share", [0.01, 0.3, 0.6, 0.8, 0.87])
def test_a_sine_in_the_pass_band_comes_out_as_itself(rate_hz: float, share: float) -> None:
    frequency_hz = share * min(rate_hz, TO_HZ) / 2
    out = resample(sine(frequency_hz, rate_hz, 1.0), rate_hz, TO_HZ)
    exact = sine(frequency_hz, TO_HZ, len(out) / TO_HZ)
    assert np.abs(middle(out - exact, TO_HZ)).max() < 3e-5


@pytest.mark.parametrize("rate_hz", [rate for rate in RATES_HZ if rate > TO_HZ])
def test_a_sine_above_the_stop_band_is_gone(rate_hz: float) -> None:
    frequency_hz = min(1.05 * TO_HZ / 2, 0.99 * rate_hz / 2)
    out = resample(sine(frequency_hz, rate_hz, 1.0), rate_hz, TO_HZ)
    assert np.abs(middle(out, TO_HZ)).max() < 2e-5


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_a_constant_stays_so_constant_that_it_counts_as_flat(rate_hz: float) -> None:
    out = middle(resample(np.full(round(rate_hz), 9.81, np.float32), rate_hz, TO_HZ), TO_HZ)
    assert is_flat(out[None])
    assert np.abs(np.diff(out)).max() < STILL / 2 * 9.81


@settings(max_examples=60, deadline=None)
@given(
    cuts=st.lists(st.integers(0, 4000), max_size=40),
    rate_hz=st.sampled_from([*RATES_HZ, 16_000, 10_000]),
)
def test_blocks_change_no_bit(cuts: list[int], rate_hz: float) -> None:
    signal = np.random.default_rng(0).standard_normal((4000, 2)).astype(np.float32)
    resampler, unmarked = Resampler(rate_hz, TO_HZ, 2), np.zeros(4000, np.uint8)
    parts = [
        resampler.push(signal[begin:end], unmarked[begin:end])[0]
        for begin, end in pairwise([0, *sorted(cuts), 4000])
    ]
    parts.append(resampler.flush()[0])
    assert np.array_equal(np.concatenate(parts), resample(signal, rate_hz, TO_HZ))


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_an_output_leaves_with_the_very_frame_that_completes_it(rate_hz: float) -> None:
    resampler = Resampler(rate_hz, TO_HZ, 1)
    one, unmarked = np.zeros((1, 1), np.float32), np.zeros(1, np.uint8)
    for _ in range(20):
        missing = resampler.missing(1)
        outputs = [len(resampler.push(one, unmarked)[0]) for _ in range(missing)]
        assert sum(outputs[:-1]) == 0
        assert outputs[-1] >= 1


def test_an_output_waits_for_less_than_four_milliseconds_of_signal() -> None:
    for rate_hz in (51_200, 48_000, 44_100, 25_600, 26_667, 12_000):
        assert Resampler(rate_hz, TO_HZ, 1).missing(1) / rate_hz < 0.004


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("frames", [1, 7, 999, 4000])
def test_a_signal_stays_as_long_as_it_was(rate_hz: float, frames: int) -> None:
    out = resample(np.zeros(frames, np.float32), rate_hz, TO_HZ)
    assert len(out) == int(frames * TO_HZ / rate_hz + 0.5)


def test_a_mark_lands_on_the_output_that_its_frame_falls_on() -> None:
    resampler = Resampler(51_200, TO_HZ, 1)
    marks = np.zeros(5120, np.uint8)
    marks[1280] = Mark.CLIPPED
    out = [resampler.push(np.zeros((64, 1), np.float32), part)[1] for part in np.split(marks, 80)]
    assert np.flatnonzero(np.concatenate([*out, resampler.flush()[1]])).tolist() == [250]


def test_after_a_flush_a_new_signal_begins() -> None:
    signal = np.random.default_rng(0).standard_normal((999, 1)).astype(np.float32)
    resampler, unmarked = Resampler(26_667, TO_HZ, 1), np.zeros(999, np.uint8)

    def run() -> np.ndarray:
        begin, _ = resampler.push(signal, unmarked)
        return np.concatenate([begin, resampler.flush()[0]])

    assert np.array_equal(run(), run())
