"""What a classical classifier sees of some seconds: thirty lines of the envelope's spectrum.

The largest line within 2 % of each of ten harmonics of the outer race, the inner race and a ball's
strikes, in dB above the spectrum around it: the features of Matania, Cohen, Bechhoefer and Bortman,
Mechanical Systems and Signal Processing 224:112117 (2025), on the envelope that the agent shows.
"""

import numpy as np
import numpy.typing as npt

from agent.core.bearing import Orders
from agent.diagnosis import envelope

HARMONICS = 10
REACH = 0.02  # of a line's place: slip, and a speed that is not exact
AROUND_TURNS = 1.0  # of the shaft, to either side: what a line stands above
SERIES = ("bpfo", "bpfi", "bsf")
COUNT = len(SERIES) * HARMONICS

Features = npt.NDArray[np.float32]


def features(
    signal: npt.NDArray[np.floating], rate_hz: float, rpm: float, orders: Orders
) -> Features:
    """[COUNT] of one channel [frames]; 0 dB where the band of the envelope ends before a line."""
    turn_hz = rpm / 60
    spectrum = envelope.envelope(
        signal.astype(np.float64), rate_hz, envelope.highest_hz(orders, rpm)
    )
    if spectrum is None:
        return np.zeros(COUNT, np.float32)
    lines = [
        _line_db(spectrum, harmonic * order * turn_hz, turn_hz)
        for order in (orders.bpfo, orders.bpfi, 2 * orders.bsf)
        for harmonic in range(1, HARMONICS + 1)
    ]
    return np.asarray(lines, np.float32)


def _line_db(spectrum: envelope.Envelope, line_hz: float, turn_hz: float) -> float:
    around = _part(spectrum, line_hz - AROUND_TURNS * turn_hz, line_hz + AROUND_TURNS * turn_hz)
    near = _part(spectrum, line_hz * (1 - REACH), line_hz * (1 + REACH))
    if not len(near) or line_hz * (1 + REACH) > spectrum.band_hz[1] - spectrum.band_hz[0]:
        return 0.0
    return float(10 * np.log10((near.max() + 1e-30) / (np.median(around) + 1e-30)))


def _part(spectrum: envelope.Envelope, low_hz: float, high_hz: float) -> npt.NDArray[np.float64]:
    first = max(1, round(low_hz / spectrum.bin_hz))
    return spectrum.power[first : round(high_hz / spectrum.bin_hz) + 1]
