"""The records of the journal."""

from typing import Annotated, Literal

import msgspec

from agent.core.alarms import Alarm
from agent.core.annotated import Count
from agent.core.time import iso
from agent.core.types import Scored, Verdict
from agent.messages.records import Time

Kind = Literal["decision", "alarm", "maintenance"]
PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f]+\Z"  # no control characters, which a terminal would obey
Line = Annotated[str, msgspec.Meta(max_length=500, pattern=PRINTABLE)]
Label = Annotated[str, msgspec.Meta(max_length=64, pattern=PRINTABLE)]
FALSE_ALARM = "false_alarm"  # the label of an alarm or a fault that was none


class JournalEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened to a source."""

    id: Count  # counts the events of a box from 1; 0: not in the journal yet
    t: Time  # of the signal that showed it, or of the command
    source: str
    kind: Kind  # what began or ended
    decision: str  # of the source from then on
    fault: str | None = None  # the network's label of that decision; None: it has none
    alarm: str = "none"  # of the source from then on: none, warning, alarm
    sentence: str  # for a person, in English
    clip: str | None = None  # the file with the signal around it, in the state directory
    acknowledged_at: Time | None = None
    acknowledged_by: str | None = None
    comment: str | None = None  # a person's
    label: str | None = None  # a person's: what it really was, e.g. false_alarm


class Acknowledgement(msgspec.Struct, frozen=True, kw_only=True):
    """Of all alarms of a source that were raised so far."""

    source: str
    at: str
    by: str | None


class Annotation(msgspec.Struct, frozen=True, kw_only=True):
    """What a person says of an event; None: as it was."""

    id: int
    comment: str | None = None
    label: str | None = None


def of_change(
    scored: Scored, event: Verdict, end_s: float, clip: str | None, alarm: Alarm
) -> JournalEvent:
    """The event of a scored window that changed the state; `end_s` is the window's (Unix time)."""
    flags = ", ".join(scored.window.flags)
    sentence = f"Sensor fault: {flags}." if scored.basis is None else scored.basis.sentence
    return JournalEvent(
        id=0,
        t=iso(end_s),
        source=scored.source,
        kind="decision",
        decision=event.decision,
        fault=event.label,
        alarm=alarm,
        sentence=sentence,
        clip=clip,
    )
