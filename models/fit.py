"""Recipe -> checkpoint: train, then fit what turns a network's answers into honest numbers."""

from pathlib import Path

import msgspec
import numpy as np
import torch
from torch import nn

from models import validation
from models.batches import Batch, batches
from models.calibrate import SnrLine, features, forward, snr_line, temperature
from models.checkpoint import Checkpoint
from models.data import Recording
from models.distance import Distance, Rows, typical
from models.recipe import Recipe
from models.train import Progress, train, training_recordings
from models.validation import Labelled

FIT_WINDOWS = 2048


def fit(recipe: Recipe, root: Path, progress: Progress) -> Checkpoint:
    """Trains the recipe's network on the data below `root`; UserError for what data lack."""
    recordings = training_recordings(recipe, root)
    network = train(recipe, recordings, progress)
    noisy, _ = validation.mixed(validation.together(recipe, root), recipe)
    return calibrated(recipe, network, recordings, noisy)


def calibrated(
    recipe: Recipe, network: nn.Module, recordings: list[Recording], noisy: Labelled
) -> Checkpoint:
    """The trained network with all that is fitted: to training windows, of which there are
    enough, and to noisy validation windows where a network is too sure of what it has seen."""
    drawn = _drawn(recipe, recordings)
    near = _near(network, drawn)
    return Checkpoint(
        recipe,
        network,
        _temperature(network, noisy),
        _snr(network, drawn),
        near,
        _farthest(recipe, network, near, noisy),
    )


def _drawn(recipe: Recipe, recordings: list[Recording]) -> Batch:
    many = msgspec.structs.replace(recipe, batch=FIT_WINDOWS)
    return next(batches(recordings, many, np.random.default_rng(recipe.seed + 1)))


def _temperature(network: nn.Module, noisy: Labelled) -> float:
    logits, _ = forward(network, noisy.samples, noisy.running)
    return temperature(logits, torch.from_numpy(noisy.targets))


def _snr(network: nn.Module, drawn: Batch) -> SnrLine | None:
    _, alphas = forward(network, drawn.samples, drawn.running)
    return snr_line(alphas, drawn.snr_db)


def _near(network: nn.Module, drawn: Batch) -> Rows:
    seen = features(network, drawn.samples, drawn.running)
    return typical(seen.numpy(), drawn.targets)


def _farthest(recipe: Recipe, network: nn.Module, near: Rows, noisy: Labelled) -> float:
    """The distance that `unknown_rate` of the known windows exceed."""
    seen = features(network, noisy.samples, noisy.running)[:, :, None, None]
    with torch.inference_mode():
        return float(torch.quantile(Distance(near)(seen), 1 - recipe.unknown_rate))
