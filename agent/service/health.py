"""How the agent is: counters and latencies, published now and then, never kept."""

import os
import resource
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from agent.acquisition import timestamps
from agent.core.time import iso
from agent.core.types import Message, Sink
from agent.delivery.outbox import Outbox
from agent.messages import payloads
from agent.messages.records import (
    ClockHealth,
    Health,
    Latencies,
    MqttHealth,
    OutboxHealth,
    ProcessHealth,
    SourceHealth,
)
from agent.messages.topics import schema
from agent.pipeline.source_pipeline import SourcePipeline


def message(topics: payloads.Topics, record: Health) -> Message:
    """The `health` message; QoS 0."""
    return payloads.message("health", topics.of("health"), record)


def record(
    agent: str,
    pipelines: Sequence[SourcePipeline],
    outbox: Outbox,
    sink: Sink,
    acknowledged_s: Sequence[float],
    began_s: float,
    clock: timestamps.WallClock,
) -> Health:
    """How the agent is at this moment; for the thread that owns the outbox."""
    scored_s = [each for pipeline in pipelines for each in list(pipeline.latencies_s)]
    return Health(
        schema=schema("health"),
        agent=agent,
        t_published=iso(time.time()),
        uptime_s=round(time.monotonic() - began_s, 1),
        clock=ClockHealth(synchronised=timestamps.synchronised(), steps=clock.steps),
        mqtt=MqttHealth(state=sink.state, why=sink.why, connects=sink.session),
        outbox=_outbox(outbox),
        process=_process(),
        latency_ms=Latencies(
            scored=_spread_ms(scored_s), acknowledged=_spread_ms(list(acknowledged_s))
        ),
        sources={pipeline.name: _source(pipeline) for pipeline in pipelines},
    )


def _outbox(outbox: Outbox) -> OutboxHealth:
    return OutboxHealth(
        depth=outbox.depth,
        age_s=round(outbox.oldest_age_s(), 1),
        dropped=outbox.dropped,
        parked=outbox.parked,
        trouble=outbox.trouble,
    )


def _process() -> ProcessHealth:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    rss_mib = pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # the kernel's, and late
    return ProcessHealth(
        rss_mib=round(rss_mib, 1),
        rss_peak_mib=round(max(rss_mib, peak_mib), 1),
        threads=threading.active_count(),
        fds=len(list(Path("/proc/self/fd").iterdir())),
    )


def _source(pipeline: SourcePipeline) -> SourceHealth:
    return SourceHealth(
        state=pipeline.reader.status(),
        opened=pipeline.reader.opened,
        samples=pipeline.reader.samples,
        gaps=pipeline.ring.gaps,
        missing=pipeline.ring.missing,
        overrun=pipeline.ring.overrun,
        windows=pipeline.windows,
        flagged=pipeline.flagged,
        missed=pipeline.scorer.windower.missed,
        decision=pipeline.scorer.decider.state.decision,
        latency_ms=_spread_ms(list(pipeline.latencies_s)),
        drift=_drift(pipeline),
    )


def _drift(pipeline: SourcePipeline) -> float | None:
    drift = None if pipeline.scorer.monitor is None else pipeline.scorer.monitor.drift
    return None if drift is None else round(drift, 4)


def _spread_ms(latencies_s: Sequence[float]) -> tuple[float, float] | None:
    if not latencies_s:
        return None
    p50, p99 = (float(p) for p in np.percentile(latencies_s, [50, 99]))
    return round(p50 * 1000, 2), round(p99 * 1000, 2)
