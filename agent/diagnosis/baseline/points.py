"""Operating points: which windows of healthy running belong together, and which one is now. Pure.

Another load or speed is as unlike the machine as a fault is. So each named condition and each
speed has states and thresholds of its own, and a speed that was not commissioned is told as such.
"""

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from agent.core.types import Samples
from agent.diagnosis.baseline.features import Vector
from agent.diagnosis.baseline.file import OperatingPoint
from agent.diagnosis.baseline.healthy_signal import HealthySignal, Lines

SAME_SPEED = 0.04  # relative: one operating point reaches this far to either side


class PointSignal(msgspec.Struct, frozen=True):
    """What was heard of one operating point."""

    condition: str | None
    rpm: float | None
    runs: list[Vector]  # features [windows, features]
    windows: list[Samples]  # some of them as signal
    lines: list[Lines]


def divide(signal: HealthySignal, speed_known: bool) -> Iterator[PointSignal]:
    """By condition, then by speed where it is known; a run is cut where its speed changes."""
    for condition in dict.fromkeys(run.condition for run in signal.runs):
        speeds = [rpm for run in signal.runs if run.condition == condition for rpm in run.rpm]
        for low, high in _ranges(speeds) if speed_known else [(0.0, np.inf)]:
            point = _within(signal, condition, low, high, speed_known)
            if point.runs:
                yield point


def find(
    points: Sequence[OperatingPoint], condition: str | None, rpm: float | None
) -> OperatingPoint | None:
    """The one commissioned in that condition, nearest to that speed; None: it was not.

    Where one of the two speeds is not known, speed says nothing.
    """
    same = [point for point in points if point.condition == condition]
    if not same or rpm is None:
        return same[0] if same else None
    nearest = min(same, key=lambda point: abs((point.rpm or 0.0) - rpm))
    if nearest.rpm is None or same_speed(nearest.rpm, rpm):
        return nearest
    return None


def same_speed(one: float, other: float) -> bool:
    return abs(one - other) <= SAME_SPEED * max(one, other)


def _ranges(speeds: Sequence[float]) -> list[tuple[float, float]]:
    """Ranges of speed, each no wider than one operating point reaches; 0 is a range of its own."""
    ranges: list[tuple[float, float]] = []
    for rpm in sorted(set(speeds)):
        if ranges and same_speed(ranges[-1][0], rpm):
            ranges[-1] = (ranges[-1][0], rpm)
        else:
            ranges.append((rpm, rpm))
    return ranges


def _within(
    signal: HealthySignal, condition: str | None, low: float, high: float, speed_known: bool
) -> PointSignal:
    runs, speeds = [], []
    inside: list[np.ndarray] = []
    for run in signal.runs:
        rpm = np.asarray(run.rpm)
        member = (rpm >= low) & (rpm <= high) & (run.condition == condition)
        inside.append(member)
        runs += _pieces(run.features, member)
        speeds += rpm[member].tolist()
    windows = [kept for at, window, kept in signal.kept if inside[at][window]]
    lines = [each for at, window, each in signal.lines if inside[at][window]]
    rpm_median = float(np.median(speeds)) if speed_known and speeds else None
    return PointSignal(condition, rpm_median, runs, windows, lines)


def _pieces(rows: Vector, member: np.ndarray) -> list[Vector]:
    """The uninterrupted parts of a run that are members."""
    edges = np.flatnonzero(np.diff(member.astype(np.int8))) + 1
    parts = zip(np.split(rows, edges), np.split(member, edges), strict=True)
    return [part for part, inside in parts if len(part) and inside[0]]
