"""What commissioning has taken in of a healthy machine, before anything is learned from it."""

from collections.abc import Sequence

import msgspec
import numpy as np

from agent.core.types import FaultLine, Physics, Samples, Window
from agent.diagnosis.baseline.features import Vector, features

KEPT = 600  # windows kept as signal, to learn noise with

Lines = tuple[FaultLine | None, ...]  # of each channel


class HealthyRun(msgspec.Struct):
    """Uninterrupted sound windows in one condition."""

    condition: str | None = None
    rows: list[Vector] = []  # features [features] of each window
    rpm: list[float] = []  # of each window; 0: not known, or it stands

    @property
    def features(self) -> Vector:
        """[windows, features]"""
        return np.stack(self.rows)


class HealthySignal(msgspec.Struct):
    """All runs, windows kept as signal with their place in `runs`, and the bearing's lines."""

    runs: list[HealthyRun] = []
    kept: list[tuple[int, int, Samples]] = []  # run, window in it, signal
    lines: list[tuple[int, int, Lines]] = []  # run, window in it, lines
    _expected: int | None = None  # first frame of the window that would follow on the last
    _stride: int = 1  # of windows, between those that are kept
    _count: int = 0

    @property
    def windows(self) -> int:
        return sum(len(run.rows) for run in self.runs)

    def features_until_now(self) -> "HealthySignal":
        """A copy that another thread may read: what was heard, without signal and lines."""
        runs = [HealthyRun(run.condition, list(run.rows), list(run.rpm)) for run in self.runs]
        return HealthySignal(runs=runs)

    def interrupt(self) -> None:
        """What comes next does not follow on what came before."""
        self._expected = None

    def take(self, window: Window, hop: int, rpm: float | None, condition: str | None) -> None:
        """One sound window."""
        if self._expected != window.first:
            self.runs.append(HealthyRun(condition))
        self._expected = window.first + hop
        run = self.runs[-1]
        if self._count % self._stride == 0:
            self.kept.append((len(self.runs) - 1, len(run.rows), window.samples))
            self._thin()
        self._count += 1
        run.rows.append(features(window.samples))
        run.rpm.append(rpm or 0.0)

    def take_lines(self, physics: Sequence[Physics] | None) -> None:
        """The lines of the bearing up to the last window, where they could be told."""
        if physics is not None and any(channel.evidence_db for channel in physics):
            lines = tuple(channel.evidence_db for channel in physics)
            self.lines.append((len(self.runs) - 1, len(self.runs[-1].rows) - 1, lines))

    def _thin(self) -> None:
        if len(self.kept) > KEPT:
            del self.kept[1::2]
            self._stride *= 2
