"""A model that has just taken another's place, with that one at hand. For the main thread."""

import time
from collections.abc import Callable

from agent.config.rollout import Rollout
from agent.control.rollout import shadow
from agent.core.types import Prediction, Samples
from agent.inference.classifier import Serving


class GuardedClassifier:
    """A classifier. Where the new model fails, the old one looks at the same windows."""

    def __init__(
        self, new: Serving, old: Serving | None, keys: Rollout, sources: int, hop_s: float
    ) -> None:
        """`old` None: it reads other windows, or is not loaded."""
        self.contract, self.sha256 = new.contract, new.sha256
        self.reads_running = new.reads_running
        self.new, self.old = new, old
        self.trouble: str | None = None
        self.last_words: Callable[[str], None] = lambda why: None  # before it ends the process
        self.began_s = time.monotonic()
        self._keys, self._sources, self._hop_s = keys, sources, hop_s
        self._before = (new.spent_s, new.served)
        self._old_s = 0.0 if old is None else old.spent_s / max(old.served, 1)

    @property
    def spent_s(self) -> float:
        return self.new.spent_s

    @property
    def served(self) -> int:
        return self.new.served

    def classify(self, samples: Samples, running: Samples | None = None) -> list[Prediction]:
        try:
            found = self.new.classify(samples, running)
            self.trouble = self.trouble or next(filter(None, map(shadow.unsound, found)), None)
        except Exception as error:
            self.trouble = f"failed: {' '.join(str(error).split())[:200]}"
            if self.old is None:
                self.last_words(self.trouble)
                raise
        if self.trouble is not None and self.old is not None:
            return self.old.classify(samples, running)
        return found

    def verdict(self) -> str | None:
        """Why it must go; None: it may stay."""
        spent_s, served = self.new.spent_s - self._before[0], self.new.served - self._before[1]
        if self.trouble is not None or served < shadow.SLOW_AFTER:
            return self.trouble
        mean_s = spent_s / served
        return shadow.slow(self._keys, mean_s, self._old_s, self._hop_s, self._sources)

    @property
    def over(self) -> bool:
        served = self.new.served - self._before[1]
        long_enough = time.monotonic() - self.began_s >= self._keys.probation_s
        return long_enough and served >= shadow.SLOW_AFTER
