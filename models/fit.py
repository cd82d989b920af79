"""Recipe -> checkpoint: train, then fit what turns logits and thresholds into honest numbers."""

from pathlib import Path

import msgspec
import numpy as np
import torch
from torch import nn

from models import validation
from models.batches import Batch, batches
from models.calibrate import SnrLine, forward, snr_line, temperature
from models.checkpoint import Checkpoint
from models.data import Recording
from models.recipe import Recipe
from models.train import Progress, train, training_recordings

SNR_WINDOWS = 2048


def fit(recipe: Recipe, root: Path, progress: Progress) -> Checkpoint:
    """Trains the recipe's network on the data below `root`; UserError for what data lack."""
    recordings = training_recordings(recipe, root)
    network = train(recipe, recordings, progress)
    return Checkpoint(
        recipe, network, _temperature(recipe, root, network), _snr(recipe, recordings, network)
    )


def _temperature(recipe: Recipe, root: Path, network: nn.Module) -> float:
    """Fitted on noisy validation windows: on its own training windows a network is too sure."""
    noisy, _ = validation.mixed(validation.together(recipe, root), recipe)
    logits, _ = forward(network, noisy.samples, noisy.running)
    return temperature(logits, torch.from_numpy(noisy.targets))


def _snr(recipe: Recipe, recordings: list[Recording], network: nn.Module) -> SnrLine | None:
    """Fitted on training windows, of which there are enough for so many thresholds."""
    many = msgspec.structs.replace(recipe, batch=SNR_WINDOWS)
    drawn: Batch = next(batches(recordings, many, np.random.default_rng(recipe.seed + 1)))
    _, alphas = forward(network, drawn.samples, drawn.running)
    return snr_line(alphas, drawn.snr_db)
