"""Noise of a given distribution and spectrum at a given signal-to-noise ratio.

SNR in dB is 10 log10(P_signal / P_noise), where P is the variance: the mean carries no vibration.
Training, evaluation and the simulated machine all use this module.
"""

from collections.abc import Callable, Iterator
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

Kind = Literal["gaussian", "laplacian", "pink"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Array = npt.NDArray[np.float32]
Power = float | np.floating | npt.NDArray[np.floating]  # a variance, or a ratio in dB

_SILENT = 1e-20  # power below which noise counts as silence
_SEGMENT = 1 << 14  # frames of pink noise drawn at once when streaming


def draw(kind: Kind, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Noise of unit variance (in expectation), independent along all axes but the last."""
    noise: Array = _DRAW[kind](shape, rng)
    return noise


def scale_for(signal_power: float, snr_db: float) -> float:
    """Standard deviation of a noise that is `snr_db` below a signal of that power."""
    return float(np.sqrt(signal_power * 10.0 ** (-snr_db / 10.0)))


def add(signal: Array, snr_db: float | Array, kind: Kind, rng: np.random.Generator) -> Array:
    """`signal` [..., frames] plus noise at exactly `snr_db` (a number, or one per row)."""
    return mix(signal, draw(kind, signal.shape, rng), snr_db)


def mix(signal: Array, noise: Array, snr_db: float | Array) -> Array:
    """`signal` plus `noise`, both [..., frames], scaled to exactly `snr_db` in each row."""
    power, noise_power = (x.var(axis=-1, keepdims=True) for x in (signal, noise))
    ratio_db = np.asarray(snr_db, np.float32)[..., None]
    noisy: Array = (signal + gain(power, noise_power, ratio_db) * noise).astype(np.float32)
    return noisy


def gain(signal_power: Power, noise_power: Power, snr_db: Power) -> Array:
    """The factor that brings noise of that power to `snr_db` below the signal.

    Noise of no power (digital silence) stays silent instead of becoming NaN.
    """
    ratio = signal_power / np.maximum(noise_power, _SILENT)
    return np.asarray(np.sqrt(ratio * 10.0 ** (-snr_db / 10.0)))


def stream(kind: Kind, rng: np.random.Generator) -> Iterator[Array]:
    """Endless noise of unit variance in segments; the values do not depend on how it is cut.

    Pink noise is made by FFT, segment by segment. Neighbouring segments are cross-faded at constant
    power: without that each seam would be a step, which looks like an impact.
    """
    if kind != "pink":
        while True:
            yield draw(kind, (_SEGMENT,), rng)
    fade_in = np.sin(np.linspace(0.0, np.pi / 2, _SEGMENT)).astype(np.float32)
    fade_out = fade_in[::-1]
    last = draw(kind, (2 * _SEGMENT,), rng)
    while True:
        new = draw(kind, (2 * _SEGMENT,), rng)
        yield (fade_out * last[_SEGMENT:] + fade_in * new[:_SEGMENT]).astype(np.float32)
        last = new


def repeat(recording: Array) -> Iterator[Array]:
    """A recording [frames], repeated endlessly."""
    while True:
        yield recording


class Cut:
    """Cuts endless segments into pieces of any length."""

    def __init__(self, segments: Iterator[Array]) -> None:
        self._segments = segments
        self._left = np.zeros(0, np.float32)

    def __call__(self, frames: int) -> Array:
        while len(self._left) < frames:
            self._left = np.concatenate([self._left, next(self._segments)])
        piece, self._left = self._left[:frames], self._left[frames:]
        return piece


def _gaussian(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    return rng.standard_normal(shape, dtype=np.float32)


def _laplacian(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    return rng.laplace(0.0, np.sqrt(0.5), shape).astype(np.float32)  # variance is 2 b^2


def _pink(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Power proportional to 1/f: white noise whose spectrum is divided by sqrt(f)."""
    frames = shape[-1]
    gain = np.zeros(frames // 2 + 1, np.float32)
    gain[1:] = 1.0 / np.sqrt(np.arange(1, len(gain)))
    weight = np.full(len(gain), 2.0)  # every bin but the first and Nyquist's stands for two
    weight[0], weight[-1] = 1.0, 1.0 if frames % 2 == 0 else 2.0
    gain /= np.sqrt((weight * gain**2).sum() / frames)
    spectrum = np.fft.rfft(rng.standard_normal(shape, dtype=np.float32), axis=-1)
    return np.fft.irfft(spectrum * gain, n=frames, axis=-1).astype(np.float32)


_DRAW: dict[Kind, Callable[[tuple[int, ...], np.random.Generator], Array]] = {
    "gaussian": _gaussian,
    "laplacian": _laplacian,
    "pink": _pink,
}
