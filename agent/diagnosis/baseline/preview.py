"""What a baseline would be like if healthy running ended now. Pure.

Quick, since it learns no noise and looks at the newest windows alone.
"""

from collections.abc import Iterator

import msgspec
import numpy as np

from agent.diagnosis.baseline import folds, points, states, tail
from agent.diagnosis.baseline.features import Vector
from agent.diagnosis.baseline.file import Frame
from agent.diagnosis.baseline.fit import LEAST_DISTANCE, LEAST_WINDOWS
from agent.diagnosis.baseline.healthy_signal import HealthySignal

NEWEST = 3000  # windows of an operating point that are looked at


class PointPreview(msgspec.Struct, frozen=True, kw_only=True):
    """One operating point until now."""

    condition: str | None
    rpm: float | None  # None: not known
    seconds: float  # of sound signal
    states: int  # operating states, without those with noise
    threshold: float


def preview(
    signal: HealthySignal, frame: Frame, per_month: float, speed_known: bool
) -> Iterator[PointPreview]:
    """Each operating point that has enough windows to be learned."""
    for point in points.divide(signal, speed_known):
        windows = sum(len(run) for run in point.runs)
        if windows < LEAST_WINDOWS:
            continue
        runs = _newest(point.runs)
        apart = folds.left_out(runs, frame.hop_s)
        held = folds.largest_held(apart, frame.hop_s, frame.patience)
        threshold = tail.threshold(held, folds.STRETCH_S, per_month)
        yield PointPreview(
            condition=point.condition,
            rpm=point.rpm,
            seconds=round(windows * frame.hop_s, 3),
            states=len(states.learn(np.concatenate(runs))),
            threshold=round(max(LEAST_DISTANCE, threshold.distance), 4),
        )


def _newest(runs: list[Vector]) -> list[Vector]:
    """The last `NEWEST` windows of the runs."""
    newest: list[Vector] = []
    left = NEWEST
    for run in reversed(runs):
        if left <= 0:
            break
        newest.insert(0, run[-left:])
        left -= len(run)
    return newest
