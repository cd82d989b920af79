"""A recording that was dropped on the page: the same pipeline, from its first frame to its last."""

import collections
import threading
from pathlib import Path

import msgspec
import numpy as np
import soundfile

from agent import sources
from agent.config import load
from agent.config.source import SourceSettings
from agent.core.errors import UserError
from agent.core.types import Scored, SourceError, Verdict
from agent.pipeline import build, window_scorer
from agent.pipeline.build import Runtime
from agent.pipeline.source_pipeline import SourcePipeline

LONGEST_S = 3600.0
COLUMNS = 400  # of the overview
WAIT_S = 0.005


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of the recording through which one state held."""

    start_s: float
    end_s: float
    decision: str
    label: str | None
    probability: float | None  # smoothed, as the state was entered


class ScoredTimeline(msgspec.Struct, frozen=True, kw_only=True):
    """What the agent would have said of a recording."""

    name: str
    duration_s: float
    channels: int  # of which the first is heard
    windows: int
    flagged: int
    labels: dict[str, int]  # windows by what each alone was held to be
    spans: list[Span]
    peaks: list[float]  # largest |sample| of each of `COLUMNS` equal parts, of the largest


def score(path: Path, name: str, like: SourcePipeline) -> ScoredTimeline:
    """Scores the sound file at `path` as `like` is scored.

    `UserError`, one line, speaks of the file by its own `name`.
    """
    try:
        found = soundfile.info(path)
    except soundfile.LibsndfileError as error:
        reason = error.error_string.rstrip(".")
        raise UserError(f"{name}: not a recording that can be read: {reason}") from None
    if not 0 < found.frames <= LONGEST_S * found.samplerate:
        raise UserError(
            f"{name}: found {found.frames / found.samplerate:.0f} s, "
            f"expected more than none and at most {LONGEST_S:.0f} s"
        )
    try:
        heard = _listen(_pipeline(path, like))
    except (UserError, SourceError, soundfile.LibsndfileError) as error:
        raise UserError(f"{name}: {str(error).replace(str(path), name)}") from None
    if not heard.windows:
        window_s = like.origin.contract.window / like.origin.contract.rate_hz
        raise UserError(f"{name}: found less than one window, expected at least {window_s:g} s")
    duration_s = found.frames / found.samplerate
    return heard.timeline(name, duration_s, found.channels)


class _WindowLog:
    """Grows window by window; no signal is kept but its peaks."""

    def __init__(self, rate_hz: float, hop: int) -> None:
        self.windows = 0
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
        self.windows += 1
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
            windows=self.windows,
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


def _pipeline(path: Path, like: SourcePipeline) -> SourcePipeline:
    """The same source, its signal out of a file."""
    channels = tuple(range(like.origin.contract.channels))
    common = msgspec.structs.replace(like.settings.common, kind="file", channels=channels)
    options = sources.options("file")(path=str(path), pace="fast")
    source = SourceSettings("file", common, options)
    chosen = load.Config(sources=(source,))
    wake = threading.Event()
    (pipeline,) = build.build_pipelines(chosen, Runtime(wake=wake.set), commissioned=False)
    return pipeline


def _listen(pipeline: SourcePipeline) -> _WindowLog:
    """Everything that the file holds."""
    failure: list[BaseException] = []

    def read() -> None:
        try:
            pipeline.reader.run(threading.Event())
        except Exception as error:  # noqa: BLE001 - raised again below
            failure.append(error)

    heard = _WindowLog(
        pipeline.origin.contract.rate_hz,
        pipeline.hop,
    )
    thread = threading.Thread(target=read, name="recording", daemon=True)
    thread.start()
    while not pipeline.drained:
        scored = window_scorer.step([pipeline.scorer])
        for each in scored:
            heard.take(each)
        if not scored:
            thread.join(WAIT_S)
    if failure:
        raise failure[0]
    return heard
