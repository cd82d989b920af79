"""Validation and calibration windows: always the same, equally many of each class.

Free of torch.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from agent.sources.noise import KINDS
from models.data import simulate
from models.data.batches import Batch, batches, noisy
from models.data.noise import TRAINING
from models.data.recipe import Recipe
from models.data.recordings import Array, Recording, load, windows

PER_CLASS = 96
CALIBRATION_WINDOWS = 256
SIMULATED_RUNS, SIMULATED_S = 12, 4.0
HELD_OUT_SEED = 1 << 20  # of simulated machines that no training seed draws


@dataclass(frozen=True)
class Labelled:
    """Windows [n, channels, window], their labels' indices [n] and their machines [n, 5]."""

    samples: Array
    targets: npt.NDArray[np.int64]
    running: Array  # as in `agent.core.model_contract`


def per_set(recipe: Recipe, root: Path) -> Iterator[tuple[str, Labelled]]:
    """Each data set's name and its validation windows, clean."""
    for source in recipe.data:
        recordings = load(root, source, source.val, recipe.labels, recipe.rate_hz)
        yield recordings[0].machine, labelled(recordings, recipe)


def together(recipe: Recipe, root: Path) -> Labelled:
    """The validation windows of every data set, clean."""
    sets = [windows for _, windows in per_set(recipe, root)]
    return Labelled(
        np.concatenate([windows.samples for windows in sets]),
        np.concatenate([windows.targets for windows in sets]),
        np.concatenate([windows.running for windows in sets]),
    )


def simulated(recipe: Recipe) -> Labelled:
    """Clean windows of the default simulated machine with fully grown faults."""
    recordings = simulate.default(SIMULATED_RUNS, SIMULATED_S, HELD_OUT_SEED, recipe.rate_hz)
    return labelled(recordings, recipe)


def labelled(
    recordings: Sequence[Recording], recipe: Recipe, per_class: int = PER_CLASS
) -> Labelled:
    """About `per_class` windows of each label, spread over its recordings."""
    samples, targets, running = [], [], []
    for index, label in enumerate(recipe.labels):
        members = [recording for recording in recordings if recording.label == label]
        for recording in members:
            count = math.ceil(per_class / len(members))
            samples.append(windows(recording, recipe.window, count))
            targets += [index] * count
            running += [recording.running] * count
    return Labelled(
        np.concatenate(samples), np.asarray(targets, np.int64), np.asarray(running, np.float32)
    )


def in_noise(clean: Labelled, recipe: Recipe) -> tuple[Labelled, Array]:
    """The same windows under the recipe's noise, as in training, and their SNR in dB [n].

    The kinds that are pieces of training recordings are left out.
    """
    kinds = tuple(kind for kind in recipe.noise.kinds if kind in TRAINING) or KINDS
    spec = msgspec.structs.replace(recipe.noise, kinds=kinds)
    samples, snr_db = noisy(clean.samples, spec, np.random.default_rng(HELD_OUT_SEED))
    return replace(clean, samples=samples), snr_db


def calibration(recipe: Recipe, recordings: Sequence[Recording]) -> Batch:
    """Training windows under the training noise, for the ranges of INT8."""
    some = msgspec.structs.replace(recipe, batch=CALIBRATION_WINDOWS)
    return next(batches(recordings, some, np.random.default_rng(recipe.seed)))
