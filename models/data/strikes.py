"""Trains of strikes that make a structure ring.

The intervals are random and add up, as where rollers slip: J. Antoni and R. B. Randall, "A
stochastic model for simulation and diagnostics of rolling element bearings with localized faults",
Journal of Vibration and Acoustics 125(3), 2003. The load zone is Stribeck's: P. D. McFadden and
J. D. Smith, Journal of Sound and Vibration 96(1), 1984. Free of torch.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Signal = npt.NDArray[np.float64]
RESONANCES_HZ, DAMPING = (500.0, 4800.0), (0.01, 0.1)
RING_S = 0.04  # of a structure's response
MOST_RESONANCES = 3


@dataclass(frozen=True)
class Train:
    """Strikes at `order` times the shaft's speed, each `slip` of an interval early or late."""

    order: float
    slip: float = 0.001  # standard deviation of an interval, relative
    scatter: float = 0.2  # standard deviation of a strike's logarithm
    load_order: float = 1.0  # turns of the load past the defect, for one of the shaft
    turning: float = 0.0  # share of the load that turns
    zone: float | None = None  # Stribeck's extent of the load zone, 0 to 1; None: all around
    weaker: float = 1.0  # every second strike, over the others


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return math.exp(rng.uniform(math.log(low), math.log(high)))


def structure(rng: np.random.Generator, rate_hz: float) -> Signal:
    """An impulse response [frames] of unit energy: one to three damped resonances."""
    count = rng.integers(1, MOST_RESONANCES + 1)
    highest = min(RESONANCES_HZ[1], 0.48 * rate_hz)
    time_s = np.arange(round(RING_S * rate_hz)) / rate_hz
    response = np.zeros_like(time_s)
    for _ in range(count):
        turns = 2 * np.pi * rng.uniform(RESONANCES_HZ[0], highest) * time_s
        response += (
            rng.uniform(0.3, 1.0) * np.exp(-log_uniform(rng, *DAMPING) * turns) * np.sin(turns)
        )
    unit: Signal = response / np.sqrt((response**2).sum())
    return unit


def ringing(
    train: Train, rpm: float, rate_hz: float, path: Signal, frames: int, rng: np.random.Generator
) -> Signal:
    """What a sensor behind `path` hears of them [frames], of unit variance."""
    lead = len(path)  # so that the first strikes ring on from before the beginning
    heard = _convolved(_pulses(train, rpm, rate_hz, lead + frames, rng), path)
    heard = heard[lead : lead + frames]
    deviation = heard.std()
    return heard / deviation if deviation else heard


def _pulses(
    train: Train, rpm: float, rate_hz: float, frames: int, rng: np.random.Generator
) -> Signal:
    turn = rate_hz * 60 / rpm  # frames
    interval = turn / train.order
    count = int(frames / interval) + 4
    intervals = interval * (1 + train.slip * rng.standard_normal(count))
    at = rng.uniform(0, interval) + np.cumsum(intervals) - intervals[0]
    at = at[(at >= 0) & (at < frames - 1)]
    force = _load(train, train.load_order * at / turn + rng.uniform())
    force *= np.exp(train.scatter * rng.standard_normal(len(at)))
    force[1::2] *= train.weaker
    pulses, first = np.zeros(frames), at.astype(int)
    np.add.at(pulses, first, force * (1 - at + first))  # between two frames
    np.add.at(pulses, first + 1, force * (at - first))
    return pulses


def _load(train: Train, turns: Signal) -> Signal:
    """On the defect at those turns of the load: (1 - (1 - cos) / 2 zone) ** 1.5."""
    angle = 2 * np.pi * turns
    if train.zone is None:
        return 1 + train.turning * np.cos(angle)
    inside = np.maximum(0.0, 1 - (1 - np.cos(angle)) / (2 * train.zone))
    load: Signal = inside**1.5
    return load


def _convolved(pulses: Signal, path: Signal) -> Signal:
    length = len(pulses) + len(path) - 1
    spectrum = np.fft.rfft(pulses, length) * np.fft.rfft(path, length)
    return np.fft.irfft(spectrum, length)
