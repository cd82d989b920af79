"""The commissioning of one source of the running agent, from its first window to its baseline."""

import time
from collections.abc import Iterator, Sequence

import numpy as np

from agent.control.commissioning.requests import Answer, CommissionRequest
from agent.core.time import iso
from agent.core.types import Scored
from agent.diagnosis.baseline.file import Baseline
from agent.diagnosis.baseline.preview import PointPreview
from agent.messages.commissioning import CommissionedPoint, Commissioning, Phase, Warned
from agent.pipeline.commissioning import learning
from agent.pipeline.commissioning.healthy_windows import HealthyWindows
from agent.pipeline.source_pipeline import SourcePipeline

PREVIEW_S = 30.0  # between two previews
SILENT_S = 10.0  # without a window


class Session:
    """For the main thread. It only takes in windows; `Commissioner` moves it on."""

    def __init__(self, request: CommissionRequest, pipeline: SourcePipeline) -> None:
        self.request = request
        self.pipeline = pipeline
        self.healthy = HealthyWindows()
        self.phase: Phase = "listening"
        self.waiting: list[Answer] = []  # for its end
        self.preview_due_s = 0.0  # monotonic
        self.baseline: Baseline | None = None
        self._why: str | None = None
        self._points: tuple[CommissionedPoint, ...] = ()
        self._began, self._began_s = iso(time.time()), time.monotonic()
        self._heard_s = self._began_s  # when the last window came
        self._rms: tuple[float, float] | None = None

    @property
    def ended(self) -> bool:
        return self.phase in ("done", "cancelled", "failed")

    @property
    def seconds(self) -> float:
        """Of healthy signal until now."""
        return self.healthy.signal.windows * self.pipeline.settings.common.hop_s

    @property
    def complete(self) -> bool:
        """Whether all that was wanted is there, or nothing more will come."""
        return self.seconds >= 60 * self.request.minutes or self.pipeline.drained

    def take(self, scored: Scored) -> None:
        """Takes in a window of its source."""
        if not scored.window.samples.size:
            return
        self._heard_s = time.monotonic()
        self.healthy.take(scored, self.pipeline)
        if not scored.window.marks:
            levels = np.sqrt(np.mean(np.square(scored.window.samples), axis=1))
            low, high = float(levels.min()), float(levels.max())
            before = self._rms or (low, high)
            self._rms = (min(low, before[0]), max(high, before[1]))

    def foresee(self, previews: Sequence[PointPreview]) -> None:
        """What a baseline would be like now."""
        self._points = tuple(
            CommissionedPoint(
                condition=point.condition,
                rpm=point.rpm,
                seconds=point.seconds,
                states=point.states,
                threshold=point.threshold,
            )
            for point in previews
        )

    def conclude(self, baseline: Baseline) -> None:
        """The baseline is in use."""
        self.phase, self.baseline = "done", baseline
        self._points = tuple(
            CommissionedPoint(
                condition=point.condition,
                rpm=point.rpm,
                seconds=point.seconds,
                states=sum(state.noise is None for state in point.states),
                threshold=point.threshold,
            )
            for point in baseline.points
        )

    def fail(self, why: str) -> None:
        self.phase, self._why = "failed", why

    def answer_all(self) -> None:
        """Answers those who wait for the end."""
        status = self.status()
        for answer in self.waiting:
            answer(self._why, commissioning=status)
        self.waiting = []

    def status(self) -> Commissioning:
        healthy, baseline = self.healthy, self.baseline
        shares = {name: n / healthy.signal.windows for name, n in healthy.labels.items()}
        return Commissioning(
            source=self.pipeline.name,
            phase=self.phase,
            began=self._began,
            extend=self.request.extend,
            seconds=round(self.seconds, 3),
            wanted_s=60 * self.request.minutes,
            left_s=self._left_s(),
            windows=healthy.signal.windows,
            flagged=healthy.flagged,
            flags=dict(healthy.flags),
            network={name: round(share, 4) for name, share in shares.items()} or None,
            unit=self.pipeline.origin.unit,
            rms=self._rms,
            points=self._points,
            warnings=tuple(self._warnings()),
            baseline_s=None if baseline is None else baseline.seconds,
            provisional=None if baseline is None else baseline.provisional,
            why=self._why,
        )

    def _left_s(self) -> float | None:
        """At the pace until now; 0 once it has ended."""
        if self.phase != "listening":
            return 0.0
        if not self.seconds:
            return None
        left_s = max(0.0, 60 * self.request.minutes - self.seconds)
        return round(left_s * (time.monotonic() - self._began_s) / self.seconds, 1)

    def _warnings(self) -> Iterator[Warned]:
        healthy = self.healthy
        deaf = [point.threshold for point in self._points if learning.is_deaf(point.threshold)]
        if deaf:
            text = f"a threshold of {max(deaf):g}: only large faults would be heard"
            yield Warned(doubt="deaf", text=text)
        if "faulty" in healthy.suspicions:
            share = f"{healthy.faulty_share:.0%}"
            yield Warned(doubt="faulty", text=f"the network calls {share} of the windows faulty")
        if "flagged" in healthy.suspicions:
            share, flags = f"{healthy.flagged_share:.0%}", " and ".join(healthy.flags)
            yield Warned(doubt="flagged", text=f"{share} of the windows are {flags}")
        if healthy.missing is not None:
            yield Warned(doubt="unknown", text=healthy.missing)
        if self.phase == "listening" and time.monotonic() - self._heard_s > SILENT_S:
            yield Warned(doubt="silent", text="no window comes from the source")
