"""Scores a network as it trains, on validation windows under noise; keeps the best weights."""

import copy
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name)
from torch import nn

from models.data.recipe import Stopping
from models.data.validation import Labelled
from models.evaluation import metrics
from models.training.calibrate import forward
from models.training.distributed import ProcessGroup


@dataclass(frozen=True)
class Score:
    """After that many steps; `loss` decides between networks of the same macro-F1."""

    step: int
    macro_f1: float
    loss: float

    def beats(self, other: "Score | None") -> bool:
        return other is None or (self.macro_f1, -self.loss) > (other.macro_f1, -other.loss)


class EarlyStopping:
    """`noisy` are the same windows at every look. `tell` hears each score and the best one."""

    def __init__(
        self,
        stopping: Stopping,
        noisy: Labelled,
        group: ProcessGroup,
        tell: Callable[[Score, Score], None],
    ) -> None:
        self.best: Score | None = None
        self._stopping, self._noisy, self._group, self._tell = stopping, noisy, group, tell
        self._weights: dict[str, Any] = {}
        self._idle = 0

    def look(self, network: nn.Module, step: int) -> None:
        """Scores the network where one is due; every process must call it after every step."""
        if step % self._stopping.every:
            return
        found = self._group.from_first(self._score(network, step) if self._group.first else None)
        assert found is not None
        self._idle += 1
        if found.beats(self.best):
            self.best, self._idle = found, 0
            self._weights = copy.deepcopy(network.state_dict())
        assert self.best is not None
        self._tell(found, self.best)

    @property
    def enough(self) -> bool:
        """Whether it is unlikely that going on finds a better one."""
        return self._idle >= self._stopping.patience

    def keep_best(self, network: nn.Module) -> None:
        """Gives the network the best weights there were."""
        if self.best is not None:
            network.load_state_dict(self._weights)

    def state(self) -> dict[str, Any]:
        best = asdict(self.best) if self.best else None
        return {"best": best, "weights": self._weights, "idle": self._idle}

    def restore(self, state: dict[str, Any]) -> None:
        self.best = Score(**state["best"]) if state["best"] else None
        self._weights, self._idle = state["weights"], state["idle"]

    def _score(self, network: nn.Module, step: int) -> Score:
        logits, _ = forward(network.eval(), self._noisy.samples, self._noisy.running)
        targets = self._noisy.targets
        counts = metrics.confusion(targets, logits.argmax(1).numpy(), logits.shape[1])
        loss = F.cross_entropy(logits, torch.from_numpy(targets))
        return Score(step, float(metrics.macro_f1(counts)), float(loss))
