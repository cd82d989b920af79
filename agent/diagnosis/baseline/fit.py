"""Learns a baseline from healthy running. Pure."""

from collections.abc import Sequence

import msgspec
import numpy as np

from agent.core.errors import UserError
from agent.core.types import FaultLine
from agent.diagnosis.baseline import folds, noise_states, points, states, tail
from agent.diagnosis.baseline.features import Vector
from agent.diagnosis.baseline.file import Baseline, Frame, OperatingPoint
from agent.diagnosis.baseline.healthy_signal import HealthySignal, Lines
from agent.diagnosis.baseline.points import PointSignal

LEAST_WINDOWS = 8  # of an operating point: a speed that was passed through is none
LEAST_DISTANCE = 4.2  # no threshold is lower; chosen on run-to-failure tests, docs/COMMISSIONING.md
SLOW_FACTOR = 1.5  # over the largest median of healthy running left out
LEAST_MEDIAN = 2.2  # what a steady machine's is taken to be at least
REMEMBERED = 3000  # windows of an operating point whose features are kept, to extend it


def fit(
    signal: HealthySignal,
    frame: Frame,
    per_month: float,
    speed_known: bool = False,
    before: Baseline | None = None,
) -> Baseline:
    """The baseline of that signal, which extends the one `before`; `UserError` for too little."""
    old = {} if before is None else {(p.condition, p.rpm): p for p in before.points}
    learned = []
    for point_signal in points.divide(signal, speed_known):
        if sum(len(run) for run in point_signal.runs) < LEAST_WINDOWS:
            continue
        same = points.find(tuple(old.values()), point_signal.condition, point_signal.rpm)
        if same is not None:
            del old[same.condition, same.rpm]
        learned.append(_point(point_signal, frame, per_month, same))
    if not learned:
        raise UserError(
            f"found {signal.windows} sound windows in one operating point, expected at least "
            f"{LEAST_WINDOWS}, and half an hour for a threshold worth the name"
        )
    every = sorted([*old.values(), *learned], key=lambda p: (p.condition or "", p.rpm or 0.0))
    return Baseline(frame=frame, points=tuple(every), false_alarms_per_month=per_month)


def _point(
    point_signal: PointSignal, frame: Frame, per_month: float, old: OperatingPoint | None
) -> OperatingPoint:
    """Thresholds are read from distances to what the rest of the time would have taught, so that
    a machine which wanders during its commissioning has the wider bounds that it needs."""
    runs = [*remembered(old), *point_signal.runs]
    rows = np.concatenate(runs)
    clean = states.learn(rows)
    noisy = noise_states.learn(clean, point_signal.windows)
    apart = folds.left_out(runs, frame.hop_s)
    found = tail.threshold(
        folds.largest_held(apart, frame.hop_s, frame.patience), folds.STRETCH_S, per_month
    )
    median = folds.largest_median(apart, frame.hop_s) or 0.0
    slow = SLOW_FACTOR * max(LEAST_MEDIAN, median)
    kept, lengths = _thinned(runs)
    point = OperatingPoint(
        condition=point_signal.condition,
        rpm=point_signal.rpm,
        seconds=round(sum(len(run) for run in point_signal.runs) * frame.hop_s, 3),
        states=(*clean, *noisy),
        threshold=round(max(LEAST_DISTANCE, found.distance), 4),
        slow_threshold=round(slow, 4),
        stretches=found.stretches,
        extrapolated_decades=found.decades,
        limited=found.limited,
        lines=_highest(point_signal.lines),
        rows=kept.astype(np.float16).tobytes(),
        runs=lengths,
    )
    return point if old is None else _joined(point, old)


def _joined(point: OperatingPoint, old: OperatingPoint) -> OperatingPoint:
    """What was healthy stays healthy: no bound becomes narrower by hearing more."""
    noisy = tuple(state for state in old.states if state.noise is not None)
    return msgspec.structs.replace(
        point,
        rpm=old.rpm,
        seconds=round(old.seconds + point.seconds, 3),
        states=(*point.states, *noisy),
        threshold=max(old.threshold, point.threshold),
        slow_threshold=max(old.slow_threshold, point.slow_threshold),
        lines=_highest([lines for lines in (old.lines, point.lines) if lines]),
    )


def remembered(point: OperatingPoint | None) -> list[Vector]:
    """The features of its healthy windows, run by run [windows, features]."""
    if point is None or not point.runs:
        return []
    rows = np.frombuffer(point.rows, np.float16).reshape(sum(point.runs), -1)
    return list(np.split(rows.astype(np.float64), np.cumsum(point.runs)[:-1]))


def _thinned(runs: Sequence[Vector]) -> tuple[Vector, tuple[int, ...]]:
    """At most about `REMEMBERED` windows, evenly: [windows, features], and how many of each run."""
    step = -(-sum(len(run) for run in runs) // REMEMBERED)
    kept = [run[::step] for run in runs]
    return np.concatenate(kept), tuple(len(run) for run in kept)


def _highest(lines: Sequence[Lines]) -> Lines:
    """The highest of each series, channel by channel."""
    if not lines:
        return ()
    highest: list[FaultLine | None] = []
    for channel in zip(*lines, strict=True):
        known = [each for each in channel if each is not None]
        names = FaultLine.__struct_fields__
        highest.append(
            FaultLine(**{n: max(getattr(each, n) for each in known) for n in names})
            if known
            else None
        )
    return tuple(highest)
