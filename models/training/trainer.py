"""A network in training, a step at a time: AdamW, cosine with warm-up, fresh noise on every window.

Everything that the next step depends on is in `state`, so that a training that was interrupted
ends at the same weights, to the bit on one CPU thread. With several processes each draws its own
batches (`recipe.batch` is their sum) and gradients are averaged; batch norms work with the
statistics of each process's own share, and the first one's running statistics are kept.
"""

import math
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name)
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from agent.core.errors import UserError
from models.data.batches import Batch, batches
from models.data.recipe import Recipe
from models.data.recordings import Recording
from models.networks.standardize import standardize
from models.training.checkpoint import untrained
from models.training.distributed import ProcessGroup

SNR_WEIGHT = 0.2  # of the estimated SNR's loss beside the labels

State = dict[str, Any]  # of tensors, numbers and text: what torch loads without trusting a file
SMALLEST_SHARE = 2  # windows: batch norm needs a variance


class Trainer:
    """`step` steps are done; `loss` is smoothed over the last fifty or so."""

    def __init__(
        self, recipe: Recipe, recordings: Sequence[Recording], group: ProcessGroup
    ) -> None:
        torch.manual_seed(recipe.seed)
        self.step, self.loss = 0, math.log(len(recipe.labels))
        self.network = untrained(recipe).to(group.device)
        self._group = group
        self._forward: nn.Module = Answers(self.network)
        if group.size > 1:
            self._forward = DistributedDataParallel(self._forward)
        self._optimizer = torch.optim.AdamW(
            self.network.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay
        )
        self._schedule = torch.optim.lr_scheduler.LambdaLR(
            self._optimizer, lambda step: _rate(step, recipe)
        )
        self._rng = np.random.default_rng([recipe.seed, group.rank] if group.rank else recipe.seed)
        self._drawn = batches(recordings, _share(recipe, group.size), self._rng)

    def advance(self) -> None:
        """One step."""
        self._forward.train()
        loss = _loss(self._forward, next(self._drawn), self._group.device)
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        self._schedule.step()
        self.step += 1
        self.loss += 0.02 * (loss.item() - self.loss)

    def state(self) -> State:
        """Every process must call it: each has a random state of its own."""
        return {
            "step": self.step,
            "loss": self.loss,
            "network": self.network.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "schedule": self._schedule.state_dict(),
            "torch": torch.get_rng_state(),
            "drawn": self._group.from_all(self._rng.bit_generator.state),
        }

    def restore(self, state: State) -> None:
        """Goes on where `state` was taken."""
        self.step, self.loss = state["step"], state["loss"]
        self.network.load_state_dict(state["network"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._schedule.load_state_dict(state["schedule"])
        torch.set_rng_state(state["torch"])
        self._rng.bit_generator.state = state["drawn"][self._group.rank]


def _share(recipe: Recipe, size: int) -> Recipe:
    """The recipe with one process's part of a batch; UserError where it does not divide."""
    if recipe.batch % size or recipe.batch // size < SMALLEST_SHARE:
        raise UserError(
            f"batch: found {recipe.batch} windows for {size} processes, expected a multiple of "
            f"{size} and at least {SMALLEST_SHARE} each"
        )
    return msgspec.structs.replace(recipe, batch=recipe.batch // size)


class Answers(nn.Module):
    """What the loss is taken of: logits, and the estimated SNR where the network has a head for it.

    One forward pass, so that the gradients of several processes meet.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.noise_level = dict(network.named_children()).get("noise_level")

    def forward(self, x: torch.Tensor, running: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """x [batch, channels, window], running [batch, 5] -> logits, and the SNR in tens of dB."""
        features, _ = self.network.features(x, running)  # type: ignore[operator]
        logits = self.network.classifier(features).flatten(1)  # type: ignore[operator]
        return (logits,) if self.noise_level is None else (logits, self.noise_level(features))


def _loss(network: nn.Module, batch: Batch, device: torch.device) -> torch.Tensor:
    parts = (batch.samples, batch.running, batch.targets, batch.snr_db)
    samples, running, targets, snr_db = (torch.from_numpy(each).to(device) for each in parts)
    logits, *level = network(standardize(samples), running)
    loss = F.cross_entropy(logits, targets)
    return loss + SNR_WEIGHT * _snr_loss(level[0].flatten(), snr_db) if level else loss


def _snr_loss(found: torch.Tensor, snr_db: torch.Tensor) -> torch.Tensor:
    """Mean square error of the estimated SNR, in tens of dB, over the windows that have one."""
    known = torch.isfinite(snr_db)
    return F.mse_loss(found[known], snr_db[known] / 10) if known.any() else found.sum() * 0


def _rate(step: int, recipe: Recipe) -> float:
    """Relative learning rate: a linear start, then half a cosine down to nothing."""
    start = max(1, round(recipe.warm_up * recipe.steps))
    if step < start:
        return (step + 1) / start
    return 0.5 * (1 + math.cos(math.pi * (step - start) / max(1, recipe.steps - start)))
