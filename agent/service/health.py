"""How the agent is: counters and latencies, published now and then, never kept."""

import os
import resource
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from agent.acquisition import timestamps
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
from agent.pipeline.source_pipeline import Lane


def message(topics: payloads.Topics, record: Health) -> Message:
    """The `health` message; QoS 0."""
    return Message(0, topics.of_agent("health"), msgspec.json.encode(record), qos=0)


def record(
    agent: str,
    lanes: Sequence[Lane],
    outbox: Outbox,
    sink: Sink,
    acknowledged_s: Sequence[float],
    began_s: float,
    clock: timestamps.WallClock,
) -> Health:
    """How the agent is at this moment; for the thread that owns the outbox."""
    scored_s = [each for lane in lanes for each in list(lane.latencies_s)]
    return Health(
        schema="drsn-health/1",
        agent=agent,
        t_published=payloads.iso(time.time()),
        uptime_s=round(time.monotonic() - began_s, 1),
        clock=ClockHealth(synchronised=timestamps.synchronised(), steps=clock.steps),
        mqtt=MqttHealth(state=sink.state, why=sink.why, connects=sink.session),
        outbox=_outbox(outbox),
        process=_process(),
        latency_ms=Latencies(
            scored=_spread_ms(scored_s), acknowledged=_spread_ms(list(acknowledged_s))
        ),
        sources={lane.name: _source(lane) for lane in lanes},
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


def _source(lane: Lane) -> SourceHealth:
    return SourceHealth(
        state=lane.intake.told(),
        opened=lane.intake.opened,
        samples=lane.intake.samples,
        gaps=lane.ring.gaps,
        missing=lane.ring.missing,
        overrun=lane.ring.overrun,
        windows=lane.windows,
        flagged=lane.flagged,
        missed=lane.channel.windower.missed,
        decision=lane.channel.decider.state.decision,
        latency_ms=_spread_ms(list(lane.latencies_s)),
        drift=_drift(lane),
    )


def _drift(lane: Lane) -> float | None:
    drift = None if lane.channel.monitor is None else lane.channel.monitor.drift
    return None if drift is None else round(drift, 4)


def _spread_ms(latencies_s: Sequence[float]) -> tuple[float, float] | None:
    if not latencies_s:
        return None
    p50, p99 = (float(p) for p in np.percentile(latencies_s, [50, 99]))
    return round(p50 * 1000, 2), round(p99 * 1000, 2)
