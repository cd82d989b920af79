"""The section `alarms` of the configuration, and what a source says otherwise."""

import math
from typing import Annotated, Literal

import msgspec

from agent.core.alarms import Alarm
from agent.core.errors import ConfigError

Zone = Literal["B", "C", "D", "none"]  # from which on; none: no zone
Limit = Annotated[float, msgspec.Meta(gt=0)]  # .inf: never
Duration = Annotated[float, msgspec.Meta(ge=0, le=86400)]  # of signal
Hysteresis = Annotated[float, msgspec.Meta(ge=0, lt=1)]


class Alarms(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What raises a warning or an alarm; limits that a value must exceed."""

    enabled: bool = True
    delay_s: Duration = 60.0  # for which a cause must be there
    clear_s: Duration = 600.0  # for which it must be away
    latched: bool = True  # until it is acknowledged
    hysteresis: Hysteresis = 0.1  # of a limit: a value must fall so far below it
    fault: Alarm = "alarm"  # the decision
    unknown: Alarm = "warning"  # the decision, of a machine that was compared with its baseline
    zone_warning: Zone = "C"  # of ISO 20816-3
    zone_alarm: Zone = "D"
    anomaly_warning: Limit = 1.5
    anomaly_alarm: Limit = 3.0
    drift_warning: Limit = 1.5
    drift_alarm: Limit = math.inf


class AlarmOverrides(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A source's own; None: as in the section `alarms`."""

    enabled: bool | None = None
    delay_s: Duration | None = None
    clear_s: Duration | None = None
    latched: bool | None = None
    hysteresis: Hysteresis | None = None
    fault: Alarm | None = None
    unknown: Alarm | None = None
    zone_warning: Zone | None = None
    zone_alarm: Zone | None = None
    anomaly_warning: Limit | None = None
    anomaly_alarm: Limit | None = None
    drift_warning: Limit | None = None
    drift_alarm: Limit | None = None

    def over(self, defaults: Alarms) -> Alarms:
        """`defaults` with every key that is set here replaced."""
        values = msgspec.structs.asdict(self)
        return msgspec.structs.replace(
            defaults, **{key: value for key, value in values.items() if value is not None}
        )


def check(alarms: Alarms, path: str) -> None:
    """`ConfigError` where a warning would come after its alarm."""
    for name in ("anomaly", "drift"):
        warning, alarm = getattr(alarms, f"{name}_warning"), getattr(alarms, f"{name}_alarm")
        if warning > alarm:
            raise ConfigError(
                f"{path}.{name}_warning: found {warning:g}, expected at most "
                f"{name}_alarm ({alarm:g})"
            )
    if alarms.zone_alarm < alarms.zone_warning != "none":
        raise ConfigError(
            f"{path}.zone_warning: found {alarms.zone_warning}, expected at most "
            f"zone_alarm ({alarms.zone_alarm})"
        )
