"""Recorded backgrounds as noise. Free of torch."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from models.data import listing, recordings
from models.data.noise import RECORDED, Array, Draw
from models.data.recipe import Source


def recorded(
    backgrounds: Sequence[Array], shape: tuple[int, ...], rng: np.random.Generator
) -> Array:
    """Places at random in recordings [frames] at random, each at least a window long."""
    frames = shape[-1]
    found = np.empty((int(np.prod(shape[:-1])), frames), np.float32)
    for row in found:
        background = backgrounds[int(rng.integers(len(backgrounds)))]
        start = int(rng.integers(len(background) - frames + 1))
        row[:] = background[start : start + frames]
    return found.reshape(shape)


def load(folder: Path, rate_hz: float, window: int) -> dict[str, Draw]:
    """The noise 'recorded': all recordings of a data set that are as long as a window.

    Of each the first channel, brought to that rate. UserError for what is no data set.
    """
    source = Source(folder.name)
    read = (recordings.read(entry, source, rate_hz)[0] for entry in listing.entries(folder))
    return {RECORDED: partial(recorded, [found for found in read if len(found) >= window])}
