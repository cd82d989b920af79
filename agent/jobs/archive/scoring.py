"""One recording as the records that a live agent would have published of it."""

from collections.abc import Iterator

from agent.core.types import Scored
from agent.messages import payloads
from agent.messages.records import Observation
from agent.pipeline.offline import OfflineRunner
from agent.pipeline.source_pipeline import SourcePipeline

KEPT: tuple[payloads.Topic, ...] = ("window", "event")  # a state is its event, retained


def observations(alone: OfflineRunner, epoch: str) -> Iterator[tuple[payloads.Topic, Observation]]:
    """Each window and event in order, numbered from 1; `SourceError` where the recording breaks.

    No clock is in them, so that the same recording gives the same records: they are published at
    the window's end, with no latency.
    """
    seq = 0
    for turn in alone.scored():
        for scored in turn:
            for topic in payloads.topics(scored, windows=True):
                if topic in KEPT:
                    seq += 1
                    stamp = _stamp(alone.pipeline, scored, epoch, seq)
                    yield topic, payloads.record(topic, scored, alone.pipeline.origin, stamp)


def _stamp(pipeline: SourcePipeline, scored: Scored, epoch: str, seq: int) -> payloads.Stamp:
    began_s = pipeline.timeline.unix_s(scored.window.first)
    end_s = began_s + scored.window.samples.shape[1] / pipeline.origin.contract.rate_hz
    return payloads.Stamp(epoch, seq, began_s, end_s, latency_s=0.0)
