"""Levels beside an independent computation: scipy's statistics, and a velocity in the time domain.

The reference integrates a band-limited signal step by step, where `agent.diagnosis.levels` divides
spectra: the two share no code and no method.
"""

import numpy as np
import pytest
import soundfile
from scipy import integrate, signal, stats

from agent.diagnosis import levels
from tests.conftest import recording

RATE_HZ = 10_000.0
LOW_HZ, HIGH_HZ = levels.LOW_HZ, levels.HIGH_HZ
AROUND_S = 1.0  # on either side, which the reference's filter needs

# Of the recordings: rigs, faults and rates from 12 to 25.6 kHz.
RECORDINGS = [
    ("cwru", "12k_DE", "DE12k_outer_7mil_at6_0hp.flac"),
    ("cwru", "12k_DE", "DE12k_ball_14mil_0hp.flac"),
    ("cwru", "12k_DE", "DE12k_inner_21mil_1hp.flac"),
    ("uestc", "uestc_normal_800rpm.flac"),
    ("uestc", "uestc_outer_1200rpm.flac"),
    ("mfs_compound", "mfs_H.flac"),
    ("mfs_compound", "mfs_IF-RF.flac"),
    ("gearbox_gfd", "gfd_broken_tooth_60.flac"),
]


def read(*parts: str) -> tuple[np.ndarray, float]:
    """The first seven seconds of a recording's first channel, and its rate."""
    path = recording(*parts)
    rate_hz = soundfile.info(path).samplerate
    samples, _ = soundfile.read(path, frames=7 * rate_hz, always_2d=True)
    return samples[:, 0], float(rate_hz)


def velocity_mm_s(acceleration: np.ndarray, rate_hz: float) -> float:
    """RMS from 10 to 1000 Hz of all but the first and the last second, in the time domain."""
    edge = round(AROUND_S * rate_hz)
    taps = signal.firwin(2 * edge + 1, [LOW_HZ, HIGH_HZ], pass_zero=False, fs=rate_hz)
    limited = signal.fftconvolve(acceleration - acceleration.mean(), taps, "same")
    velocity = integrate.cumulative_simpson(limited, dx=1 / rate_hz, initial=0)
    return float(np.std(velocity[edge:-edge])) * 1e3


def measured_mm_s(acceleration: np.ndarray, rate_hz: float) -> float:
    """The same by the agent."""
    edge = round(AROUND_S * rate_hz)
    found = levels.velocity(acceleration[edge:-edge], rate_hz, "m/s2", None)
    assert found is not None
    return found.mm_s


def check_statistics(samples: np.ndarray) -> None:
    found = levels.levels(samples)
    moved = samples - np.mean(samples)
    assert found.rms == pytest.approx(np.std(samples), rel=1e-9)
    assert found.peak == pytest.approx(np.max(np.abs(moved)), rel=1e-9)
    assert found.crest == pytest.approx(np.max(np.abs(moved)) / np.std(samples), rel=1e-9)
    assert found.kurtosis == pytest.approx(stats.kurtosis(samples, fisher=False), rel=1e-9)


@pytest.mark.parametrize("draw", ["standard_normal", "laplace", "uniform"])
def test_the_statistics_of_noise_are_scipys(draw: str) -> None:
    rng = np.random.default_rng(0)
    check_statistics(3.0 + getattr(rng, draw)(size=50_000))


@pytest.mark.parametrize("parts", RECORDINGS, ids=lambda parts: parts[-1])
def test_levels_of_real_machines_are_those_of_an_independent_computation(
    parts: tuple[str, ...],
) -> None:
    samples, rate_hz = read(*parts)
    check_statistics(samples)
    expected = velocity_mm_s(samples, rate_hz)
    assert measured_mm_s(samples, rate_hz) == pytest.approx(expected, rel=0.06)


@pytest.mark.parametrize("hz", [15.0, 29.95, 120.3, 700.0])
def test_the_velocity_of_a_sine_is_that_in_the_time_domain(hz: float) -> None:
    """Also of one that falls between two bins, at any phase."""
    time_s = np.arange(round(7 * RATE_HZ)) / RATE_HZ
    for phase in np.linspace(0, np.pi, 5):
        sine = 2.0 * np.sin(2 * np.pi * hz * time_s + phase)
        expected = velocity_mm_s(sine, RATE_HZ)
        assert expected == pytest.approx(2e3 / 2**0.5 / (2 * np.pi * hz), rel=0.01)
        assert measured_mm_s(sine, RATE_HZ) == pytest.approx(expected, rel=0.01)


def test_the_velocity_of_white_noise_is_that_of_its_spectrum_and_of_the_time_domain() -> None:
    """In closed form: the integral of (2 / rate) / (2 pi f)^2 over the band."""
    density = 2 / RATE_HZ
    expected = (density / (2 * np.pi) ** 2 * (1 / LOW_HZ - 1 / HIGH_HZ)) ** 0.5 * 1e3
    rng = np.random.default_rng(1)
    noise = [rng.standard_normal(70_000) for _ in range(30)]
    found = np.array([measured_mm_s(each, RATE_HZ) for each in noise])
    assert np.mean(found) == pytest.approx(expected, rel=0.03)
    ratio = found / [velocity_mm_s(each, RATE_HZ) for each in noise]
    assert np.std(ratio) < 0.03, "one taper over all five seconds has 0.05"


def test_a_burst_counts_the_same_wherever_it_lies_in_the_five_seconds() -> None:
    """So long as it is not at the very edge."""
    time_s = np.arange(round(5 * RATE_HZ)) / RATE_HZ
    sine = np.sin(2 * np.pi * 50 * time_s)
    found = []
    for middle_s in (1.5, 2.0, 2.5, 3.0, 3.5):
        burst = sine * np.exp(-(((time_s - middle_s) / 0.3) ** 2))
        velocity = levels.velocity(burst, RATE_HZ, "m/s2", None)
        assert velocity is not None
        found.append(velocity.mm_s)
    assert max(found) / min(found) < 1.15
