"""Spectra of a signal for a person to look at. Pure."""

import msgspec
import numpy as np

from agent.diagnosis import periodicity
from agent.diagnosis.envelope import Envelope
from agent.diagnosis.levels import Signal, hann, squared_magnitude

SEGMENT_S = 1.0  # so lines are about 2 Hz wide


class Curve(msgspec.Struct, frozen=True):
    """Values at equal steps of frequency; the first is of the range from 0 to `step_hz`."""

    step_hz: float
    values: Signal  # [points]


def density(signal: Signal, rate_hz: float) -> Curve:
    """Amplitude spectral density of a signal [frames]: RMS in its unit per root hertz.

    The mean over tapered segments that overlap by half (P. D. Welch, 1967).
    """
    frames = min(len(signal), round(SEGMENT_S * rate_hz))
    starts = range(0, len(signal) - frames + 1, max(1, frames // 2))
    moved, taper = signal - signal.mean(), hann(frames)
    segments = np.stack([moved[start : start + frames] for start in starts])
    power = squared_magnitude(np.fft.rfft(segments * taper)).mean(axis=0)
    return Curve(rate_hz / frames, np.sqrt(2 * power / (rate_hz * float(np.sum(taper**2)))))


def envelope_db(spectrum: Envelope) -> Curve:
    """The envelope's spectrum in dB above the level around each line, within its band."""
    width_hz = spectrum.band_hz[1] - spectrum.band_hz[0]
    bins = min(len(spectrum.power), int(width_hz / spectrum.bin_hz))
    ratio = spectrum.power[:bins] / periodicity.floor(spectrum, bins)
    return Curve(spectrum.bin_hz, 10 * np.log10(ratio + 1e-12))


def pooled(curve: Curve, highest_hz: float, most: int) -> Curve:
    """Up to `highest_hz`, by the largest value of neighbours, so that no line is lost."""
    values = curve.values[: max(1, int(highest_hz / curve.step_hz))]
    each_of = -(-len(values) // most)
    padded = np.pad(values, (0, -len(values) % each_of), mode="edge")
    return Curve(curve.step_hz * each_of, padded.reshape(-1, each_of).max(axis=1))
