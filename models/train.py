"""Training: AdamW, cosine with warm-up, fresh noise on every window; one seed, one network."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name)
from torch import nn

from agent.errors import UserError
from models import simulate
from models.batches import Batch, at_speeds, batches
from models.data import Recording, load
from models.families import untrained
from models.recipe import Recipe
from models.standardize import standardize

SNR_WEIGHT = 0.2  # of the estimated SNR's loss beside the labels

Progress = Callable[[int, float], None]  # step, smoothed loss


def train(recipe: Recipe, recordings: Sequence[Recording], progress: Progress) -> nn.Module:
    """The recipe's network, trained on those recordings, in evaluation mode."""
    torch.manual_seed(recipe.seed)
    network = untrained(recipe)
    optimizer = torch.optim.AdamW(
        network.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, recipe))
    drawn = batches(recordings, recipe, np.random.default_rng(recipe.seed))
    network.train()
    mean_loss = math.log(len(recipe.labels))
    for step in range(recipe.steps):
        loss = _loss(network, next(drawn))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        mean_loss += 0.02 * (loss.item() - mean_loss)
        progress(step + 1, mean_loss)
    return network.eval()


def training_recordings(recipe: Recipe, root: Path) -> list[Recording]:
    """The training side of every data set of the recipe, and the simulated machines.

    UserError where a label has none, or one is shorter than a window.
    """
    found = []
    for source in recipe.data:
        recordings = load(root, source, source.train, recipe.labels, recipe.rate_hz)
        found += at_speeds(recordings, source.speeds)
    if recipe.simulated:
        count, seconds = recipe.simulated.machines, recipe.simulated.seconds
        found += simulate.machines(count, seconds, recipe.seed, recipe.rate_hz)
    _check(found, recipe, root)
    return found


def _check(recordings: Sequence[Recording], recipe: Recipe, root: Path) -> None:
    missing = set(recipe.labels) - {recording.label for recording in recordings}
    if missing:
        raise UserError(f"{root}: found no training recording of {', '.join(sorted(missing))}")
    for recording in recordings:
        frames = recording.samples.shape[-1]
        if frames < recipe.window:
            raise UserError(
                f"{root}: {recording.file}: found {frames} frames at {recipe.rate_hz:g} Hz, "
                f"expected at least a window of {recipe.window}"
            )


def _loss(network: nn.Module, batch: Batch) -> torch.Tensor:
    samples, running = torch.from_numpy(batch.samples), torch.from_numpy(batch.running)
    features, _ = network.features(standardize(samples), running)  # type: ignore[operator]
    logits = network.classifier(features).flatten(1)  # type: ignore[operator]
    loss = F.cross_entropy(logits, torch.from_numpy(batch.targets))
    if "noise_level" not in dict(network.named_children()):
        return loss
    return loss + SNR_WEIGHT * _snr_loss(network.noise_level(features).flatten(), batch)  # type: ignore[operator]


def _snr_loss(found: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Mean square error of the estimated SNR, in tens of dB, over the windows that have one."""
    snr_db = torch.from_numpy(batch.snr_db)
    known = torch.isfinite(snr_db)
    return F.mse_loss(found[known], snr_db[known] / 10) if known.any() else found.sum() * 0


def _rate(step: int, recipe: Recipe) -> float:
    """Relative learning rate: a linear start, then half a cosine down to nothing."""
    start = max(1, round(recipe.warm_up * recipe.steps))
    if step < start:
        return (step + 1) / start
    return 0.5 * (1 + math.cos(math.pi * (step - start) / max(1, recipe.steps - start)))
