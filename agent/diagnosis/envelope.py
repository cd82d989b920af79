"""Whether a bearing's lines stand out of the spectrum of the signal's squared envelope. Pure.

The method is the usual one of R. B. Randall and J. Antoni, "Rolling element bearing diagnostics -
a tutorial", MSSP 25(2), 2011: whiten, take the band in which the signal is most impulsive (its
spectral kurtosis), square its envelope, and look for the bearing's frequencies and their
harmonics. Speed is known to a few per cent and rollers slip, so each series of harmonics may lie
up to `TOLERANCE` beside its place, but all of it by the same factor. Where that would put a line
on a harmonic of the shaft, it is no evidence: a bearing of eight balls has its outer race at 3.05
and its inner one at 4.95 turns, and a coupling or a belt makes lines at 3 and 5.
"""

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from agent.core.bearing import Orders
from agent.diagnosis.levels import hann, squared_magnitude

Signal = npt.NDArray[np.float64]
Spectrum = npt.NDArray[np.complex128]

WHITEN_HZ = 50.0  # the spectrum is levelled over this much to either side
BANDS = (0.2, 0.4)  # of Nyquist: how wide the bands are that are tried, half overlapping
LOWEST, HIGHEST = 0.06, 0.9  # of Nyquist: below are shaft and mesh, above the filter's slope
HARMONICS = 4
LEAST_HARMONICS = 2  # fewer are no series
LEAST_TURNS = 20  # of the shaft, for lines that can be told apart
TOLERANCE = 0.03  # a speed that is 2 % wrong, and slip
FACTORS = np.linspace(1 - TOLERANCE, 1 + TOLERANCE, 121)
SHAFT_BINS = 3.5  # half the width of a line: so close to the shaft's harmonic, it is the shaft's
SHAFT_SPEED = 0.003  # relative: nor where the speed is known no better


class Envelope(msgspec.Struct, frozen=True):
    """Spectrum of the squared envelope [bins], `bin_hz` apart, of a band of the signal."""

    power: Signal
    bin_hz: float
    band_hz: tuple[float, float]


def envelope(signal: Signal, rate_hz: float, least_hz: float) -> Envelope | None:
    """Of the most impulsive band that can carry lines up to `least_hz`; None: there is none."""
    spectrum = np.fft.rfft(signal - signal.mean())
    bin_hz = rate_hz / len(signal)
    spectrum = _whitened(spectrum, max(1, round(WHITEN_HZ / bin_hz)))
    best: tuple[float, Signal, tuple[float, float]] | None = None
    for low_hz, high_hz in _bands(rate_hz, least_hz):
        part = spectrum[round(low_hz / bin_hz) : round(high_hz / bin_hz)]
        squared = squared_magnitude(np.fft.ifft(part, 2 * len(part)))
        kurtosis = float(squared @ squared) * len(squared) / float(squared.sum()) ** 2
        if best is None or kurtosis > best[0]:
            best = kurtosis, squared, (low_hz, high_hz)
    if best is None:
        return None
    _, squared, band_hz = best
    moved = squared / squared.mean() - 1
    lines = np.fft.rfft(moved * hann(len(moved)))
    return Envelope(squared_magnitude(lines), bin_hz, band_hz)


def highest_hz(orders: Orders, rpm: float) -> float:
    """The highest line that is needed at all, at the highest speed that is looked for."""
    return LEAST_HARMONICS * max(series(orders).values()) * rpm / 60 * (1 + TOLERANCE)


def evidence_db(spectrum: Envelope, orders: Orders, rpm: float) -> dict[str, float]:
    """How far each series of lines stands above the spectrum around it.

    The mean of its lines in dB, or that of the first alone where it is less: without it the
    others are likely those of the shaft.
    """
    near = np.maximum(spectrum.power, np.roll(spectrum.power, 1))
    near = np.maximum(near, np.roll(spectrum.power, -1))  # a line may fall between two bins
    turn_hz = rpm / 60
    return {
        name: _stands_out(spectrum, near, order * turn_hz, turn_hz)
        for name, order in series(orders).items()
    }


def series(orders: Orders) -> dict[str, float]:
    """What is looked for; a defect of a ball strikes twice a spin."""
    return {"bpfo": orders.bpfo, "bpfi": orders.bpfi, "bsf": 2 * orders.bsf, "ftf": orders.ftf}


def _stands_out(spectrum: Envelope, near: Signal, line_hz: float, turn_hz: float) -> float:
    width_hz = spectrum.band_hz[1] - spectrum.band_hz[0]
    fitting = int(width_hz / (line_hz * (1 + TOLERANCE)))
    lines_hz = line_hz * np.arange(1, min(HARMONICS, fitting) + 1)
    floor = np.asarray([_floor(spectrum, each, turn_hz) for each in lines_hz])
    at = np.rint(FACTORS[:, None] * lines_hz / spectrum.bin_hz).astype(np.intp)
    ratio_db = 10 * np.log10(near[np.minimum(at, len(near) - 1)] / floor + 1e-12)
    turns = FACTORS[:, None] * lines_hz / turn_hz
    return _strength(ratio_db, ~_on_shaft(turns, spectrum.bin_hz / turn_hz))


def _strength(ratio_db: Signal, usable: npt.NDArray[np.bool_]) -> float:
    """At the best factor, of lines [factors, harmonics]: their mean, or the first if it is less."""
    enough = usable.sum(axis=1) >= LEAST_HARMONICS
    if not enough.any():
        return 0.0
    ratio_db, usable = ratio_db[enough], usable[enough]
    mean = np.where(usable, ratio_db, 0.0).sum(axis=1) / usable.sum(axis=1)
    first = np.take_along_axis(ratio_db, usable.argmax(axis=1)[:, None], axis=1)[:, 0]
    return float(np.minimum(mean, first).max())


def _on_shaft(turns: Signal, bin_turns: float) -> npt.NDArray[np.bool_]:
    """Which lines, in turns of the shaft, cannot be told from one of its harmonics."""
    harmonic = np.rint(turns)
    reach = SHAFT_BINS * bin_turns + SHAFT_SPEED * harmonic
    on_shaft: npt.NDArray[np.bool_] = (harmonic > 0) & (np.abs(turns - harmonic) <= reach)
    return on_shaft


def _floor(spectrum: Envelope, line_hz: float, turn_hz: float) -> float:
    """Median of the spectrum a turn of the shaft to either side, of a slow line around itself."""
    low_hz, high_hz = line_hz - turn_hz, line_hz + turn_hz
    if low_hz <= 0:
        low_hz, high_hz = 0.3 * line_hz, 2 * line_hz
    first = max(1, round(low_hz / spectrum.bin_hz))
    around = spectrum.power[first : max(first, round(high_hz / spectrum.bin_hz)) + 1]
    return float(np.median(around)) + 1e-30


def _bands(rate_hz: float, least_hz: float) -> Iterator[tuple[float, float]]:
    nyquist_hz = rate_hz / 2
    for share in BANDS:
        width_hz = share * nyquist_hz
        if width_hz < least_hz:
            continue
        last_hz = HIGHEST * nyquist_hz - width_hz
        for low_hz in np.arange(LOWEST * nyquist_hz, last_hz + 1e-9, width_hz / 2):
            yield float(low_hz), float(low_hz) + width_hz


def _whitened(spectrum: Spectrum, reach: int) -> Spectrum:
    """Every bin over the RMS of those up to `reach` to either side of it."""
    bins = len(spectrum)
    total = np.concatenate([[0.0], np.cumsum(squared_magnitude(spectrum))])
    power = _over_reach(total, reach, bins) / _over_reach(np.arange(bins + 1), reach, bins)
    whitened: Spectrum = spectrum / np.sqrt(np.maximum(power, power.max() * 1e-15 + 1e-300))
    return whitened


def _over_reach(total: npt.NDArray[Any], reach: int, bins: int) -> npt.NDArray[Any]:
    """From running totals [bins + 1]: the sum up to `reach` to either side of each bin."""
    padded = np.pad(total, reach, mode="edge")
    sums: npt.NDArray[Any] = padded[2 * reach + 1 : 2 * reach + 1 + bins] - padded[:bins]
    return sums
