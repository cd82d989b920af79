"""Training windows without end: labels and machines balanced, noise fresh."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import soxr

from models import noises
from models.data import Array, Recording
from models.recipe import Noise, Recipe
from models.simulate import MACHINE

RIPPLES = 6  # cosines over the spectrum that make up a random equalizer


@dataclass(frozen=True)
class Batch:
    """`samples` [batch, channels, window]; `targets` and `snr_db` (inf: clean) [batch]."""

    samples: Array
    targets: npt.NDArray[np.int64]
    snr_db: Array


def batches(
    recordings: Sequence[Recording], recipe: Recipe, rng: np.random.Generator
) -> Iterator[Batch]:
    """A label at random, one of the machines that have it, one of its recordings, a place."""
    shelf = _shelf(recordings)
    share = recipe.simulated.share if recipe.simulated else 0.0
    weights = label_shares(recipe)
    while True:
        targets = rng.choice(len(recipe.labels), recipe.batch, p=weights)
        clean = np.stack(
            [_window(shelf[recipe.labels[t]], share, recipe.window, rng) for t in targets]
        )
        samples, snr_db = noisy(coloured(clean, recipe.colour_db, rng), recipe.noise, rng)
        yield Batch(samples, targets, snr_db)


def label_shares(recipe: Recipe) -> npt.NDArray[np.float64]:
    """How much of the windows each label gets: normal ones their share, the others the rest."""
    normal = np.isin(recipe.labels, recipe.normal)
    if recipe.normal_share is None or normal.all():
        return np.full(len(normal), 1 / len(normal))
    share = recipe.normal_share
    return np.array([share / normal.sum() if n else (1 - share) / (~normal).sum() for n in normal])


def noisy(clean: Array, spec: Noise, rng: np.random.Generator) -> tuple[Array, Array]:
    """Windows [batch, channels, window] with a share left clean and the rest split over kinds.

    Returns the windows, and their SNR in dB [batch], which is inf where clean.
    """
    count = len(clean)
    snr_db = np.where(rng.random(count) < spec.clean, np.inf, rng.uniform(*spec.snr_db, count))
    kind = rng.integers(len(spec.kinds), size=count)
    samples = clean.copy()
    for index, name in enumerate(spec.kinds):
        rows = (kind == index) & np.isfinite(snr_db)
        level = np.repeat(snr_db[rows, None], clean.shape[1], axis=1)  # [rows, channels]
        samples[rows] = noises.add(
            clean[rows], level.astype(np.float32), noises.TRAINING[name], rng
        )
    return samples, snr_db.astype(np.float32)


def coloured(samples: Array, colour_db: float, rng: np.random.Generator) -> Array:
    """Each window through its own smooth random equalizer, whose gain deviates by `colour_db`.

    A rig's sound gives its recordings away; when it is struck is what tells the faults apart.
    """
    if colour_db == 0.0:
        return samples
    frames = samples.shape[-1]
    ripple = np.arange(1, RIPPLES + 1)[:, None] * np.linspace(0, np.pi, frames // 2 + 1)
    weight = rng.standard_normal((*samples.shape[:-1], RIPPLES)) * np.sqrt(2 / RIPPLES)
    gain = 10.0 ** (colour_db / 20 * (weight @ np.cos(ripple)))  # [..., frames // 2 + 1]
    spectrum = np.fft.rfft(samples) * gain.astype(np.float32)
    return np.fft.irfft(spectrum, n=frames).astype(np.float32)


def at_speeds(recordings: Sequence[Recording], speeds: Sequence[float]) -> list[Recording]:
    """Every recording as if its machine had run at those relative speeds."""
    return [replace(r, samples=_at_speed(r.samples, speed)) for r in recordings for speed in speeds]


def _at_speed(samples: Array, speed: float) -> Array:
    if speed == 1.0:
        return samples
    return np.ascontiguousarray(soxr.resample(samples.T, speed, 1.0, quality="HQ").T, np.float32)


def _shelf(recordings: Sequence[Recording]) -> dict[str, dict[str, list[Recording]]]:
    """label -> machine -> recordings"""
    shelf: dict[str, dict[str, list[Recording]]] = defaultdict(lambda: defaultdict(list))
    for recording in recordings:
        shelf[recording.label][recording.machine].append(recording)
    return shelf


def _window(
    by_machine: dict[str, list[Recording]], share: float, window: int, rng: np.random.Generator
) -> Array:
    real = [name for name in by_machine if name != MACHINE]
    simulated = MACHINE in by_machine and (not real or rng.random() < share)
    recordings = by_machine[MACHINE if simulated else real[rng.integers(len(real))]]
    samples = recordings[rng.integers(len(recordings))].samples
    start = rng.integers(samples.shape[-1] - window + 1)
    return samples[:, start : start + window]
