"""What `info` and `health` say of a machine."""

import msgspec

from agent.core.alarms import Alarm
from agent.core.types import Decision


class MachineInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One machine in `info`."""

    name: str
    site: str | None
    area: str | None
    points: tuple[str, ...]  # names of points, or of sources that have none


class MachineHealth(msgspec.Struct, frozen=True, kw_only=True):
    """The state of one machine: the worst of its points'."""

    decision: Decision
    alarm: Alarm = "none"
