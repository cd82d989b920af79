"""The agent's own health: counters and latencies, published at intervals and never queued."""

import os
import resource
import threading
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from agent.acquisition import timestamps
from agent.acquisition.operating_state import PublishedReading
from agent.core.time import iso
from agent.core.types import Message, Sink
from agent.delivery.outbox import Outbox
from agent.messages import payloads
from agent.messages.measurement import Measurement
from agent.messages.records import (
    ClockHealth,
    Health,
    Latencies,
    MqttHealth,
    OutboxHealth,
    ProcessHealth,
    PublishedHealth,
    SourceHealth,
)
from agent.messages.topics import schema
from agent.pipeline.source_pipeline import SourcePipeline
from agent.service.machines import MachineStates


class HealthReporter(msgspec.Struct, frozen=True, kw_only=True):
    """Reads the agent's state; for the sender thread, which owns the outbox."""

    topics: payloads.Topics
    pipelines: Sequence[SourcePipeline]
    machines: MachineStates
    outbox: Outbox
    sink: Sink
    acknowledged_s: deque[float]  # seconds from outbox to acknowledgement, of the last messages
    clock: timestamps.WallClock
    began_s: float  # monotonic

    def message(self) -> Message:
        """The `health` message."""
        return payloads.message("health", self.topics.of("health"), self.record())

    def record(self) -> Health:
        """The state at this moment."""
        return Health(
            schema=schema("health"),
            agent=self.topics.agent,
            t_published=iso(time.time()),
            uptime_s=round(time.monotonic() - self.began_s, 1),
            clock=ClockHealth(synchronised=timestamps.synchronised(), steps=self.clock.steps),
            mqtt=MqttHealth(state=self.sink.state, why=self.sink.why, connects=self.sink.session),
            outbox=_outbox(self.outbox),
            process=_process(),
            latency_ms=self._latencies(),
            sources={pipeline.name: _source(pipeline) for pipeline in self.pipelines},
            machines=self.machines.states,
        )

    def measurements(self) -> dict[str, Measurement]:
        """The newest of each source that was measured."""
        newest = {pipeline.name: pipeline.measurement for pipeline in self.pipelines}
        return {name: record for name, record in newest.items() if record is not None}

    def _latencies(self) -> Latencies:
        scored_s = [item for pipeline in self.pipelines for item in list(pipeline.latencies_s)]
        return Latencies(
            scored=_percentiles_ms(scored_s),
            acknowledged=_percentiles_ms(list(self.acknowledged_s)),
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
    # The kernel updates its own peak late: it may lie below the present size.
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return ProcessHealth(
        rss_mib=round(rss_mib, 1),
        rss_peak_mib=round(max(rss_mib, peak_mib), 1),
        threads=threading.active_count(),
        fds=len(list(Path("/proc/self/fd").iterdir())),
    )


def _source(pipeline: SourcePipeline) -> SourceHealth:
    conditioner, clock = pipeline.reader.conditioner, pipeline.reader.sample_clock
    operating = pipeline.scorer.operating
    readings = {} if operating is None else operating.readings
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
        latency_ms=_percentiles_ms(list(pipeline.latencies_s)),
        drift=_drift(pipeline),
        nominal_hz=None if conditioner is None else conditioner.format.rate_hz,
        measured_hz=None if clock is None else clock.meter.measured_hz,
        alarm=pipeline.standing.alarm,
        maintenance=pipeline.standing.maintenance is not None,
        **{key: _published(reading) for key, reading in readings.items()},
    )


def _published(value: PublishedReading[Any]) -> PublishedHealth:
    reading, now_s = value.reading, time.monotonic()
    return PublishedHealth(
        topic=value.published.topic,
        value=None if reading is None else _text(reading.value),
        age_s=None if reading is None else round(now_s - reading.arrived_s, 1),
        retained=reading is not None and reading.retained,
        stale=reading is None or now_s - reading.arrived_s > value.published.stale_s,
        refused=value.refused,
    )


def _text(value: float | str | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else value


def _drift(pipeline: SourcePipeline) -> float | None:
    drift = None if pipeline.scorer.monitor is None else pipeline.scorer.monitor.drift
    return None if drift is None else round(drift, 4)


def _percentiles_ms(latencies_s: Sequence[float]) -> tuple[float, float] | None:
    """The 50th and the 99th percentile in milliseconds; None without any value."""
    if not latencies_s:
        return None
    p50, p99 = (float(p) for p in np.percentile(latencies_s, [50, 99]))
    return round(p50 * 1000, 2), round(p99 * 1000, 2)
