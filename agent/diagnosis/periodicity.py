"""Whether a signal's envelope repeats at all, where neither speed nor bearing need be known. Pure.

A damaged race or roller strikes again and again, so the spectrum of the squared envelope has lines
at equal distances, whatever the speed. `strongest` finds the series that stands out most. Noise
alone reaches `PERIODIC_DB` in about one of a hundred signals of 5 s: the test has a known rate of
false alarms, as P. Borghesani et al. (MSSP 39, 2013) ask for. Below it nothing in the signal
speaks for a bearing fault, whatever a network says.
"""

import msgspec
import numpy as np

from agent.diagnosis.envelope import Envelope, Signal

PERIODIC_DB = 10.3  # docs/PHYSICS.md has how often noise alone reaches it
LEAST_S = 1.2  # of signal, for lines that can be told apart
LOWEST_HZ = 5.0  # of the first line
BAND_HZ = 200.0  # the narrowest band that is demodulated: two lines of 100 Hz
HARMONICS = 4
AROUND_HZ = 30.0  # to either side of a line, over which the floor is taken
FLOORS = 4  # medians in each `AROUND_HZ`


class Series(msgspec.Struct, frozen=True):
    """Lines at `first_hz` and its multiples, `db` above the spectrum around them."""

    first_hz: float
    db: float


def strongest(spectrum: Envelope) -> Series | None:
    """The series with the highest mean of its lines in dB, or first line where that is less.

    None where the band carries no two lines.
    """
    width_hz = spectrum.band_hz[1] - spectrum.band_hz[0]
    bins = min(len(spectrum.power), int(width_hz / spectrum.bin_hz))
    ratio_db = 10 * np.log10(spectrum.power[:bins] / floor(spectrum, bins) + 1e-12)
    near_db = np.maximum(ratio_db, np.maximum(np.roll(ratio_db, 1), np.roll(ratio_db, -1)))
    firsts = np.arange(2 * LOWEST_HZ / spectrum.bin_hz, bins) / 2  # bins: two lines must fit
    if not len(firsts):
        return None
    at = np.rint(np.arange(1, HARMONICS + 1)[:, None] * firsts).astype(np.intp)
    inside = at < bins
    lines_db = np.where(inside, near_db[np.minimum(at, bins - 1)], 0.0)
    mean_db = lines_db.sum(axis=0) / inside.sum(axis=0)
    strength = np.minimum(mean_db, lines_db[0])
    best = int(np.argmax(strength))
    return Series(float(firsts[best] * spectrum.bin_hz), float(strength[best]))


def floor(spectrum: Envelope, bins: int) -> Signal:
    """The median of the spectrum around each of the first `bins`, interpolated between some."""
    reach = max(4, round(AROUND_HZ / spectrum.bin_hz))
    around = np.pad(spectrum.power[:bins], reach, mode="reflect" if bins > reach else "edge")
    step = max(1, reach // FLOORS)
    windows = np.lib.stride_tricks.sliding_window_view(around, 2 * reach + 1)[::step]
    medians = np.partition(windows, reach, axis=1)[:, reach]  # of an odd number
    between: Signal = np.interp(np.arange(bins), step * np.arange(len(medians)), medians)
    return between + 1e-30
