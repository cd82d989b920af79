"""Early stopping: scores a network on noisy validation windows and keeps the best weights."""

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
    """The score after `step` steps; `loss` decides between networks of the same macro-F1."""

    step: int
    macro_f1: float
    loss: float

    def beats(self, best: "Score | None") -> bool:
        return best is None or (self.macro_f1, -self.loss) > (best.macro_f1, -best.loss)


class EarlyStopping:
    """Scores the windows `noisy`; `report` is called with each score and the best one."""

    def __init__(
        self,
        stopping: Stopping,
        noisy: Labelled,
        group: ProcessGroup,
        report: Callable[[Score, Score], None],
    ) -> None:
        self.best: Score | None = None
        self._stopping, self._noisy, self._group, self._report = stopping, noisy, group, report
        self._weights: dict[str, Any] = {}
        self._idle = 0

    def update(self, network: nn.Module, step: int) -> None:
        """Scores the network when a score is due. Every process must call it after every step."""
        if step % self._stopping.every:
            return
        score = self._group.from_first(self._score(network, step) if self._group.first else None)
        assert score is not None
        self._idle += 1
        if score.beats(self.best):
            self.best, self._idle = score, 0
            self._weights = copy.deepcopy(network.state_dict())
        assert self.best is not None
        self._report(score, self.best)

    @property
    def enough(self) -> bool:
        """Whether the last `patience` scores were no better than the best."""
        return self._idle >= self._stopping.patience

    def load_best(self, network: nn.Module) -> None:
        """Loads the best weights into the network."""
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
