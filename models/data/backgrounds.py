"""Recorded backgrounds that serve as noise. Free of torch."""

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
    """Random pieces of random recordings [frames], each at least a window long."""
    frames = shape[-1]
    pieces = np.empty((int(np.prod(shape[:-1])), frames), np.float32)
    for row in pieces:
        background = backgrounds[int(rng.integers(len(backgrounds)))]
        start = int(rng.integers(len(background) - frames + 1))
        row[:] = background[start : start + frames]
    return pieces.reshape(shape)


def load(folder: Path, rate_hz: float, window: int) -> dict[str, Draw]:
    """The noise 'recorded', from all recordings of a data set that are as long as a window.

    It uses the first channel, resampled to `rate_hz`. Raises UserError for no data set.
    """
    source = Source(folder.name)
    read = (recordings.read(entry, source, rate_hz)[0] for entry in listing.entries(folder))
    return {RECORDED: partial(recorded, [samples for samples in read if len(samples) >= window])}
