"""The spectra of each source over the last hour: one window every few seconds, in memory."""

import collections
from collections.abc import Sequence

import msgspec
import numpy as np

from agent.core.types import Samples, Scored

EVERY_S = 10.0
KEPT = 360  # columns of a source: an hour, 36 kB
BANDS = 100  # of equal width, from 0 to half of the rate
FLOOR_DB, STEP_DB = -140.0, 0.75  # a level is a byte: (dB - floor) / step


class Column(msgspec.Struct, frozen=True):
    """One window's levels [BANDS], low bands first."""

    at_s: float  # Unix time
    levels: bytes


class Waterfall:
    """`note` is for the page's thread; `columns` is for any."""

    def __init__(self) -> None:
        self._by_source: dict[str, collections.deque[Column]] = {}

    def note(self, scored: Scored, now_s: float) -> None:
        """Takes a window now and then; a flagged one leaves a gap."""
        columns = self._by_source.setdefault(scored.source, collections.deque(maxlen=KEPT))
        due = not columns or not 0 <= now_s - columns[-1].at_s < EVERY_S
        if due and scored.window.samples.size and not scored.window.marks:
            columns.append(Column(now_s, levels(scored.window.samples[0])))

    def columns(self, source: str, after_s: float) -> Sequence[Column]:
        """Those that were taken later, the oldest first."""
        kept = list(self._by_source.get(source, ()))
        return [column for column in kept if column.at_s > after_s]


def levels(signal: Samples) -> bytes:
    """Levels in equal bands of a signal [frames], as bytes."""
    taper = np.hanning(len(signal))
    spectrum = np.fft.rfft((signal - signal.mean()) * taper)[1:]
    power = (spectrum.real**2 + spectrum.imag**2) * 2 / (len(signal) * float(np.sum(taper**2)))
    edges = np.linspace(0, len(power), BANDS + 1).astype(np.intp)
    total = np.concatenate([[0.0], np.cumsum(power)])
    level_db = 10 * np.log10(np.maximum(total[edges[1:]] - total[edges[:-1]], 0) + 1e-20)
    return bytes(np.clip((level_db - FLOOR_DB) / STEP_DB, 0, 255).astype(np.uint8))
