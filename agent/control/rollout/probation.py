"""A model that has just taken another's place, with that one at hand. For the main thread."""

import time
from collections.abc import Callable

from agent.config.rollout import Rollout
from agent.control.rollout import shadow
from agent.control.rollout.assignments import Demand
from agent.core.types import Prediction, Samples
from agent.inference.classifier import Serving


class GuardedClassifier:
    """A classifier. Where the new model fails, the fallback scores the same windows."""

    def __init__(
        self,
        new: Serving,
        fallback: Serving | None,
        rollout: Rollout,
        demand: Demand,
        before_exit: Callable[[str], object],
    ) -> None:
        """`fallback` None: the old model reads other windows, or is not loaded.

        `before_exit(why)` records the failure where it is about to end the process.
        """
        self.contract, self.sha256 = new.contract, new.sha256
        self.reads_running = new.reads_running
        self.new, self.fallback = new, fallback
        self.failure: str | None = None
        self._began_s = time.monotonic()
        self._rollout, self._demand, self._before_exit = rollout, demand, before_exit
        self._before = (new.spent_s, new.served)
        self._fallback_s = 0.0 if fallback is None else fallback.spent_s / max(fallback.served, 1)

    @property
    def spent_s(self) -> float:
        return self.new.spent_s

    @property
    def served(self) -> int:
        return self.new.served

    def classify(self, samples: Samples, running: Samples | None = None) -> list[Prediction]:
        if self.failure is not None and self.fallback is not None:
            return self.fallback.classify(samples, running)
        try:
            predictions = self.new.classify(samples, running)
            unsound = next(filter(None, map(shadow.unsound, predictions)), None)
            self.failure = self.failure or unsound
        except Exception as error:
            self.failure = f"failed: {' '.join(str(error).split())[:200]}"
            if self.fallback is None:
                self._before_exit(self.failure)
                raise
        if self.failure is not None and self.fallback is not None:
            return self.fallback.classify(samples, running)
        return predictions

    def verdict(self) -> str | None:
        """Why the new model must go; None: it may stay."""
        spent_s, served = self.new.spent_s - self._before[0], self._served
        if self.failure is not None or served < shadow.SLOW_AFTER:
            return self.failure
        return shadow.slow(self._rollout, spent_s / served, self._fallback_s, self._demand)

    @property
    def over(self) -> bool:
        """Whether the new model has served long enough."""
        long_enough = time.monotonic() - self._began_s >= self._rollout.probation_s
        return long_enough and self._served >= shadow.SLOW_AFTER

    @property
    def _served(self) -> int:
        """Windows on probation."""
        return self.new.served - self._before[1]
