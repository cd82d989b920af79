"""Compares windows with a baseline, which is never changed by what is seen."""

import collections

import msgspec
import numpy as np

from agent.core.types import Samples
from agent.diagnosis.baseline import folds, points, states
from agent.diagnosis.baseline.features import Vector, features
from agent.diagnosis.baseline.file import Baseline, OperatingPoint
from agent.diagnosis.baseline.healthy_signal import Lines
from agent.diagnosis.baseline.states import StateArrays

DRIFT_WINDOWS = 1000  # over which deviations are averaged, exponentially


class Comparison(msgspec.Struct, frozen=True):
    """A window beside the baseline; each distance over its threshold: above 1 is too far."""

    commissioned: bool  # the machine was heard in this condition and at this speed
    provisional: bool = False  # the baseline has heard less than `file.WHOLE_S`
    anomaly: float | None = None  # of the window
    anomaly_slow: float | None = None  # of the median over some seconds; None: too few windows
    lines: Lines = ()  # the healthy machine's own, of each channel
    missing: str | None = None  # why the speed or condition is not known, so nothing is compared

    @property
    def healthy(self) -> bool:
        return self.commissioned and max(self.anomaly or 0.0, self.anomaly_slow or 0.0) <= 1


class Monitor:
    """One source's."""

    def __init__(self, baseline: Baseline) -> None:
        self.baseline = baseline
        self._states = {id(point): StateArrays(point.states) for point in baseline.points}
        self._point: OperatingPoint | None = None  # where the machine was last
        self._mean: Vector | None = None
        self._seen = 0
        self._most, self._least = folds.slow_windows(baseline.frame.hop_s)
        self._distances: collections.deque[float] = collections.deque(maxlen=self._most)

    def compare(
        self, samples: Samples, rpm: float | None = None, condition: str | None = None
    ) -> Comparison:
        """A sound window [channels, frames], at that speed and in that condition."""
        provisional = self.baseline.provisional
        point = points.find(self.baseline.points, condition, rpm)
        if point is not self._point:
            self._distances.clear()
            self._point = point
        if point is None:
            return Comparison(False, provisional)
        deviation = self._states[id(point)].deviation(features(samples))
        self._note(deviation / point.threshold)
        distance = states.distance(deviation)
        self._distances.append(distance)
        slow = None
        if len(self._distances) >= self._least:
            slow = float(np.median(self._distances)) / point.slow_threshold
        return Comparison(True, provisional, distance / point.threshold, slow, point.lines)

    def rest(self) -> None:
        """The machine stands still: what comes after it is looked at afresh."""
        self._distances.clear()
        self._point = None

    def unknown(self, missing: str) -> Comparison:
        """Of a window whose speed or condition is not known."""
        self.rest()
        return Comparison(False, self.baseline.provisional, missing=missing)

    @property
    def drift(self) -> float | None:
        """The anomaly of the average deviation: chance goes, what has changed stays."""
        return None if self._mean is None else states.distance(self._mean)

    def _note(self, deviation: Vector) -> None:
        self._seen += 1
        mean = np.zeros_like(deviation) if self._mean is None else self._mean
        self._mean = mean + (deviation - mean) / min(self._seen, DRIFT_WINDOWS)
