"""`/api/overview`: every source at a glance, for a browser that asks every few seconds."""

import time
from collections.abc import Iterable

import msgspec

from agent.core.alarms import Alarm
from agent.core.place import Place
from agent.core.time import iso
from agent.core.types import Commissioned, Physics
from agent.messages.measurement import Measurement
from agent.pipeline.source_pipeline import SourcePipeline
from agent.web.http.request import Route
from agent.web.observed.states import SourceState, SourceStates
from agent.web.resources.sources import Sources

WAITING = "waiting"  # no window yet


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """One source. Times are ISO 8601, UTC; None is what is not known."""

    name: str
    kind: str
    summary: str  # the source and its model, in one line
    trouble: str | None  # of the source; None: it works
    decision: str  # `waiting` before the first window
    label: str | None
    probability: float | None
    since: str | None  # when the state began
    seen: str | None  # when the newest window was scored
    flags: list[str]  # of the newest window
    baseline: Commissioned
    anomaly: float | None  # above 1: unlike the commissioned machine
    anomaly_slow: float | None  # the same over up to 18 s
    drift: float | None
    measured: str | None  # the end of the signal that the levels are of
    unit: str  # of `rms`
    rms: float | None  # of the channel where it is highest, as is the velocity
    velocity_mm_s: float | None
    zone: str | None  # ISO 20816-3, of the worst channel
    rpm: float | None
    place: Place | None  # site, area, machine and direction
    alarm: Alarm
    acknowledged: bool  # of a warning or an alarm
    maintenance: bool  # people work on the machine


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """The agent and its sources, in the order of the configuration."""

    agent: str
    now: str
    demonstration: bool  # there are controls in the live view
    sources: list[Card]


def route(agent: str, sources: Sources, states: SourceStates, *, demonstration: bool) -> Route:
    def answer(_request: object) -> Overview:
        cards = [card(pipeline, states.of(pipeline.name)) for pipeline in sources.all()]
        now = iso(time.time())
        return Overview(agent=agent, now=now, demonstration=demonstration, sources=cards)

    return Route("GET", "/api/overview", answer)


def card(pipeline: SourcePipeline, state: SourceState | None) -> Card:
    """The source at this moment; `state` None: it had no window yet."""
    status, measured = pipeline.reader.status(), pipeline.measurement
    physics = () if measured is None else measured.physics
    return Card(
        name=pipeline.name,
        kind=pipeline.settings.common.kind,
        summary=pipeline.describe(),
        trouble=None if status == "ok" else status,
        decision=WAITING if state is None else state.verdict.decision,
        label=None if state is None else state.verdict.label,
        probability=None if state is None else state.verdict.probability,
        since=None if state is None else iso(state.since_s),
        seen=None if state is None or state.seen_s is None else iso(state.seen_s),
        flags=[] if state is None else state.flags,
        baseline=pipeline.commissioned,
        anomaly=None if state is None else state.anomaly,
        anomaly_slow=None if measured is None else measured.anomaly_slow,
        drift=None if measured is None else measured.drift,
        measured=None if measured is None else measured.t_end,
        unit=pipeline.origin.unit,
        rms=max((channel.rms for channel in physics), default=None),
        velocity_mm_s=_velocity(physics),
        zone=max((channel.zone for channel in physics if channel.zone), default=None),
        rpm=_rpm(pipeline, measured),
        place=pipeline.settings.place,
        alarm=pipeline.standing.alarm,
        acknowledged=pipeline.standing.acknowledged,
        maintenance=pipeline.standing.maintenance is not None,
    )


def _velocity(physics: Iterable[Physics]) -> float | None:
    speeds = [channel.velocity_mm_s for channel in physics]
    return max((speed for speed in speeds if speed is not None), default=None)


def _rpm(pipeline: SourcePipeline, measured: Measurement | None) -> float | None:
    return pipeline.settings.common.rpm if measured is None else measured.rpm
