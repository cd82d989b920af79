"""A clip as a picture: its spectrogram, reduced to what a screen shows.

The picture that is kept in the place of the sound has few columns a second, so that no speech can
be made from it again.
"""

import base64

import msgspec
import numpy as np

from agent.core.types import Samples
from agent.pipeline.clip import Clip

BANDS = 64  # of equal width, from 0 to half of the rate
FFT_S = 0.0256  # at least; a power of two
FLOOR_DB, STEP_DB = -140.0, 0.75  # a level is a byte: (dB - floor) / step
MAX_COLUMNS = 1000
SHOWN_S = 0.02  # a column, beside the sound
KEPT_S = 0.2  # a column, in the place of the sound: syllables come faster
BLOCK = 512  # transforms at a time, for the memory


class ClipPicture(msgspec.Struct, frozen=True, kw_only=True):
    """The first channel of a clip."""

    source: str
    t_start: str  # ISO 8601
    unit: str
    rate_hz: float
    seconds: float
    column_s: float
    bands: int = BANDS
    floor_db: float = FLOOR_DB
    step_db: float = STEP_DB
    levels: str  # base64 of bytes [columns, bands], low bands first
    peak: float  # largest |sample|
    missing: int  # frames that never arrived
    sound: bool  # whether the sound is kept, too


def of(clip: Clip, column_s: float = SHOWN_S, *, sound: bool = True) -> ClipPicture:
    """The picture of a clip, in columns of about `column_s`, at most `MAX_COLUMNS`."""
    signal = np.nan_to_num(clip.samples[:, 0])
    frames = max(1, len(signal))
    column = max(round(column_s * clip.rate_hz), -(-frames // MAX_COLUMNS), 1)
    return ClipPicture(
        source=clip.source,
        t_start=clip.t_start,
        unit=clip.unit,
        rate_hz=clip.rate_hz,
        seconds=round(len(signal) / clip.rate_hz, 3),
        column_s=column / clip.rate_hz,
        levels=base64.b64encode(_levels(signal, column, clip.rate_hz)).decode(),
        peak=float(np.max(np.abs(signal), initial=0.0)),
        missing=clip.missing,
        sound=sound,
    )


def encode(clip: Clip) -> bytes:
    """The picture in the place of the sound, as JSON."""
    return msgspec.json.encode(of(clip, KEPT_S, sound=False))


def _levels(signal: Samples, column: int, rate_hz: float) -> bytes:
    """Levels [columns, BANDS] of a signal [frames]: the mean power of transforms that overlap."""
    size = max(2 * BANDS, 1 << round(np.ceil(np.log2(max(2.0, FFT_S * rate_hz)))))
    taper = np.hanning(size).astype(np.float32)
    gain = 2 / float((taper**2).sum())
    columns = max(1, len(signal) // column)
    step = column / max(1, round(column / (size / 2)))  # between transforms: a part of a column
    starts = np.arange(round(columns * column / step)) * step
    padded = np.concatenate([signal, np.zeros(size, signal.dtype)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, size)[starts.astype(int)]
    power = np.concatenate(
        [
            _band_power(windows[at : at + BLOCK] * taper) * gain
            for at in range(0, len(windows), BLOCK)
        ]
    )
    firsts = np.searchsorted(starts, np.arange(columns) * column - 0.5)
    counts = np.diff([*firsts, len(starts)])[:, None]
    mean = np.add.reduceat(power, firsts) / np.maximum(counts, 1)
    level_db = 10 * np.log10(mean + 1e-20)
    return bytes(np.clip((level_db - FLOOR_DB) / STEP_DB, 0, 255).astype(np.uint8))


def _band_power(windows: Samples) -> Samples:
    """[windows, BANDS] of tapered windows [windows, frames]."""
    spectra = np.abs(np.fft.rfft(windows, axis=1)[:, 1:]) ** 2
    power: Samples = spectra.reshape(len(windows), BANDS, -1).mean(axis=2)
    return power
