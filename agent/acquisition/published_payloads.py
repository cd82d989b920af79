"""What other devices publish of a machine, read from a payload: number, name, running or not.

A payload is the value itself as text, or a JSON object with it in a field. Every function raises
`ValueError`, which says what was found and what was expected.
"""

import math

from agent.config.published import Published
from agent.core import json_input
from agent.core.json_input import JsonError
from agent.sources.sensor_nodes.refusal import quote

MAX_BYTES = 65_536
MAX_TEXT = 64  # characters of a condition's name
MAX_RPM = 1e6
RUNNING = ("true", "1", "on", "yes", "running", "run")
STOPPED = ("false", "0", "off", "no", "stopped", "stop", "standing")


def rpm(payload: bytes, published: Published) -> float:
    """The speed in rpm, of either direction."""
    value = _field(payload, published)
    speed = abs(_number(value, payload)) * published.factor
    if speed > MAX_RPM:
        raise ValueError(f"found {quote(payload)}, expected a speed of at most {MAX_RPM:g} rpm")
    return speed


def number(payload: bytes, published: Published) -> float:
    """A load or a temperature."""
    return _number(_field(payload, published), payload) * published.factor


def is_running(payload: bytes, published: Published) -> bool:
    """Whether the machine runs; a number other than 0 says so, too."""
    value = _field(payload, published)
    word = str(value).strip().lower()
    if isinstance(value, str) and word in (*RUNNING, *STOPPED):
        return word in RUNNING
    try:
        return float(value) != 0
    except ValueError:
        raise ValueError(f"found {quote(payload)}, expected true or false") from None


def condition_name(payload: bytes, published: Published) -> str:
    """The condition's name; of a number with `limits` the range that it lies in."""
    value = _field(payload, published)
    if published.limits:
        return range_of(_number(value, payload), published.limits)
    text = f"{value:g}" if isinstance(value, float) else str(value).strip()
    if not text or len(text) > MAX_TEXT or not text.isprintable():
        raise ValueError(f"found {quote(payload)}, expected a name of 1 to {MAX_TEXT} characters")
    return text


def range_of(number: float, limits: tuple[float, ...]) -> str:
    """The name of the range between two limits that a number lies in."""
    at = sum(number >= limit for limit in limits)
    if at == 0:
        return f"below {limits[0]:g}"
    if at == len(limits):
        return f"{limits[-1]:g} and above"
    return f"{limits[at - 1]:g} to {limits[at]:g}"


def _field(payload: bytes, published: Published) -> str | float:
    """The payload's text, or the field of its JSON object; `true` and `false` as text."""
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
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str | float | int):
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
