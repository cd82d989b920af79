"""The records that a live agent would have published of a recording."""

from collections.abc import Iterator

from agent.core.types import Scored
from agent.messages import payloads
from agent.messages.records import Observation
from agent.pipeline.offline import OfflineRunner
from agent.pipeline.source_pipeline import SourcePipeline

STORED: tuple[payloads.Topic, ...] = ("window", "event")  # a state is a retained event


def observations(runner: OfflineRunner, epoch: str) -> Iterator[tuple[payloads.Topic, Observation]]:
    """Each window and event in order, numbered from 1; `SourceError` where the file is damaged.

    They do not depend on the clock, so that the same recording gives the same records: each is
    published at its window's end, with no latency.
    """
    seq = 0
    for step in runner.scored():
        for scored in step:
            for topic in payloads.topics(scored, windows=True):
                if topic in STORED:
                    seq += 1
                    stamp = _stamp(runner.pipeline, scored, epoch, seq)
                    yield topic, payloads.record(topic, scored, runner.pipeline.origin, stamp)


def _stamp(pipeline: SourcePipeline, scored: Scored, epoch: str, seq: int) -> payloads.Stamp:
    began_s = pipeline.timeline.unix_s(scored.window.first)
    end_s = began_s + scored.window.samples.shape[1] / pipeline.origin.contract.rate_hz
    return payloads.Stamp(epoch, seq, began_s, end_s, latency_s=0.0)
