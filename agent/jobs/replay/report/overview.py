"""Waveform and spectrogram of a recording of any length in a bounded number of columns.

Where there are too many columns, each two become one: the smallest and the largest sample, and the
mean power, of twice the time.
"""

import math

import numpy as np
import numpy.typing as npt

from agent.core.types import Samples

FFT_S = 0.0256  # about, of a column of the spectrogram; a power of two of frames
BANDS = 128  # at most, of equal width, from 0 to half of the rate; a power of two
MOST = 2048  # columns; at least half of them are used

Table = npt.NDArray[np.float32]


class Overview:
    """Of one channel; takes the signal piece by piece."""

    def __init__(self, rate_hz: float) -> None:
        fft = 1 << max(5, round(math.log2(FFT_S * rate_hz)))
        self._fft = fft  # frames
        self._taper = np.hanning(fft).astype(np.float32)
        self._bands = min(BANDS, fft // 2)
        self._span = 1  # transforms in a column
        self._fft_s = float(fft / rate_hz)
        self._rest = np.zeros(0, np.float32)  # frames that do not fill a column
        self._columns: list[Table] = []  # [2 + bands]: smallest, largest, power

    @property
    def column_s(self) -> float:
        """The time that a column covers, in seconds."""
        return self._span * self._fft_s

    def add(self, signal: Samples) -> None:
        """The next frames [frames]."""
        signal = np.nan_to_num(np.concatenate([self._rest, signal]), posinf=0.0, neginf=0.0)
        frames = self._span * self._fft
        whole = len(signal) // frames * frames
        self._rest = signal[whole:]
        if whole:
            self._columns.extend(self._reduced(signal[:whole].reshape(-1, self._span, self._fft)))
        while len(self._columns) > MOST:
            self._halve()

    def waveform(self) -> Table:
        """The smallest and the largest sample of each column, [columns, 2]."""
        return self._table()[:, :2]

    def spectrogram(self) -> Table:
        """The mean power in each band of each column, [columns, bands], low bands first."""
        return self._table()[:, 2:]

    def _table(self) -> Table:
        width = 2 + self._bands
        return np.stack(self._columns) if self._columns else np.zeros((0, width), np.float32)

    def _reduced(self, parts: Samples) -> Table:
        """From [columns, transforms, frames]."""
        spectra = np.abs(np.fft.rfft(parts * self._taper, axis=2)[:, :, 1:]) ** 2
        power = spectra.mean(axis=1).reshape(len(parts), self._bands, -1).mean(axis=2)
        ends = [parts.min(axis=(1, 2)), parts.max(axis=(1, 2))]
        return np.concatenate([np.stack(ends, axis=1), power], axis=1).astype(np.float32)

    def _halve(self) -> None:
        odd = self._columns[len(self._columns) // 2 * 2 :]
        pairs = np.stack(self._columns[: len(self._columns) - len(odd)])
        first, second = pairs[::2], pairs[1::2]
        low, high = np.minimum(first, second)[:, :1], np.maximum(first, second)[:, 1:2]
        self._columns = list(np.concatenate([low, high, (first + second)[:, 2:] / 2], axis=1))
        self._columns += odd  # of half the time: too short to be seen
        self._span *= 2
