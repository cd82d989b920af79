"""The healthy machine's spectrum, as far as a baseline keeps it: levels of equal bands. Pure."""

import msgspec
import numpy as np

from agent.core.types import Samples
from agent.diagnosis.baseline.features import BANDS, PER_CHANNEL, Vector, band_edges, features
from agent.diagnosis.baseline.file import OperatingPoint


class BandLevels(msgspec.Struct, frozen=True):
    """Of one channel: amplitude spectral densities, RMS in the source's unit per root hertz."""

    edges_hz: tuple[float, ...]  # [bands + 1]
    healthy: tuple[float, ...]  # [bands]
    lowest: tuple[float, ...]  # [bands]: `SPREADS` below
    highest: tuple[float, ...]  # [bands]: `SPREADS` above


SPREADS = 3.0  # standard deviations


def healthy(point: OperatingPoint, samples: Samples, channel: int, rate_hz: float) -> BandLevels:
    """Of the state of the operating point that a window [channels, frames] is nearest to."""
    vector = features(samples)
    centres = np.asarray([state.centre for state in point.states])
    spreads = np.asarray([state.spread for state in point.states])
    nearest = int(np.argmin((np.abs(vector - centres) / spreads).mean(axis=1)))
    first = channel * PER_CHANNEL
    centre, spread = (part[nearest, first : first + BANDS] for part in (centres, spreads))
    edges_hz = band_edges(samples.shape[1]) * rate_hz / samples.shape[1]
    return BandLevels(
        _short(edges_hz),
        _density(centre, edges_hz),
        _density(centre - SPREADS * spread, edges_hz),
        _density(centre + SPREADS * spread, edges_hz),
    )


def _density(power_db: Vector, edges_hz: Vector) -> tuple[float, ...]:
    return _short(np.sqrt(10 ** (power_db / 10) / np.diff(edges_hz)))


def _short(values: Vector) -> tuple[float, ...]:
    return tuple(float(f"{value:.4g}") for value in values)
