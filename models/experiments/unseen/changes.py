"""What is done to a clip before it is heard: the controls that a sceptic asks for."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from agent.acquisition import resampling
from agent.core.bearing import Orders, of_geometry
from agent.diagnosis import envelope
from agent.diagnosis.baseline import noise_states
from models.experiments.unseen.machines import Clip, Condition

DEPTH = 0.3  # of a level that swings with the shaft
NOISE_DB = 5.0
HEARD_HZ = 10_000.0  # the networks' rate
WRONG_SETS = 30

Row = npt.NDArray[np.float64]
Change = Callable[[Clip, Condition], Clip]


def noisy(colour: str, snr_db: float = NOISE_DB) -> Change:
    """Noise of that colour on top, the same to the same clip every time.

    The ratio is that of the band that the agent hears: at 51.2 kHz most of a machine's power may
    lie above it, and pink noise at 5 dB of the whole would be at -9 dB there.
    """

    def change(clip: Clip, condition: Condition) -> Clip:
        rng = np.random.default_rng(list(clip.name.encode()))
        signal = clip.samples.T.astype(np.float64)
        added = noise_states.add(clip.samples.T, colour, snr_db, rng) - signal
        heard_db = _ratio_db(signal[0], added[0], condition.rate_hz)
        return _with(clip, (signal + added * 10 ** ((heard_db - snr_db) / 20)).T)

    return change


def _ratio_db(signal: Row, noise: Row, rate_hz: float) -> float:
    """Of their powers up to the band that the agent hears."""
    heard = [resampling.resample(each, rate_hz, min(rate_hz, HEARD_HZ)) for each in (signal, noise)]
    return float(10 * np.log10(heard[0].var() / heard[1].var()))


def swinging(harmonic: int, depth: float = DEPTH) -> Change:
    """A level that swings at a harmonic of the shaft; the clip's speed must be known."""

    def change(clip: Clip, condition: Condition) -> Clip:
        assert clip.rpm is not None
        time_s = np.arange(len(clip.samples)) / condition.rate_hz
        swing = 1 + depth * np.sin(2 * np.pi * harmonic * clip.rpm / 60 * time_s)
        return _with(clip, clip.samples * swing[:, None])

    return change


def own_vibration(healthy: Clip, snr_db: float) -> Change:
    """The healthy machine's own vibration on top of a fault, at that ratio of powers."""

    def change(clip: Clip, _: Condition) -> Clip:
        own = np.resize(healthy.samples, clip.samples.shape)
        own = own - own.mean()
        gain = np.sqrt(clip.samples.var() / own.var() * 10 ** (-snr_db / 10))
        return _with(clip, clip.samples + gain * own)

    return change


def wrong_orders(true: Orders, seed: int = 0) -> list[Orders]:
    """Bearings that the machine does not have: the true orders scaled, and random geometries."""
    rng = np.random.default_rng(seed)
    factors = np.linspace(0.8, 1.2, WRONG_SETS // 2 + 1)
    scaled = [factor for factor in factors if abs(factor - 1) > 2 * envelope.TOLERANCE]
    sets = [
        Orders(
            bpfo=true.bpfo * factor, bpfi=true.bpfi * factor, bsf=true.bsf * factor, ftf=true.ftf
        )
        for factor in scaled
    ]
    while len(sets) < WRONG_SETS:
        sets.append(of_geometry(int(rng.integers(6, 17)), rng.uniform(5, 12), rng.uniform(30, 60)))
    return sets


def _with(clip: Clip, samples: npt.NDArray[np.floating]) -> Clip:
    return replace(clip, samples=np.ascontiguousarray(samples, np.float32))
