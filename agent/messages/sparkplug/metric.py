"""One metric: a name, a datatype, a value and its time."""

import enum
from collections.abc import Iterable

import msgspec

from agent.messages.sparkplug.protocol import Payload

UNIT = "engUnit"  # the property that hosts show beside a value
Value = str | bool | int | float | None


class Type(enum.IntEnum):
    """Datatypes by the specification's numbers."""

    INT64 = 4
    DOUBLE = 10
    BOOLEAN = 11
    STRING = 12


_HELD_IN = {
    Type.INT64: "long_value",
    Type.DOUBLE: "double_value",
    Type.BOOLEAN: "boolean_value",
    Type.STRING: "string_value",
}


class Metric(msgspec.Struct, frozen=True):
    name: str
    type: Type
    value: Value  # None: null
    t_ms: int  # Unix time
    unit: str | None = None  # engineering unit, in births


def payload(
    metrics: Iterable[Metric],
    now_ms: int,
    seq: int | None,
    historical: bool = False,
) -> bytes:
    """The encoded payload, sent at Unix time `now_ms`; `seq` None: it is outside of the order."""
    body = Payload(timestamp=now_ms)
    if seq is not None:
        body.seq = seq
    for metric in metrics:
        added = body.metrics.add(name=metric.name, timestamp=metric.t_ms, datatype=metric.type)
        if metric.unit is not None:
            added.properties.keys.append(UNIT)
            added.properties.values.add(type=Type.STRING, string_value=metric.unit)
        if historical:
            added.is_historical = True
        if metric.value is None:
            added.is_null = True
        else:
            setattr(added, _HELD_IN[metric.type], metric.value)
    return bytes(body.SerializeToString())
