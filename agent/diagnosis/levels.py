"""How strong a vibration is: RMS, peak, crest factor, kurtosis; velocity and its zone. Pure.

Velocity is integrated in the frequency domain. ISO 20816-3 (before: 10816-3) judges its RMS from
10 to 1000 Hz, from 2 Hz where the shaft turns at less than 600 rpm, measured on the bearings'
housings of a machine in steady running.
"""

import functools
import math

import msgspec
import numpy as np
import numpy.typing as npt

from agent.core.bearing import MachineClass

Signal = npt.NDArray[np.float64]

LOW_HZ, SLOW_LOW_HZ, HIGH_HZ = 10.0, 2.0, 1000.0
SLOW_RPM = 600.0
PASSED = 0.9  # of Nyquist: what a resampler's filter leaves whole
CYCLES = 10  # of the lowest frequency that a spectrum must hold
TO_MM_S2 = {"m/s2": 1e3, "g": 9806.65}
LIMITS_MM_S: dict[MachineClass, tuple[float, float, float]] = {  # A to B, B to C, C to D
    "group1-rigid": (2.3, 4.5, 7.1),
    "group1-flexible": (3.5, 7.1, 11.0),
    "group2-rigid": (1.4, 2.8, 4.5),
    "group2-flexible": (2.3, 4.5, 7.1),
}


class Levels(msgspec.Struct, frozen=True):
    """Of a signal without its mean, in its own unit; a normal distribution's kurtosis is 3."""

    rms: float
    peak: float
    crest: float | None  # None: nothing moves
    kurtosis: float | None


class Velocity(msgspec.Struct, frozen=True):
    """RMS over a band, which is narrower than the standard's where the rate does not give it."""

    mm_s: float
    band_hz: tuple[float, float]
    whole: bool  # the band is the standard's

    def zone(self, machine_class: MachineClass) -> str | None:
        """A (newly commissioned) to D (damaging); None where the band is not the standard's."""
        if not self.whole:
            return None
        return "ABCD"[sum(self.mm_s > limit for limit in LIMITS_MM_S[machine_class])]


def levels(signal: Signal) -> Levels:
    """Of `signal` [frames]."""
    moved = signal - signal.mean()
    squared = moved * moved
    power, peak = float(squared.mean()), float(max(moved.max(), -moved.min()))
    if not power:
        return Levels(0.0, peak, None, None)
    rms = power**0.5
    return Levels(rms, peak, peak / rms, float(squared @ squared) / len(squared) / power**2)


def velocity(signal: Signal, rate_hz: float, unit: str, rpm: float | None) -> Velocity | None:
    """Of an acceleration [frames]; None for another unit, or where the signal is too short."""
    low_hz = SLOW_LOW_HZ if rpm is not None and rpm < SLOW_RPM else LOW_HZ
    high_hz = min(HIGH_HZ, PASSED * rate_hz / 2)
    if unit not in TO_MM_S2 or len(signal) < CYCLES * rate_hz / low_hz or high_hz <= low_hz:
        return None
    rms = _integrated_rms(signal, rate_hz, low_hz, high_hz)
    return Velocity(rms * TO_MM_S2[unit], (low_hz, high_hz), high_hz == HIGH_HZ)


def _integrated_rms(signal: Signal, rate_hz: float, low_hz: float, high_hz: float) -> float:
    """RMS of the integral over a band, in the signal's unit times seconds.

    The mean over tapered segments (P. D. Welch, 1967), which overlap by three quarters: so every
    part of the signal but its ends weighs the same. A single taper would weigh its middle most.
    """
    frames = min(len(signal), 2 * round(CYCLES * rate_hz / low_hz))
    ends = range(len(signal), frames - 1, -max(1, frames // 4))
    moved = signal - signal.mean()
    segments = np.stack([moved[end - frames : end] for end in ends])
    taper, bin_hz = hann(frames), rate_hz / frames
    bins = np.arange(math.ceil(low_hz / bin_hz), math.floor(high_hz / bin_hz) + 1)
    spectra = np.fft.rfft(segments * taper)[:, bins]
    power = (squared_magnitude(spectra) / (2 * np.pi * bin_hz * bins) ** 2).sum(axis=1).mean()
    return float((2 * power / (frames * np.sum(taper**2))) ** 0.5)


def squared_magnitude(spectrum: npt.NDArray[np.complex128]) -> Signal:
    """|x|² without the root that `np.abs` takes."""
    squared: Signal = spectrum.real**2 + spectrum.imag**2
    return squared


@functools.lru_cache(maxsize=4)
def hann(frames: int) -> Signal:
    """Hann's taper, which costs as much as a transform; the few lengths of an agent are kept."""
    taper: Signal = np.hanning(frames)
    taper.flags.writeable = False
    return taper
