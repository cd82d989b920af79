"""Training: AdamW, cosine with warm-up, fresh noise on every window; the same seed, the same net."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name)
from torch import nn

from models import simulate
from models.batches import Batch, at_speeds, batches, noisy
from models.data import Array, Recording, load, windows
from models.families import build
from models.recipe import Recipe
from models.standardize import standardize

Progress = Callable[[int, float], None]  # step, smoothed loss


@dataclass(frozen=True)
class Labelled:
    """Windows [n, channels, window] with the index of each one's label."""

    samples: Array
    targets: np.ndarray[tuple[int], np.dtype[np.int64]]


def train(recipe: Recipe, recordings: Sequence[Recording], progress: Progress) -> nn.Module:
    """The recipe's network, trained on those recordings, in evaluation mode."""
    torch.manual_seed(recipe.seed)
    network = build(
        recipe.family, recipe.preset, recipe.channels, recipe.window, len(recipe.labels)
    )
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
    """The training side of every data set of the recipe, and the simulated machines."""
    found = []
    for source in recipe.data:
        recordings = load(root, source, source.train, recipe.labels, recipe.rate_hz)
        found += at_speeds(recordings, source.speeds)
    if recipe.simulated:
        count, seconds = recipe.simulated.machines, recipe.simulated.seconds
        found += simulate.machines(count, seconds, recipe.seed, recipe.rate_hz)
    return found


def validation_windows(
    recipe: Recipe, root: Path, per_class: int
) -> Iterator[tuple[str, Labelled]]:
    """Per data set about `per_class` windows of each label, spread over its recordings."""
    for source in recipe.data:
        recordings = load(root, source, source.val, recipe.labels, recipe.rate_hz)
        yield source.folder, label_windows(recordings, recipe.labels, recipe.window, per_class)


def label_windows(
    recordings: Sequence[Recording], labels: Sequence[str], window: int, per_class: int
) -> Labelled:
    """About `per_class` windows of each label: scarce classes count as much as common ones."""
    samples, targets = [], []
    for index, label in enumerate(labels):
        members = [recording for recording in recordings if recording.label == label]
        for recording in members:
            samples.append(windows(recording, window, math.ceil(per_class / len(members))))
            targets += [index] * len(samples[-1])
    return Labelled(np.concatenate(samples), np.asarray(targets))


def mixed(clean: Labelled, recipe: Recipe) -> tuple[Labelled, Array]:
    """The same windows under the recipe's noise, as in training, and their SNR in dB."""
    samples, snr_db = noisy(clean.samples, recipe.noise, np.random.default_rng(recipe.seed))
    return Labelled(samples, clean.targets), snr_db


def _loss(network: nn.Module, batch: Batch) -> torch.Tensor:
    logits, _ = network(standardize(torch.from_numpy(batch.samples)))
    return F.cross_entropy(logits, torch.from_numpy(batch.targets))


def _rate(step: int, recipe: Recipe) -> float:
    """Relative learning rate: a linear start, then half a cosine down to nothing."""
    start = max(1, round(recipe.warm_up * recipe.steps))
    if step < start:
        return (step + 1) / start
    return 0.5 * (1 + math.cos(math.pi * (step - start) / max(1, recipe.steps - start)))
