"""Recipe -> checkpoint: trains a network, then fits temperature, SNR line and distances."""

from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import torch
from torch import nn

from models.data import validation
from models.data.batches import Batch, batches
from models.data.recipe import Recipe
from models.data.recordings import Recording
from models.data.validation import Labelled
from models.networks.distance import Distance, Rows, typical_features
from models.training import resume
from models.training.calibrate import SnrLine, features, forward, snr_line, temperature
from models.training.checkpoint import Checkpoint
from models.training.distributed import SINGLE, ProcessGroup
from models.training.early_stopping import EarlyStopping
from models.training.progress import Progress, Say
from models.training.resume import StateFile, Store
from models.training.train import TrainingControl, train, training_recordings

FIT_WINDOWS = 2048


@dataclass(frozen=True)
class Session:
    """How a training runs; nothing here changes its result."""

    state: StateFile | None = None
    group: ProcessGroup = SINGLE


def fit(recipe: Recipe, root: Path, say: Say, session: Session | None = None) -> Checkpoint:
    """Trains the recipe's network on the data sets in `root`; raises UserError for bad data."""
    run, progress = session or Session(), Progress(recipe, say)
    recordings = training_recordings(recipe, root)
    noisy, _ = validation.in_noise(validation.together(recipe, root), recipe)
    stopping = store = None
    if recipe.stopping:
        stopping = EarlyStopping(recipe.stopping, noisy, run.group, progress.score)
    if run.state:
        store = Store(run.state, resume.origin(recipe, recordings, noisy, run.group), run.group)
    control = TrainingControl(stopping, store, run.group)
    network = train(recipe, recordings, progress.step, control)
    return calibrated(recipe, network, recordings, noisy)


def calibrated(
    recipe: Recipe, network: nn.Module, recordings: list[Recording], noisy: Labelled
) -> Checkpoint:
    """The trained network with everything that is fitted to data.

    The SNR line and typical windows are fitted to training windows. Temperature and distance are
    fitted to noisy validation windows, because a network is too sure of windows it trained on. It
    is surer still of machines it never heard: `unseen_temperature` makes up for that.
    """
    drawn = _drawn(recipe, recordings)
    near = _near(network, drawn)
    return Checkpoint(
        recipe,
        network,
        _temperature(network, noisy) * recipe.unseen_temperature,
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
    rows = features(network, drawn.samples, drawn.running)  # [n, features]
    return typical_features(rows.numpy(), drawn.targets)


def _farthest(recipe: Recipe, network: nn.Module, near: Rows, noisy: Labelled) -> float:
    """The distance that a share `unknown_rate` of the validation windows exceeds."""
    rows = features(network, noisy.samples, noisy.running)[:, :, None, None]
    with torch.inference_mode():
        return float(torch.quantile(Distance(near)(rows), 1 - recipe.unknown_rate))
