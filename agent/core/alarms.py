"""The nouns of alarms: how a source stands, and what changed."""

from typing import Literal

import msgspec

Alarm = Literal["none", "warning", "alarm"]
ALARMS: tuple[Alarm, ...] = ("none", "warning", "alarm")  # in the order of their weight
AlarmReason = Literal["decision", "velocity", "anomaly", "drift"]
AlarmEvent = Literal[
    "raised",  # from none, or from warning to alarm
    "eased",  # from alarm to warning
    "ended",
    "acknowledged",  # and it goes on, since its cause does
    "inactive",  # its cause has ended, and nobody has acknowledged it
    "active",  # its cause is there again
    "maintenance",  # it began or ended
]


class AlarmBasis(msgspec.Struct, frozen=True, kw_only=True):
    """Since when and why a source has a warning or an alarm."""

    since: str  # when it was raised: end of the signal that showed it; ISO 8601, UTC
    reason: AlarmReason  # what raised it
    value: float | None  # then: mm/s of velocity, else a ratio; None: it was a decision
    limit: float | None  # that the value was above; None: it was a decision
    channel: int | None  # on which, from 0; None: of all
    sentence: str  # for a person
    active: bool = True  # its cause is there; else it waits to be acknowledged
    acknowledged_at: str | None = None
    acknowledged_by: str | None = None  # a person's name; None: not acknowledged, or not said
    event_id: int | None = None  # in the journal on the box


class Maintenance(msgspec.Struct, frozen=True, kw_only=True):
    """While people work on a machine, no alarm is raised."""

    since: str
    until: str | None  # it ends then by itself; None: when somebody ends it
    by: str | None  # a person's name, or `configuration`


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How a source stands beside its decision."""

    alarm: Alarm = "none"
    basis: AlarmBasis | None = None  # None: there is neither a warning nor an alarm
    maintenance: Maintenance | None = None  # None: there is none

    @property
    def acknowledged(self) -> bool:
        return self.basis is not None and self.basis.acknowledged_at is not None
