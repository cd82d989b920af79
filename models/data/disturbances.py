"""What is heard of a machine beside its bearing, healthy or not. Free of torch.

Each machine has its own: a coloured background that may swing with the shaft, the shaft's
harmonics, a mesh, knocks in step with the shaft, and strikes of something else at another order.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np

from agent.core.bearing import Orders
from models.data import noise, strikes
from models.data.strikes import Signal, Train, log_uniform

SHAFTS = ("unbalanced", "misaligned", "loose")
HARMONICS = np.arange(0.5, 10.5, 0.5)  # of the shaft; halves only where it is loose
SWINGS = (1, 7)  # harmonics of the shaft at which a level swings, the last one excluded
TEETH = (10, 60)
KNOCKS = (1, 5)  # a turn
OTHER_ORDERS = (0.4, 12.0)
APART = 0.04  # of another's order and its multiples from those of the bearing
RIPPLES = 6


@dataclass(frozen=True)
class Disturbances:
    """The levels are standard deviations over that of the background; 0: there is none."""

    rpm: float
    rate_hz: float
    tilt: float  # exponent of the background's power over frequency
    ripple: Signal  # logarithmic gains of cosines over the background's spectrum
    swing: Train | None  # `order` and `turning` of a level that swings
    harmonics: Signal  # amplitude of each of `HARMONICS`
    mesh: tuple[int, float]  # teeth, level
    trains: tuple[tuple[Train, Signal, float], ...]  # strikes, path, level


def draw(rng: np.random.Generator, rpm: float, orders: Orders, rate_hz: float) -> Disturbances:
    """A machine's own; each but background and shaft is there for half of the machines."""
    knocks = Train(float(rng.integers(*KNOCKS)), scatter=rng.uniform(0.05, 0.4))
    other = Train(other_order(rng, orders), rng.uniform(0.001, 0.015), rng.uniform(0.05, 0.5))
    teeth = int(rng.integers(*TEETH))
    fits = teeth * rpm / 60 < 0.45 * rate_hz
    swing = Train(float(rng.integers(*SWINGS)), turning=rng.uniform(0.05, 0.8))
    return Disturbances(
        rpm,
        rate_hz,
        tilt=rng.uniform(-2.0, 1.0),
        ripple=0.3 * rng.standard_normal(RIPPLES),
        swing=swing if rng.random() < 0.5 else None,
        harmonics=_shaft(rng) * log_uniform(rng, 0.05, 5.0),
        mesh=(teeth, _level(rng, 0.05, 3.0) if fits else 0.0),
        trains=(
            (knocks, strikes.structure(rng, rate_hz), _level(rng, 0.1, 2.0)),
            (other, strikes.structure(rng, rate_hz), _level(rng, 0.1, 2.0)),
        ),
    )


def render(spec: Disturbances, frames: int, rng: np.random.Generator) -> Signal:
    """A recording [frames] of them."""
    turns = spec.rpm / 60 / spec.rate_hz * np.arange(frames, dtype=np.float64) + rng.uniform()
    signal = _background(spec, turns, rng) + _tones(spec.harmonics, turns, rng)
    teeth, level = spec.mesh
    if level:
        mesh = np.cos(2 * np.pi * teeth * turns) * (1 + 0.4 * np.cos(2 * np.pi * turns))
        signal += level * mesh / mesh.std()
    for train, path, level in spec.trains:
        if level:
            heard = strikes.ringing(train, spec.rpm, spec.rate_hz, path, frames, rng)
            signal += level * heard
    return signal


def _level(rng: np.random.Generator, low: float, high: float) -> float:
    level = log_uniform(rng, low, high)
    return level if rng.random() < 0.5 else 0.0


def _shaft(rng: np.random.Generator) -> Signal:
    """Amplitudes of unit power: once a turn, twice, or many harmonics and halves of them."""
    kind = rng.choice(SHAFTS)
    whole = HARMONICS % 1 == 0
    amplitudes = np.where(whole, 1 / HARMONICS, 0.0) * rng.uniform(0.0, 0.5, len(HARMONICS))
    if kind == "unbalanced":
        amplitudes[HARMONICS == 1] += 1.0
    elif kind == "misaligned":
        amplitudes[(HARMONICS == 1) | (HARMONICS == 2) | (HARMONICS == 3)] += rng.uniform(0.2, 1, 3)
    else:
        amplitudes += rng.uniform(0.0, 1.0, len(HARMONICS)) * np.where(whole, 1.0, 0.3)
    unit: Signal = amplitudes / np.sqrt((amplitudes**2).sum() / 2)
    return unit


def other_order(rng: np.random.Generator, orders: Orders) -> float:
    """Neither the bearing's nor a multiple or a part of one."""
    own = (orders.bpfo, orders.bpfi, orders.bsf)
    while True:
        order = log_uniform(rng, *OTHER_ORDERS)
        ratios = [n * order / (m * line) for n, m, line in product((1, 2, 3), (1, 2, 3), own)]
        if all(abs(ratio - 1) > APART for ratio in ratios):
            return order


def _background(spec: Disturbances, turns: Signal, rng: np.random.Generator) -> Signal:
    drawn = noise.spectral(spec.tilt, (len(turns),), rng).astype(np.float64)
    spectrum = np.fft.rfft(drawn)
    angles = np.pi * np.arange(1, RIPPLES + 1)[:, None] * np.linspace(0, 1, len(spectrum))
    coloured = np.fft.irfft(spectrum * np.exp(spec.ripple @ np.cos(angles)), len(turns))
    background: Signal = coloured / coloured.std()
    if spec.swing is None:
        return background
    angle = 2 * np.pi * (spec.swing.order * turns + rng.uniform())
    return background * (1 + spec.swing.turning * np.cos(angle))


def _tones(amplitudes: Signal, turns: Signal, rng: np.random.Generator) -> Signal:
    phases = rng.uniform(size=len(HARMONICS))
    tones = np.cos(2 * np.pi * (HARMONICS[:, None] * turns + phases[:, None]))
    summed: Signal = amplitudes @ tones
    return summed
