"""Scores a recording that was dropped on the page, as the agent scores its source."""

import collections
from pathlib import Path

import msgspec
import numpy as np

from agent import sources
from agent.config.load import Config
from agent.config.source import SourceSettings
from agent.core.errors import UserError
from agent.core.types import Scored, SourceError, Verdict
from agent.pipeline import offline
from agent.pipeline.offline import OfflineRunner
from agent.pipeline.source_pipeline import SourcePipeline
from agent.sources.recordings import describe

LONGEST_S = 3600.0
COLUMNS = 400  # of the overview


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the recording with one state."""

    start_s: float
    end_s: float
    decision: str
    label: str | None
    probability: float | None  # smoothed, when the state was entered


class ScoredTimeline(msgspec.Struct, frozen=True, kw_only=True):
    """The states that the agent would have published of a recording."""

    name: str
    duration_s: float
    channels: int  # of which the first one is scored
    windows: int
    flagged: int
    labels: dict[str, int]  # windows by their own label or decision
    spans: list[Span]
    peaks: list[float]  # largest |sample| in each of `COLUMNS` equal parts, relative to the largest


def score(path: Path, name: str, pipeline: SourcePipeline) -> ScoredTimeline:
    """Scores the recording at `path` with the settings and the model of `pipeline`.

    `UserError`, one line, which names the file by its original `name`.
    """
    duration_s, channels = _described(path, name)
    if not 0 < duration_s <= LONGEST_S:
        raise UserError(
            f"{name}: found {duration_s:.0f} s, "
            f"expected more than none and at most {LONGEST_S:.0f} s"
        )
    try:
        windows = _run(_runner(path, pipeline))
    except (UserError, SourceError) as error:
        why = str(error).replace(str(path), name).removeprefix(f"file ({pipeline.name}): ")
        raise UserError(f"{name}: {why}") from None
    if not windows.count:
        contract = pipeline.origin.contract
        window_s = contract.window / contract.rate_hz
        raise UserError(f"{name}: found less than one window, expected at least {window_s:g} s")
    return windows.timeline(name, duration_s, channels)


def _described(path: Path, name: str) -> tuple[float, int]:
    """The recording's length in seconds and its channels."""
    try:
        recording = describe(path)
    except UserError as error:
        raise UserError(str(error).replace(str(path), name)) from None
    if recording.rate_hz is None:
        raise UserError(f"{name}: found no sampling rate in the file, expected one")
    return recording.frames / recording.rate_hz, recording.channels


class _WindowLog:
    """Collects what the timeline shows of each window; of the signal only the peaks."""

    def __init__(self, rate_hz: float, hop: int) -> None:
        self.count = 0
        self._flagged = 0
        self._rate_hz = rate_hz
        self._hop = hop
        self._labels: collections.Counter[str] = collections.Counter()
        self._states: list[tuple[float, Verdict]] = []
        self._peaks: list[float] = []

    def take(self, scored: Scored) -> None:
        samples = scored.window.samples
        if not samples.size:
            return
        self.count += 1
        self._flagged += bool(scored.window.marks)
        self._labels[scored.verdict.label or scored.verdict.decision] += 1
        self._peaks.append(float(np.abs(samples[0, -self._hop :]).max()))
        if scored.event is not None:
            end_s = (scored.window.first + samples.shape[1]) / self._rate_hz
            self._states.append((end_s, scored.event))

    def timeline(self, name: str, duration_s: float, channels: int) -> ScoredTimeline:
        ends = [start_s for start_s, _ in self._states[1:]] + [duration_s]
        parts = np.array_split(np.array(self._peaks), min(COLUMNS, len(self._peaks)))
        largest = max(self._peaks) or 1.0
        return ScoredTimeline(
            name=name,
            duration_s=duration_s,
            channels=channels,
            windows=self.count,
            flagged=self._flagged,
            labels=dict(self._labels.most_common()),
            spans=[
                Span(
                    start_s=start_s,
                    end_s=end_s,
                    decision=state.decision,
                    label=state.label,
                    probability=state.probability,
                )
                for (start_s, state), end_s in zip(self._states, ends, strict=True)
            ],
            peaks=[round(float(part.max()) / largest, 3) for part in parts],
        )


def _runner(path: Path, pipeline: SourcePipeline) -> OfflineRunner:
    """The settings of `pipeline`, with the signal of the file."""
    channels = tuple(range(pipeline.origin.contract.channels))
    common = msgspec.structs.replace(pipeline.settings.common, kind="file", channels=channels)
    options = sources.options("file")(path=str(path), pace="fast", block=offline.BLOCK)
    source = SourceSettings("file", common, options)
    return OfflineRunner(Config(sources=(source,)), source, commissioned=False)


def _run(runner: OfflineRunner) -> _WindowLog:
    """All windows of the file."""
    windows = _WindowLog(runner.pipeline.origin.contract.rate_hz, runner.pipeline.hop)
    for step in runner.scored():
        for scored in step:
            windows.take(scored)
    return windows
