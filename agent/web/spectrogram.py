"""Waveform and spectrogram of a piece of signal, reduced to what a browser draws."""

import numpy as np

from agent.core.types import Samples

COLUMN_S = 0.02  # about
FFT_S = 0.0256  # at least; a power of two
BANDS = 64  # of equal width, from 0 to half of the rate
FLOOR_DB, STEP_DB = -140.0, 0.75  # a level is a byte: (dB - floor) / step


class Spectrogram:
    """The new part of each window: the frames of one hop, in whole columns."""

    def __init__(self, rate_hz: float, hop: int) -> None:
        self.columns = max(1, round(hop / rate_hz / COLUMN_S))
        self.column = max(1, hop // self.columns)  # frames
        self.fft = max(2 * BANDS, 1 << round(np.ceil(np.log2(FFT_S * rate_hz))))  # frames
        self._taper = np.hanning(self.fft).astype(np.float32)
        self._gain = 2 / float((self._taper**2).sum())  # to power, of a one-sided spectrum

    def waveform(self, signal: Samples) -> Samples:
        """Minimum and maximum of each new column, [columns, 2], of a signal [frames]."""
        parts = signal[-self.columns * self.column :].reshape(self.columns, self.column)
        return np.stack([parts.min(axis=1), parts.max(axis=1)], axis=1).astype(np.float32)

    def spectrogram(self, signal: Samples) -> bytes:
        """Levels of the new columns of [frames]: bytes [columns, BANDS], low bands first."""
        need = (self.columns - 1) * self.column + self.fft
        padded = np.concatenate([np.zeros(max(0, need - len(signal)), np.float32), signal])
        windows = np.lib.stride_tricks.sliding_window_view(padded[-need:], self.fft)
        spectra = np.fft.rfft(windows[:: self.column] * self._taper, axis=1)[:, 1:]
        power = (np.abs(spectra) ** 2 * self._gain).reshape(self.columns, BANDS, -1).mean(axis=2)
        level_db = 10 * np.log10(power + 1e-20)
        levels = np.clip((level_db - FLOOR_DB) / STEP_DB, 0, 255)
        return bytes(levels.astype(np.uint8))
