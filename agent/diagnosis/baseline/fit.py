"""Learns a baseline from the windows of healthy running. Pure."""

from collections.abc import Sequence

import numpy as np

from agent.core.errors import UserError
from agent.diagnosis.baseline import states, tail
from agent.diagnosis.baseline.features import Vector
from agent.diagnosis.baseline.file import Baseline, Frame

FOLDS = 4  # of the time: what is learned of three is tried on the fourth
STRETCH_S = 10.0  # windows closer than this tell the same thing
LEAST_STRETCHES = 30  # fewer tell nothing of a tail
LEAST_DISTANCE = 4.2  # no threshold is lower; chosen on run-to-failure tests, docs/COMMISSIONING.md


def fit(runs: Sequence[Vector], frame: Frame, per_month: float) -> Baseline:
    """From features [windows, features] of each uninterrupted run; `UserError` for too few.

    The threshold is read from distances to what the rest of the time would have taught, so that
    a machine which wanders during its commissioning has the wider bounds that it needs.
    """
    rows = np.concatenate([np.zeros((0, runs[0].shape[1])) if runs else np.zeros((0, 1)), *runs])
    largest = _largest(runs, rows, frame) if len(rows) >= FOLDS else np.zeros(0)
    if len(largest) < LEAST_STRETCHES:
        seconds = LEAST_STRETCHES * STRETCH_S
        raise UserError(
            f"found {len(rows) * frame.hop_s:.0f} s of sound windows, expected at least "
            f"{seconds:.0f} s, and half an hour for a threshold worth the name"
        )
    found = tail.threshold(largest, STRETCH_S, per_month)
    return Baseline(
        frame=frame,
        states=states.learn(rows),
        threshold=round(max(LEAST_DISTANCE, found.distance), 4),
        false_alarms_per_month=per_month,
        windows=len(rows),
        stretches=found.stretches,
        extrapolated_decades=found.decades,
    )


def _largest(runs: Sequence[Vector], rows: Vector, frame: Frame) -> Vector:
    """The largest distance of each stretch that `patience` windows in a row hold."""
    apart = _left_out(rows)
    windows = max(1, round(STRETCH_S / frame.hop_s))
    found, at = [], 0
    for run in runs:
        held = tail.held(apart[at : at + len(run)], frame.patience)
        at += len(run)
        whole = len(held) // windows
        found.append(held[: whole * windows].reshape(whole, windows).max(axis=1))
    return np.concatenate(found)


def _left_out(rows: Vector) -> Vector:
    """Each row's distance to the states that the other parts of the time teach [windows]."""
    apart = np.zeros(len(rows))
    for part in np.array_split(np.arange(len(rows)), FOLDS):
        learned = states.learn(np.delete(rows, part, axis=0))
        apart[part] = states.distances(learned, rows[part])
    return apart
