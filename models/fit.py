"""Recipe -> checkpoint: train, then fit what turns logits and thresholds into honest numbers."""

from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import torch
from torch import nn

from models import resume, validation
from models.batches import Batch, batches
from models.calibrate import SnrLine, forward, snr_line, temperature
from models.checkpoint import Checkpoint
from models.data import Recording
from models.recipe import Recipe
from models.resume import StateFile, Store
from models.teller import Say, Teller
from models.train import train, training_recordings
from models.validation import Labelled
from models.watch import Watch
from models.world import ALONE, World

SNR_WINDOWS = 2048


@dataclass(frozen=True)
class Session:
    """How a training runs, which is no part of what comes out of it."""

    state: StateFile | None = None
    world: World = ALONE


def fit(recipe: Recipe, root: Path, say: Say, session: Session | None = None) -> Checkpoint:
    """Trains the recipe's network on the data below `root`; UserError for what data lack."""
    run, teller = session or Session(), Teller(recipe, say)
    recordings = training_recordings(recipe, root)
    noisy, _ = validation.mixed(validation.together(recipe, root), recipe)
    watch = Watch(recipe.stopping, noisy, run.world, teller.score) if recipe.stopping else None
    store = None
    if run.state:
        store = Store(run.state, resume.origin(recipe, recordings, noisy, run.world), run.world)
    network = train(recipe, recordings, teller.step, watch, store, run.world)
    return Checkpoint(
        recipe, network, _temperature(noisy, network), _snr(recipe, recordings, network)
    )


def _temperature(noisy: Labelled, network: nn.Module) -> float:
    """Fitted on noisy validation windows: on its own training windows a network is too sure."""
    logits, _ = forward(network, noisy.samples)
    return temperature(logits, torch.from_numpy(noisy.targets))


def _snr(recipe: Recipe, recordings: list[Recording], network: nn.Module) -> SnrLine | None:
    """Fitted on training windows, of which there are enough for so many thresholds."""
    many = msgspec.structs.replace(recipe, batch=SNR_WINDOWS)
    drawn: Batch = next(batches(recordings, many, np.random.default_rng(recipe.seed + 1)))
    _, alphas = forward(network, drawn.samples)
    return snr_line(alphas, drawn.snr_db)
