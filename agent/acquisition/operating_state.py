"""How a machine runs now, as others publish it or the configuration says, or why not known.

A payload that cannot be read is refused and quoted; the value before it stands until it is too old.
"""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import msgspec

from agent.acquisition import published_payloads
from agent.acquisition.published_values import PublishedValues, Received
from agent.config.published import Published
from agent.config.source import SourceKeys
from agent.core.conditions import Conditions
from agent.sources.sensor_nodes.refusal import Refusals

STILL_RPM = 1.0  # a published speed below it is none
READERS: dict[str, Callable[[bytes, Published], Any]] = {  # by the key of the source
    "speed": published_payloads.rpm,
    "condition": published_payloads.condition_name,
    "load": published_payloads.number,
    "temperature": published_payloads.number,
    "running": published_payloads.is_running,
}

T = TypeVar("T", float, str, bool)


class Operating(msgspec.Struct, frozen=True):
    """What is known at a moment. `missing`: which value should be there and is not, and why."""

    rpm: float | None = None  # 0: the shaft stands
    condition: str | None = None
    missing: str | None = None
    conditions: Conditions = Conditions()
    stopped: str | None = None  # why the machine stands; None: it runs, or that is not known


class Reading(msgspec.Struct, Generic[T], frozen=True):
    """A value, when its message came, and whether the broker had kept it."""

    value: T
    arrived_s: float  # monotonic
    retained: bool


class PublishedReading(Generic[T]):
    """One of a source's published values."""

    def __init__(
        self,
        name: str,
        published: Published,
        latest: Callable[[str], Received | None],
        read: Callable[[bytes, Published], T],
    ) -> None:
        """`name` is for messages, e.g. `press-04: speed`; `read` raises `ValueError`."""
        self.published = published
        self.reading: Reading[T] | None = None
        self.refused: str | None = None  # the last payload, where it could not be read
        self._name = name
        self._latest = latest
        self._read: Callable[[bytes, Published], T] = read
        self._seen: Received | None = None
        self._refusals = Refusals()

    def at(self, now_s: float) -> T | None:
        """The value at that monotonic time; None: not known, see `why`."""
        self._take(self._latest(self.published.topic))
        if self.reading is None or now_s - self.reading.arrived_s > self.published.stale_s:
            return None
        return self.reading.value

    def why(self, now_s: float) -> str:
        """Why the value is not known."""
        if self.reading is None:
            nothing = f"nothing came on {self.published.topic}"
            return f"{self._name}: {self.refused or nothing}"
        age_s = now_s - self.reading.arrived_s
        return f"{self._name}: found nothing newer than {age_s:.0f} s on {self.published.topic}"

    def _take(self, received: Received | None) -> None:
        if received is None or received is self._seen:
            return
        self._seen = received
        try:
            value = self._read(received.payload, self.published)
        except ValueError as error:
            self.refused = f"{self.published.topic}: {error}"
            self._refusals.add(f"{self._name}: {self.refused}")
            return
        self._refusals.took()
        self.refused = None
        self.reading = Reading(value, received.arrived_s, received.retained)


class OperatingState:
    """What is known of one source's machine."""

    def __init__(self, common: SourceKeys, values: PublishedValues | None) -> None:
        """`values` None: nothing can be heard, e.g. while a recording is scored."""
        self.readings: dict[str, PublishedReading[Any]] = {}  # by the key of the source
        self._common = common
        latest = _nothing if values is None else values.latest
        for key, read in READERS.items():
            published = getattr(common, key)
            if not isinstance(published, Published):
                continue
            if values is not None:
                values.subscribe(published.topic)
            name = f"{common.name}: {key}"
            self.readings[key] = PublishedReading(name, published, latest, read)

    def at(self, now_s: float) -> Operating:
        """At that monotonic time."""
        values = {key: reading.at(now_s) for key, reading in self.readings.items()}
        missing = [
            self.readings[key].why(now_s)
            for key, value in values.items()
            if value is None and self._is_needed(key)
        ]
        conditions = Conditions(
            load_percent=values.get("load", _constant(self._common.load)),
            temperature_c=values.get("temperature", _constant(self._common.temperature)),
            running=values.get("running", _constant(self._common.running)),
        )
        rpm = values.get("speed")
        return Operating(
            rpm=rpm,
            condition=self._condition(values),
            missing="; ".join(missing) or None,
            conditions=conditions,
            stopped=_stopped(rpm, conditions),
        )

    def _is_needed(self, key: str) -> bool:
        """Whether a baseline is compared by this value."""
        return key in ("speed", "condition") or bool(self.readings[key].published.limits)

    def _condition(self, values: dict[str, Any]) -> str | None:
        """The name of the condition, with the ranges of load and temperature that have limits.

        None: only the configuration names one, or none.
        """
        ranges = [
            f"{key} {published_payloads.range_of(value, self.readings[key].published.limits)}"
            for key, value in values.items()
            if key in ("load", "temperature") and self._is_needed(key) and value is not None
        ]
        name = values.get("condition") or (self._common.condition_name if ranges else None)
        return ", ".join([*([] if name is None else [name]), *ranges]) or None


def of_source(common: SourceKeys, values: PublishedValues | None) -> OperatingState | None:
    """What is known of that source's machine beside its signal; None: nothing."""
    keys = ("speed", "load", "temperature", "running")
    known = [getattr(common, key) for key in keys]
    if isinstance(common.condition, Published) or any(value is not None for value in known):
        return OperatingState(common, values)
    return None


def _stopped(rpm: float | None, conditions: Conditions) -> str | None:
    if conditions.running is False:
        return "the machine is not running"
    if conditions.running is None and rpm is not None and rpm < STILL_RPM:
        return f"the shaft turns at {rpm:g} rpm"
    return None


def _constant(value: Any) -> Any:
    """What the configuration says; None where others publish it."""
    return None if isinstance(value, Published) else value


def _nothing(_topic: str) -> Received | None:
    """Where nothing can be heard."""
    return None
