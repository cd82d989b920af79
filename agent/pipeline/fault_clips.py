"""Decides which frames belong to a fault's clip, and when they are complete."""

import time

import msgspec

from agent.config.evidence import Evidence
from agent.core.time import iso
from agent.core.types import Scored
from agent.pipeline import clip as clips
from agent.pipeline.clip_writer import ClipWriter
from agent.pipeline.source_pipeline import SourcePipeline

LATE_S = 2.0  # a clip is not waited for longer than that beyond its end
KEPT = ("fault", "unknown")  # decisions whose beginning is kept: what a person may judge
FOLDER = "evidence"  # in the state directory


class _Pending(msgspec.Struct, frozen=True):
    pipeline: SourcePipeline
    first: int
    end: int  # absolute index after the last frame
    by_s: float  # monotonic deadline: a failed sensor may deliver no more
    name: str


class FaultClips:
    """For the main thread."""

    def __init__(self, keys: Evidence, clip_writer: ClipWriter) -> None:
        self._keys = keys
        self._clip_writer = clip_writer
        self._pending: list[_Pending] = []

    def note(self, scored: Scored, pipeline: SourcePipeline) -> str | None:
        """The file that will hold the signal around this window; None where nothing begins."""
        if scored.event is None or scored.event.decision not in KEPT:
            return None
        rate_hz = pipeline.origin.contract.rate_hz
        end = scored.window.first + scored.window.samples.shape[1]
        first = max(0, end - round(self._keys.before_s * rate_hz))
        at, why = iso(pipeline.timeline.unix_s(end)), scored.event.decision
        name = clips.file_name(pipeline.name, at, why, self._clip_writer.suffix)
        last = end + round(self._keys.after_s * rate_hz)
        by_s = time.monotonic() + self._keys.after_s + LATE_S
        self._pending.append(_Pending(pipeline, first, last, by_s, name))
        return f"{FOLDER}/{name}"

    def collect(self, at_once: bool = False) -> None:
        """Hands complete clips to the writer, and late ones as they are; `at_once`: all of them."""
        now_s = time.monotonic()
        for clip in list(self._pending):
            ring = clip.pipeline.ring
            if at_once or ring.ended or ring.end >= clip.end or now_s > clip.by_s:
                self._pending.remove(clip)
                end = min(clip.end, ring.end)
                self._clip_writer.keep(clips.cut(clip.pipeline, clip.first, end, clip.name))


def reach_s(keys: Evidence | None) -> float:
    """Seconds that the ring must reach back for a clip."""
    return 0.0 if keys is None else keys.before_s + keys.after_s
