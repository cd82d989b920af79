"""Compares windows with a baseline, which is never changed by what is seen."""

import numpy as np

from agent.core.types import Samples
from agent.diagnosis.baseline import states
from agent.diagnosis.baseline.features import Vector, features
from agent.diagnosis.baseline.file import Baseline

DRIFT_WINDOWS = 1000  # over which deviations are averaged, exponentially


class Monitor:
    """One source's."""

    def __init__(self, baseline: Baseline) -> None:
        self.baseline = baseline
        self._mean: Vector | None = None
        self._seen = 0

    def anomaly(self, samples: Samples) -> float:
        """How far a window [channels, frames] is off, over the threshold: above 1 is too far."""
        deviation = states.deviations(self.baseline.states, features(samples))
        self._seen += 1
        mean = np.zeros_like(deviation) if self._mean is None else self._mean
        self._mean = mean + (deviation - mean) / min(self._seen, DRIFT_WINDOWS)
        return states.distance(deviation) / self.baseline.threshold

    @property
    def drift(self) -> float | None:
        """The same of the average deviation: chance goes, what has changed stays."""
        if self._mean is None:
            return None
        return states.distance(self._mean) / self.baseline.threshold
