"""A window as a few numbers that a machine's own habits show in, all in dB. Pure.

Energies of bands up to Nyquist, RMS, crest factor, kurtosis, and how impulsive the envelope of
each of four wide bands is. In dB a change is a ratio, and what is scaled is only shifted.
"""

import numpy as np
import numpy.typing as npt

from agent.core.types import Samples

Vector = npt.NDArray[np.float64]

BANDS = 24
WIDE_BANDS = 4
PER_CHANNEL = BANDS + 3 + WIDE_BANDS  # features
LOWEST, HIGHEST = 0.05, 0.9  # of Nyquist: above, a resampler's filter has taken it away
FLOOR = 1e-7  # of a window's power in a band: below are rounding and filters' remains


def features(samples: Samples) -> Vector:
    """[channels * PER_CHANNEL] in dB of a window [channels, frames]."""
    return np.concatenate([_of_channel(channel) for channel in samples.astype(np.float64)])


def band_edges(frames: int) -> npt.NDArray[np.intp]:
    """The bands' limits [BANDS + 1] in bins of the spectrum of so many frames."""
    return np.linspace(0, HIGHEST * (frames // 2 + 1), BANDS + 1).astype(np.intp)


def _of_channel(signal: Vector) -> Vector:
    moved = signal - signal.mean()
    power = float(np.mean(moved**2)) + 1e-30
    kurtosis = float(np.mean(moved**4)) / power**2
    crest = float(np.max(moved**2)) / power
    shape = np.asarray([power, max(crest, 1e-3), max(kurtosis, 1e-3)])
    found: Vector = np.concatenate([_bands(moved, power), shape, _impulsive(moved)])
    in_db: Vector = 10 * np.log10(found)
    return in_db


def _bands(moved: Vector, power: float) -> Vector:
    """Power in equal bands from 0 to `HIGHEST`."""
    taper = np.hanning(len(moved))
    spectrum = np.abs(np.fft.rfft(moved * taper)) ** 2 * 2 / (len(moved) * np.sum(taper**2))
    edges = band_edges(len(moved))
    total = np.concatenate([[0.0], np.cumsum(spectrum)])
    within: Vector = total[edges[1:]] - total[edges[:-1]]
    return within + FLOOR * power


def _impulsive(moved: Vector) -> Vector:
    """Mean square over squared mean of the squared envelope of each wide band: 2 for noise."""
    spectrum = np.fft.rfft(moved)
    edges = np.linspace(LOWEST * len(spectrum), HIGHEST * len(spectrum), WIDE_BANDS + 1)
    found = []
    for first, last in zip(edges[:-1].astype(int), edges[1:].astype(int), strict=True):
        squared = np.abs(np.fft.ifft(spectrum[first:last], 2 * (last - first))) ** 2
        found.append(np.mean(squared**2) / (np.mean(squared) ** 2 + 1e-60))
    return np.asarray(found) + 1e-3
