"""Raises, holds and ends the alarm of one source. Pure: counts seconds of signal, reads no clock.

For each of `warning` and `alarm` the seconds of signal with such a cause are counted up, and those
without it down to 0; a value within its hysteresis counts neither way. At `delay_s` it is raised:
so a cause that comes and goes raises it as well, if it is there more often than not. It ends after
`clear_s` without a cause in a row, where it is latched only once somebody has acknowledged it.
Signal that says nothing of the machine (a broken sensor, a shaft that stands still) neither raises
nor ends anything.
"""

from collections.abc import Sequence
from typing import Literal

from msgspec.structs import replace

from agent.config.alarms import Alarms
from agent.core.alarms import ALARMS, Alarm, AlarmBasis, AlarmEvent, Standing
from agent.diagnosis.alarm_causes import Cause, strongest

Raised = Literal["warning", "alarm"]
LEVELS: tuple[Raised, ...] = ("alarm", "warning")  # the heaviest first


class AlarmLatch:
    """One source's. `standing` is how it stands; each method returns what has changed, or None."""

    def __init__(self, keys: Alarms, standing: Standing) -> None:
        """`standing` is that of an earlier run, or of the settings before."""
        self.standing = standing
        self._keys = keys
        self._with_s: dict[Raised, float] = {"warning": 0.0, "alarm": 0.0}
        self._without_s = 0.0
        self._causes: Sequence[Cause] = ()

    def pass_signal(self, seconds: float, causes: Sequence[Cause], now: str) -> AlarmEvent | None:
        """Takes in so much signal with those causes, heaviest first; `now` is its end."""
        self._causes = causes
        for level in LEVELS:
            self._count(level, seconds)
        for level in LEVELS:
            if self._is_due(level) and _weight(level) > _weight(self.standing.alarm):
                return self._raise(level, now)
        return self._hold(seconds, now)

    def pass_blind(self) -> None:
        """What comes now says nothing of the machine: what follows is counted afresh."""
        self._with_s = {"warning": 0.0, "alarm": 0.0}
        self._without_s = 0.0

    def acknowledge(self, now: str, by: str | None) -> AlarmEvent | None:
        """Somebody has seen it: without a cause it is over at once."""
        basis = self.standing.basis
        if basis is None or self.standing.acknowledged:
            return None
        self._change(basis=replace(basis, acknowledged_at=now, acknowledged_by=by))
        return "acknowledged" if basis.active else self._ease(now)

    def _count(self, level: Raised, seconds: float) -> None:
        calling = [cause for cause in self._causes if _weight(cause.alarm) >= _weight(level)]
        if calling and not any(cause.firm for cause in calling):
            return  # within the hysteresis
        counted_s = self._with_s[level] + (seconds if calling else -seconds)
        self._with_s[level] = min(max(counted_s, 0.0), max(self._keys.delay_s, seconds))

    def _is_due(self, level: Raised) -> bool:
        there = strongest(self._causes, level) is not None
        return there and self._with_s[level] >= self._keys.delay_s

    def _raise(self, level: Raised, now: str) -> AlarmEvent:
        self._without_s = 0.0
        self._change(alarm=level, basis=self._basis(level, now))
        return "raised"

    def _hold(self, seconds: float, now: str) -> AlarmEvent | None:
        """What becomes of an alarm that is not raised further."""
        basis, alarm = self.standing.basis, self.standing.alarm
        if basis is None or alarm == "none":
            return None
        if strongest(self._causes, alarm) is not None:
            self._without_s = 0.0
            if basis.active or not self._is_due(alarm):
                return None
            self._change(basis=replace(basis, active=True))
            return "active"
        self._without_s += seconds
        if self._without_s < self._keys.clear_s:
            return None
        if not self._keys.latched or self.standing.acknowledged:
            return self._ease(now)
        if not basis.active:
            return None
        self._change(basis=replace(basis, active=False))
        return "inactive"

    def _ease(self, now: str) -> AlarmEvent:
        """What is left of an alarm whose cause has ended: a warning that is seen, or nothing."""
        seen = self.standing.basis
        if seen is None or not self._causes or self.standing.alarm == "warning":
            self._change(alarm="none", basis=None)
            return "ended"
        basis = replace(
            self._basis("warning", now),
            acknowledged_at=seen.acknowledged_at,
            acknowledged_by=seen.acknowledged_by,
        )
        self._change(alarm="warning", basis=basis)
        return "eased"

    def _basis(self, level: Raised, now: str) -> AlarmBasis:
        exact = (cause for cause in self._causes if cause.alarm == level)
        cause = next(exact, None) or self._causes[0]
        return AlarmBasis(
            since=now,
            reason=cause.reason,
            value=cause.value,
            limit=cause.limit,
            channel=cause.channel,
            sentence=f"{level.capitalize()}: {cause.text}.",
        )

    def _change(self, **fields: object) -> None:
        self.standing = replace(self.standing, **fields)


def _weight(alarm: Alarm) -> int:
    return ALARMS.index(alarm)
