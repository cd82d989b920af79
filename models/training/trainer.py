"""Training step by step: AdamW, cosine schedule with warm-up, fresh noise on every window.

`state` holds everything that the next step depends on. An interrupted training therefore ends at
the same weights, to the bit on one CPU thread. Several processes draw batches of their own
(`recipe.batch` is the sum) and average their gradients. Batch norms use the statistics of each
process's share; the running statistics of the first process are kept.
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

State = dict[str, Any]  # of tensors, numbers and text, which torch loads without running code
SMALLEST_SHARE = 2  # windows: batch norm needs a variance


class Trainer:
    """`step` counts the steps done; `loss` is smoothed over about fifty steps."""

    def __init__(
        self, recipe: Recipe, recordings: Sequence[Recording], group: ProcessGroup
    ) -> None:
        torch.manual_seed(recipe.seed)
        self.step, self.loss = 0, math.log(len(recipe.labels))
        self.network = untrained(recipe).to(group.device)
        self._group = group
        self._forward: nn.Module = TrainingOutputs(self.network)
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
        """The state. Every process must call it, because each has a random state of its own."""
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
        """Continues from `state`."""
        self.step, self.loss = state["step"], state["loss"]
        self.network.load_state_dict(state["network"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._schedule.load_state_dict(state["schedule"])
        torch.set_rng_state(state["torch"])
        self._rng.bit_generator.state = state["drawn"][self._group.rank]


def _share(recipe: Recipe, size: int) -> Recipe:
    """The recipe with one process's part of a batch; raises UserError where it does not divide."""
    if recipe.batch % size or recipe.batch // size < SMALLEST_SHARE:
        raise UserError(
            f"batch: found {recipe.batch} windows for {size} processes, expected a multiple of "
            f"{size} and at least {SMALLEST_SHARE} each"
        )
    return msgspec.structs.replace(recipe, batch=recipe.batch // size)


class TrainingOutputs(nn.Module):
    """The outputs that the loss needs: logits, and the estimated SNR where the network has one.

    Both come from one forward pass, so that the gradients of several processes are averaged.
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
    samples, running, targets, snr_db = (torch.from_numpy(part).to(device) for part in parts)
    logits, *level = network(standardize(samples), running)
    loss = F.cross_entropy(logits, targets)
    return loss + SNR_WEIGHT * _snr_loss(level[0].flatten(), snr_db) if level else loss


def _snr_loss(estimate: torch.Tensor, snr_db: torch.Tensor) -> torch.Tensor:
    """Mean square error of the estimated SNR, in tens of dB, over noisy windows."""
    noisy = torch.isfinite(snr_db)
    return F.mse_loss(estimate[noisy], snr_db[noisy] / 10) if noisy.any() else estimate.sum() * 0


def _rate(step: int, recipe: Recipe) -> float:
    """Relative learning rate: a linear warm-up, then half a cosine down to zero."""
    start = max(1, round(recipe.warm_up * recipe.steps))
    if step < start:
        return (step + 1) / start
    return 0.5 * (1 + math.cos(math.pi * (step - start) / max(1, recipe.steps - start)))
