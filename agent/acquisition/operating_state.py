"""How a machine runs now, as others publish it: its speed and its condition, or why not known.

A payload is a number or a text, or a JSON object with it in a field. One that is neither is refused
and quoted; the value before it stands until it is too old.
"""

import math
from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec

from agent.acquisition.published_values import PublishedValues, Received
from agent.config.published import Published
from agent.config.source import SourceKeys
from agent.core import json_input
from agent.core.json_input import JsonError
from agent.sources.sensor_nodes.refusal import Refusals, quote

MAX_BYTES = 65_536
MAX_TEXT = 64  # characters of a condition's name
MAX_RPM = 1e6

T = TypeVar("T", float, str)


class Operating(msgspec.Struct, frozen=True):
    """What is known at a moment. `missing`: which value should be there and is not, and why."""

    rpm: float | None = None  # 0: the shaft stands
    condition: str | None = None
    missing: str | None = None


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
    """What is published of one source's machine."""

    def __init__(
        self,
        source: str,
        speed: Published | None,
        condition: Published | None,
        values: PublishedValues | None,
    ) -> None:
        """`values` None: nothing can be heard, e.g. while a recording is scored."""
        for published in (speed, condition):
            if published is not None and values is not None:
                values.subscribe(published.topic)
        latest = _nothing if values is None else values.latest
        self.speed: PublishedReading[float] | None = None
        self.condition: PublishedReading[str] | None = None
        if speed is not None:
            self.speed = PublishedReading(f"{source}: speed", speed, latest, rpm)
        if condition is not None:
            self.condition = PublishedReading(
                f"{source}: condition", condition, latest, condition_name
            )

    def at(self, now_s: float) -> Operating:
        """At that monotonic time."""
        missing = []
        rpm_now = None if self.speed is None else self.speed.at(now_s)
        if self.speed is not None and rpm_now is None:
            missing.append(self.speed.why(now_s))
        name = None if self.condition is None else self.condition.at(now_s)
        if self.condition is not None and name is None:
            missing.append(self.condition.why(now_s))
        return Operating(rpm_now, name, "; ".join(missing) or None)


def of_source(common: SourceKeys, values: PublishedValues | None) -> OperatingState | None:
    """What is published of that source's machine; None: nothing."""
    condition = common.condition if isinstance(common.condition, Published) else None
    if common.speed is None and condition is None:
        return None
    return OperatingState(common.name, common.speed, condition, values)


def rpm(payload: bytes, published: Published) -> float:
    """The speed in rpm, of either direction; `ValueError` says what was found and expected."""
    value = _field(payload, published)
    speed = abs(_number(value, payload)) * published.factor
    if speed > MAX_RPM:
        raise ValueError(f"found {quote(payload)}, expected a speed of at most {MAX_RPM:g} rpm")
    return speed


def condition_name(payload: bytes, published: Published) -> str:
    """The condition's name; of a number with `limits` the range that it lies in. `ValueError`."""
    value = _field(payload, published)
    if published.limits:
        return _range(_number(value, payload), published.limits)
    text = f"{value:g}" if isinstance(value, float) else str(value).strip()
    if not text or len(text) > MAX_TEXT or not text.isprintable():
        raise ValueError(f"found {quote(payload)}, expected a name of 1 to {MAX_TEXT} characters")
    return text


def _nothing(_topic: str) -> Received | None:
    """Where nothing can be heard."""
    return None


def _field(payload: bytes, published: Published) -> str | float:
    """The payload's text, or the field of its JSON object."""
    if len(payload) > MAX_BYTES:
        raise ValueError(f"found {len(payload)} bytes, expected at most {MAX_BYTES}")
    if published.field is None:
        try:
            return payload.decode("utf-8")
        except UnicodeDecodeError:
            raise ValueError(f"found {quote(payload)}, expected UTF-8 text") from None
    try:
        value: object = json_input.decode_object(payload, max_bytes=MAX_BYTES)
    except JsonError as error:
        found = f"found {quote(payload)}, expected a JSON object"
        raise ValueError(f"{found}: {error}") from None
    for name in published.field.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    if isinstance(value, bool) or not isinstance(value, str | float | int):
        found = quote(payload)
        raise ValueError(f"found {found}, expected a number or a text in {published.field}")
    return value if isinstance(value, str) else float(value)


def _number(value: str | float, payload: bytes) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"found {quote(payload)}, expected a number")
    return number


def _range(number: float, limits: tuple[float, ...]) -> str:
    at = sum(number >= limit for limit in limits)
    if at == 0:
        return f"below {limits[0]:g}"
    if at == len(limits):
        return f"{limits[-1]:g} and above"
    return f"{limits[at - 1]:g} to {limits[at]:g}"
