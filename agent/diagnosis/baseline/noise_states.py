"""Noise learned in advance: the healthy machine with noise on top is still the healthy machine.

A fan switched on beside the machine lifts some bands and flattens crest factor and kurtosis. It
would be an anomaly, and is no fault. So the healthy windows are learned again with noise of four
colours, in steps of `STEP_DB` from `HIGHEST_DB` down to 0 dB, as further states of the baseline.
What a fault shares with such noise is lost: docs/COMMISSIONING.md has how much.
"""

from collections.abc import Sequence

import numpy as np

from agent.core.types import Samples
from agent.diagnosis.baseline import states
from agent.diagnosis.baseline.features import Vector, features
from agent.diagnosis.baseline.states import State

EXPONENTS = {"gaussian": 0.0, "pink": -1.0, "brown": -2.0, "blue": 1.0}  # power ~ frequency ** e
HIGHEST_DB, STEP_DB = 15, 3
WINDOWS = 30  # of a state, for each colour and step


def learn(clean: Sequence[State], windows: Sequence[Samples], seed: int = 0) -> tuple[State, ...]:
    """The states of windows [channels, frames] with noise, for each state that they are in."""
    if not windows:
        return ()
    rng = np.random.default_rng(seed)
    members = states.nearest(clean, np.stack([features(window) for window in windows]))
    learned: list[State] = []
    for at, one in enumerate(clean):
        own = [window for window, member in zip(windows, members, strict=True) if member == at]
        if not own:
            continue
        for colour in EXPONENTS:
            for low_db in range(0, HIGHEST_DB, STEP_DB):
                rows = _rows(own, colour, low_db, rng)
                learned.append(states.state(rows, one.share, f"{colour} {low_db} dB"))
    return tuple(learned)


def add(window: Samples, colour: str, snr_db: float, rng: "np.random.Generator") -> Vector:
    """`window` [channels, frames] with noise at `snr_db` of each channel's own power."""
    noise = _draw(colour, window.shape, rng)
    power = window.var(axis=-1, keepdims=True) / noise.var(axis=-1, keepdims=True)
    noisy: Vector = window + np.sqrt(power * 10 ** (-snr_db / 10)) * noise
    return noisy


def _rows(
    windows: Sequence[Samples], colour: str, low_db: float, rng: "np.random.Generator"
) -> Vector:
    """Features [windows, features] with noise of every strength within the step."""
    picked = rng.choice(len(windows), WINDOWS, replace=len(windows) < WINDOWS)
    strengths_db = low_db + STEP_DB * (np.arange(WINDOWS) + 0.5) / WINDOWS
    return np.stack(
        [
            features(add(windows[at], colour, snr_db, rng).astype(np.float32))
            for at, snr_db in zip(picked, strengths_db, strict=True)
        ]
    )


def _draw(colour: str, shape: tuple[int, ...], rng: "np.random.Generator") -> Vector:
    spectrum = np.fft.rfft(rng.standard_normal(shape), axis=-1)
    bins = np.arange(spectrum.shape[-1], dtype=np.float64)
    gain = np.zeros_like(bins)
    gain[1:] = bins[1:] ** (EXPONENTS[colour] / 2)
    noise: Vector = np.fft.irfft(spectrum * gain, n=shape[-1], axis=-1)
    return noise
