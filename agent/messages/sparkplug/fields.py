"""Metrics of published fields: each takes its name, datatype and value from the record's field."""

import types
from collections.abc import Callable
from typing import Any, Literal, Union, cast, get_args, get_origin, get_type_hints

import msgspec

from agent.messages.sparkplug.metric import Metric, Type, Value

# Engineering units, by how a field's name ends; the longest first.
_UNITS = {
    "_mm_s": "mm/s",
    "_ms": "ms",
    "_db": "dB",
    "_percent": "%",
    "_c": "°C",
    "_mib": "MiB",
    "_hz": "Hz",
    "_s": "s",
    "rpm": "rpm",
    "seconds": "s",
}
_TYPES = {str: Type.STRING, int: Type.INT64, float: Type.DOUBLE, bool: Type.BOOLEAN}


class FieldMetric(msgspec.Struct, frozen=True):
    """How a metric is read from a record."""

    name: str
    type: Type
    read: Callable[[Any], Value]
    unit: str | None = None  # engineering unit

    def of(self, record: msgspec.Struct, t_ms: int) -> Metric:
        """The metric of `record`, at the Unix time `t_ms`."""
        return Metric(self.name, self.type, self.read(record), t_ms)

    def unknown(self, t_ms: int) -> Metric:
        """The metric while no record has come."""
        return Metric(self.name, self.type, None, t_ms, self.unit)


def metrics(record: type[msgspec.Struct], *paths: str, prefix: str = "") -> tuple[FieldMetric, ...]:
    """A metric for each field of `record`; `outbox.depth` gives the name `outbox/depth`."""
    return tuple(metric(record, prefix + path.replace(".", "/"), path) for path in paths)


def metric(record: type[msgspec.Struct], name: str, path: str) -> FieldMetric:
    """The metric `name` of the field at `path`; `TypeError` where its type has no datatype."""
    kind: Any = record
    for field in path.split("."):
        kind = _without_none(get_type_hints(kind)[field])
    if get_origin(kind) is Literal:
        kind = str
    if kind not in _TYPES:
        raise TypeError(f"{record.__name__}.{path}: {kind} has no Sparkplug datatype")
    return FieldMetric(name, _TYPES[kind], _reader(path), unit_of(path))


def unit_of(path: str) -> str | None:
    """The unit that the name of a field, or of the record that holds it, ends in."""
    for name in reversed(path.split(".")):
        for ending, unit in _UNITS.items():
            if name.endswith(ending):
                return unit
    return None


def _reader(path: str) -> Callable[[Any], Value]:
    """Reads the field at `path`; None where a record on the way is None."""
    names = path.split(".")

    def read(record: Any) -> Value:
        value = record
        for name in names:
            value = None if value is None else getattr(value, name)
        return cast(Value, value)

    return read


def _without_none(kind: Any) -> Any:
    if get_origin(kind) not in (Union, types.UnionType):
        return kind
    (only,) = [part for part in get_args(kind) if part is not types.NoneType]
    return only
