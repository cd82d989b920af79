"""Windows of the paper's protocol: one noise at one SNR, fixed to its window. Free of torch."""

import zlib
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from models.data import noise
from models.data.batches import batches
from models.data.recipe import Noise, Recipe, Source
from models.data.recordings import Recording
from models.data.validation import HELD_OUT_SEED, Labelled

TRAINING_WINDOWS = 1280
EPOCHS, LONG = 20, 100  # the paper has the latter: see `models.experiments.paper.__main__`


class Cell(NamedTuple):
    """How a model is trained and tested; `seed` decides windows, noise and weights."""

    kind: str
    snr_db: int
    seed: int
    epochs: int = EPOCHS


def cells(levels_db: Sequence[int], seeds: Sequence[int]) -> list[Cell]:
    """Every noise at every level; all of one seed before the next."""
    return [Cell(kind, level, s) for s in seeds for kind in noise.PLAIN for level in levels_db]


def recipe(labels: Sequence[str], cell: Cell) -> Recipe:
    """The recipe of the training set, which is one batch."""
    level = float(cell.snr_db)
    return Recipe(
        name="paper",
        labels=tuple(labels),
        normal=("normal",),
        rate_hz=10_000,
        window=2048,
        batch=TRAINING_WINDOWS,
        noise=Noise(kinds=(cell.kind,), snr_db=(level, level), clean=0.0),
        data=(Source("cwru"),),
    )


def generator(cell: Cell) -> np.random.Generator:
    """Random numbers of a cell: other ones in every cell, the same for all its models."""
    return np.random.default_rng([cell.seed, zlib.crc32(cell.kind.encode()), 100 + cell.snr_db])


def training_set(recordings: Sequence[Recording], spec: Recipe, cell: Cell) -> Labelled:
    """Windows drawn once, each with fixed noise."""
    drawn = next(batches(recordings, spec, generator(cell)))
    return Labelled(drawn.samples, drawn.targets, drawn.running)


def noisy_set(clean: Labelled, cell: Cell) -> Labelled:
    """The same windows in a cell's noise, for every seed and every model."""
    rng = generator(cell._replace(seed=HELD_OUT_SEED))
    noisy = noise.add(clean.samples, float(cell.snr_db), noise.PLAIN[cell.kind], rng)
    return replace(clean, samples=noisy)
