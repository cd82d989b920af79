"""Which stretch of signal goes with a fault, and when all of it is there."""

import time
from dataclasses import dataclass

from agent.config.evidence import Evidence
from agent.core.time import iso
from agent.core.types import Scored
from agent.pipeline import clip as clips
from agent.pipeline.clip_writer import ClipWriter
from agent.pipeline.source_pipeline import SourcePipeline

LATE_S = 2.0
FOLDER = "evidence"  # in the state directory


@dataclass(frozen=True)
class _Due:
    pipeline: SourcePipeline
    first: int
    end: int  # absolute index up to which the signal is waited for
    by_s: float  # monotonic: a sensor that went with its machine gives no more
    name: str


class FaultClips:
    """For the main thread."""

    def __init__(self, keys: Evidence, clip_writer: ClipWriter) -> None:
        self._keys = keys
        self._clip_writer = clip_writer
        self._due: list[_Due] = []

    def note(self, scored: Scored, pipeline: SourcePipeline) -> str | None:
        """The file that will hold the signal around this window; None where it tells no fault."""
        if scored.event is None or scored.event.decision != "fault":
            return None
        rate_hz = pipeline.origin.contract.rate_hz
        end = scored.window.first + scored.window.samples.shape[1]
        first = max(0, end - round(self._keys.before_s * rate_hz))
        name = clips.name(pipeline.name, iso(pipeline.timeline.unix_s(end)), "fault")
        last = end + round(self._keys.after_s * rate_hz)
        by_s = time.monotonic() + self._keys.after_s + LATE_S
        self._due.append(_Due(pipeline, first, last, by_s, name))
        return f"{FOLDER}/{name}"

    def collect(self, at_once: bool = False) -> None:
        """Hands over what is complete, or will get no more; `at_once`, all there is."""
        now_s = time.monotonic()
        for due in list(self._due):
            ring = due.pipeline.ring
            if at_once or ring.ended or ring.end >= due.end or now_s > due.by_s:
                self._due.remove(due)
                end = min(due.end, ring.end)
                self._clip_writer.keep(clips.cut(due.pipeline, due.first, end, due.name))


def reach_s(keys: Evidence | None) -> float:
    """How far back the ring must reach for it."""
    return 0.0 if keys is None else keys.before_s + keys.after_s
