"""`/api/dataset`: keeps the last seconds of a source, with a label, for training."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from agent.core.time import iso
from agent.jobs.labelled_clips import LabelledClips
from agent.pipeline import clip as clips
from agent.web.http.request import RefusedError, Request, Route
from agent.web.resources import actions
from agent.web.resources.sources import Sources


class Keep(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which signal, and what it is."""

    source: str
    seconds: Annotated[float, Meta(gt=0, le=300)]
    label: Annotated[str, Meta(min_length=1, max_length=64)]


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What the buffer still had."""

    dataset: str  # the folder
    seconds: float


def route(sources: Sources, labelled: LabelledClips, audio: Callable[[], bool]) -> Route:
    """`audio`: whether the configuration keeps sound."""

    def answer(request: Request) -> Kept:
        if not audio():
            raise RefusedError(422, "evidence.audio is false: no sound is kept")
        return _keep(actions.body(request, Keep), sources, labelled)

    return Route("POST", "/api/dataset", answer)


def _keep(keep: Keep, sources: Sources, labelled: LabelledClips) -> Kept:
    pipeline = sources.named(keep.source)
    ring, rate_hz = pipeline.ring, pipeline.origin.contract.rate_hz
    end = ring.end
    first = max(ring.start, end - round(keep.seconds * rate_hz))
    if first >= end:
        raise RefusedError(422, "the source has no samples yet")
    at = iso(pipeline.timeline.unix_s(end))
    name = clips.file_name(pipeline.name, at, f"kept{time.time_ns() % 10**6}", ".flac")
    clip = clips.cut(pipeline, first, end, name)
    labelled.add(clip, keep.label, pipeline.settings.common.rpm)
    seconds = round((end - first) / rate_hz, 3)
    return Kept(dataset=str(Path(labelled.folder(pipeline.name))), seconds=seconds)
