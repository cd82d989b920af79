"""The payload on `<machine>/state`: one state of all points of a machine, with their evidence."""

from collections.abc import Sequence

import msgspec

from agent.core.alarms import ALARMS, Alarm
from agent.core.annotated import Share
from agent.core.place import Place
from agent.core.types import Decision, Scored, Verdict
from agent.diagnosis import severity
from agent.messages.machine_info import MachineInfo
from agent.messages.records import Epoch, Seq, Time

NOT_YET = "No window has been scored yet."


class PointState(msgspec.Struct, frozen=True, kw_only=True):
    """What a point shows, since its state last changed."""

    point: str  # the name of a point, or of a source that has none
    direction: str | None  # that it measures in
    decision: Decision
    label: str | None
    probability: Share | None
    flags: list[str]  # of the window that changed its state
    sentence: str  # for a person: why
    t_end: Time | None  # of that window; None: there was none yet
    alarm: Alarm = "none"  # of the point


class MachineState(msgspec.Struct, frozen=True, kw_only=True):
    """The worst state of a machine's points; retained."""

    schema: str
    epoch: Epoch
    seq: Seq
    agent: str
    machine: str
    site: str | None
    area: str | None
    t_end: Time  # of the window that changed a point's state, or when its alarm changed
    t_published: Time  # when it was put in the outbox
    # The worst of the points': fault, unknown, sensor_fault, abstain, detected, normal, stopped.
    decision: Decision
    label: str | None  # of the worst point
    point: str | None  # the worst one; None: all are normal or stopped
    direction: str | None  # of the worst point
    sentence: str  # for a person: the worst point's, with its name
    previous: Decision | None  # the machine's decision before; None: this is the first
    points: tuple[PointState, ...]  # in the order of the configuration
    alarm: Alarm = "none"  # the worst of the points'


class PublishedAt(msgspec.Struct, frozen=True, kw_only=True):
    """Which message it is, and when."""

    schema: str
    epoch: str
    seq: int
    agent: str
    t_end: str  # of the window that changed the state of a point
    t_published: str


def not_yet(point: str, direction: str | None) -> PointState:
    """The state of a point before its first window."""
    return PointState(
        point=point,
        direction=direction,
        decision="abstain",
        label=None,
        probability=None,
        flags=[],
        sentence=NOT_YET,
        t_end=None,
    )


def point_state(
    scored: Scored, event: Verdict, place: Place | None, alarm: Alarm, t_end: str
) -> PointState:
    """The state of a point after the window that changed it."""
    flags = scored.window.flags
    flagged = f"Sensor fault: {', '.join(flags)}."
    return PointState(
        point=scored.source,
        direction=None if place is None else place.direction,
        decision=event.decision,
        label=event.label,
        probability=None if event.probability is None else round(event.probability, 6),
        flags=flags,
        sentence=flagged if scored.basis is None else scored.basis.sentence,
        t_end=t_end,
        alarm=alarm,
    )


def worst_alarm(points: Sequence[PointState]) -> Alarm:
    """The heaviest of the points' alarms."""
    return max((point.alarm for point in points), key=ALARMS.index)


def worst(points: Sequence[PointState]) -> PointState | None:
    """The point that matters most, the first of equals; None where all are normal or stopped."""
    point = min(points, key=lambda item: severity.rank(item.decision))
    return None if point.decision in ("normal", "stopped") else point


def sentence(points: Sequence[PointState]) -> str:
    """What the machine shows, for a person: names the worst point and its direction."""
    point = worst(points)
    if point is None:
        return _quiet(points)
    where = point.point if point.direction is None else f"{point.point} ({point.direction})"
    return f"{where}: {point.sentence}"


def _quiet(points: Sequence[PointState]) -> str:
    """Where no point is worse than normal."""
    if len(points) == 1:
        return points[0].sentence
    stopped = sum(item.decision == "stopped" for item in points)
    words = {0: "normal", len(points): "stopped"}.get(stopped, "normal or stopped")
    return f"All {len(points)} points are {words}."


def record(
    published: PublishedAt,
    info: MachineInfo,
    points: tuple[PointState, ...],
    previous: Decision | None,
) -> MachineState:
    """The state of a machine with those points, in the order of its configuration."""
    point = worst(points)
    return MachineState(
        schema=published.schema,
        epoch=published.epoch,
        seq=published.seq,
        agent=published.agent,
        machine=info.name,
        site=info.site,
        area=info.area,
        t_end=published.t_end,
        t_published=published.t_published,
        decision=severity.worst(item.decision for item in points),
        label=None if point is None else point.label,
        point=None if point is None else point.point,
        direction=None if point is None else point.direction,
        sentence=sentence(points),
        previous=previous,
        points=points,
        alarm=worst_alarm(points),
    )
