"""The progress lines of a training: loss, validation macro-F1, time left."""

import time
from collections.abc import Callable

from models.data.recipe import Recipe
from models.training.early_stopping import Score

Say = Callable[[str], None]
EVERY = 100  # steps between lines, without early stopping


class Progress:
    """`step` is called after every step, `score` after every score of early stopping."""

    def __init__(
        self, recipe: Recipe, say: Say, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._recipe, self._say, self._clock = recipe, say, clock
        self._start: tuple[int, float] | None = None  # the first step of this process, and when
        self._step, self._loss = 0, 0.0

    def step(self, step: int, loss: float) -> None:
        if self._start is None:
            self._begin(step)
        self._step, self._loss = step, loss
        silent = self._recipe.stopping is not None
        if not silent and (step % EVERY == 0 or step == self._recipe.steps):
            self._say(f"{self._done()}{self._left()}")

    def score(self, score: Score, best: Score) -> None:
        text = f"validation macro-F1 under noise {100 * score.macro_f1:.1f} %"
        if best != score:
            text += f" (best {100 * best.macro_f1:.1f} % at {best.step})"
        self._say(f"{self._done()}, {text}{self._left()}")

    def _begin(self, step: int) -> None:
        self._start = (step, self._clock())
        if step > 1:
            self._say(f"{self._recipe.family}: goes on after step {step - 1}")

    def _done(self) -> str:
        total = self._recipe.steps
        return f"{self._recipe.family}: step {self._step} of {total}, loss {self._loss:.3f}"

    def _left(self) -> str:
        """The time left, an upper bound where the training may end early."""
        assert self._start is not None
        first, start_s = self._start
        steps = self._step - first
        if steps < 1 or self._step >= self._recipe.steps:
            return ""
        left_s = (self._clock() - start_s) / steps * (self._recipe.steps - self._step)
        minutes, seconds = divmod(round(left_s), 60)
        most = "at most " if self._recipe.stopping else ""
        return f", {most}{minutes} min {seconds} s left"
