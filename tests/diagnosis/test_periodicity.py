"""The strongest series of lines in the envelope's spectrum, without speed or bearing."""

import numpy as np
import pytest

from agent.diagnosis import envelope, measurements, periodicity
from agent.diagnosis.measurements import MachineInfo
from agent.diagnosis.periodicity import PERIODIC_DB, Series

RATE_HZ = 10_000.0


def knocking(seconds: float, every_hz: float, share: float, seed: int = 1) -> envelope.Signal:
    """Noise with a structure that rings at 3 kHz `every_hz`; `share` is its peak in deviations."""
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    since_s = t % (1 / every_hz)
    ringing = np.exp(-since_s / 0.002) * np.sin(2 * np.pi * 3000 * since_s)
    return np.random.default_rng(seed).standard_normal(len(t)) + share * ringing


def strongest(signal: envelope.Signal) -> Series:
    spectrum = envelope.envelope(signal, RATE_HZ, periodicity.BAND_HZ)
    assert spectrum is not None
    series = periodicity.strongest(spectrum)
    assert series is not None
    return series


@pytest.mark.parametrize("every_hz", [17.0, 36.2, 107.4, 160.0])
@pytest.mark.parametrize("seconds", [2.0, 5.0])
def test_strikes_stand_out_at_their_own_rate_whatever_it_is(
    every_hz: float, seconds: float
) -> None:
    series = strongest(knocking(seconds, every_hz, share=4.0))
    assert series.db > PERIODIC_DB + 3
    multiple = series.first_hz / every_hz
    assert multiple == pytest.approx(round(multiple), abs=0.05)


def test_noise_alone_is_called_periodic_in_about_one_of_a_hundred_signals() -> None:
    rng = np.random.default_rng(0)
    beyond = [strongest(rng.standard_normal(50_000)).db >= PERIODIC_DB for _ in range(150)]
    assert sum(beyond) <= 5


def test_knocks_without_a_rhythm_are_not_periodic() -> None:
    rng = np.random.default_rng(2)
    signal = rng.standard_normal(50_000)
    for at in rng.integers(0, 49_900, 60):
        signal[at : at + 100] += 10 * np.exp(-np.arange(100) / 20) * rng.standard_normal(100)
    assert strongest(signal).db < PERIODIC_DB


def test_too_little_signal_says_nothing() -> None:
    machine = MachineInfo(RATE_HZ, "any")
    assert measurements.measure(knocking(1.1, 50.0, 4.0), machine).periodicity_db is None
    assert (measurements.measure(knocking(1.3, 50.0, 4.0), machine).periodicity_db or 0) > 10
    assert measurements.measure(np.zeros(20_000), machine).periodicity_db is None


def test_a_signal_too_slow_for_a_band_says_nothing() -> None:
    slow = MachineInfo(400.0, "any")
    assert measurements.measure(knocking(0.4, 50.0, 4.0)[:4000], slow).periodicity_db is None
