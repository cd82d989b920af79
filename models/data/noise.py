"""Noises by name: those used in training, and those used only in evaluation.

SNR in dB is 10 log10(P_signal / P_noise) of a window, P being the variance, as in
`agent.sources.noise`. Free of torch.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt

from agent.sources import noise

Array = npt.NDArray[np.float32]
# (shape [..., frames], generator) -> noise of that shape, of any variance above zero
Draw = Callable[[tuple[int, ...], np.random.Generator], Array]

RECORDED = "recorded"  # real backgrounds, see `models.data.backgrounds`
HEALTHY = "healthy"  # the vibration of the same machine, see `models.data.batches`
IMPULSES = 0.01  # share of frames that an impulse hits
IMPULSE_GAIN = 10.0  # standard deviation of an impulse over that of the bed


def spectral(exponent: float | Array, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Gaussian noise with a power of frequency ** exponent: -2 is brown, 1 is blue."""
    frames = shape[-1]
    bins = np.arange(1, frames // 2 + 1)
    spectrum = np.fft.rfft(rng.standard_normal(shape, dtype=np.float32))
    spectrum[..., 0] = 0.0
    spectrum[..., 1:] *= bins ** (exponent / 2)  # [bins], or [..., bins]
    return np.fft.irfft(spectrum, n=frames).astype(np.float32)


def impulsive(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Bernoulli-Gaussian noise: Gaussian noise with rare, independent, larger impulses."""
    bed, impulse = rng.standard_normal((2, *shape), dtype=np.float32)
    hit = rng.random(shape) < IMPULSES
    drawn: Array = bed + np.float32(IMPULSE_GAIN) * impulse * hit
    return drawn


def tilted(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Each row with its own spectral slope, an exponent of -1.5 to 0.5."""
    return spectral(rng.uniform(-1.5, 0.5, (*shape[:-1], 1)).astype(np.float32), shape, rng)


def band(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Each row confined to its own band, 5 to 50 % of the spectrum wide."""
    spectrum = np.fft.rfft(rng.standard_normal(shape, dtype=np.float32))
    place = np.linspace(0.0, 1.0, spectrum.shape[-1])
    low = rng.uniform(0.0, 0.9, (*shape[:-1], 1))
    inside = (place >= low) & (place <= low + rng.uniform(0.05, 0.5, low.shape))
    return np.fft.irfft(spectrum * inside, n=shape[-1]).astype(np.float32)


def knocks(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Each row a structure of its own that rings after random strikes, on weak Gaussian noise.

    This is like a hammer or a press nearby; unlike a bearing's impacts, it has no rhythm.
    """
    frames = shape[-1]
    rows = [_struck(frames, rng) for _ in range(int(np.prod(shape[:-1])))]
    drawn: Array = np.array(rows, np.float32).reshape(shape)  # also for no rows
    return drawn


def _struck(frames: int, rng: np.random.Generator) -> Array:
    strikes = np.zeros(frames)
    count = 1 + rng.poisson(rng.uniform(2, 60))
    force = rng.standard_normal(count) * rng.exponential(1.0, count)
    np.add.at(strikes, rng.integers(frames, size=count), force)
    decay, cycles = rng.uniform(3, 120), rng.uniform(0.02, 0.48)  # frames, and per frame
    t = np.arange(frames)
    ring = np.exp(-t / decay) * np.cos(2 * np.pi * cycles * t)
    spectrum = np.fft.rfft(strikes, 2 * frames) * np.fft.rfft(ring, 2 * frames)
    ringing = np.fft.irfft(spectrum, 2 * frames)[:frames]
    bed = rng.uniform(0.0, 0.2) * ringing.std() * rng.standard_normal(frames)
    struck: Array = (ringing + bed).astype(np.float32)
    return struck


PLAIN: dict[str, Draw] = {kind: partial(noise.draw, kind) for kind in noise.KINDS}
TRAINING: dict[str, Draw] = PLAIN | {"tilted": tilted, "band": band, "knocks": knocks}
UNSEEN: dict[str, Draw] = {
    "brown": partial(spectral, -2.0),
    "blue": partial(spectral, 1.0),
    "impulsive": impulsive,
}


def add(signal: Array, snr_db: float | Array, draw: Draw, rng: np.random.Generator) -> Array:
    """`signal` [..., frames] plus noise at exactly `snr_db` (a number, or one per row)."""
    drawn = draw(signal.shape, rng)
    return noise.mix(signal, drawn - drawn.mean(axis=-1, keepdims=True), snr_db)
