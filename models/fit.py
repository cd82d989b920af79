"""Recipe -> checkpoint: train, then fit the temperature and the SNR on noisy validation windows."""

from pathlib import Path

import torch

from models import validation
from models.calibrate import forward, snr_line, temperature
from models.checkpoint import Checkpoint
from models.recipe import Recipe
from models.train import Progress, train, training_recordings


def fit(recipe: Recipe, root: Path, progress: Progress) -> Checkpoint:
    """Trains the recipe's network on the data below `root`; UserError for what data lack."""
    network = train(recipe, training_recordings(recipe, root), progress)
    noisy, snr_db = validation.mixed(validation.together(recipe, root), recipe)
    logits, alphas = forward(network, noisy.samples)
    divisor = temperature(logits, torch.from_numpy(noisy.targets))
    return Checkpoint(recipe, network, divisor, snr_line(alphas, snr_db))
