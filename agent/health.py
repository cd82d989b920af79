"""How the agent is: counters and latencies, published now and then, never kept."""

import resource
import time
from collections.abc import Sequence

import msgspec
import numpy as np

from agent import wire
from agent.core import Message, Sink
from agent.lanes import Lane
from agent.outbox import Outbox
from agent.records import Health, SourceHealth


def message(
    topics: wire.Topics, lanes: Sequence[Lane], outbox: Outbox, sink: Sink, began_s: float
) -> Message:
    """The `health` message of this moment; QoS 0."""
    record = Health(
        schema="drsn-health/1",
        agent=topics.agent,
        t_published=wire.iso(time.time()),
        uptime_s=round(time.monotonic() - began_s, 1),
        sink=sink.state,
        connects=sink.session,
        outbox=outbox.depth,
        rss_peak_mib=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        sources={lane.settings.common.name: _of(lane) for lane in lanes},
    )
    return Message(0, topics.of_agent("health"), msgspec.json.encode(record), qos=0)


def _of(lane: Lane) -> SourceHealth:
    return SourceHealth(
        samples=lane.feed.samples,
        gaps=lane.ring.gaps,
        missing=lane.ring.missing,
        overrun=lane.ring.overrun,
        windows=lane.windows,
        flagged=lane.flagged,
        missed=lane.channel.windower.missed,
        decision=lane.channel.decider.state.decision,
        latency_ms=_spread_ms(list(lane.latencies_s)),
    )


def _spread_ms(latencies_s: list[float]) -> tuple[float, float] | None:
    if not latencies_s:
        return None
    p50, p99 = (float(p) for p in np.percentile(latencies_s, [50, 99]))
    return round(p50 * 1000, 2), round(p99 * 1000, 2)
