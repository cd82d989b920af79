"""What would raise a warning or an alarm at this moment. Pure.

Velocity is judged by the zones of ISO 20816-3 (`agent.diagnosis.levels`), anomaly and drift by the
limits of the configuration. A value that was above a limit counts until it is below it by the
hysteresis; one measurement alone is no cause. Of decisions `fault` is a cause, and `unknown` where
the machine was compared with its baseline: what no baseline was learned for is no sign of damage.
"""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from agent.config.alarms import Alarms
from agent.core.alarms import ALARMS, Alarm, AlarmReason
from agent.core.bearing import MachineClass
from agent.core.types import Physics, Verdict
from agent.diagnosis.levels import LIMITS_MM_S

ZONES = "BCD"  # each begins at a limit
LEVELS: tuple[Alarm, ...] = ("warning", "alarm")
MEASUREMENTS = 2  # in a row that must be above a limit: one alone may be a blow


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that calls for `alarm`."""

    alarm: Alarm
    reason: AlarmReason
    value: float | None = None
    limit: float | None = None
    channel: int | None = None
    firm: bool = True  # False: the value is within the hysteresis below its limit
    text: str  # e.g. `velocity 5.1 mm/s is above 4.5 mm/s, where zone D begins`


class Values(msgspec.Struct, frozen=True, kw_only=True):
    """Of one measurement; None: not known."""

    velocity_mm_s: float | None = None  # of the channel with the most
    channel: int | None = None
    anomaly: float | None = None
    drift: float | None = None


def values(
    physics: Sequence[Physics], anomaly: float | None, slow: float | None, drift: float | None
) -> Values:
    """The median anomaly over up to 18 s goes before that of one window."""
    judged = [(part.velocity_mm_s or 0.0, at) for at, part in enumerate(physics) if part.zone]
    velocity_mm_s, channel = max(judged, default=(None, None))
    several = len(physics) > 1
    return Values(
        velocity_mm_s=velocity_mm_s,
        channel=channel if several else None,
        anomaly=anomaly if slow is None else slow,
        drift=drift,
    )


class Limit(msgspec.Struct, frozen=True):
    """A value above it calls for `alarm`."""

    alarm: Alarm
    reason: AlarmReason
    field: str  # of `Values`
    value: float
    unit: str = ""
    note: str = ""


class AlarmCauses:
    """One source's; it remembers which limits its values were above."""

    def __init__(self, keys: Alarms, machine_class: MachineClass | None) -> None:
        self._keys = keys
        self._values = Values()
        self._limits = tuple(_limits(keys, machine_class))
        self._above = dict.fromkeys(self._limits, 0)  # measurements in a row

    def measured(self, values: Values) -> None:
        """These values hold until the next measurement."""
        self._values = values
        for limit, count in self._above.items():
            value = getattr(values, limit.field)
            lowest = limit.value * (1 - self._keys.hysteresis) if count else limit.value
            self._above[limit] = count + 1 if value is not None and value > lowest else 0

    def forget(self) -> None:
        """What was measured says nothing of the machine as it is now."""
        self._values = Values()
        self._above = dict.fromkeys(self._limits, 0)

    def of(self, verdict: Verdict, *, compared: bool) -> list[Cause]:
        """All causes, the heaviest first; `compared`: the window was compared with its baseline."""
        above = [limit for limit, count in self._above.items() if count >= MEASUREMENTS]
        causes = [*self._of_decision(verdict, compared), *map(self._of_limit, above)]
        return sorted(causes, key=lambda cause: -ALARMS.index(cause.alarm))

    def _of_decision(self, verdict: Verdict, compared: bool) -> Iterator[Cause]:
        alarm: Alarm = "none"
        if verdict.decision == "fault":
            alarm = self._keys.fault
        elif verdict.decision == "unknown" and compared:
            alarm = self._keys.unknown
        if alarm != "none":
            label = "" if verdict.label is None else f" {verdict.label}"
            text = f"the decision is {verdict.decision}{label}"
            yield Cause(alarm=alarm, reason="decision", text=text)

    def _of_limit(self, limit: Limit) -> Cause:
        value: float = getattr(self._values, limit.field)
        channel = self._values.channel if limit.reason == "velocity" else None
        where = "" if channel is None else f" of channel {channel}"
        firm = value > limit.value
        relation = "is above" if firm else "was above"
        text = f"{value:.3g}{limit.unit} {relation} {limit.value:g}{limit.unit}{limit.note}"
        return Cause(
            alarm=limit.alarm,
            reason=limit.reason,
            value=value,
            limit=limit.value,
            channel=channel,
            firm=firm,
            text=f"{limit.reason}{where} {text}",
        )


def strongest(causes: Iterable[Cause], alarm: Alarm) -> Cause | None:
    """The first cause that calls for `alarm` or more."""
    weight = ALARMS.index(alarm)
    return next((cause for cause in causes if ALARMS.index(cause.alarm) >= weight), None)


def _limits(keys: Alarms, machine_class: MachineClass | None) -> Iterator[Limit]:
    for alarm in LEVELS:
        zone = getattr(keys, f"zone_{alarm}")
        if machine_class is not None and zone != "none":
            mm_s = LIMITS_MM_S[machine_class][ZONES.index(zone)]
            note = f", where zone {zone} begins"
            yield Limit(alarm, "velocity", "velocity_mm_s", mm_s, " mm/s", note)
        yield Limit(alarm, "anomaly", "anomaly", getattr(keys, f"anomaly_{alarm}"))
        yield Limit(alarm, "drift", "drift", getattr(keys, f"drift_{alarm}"))
