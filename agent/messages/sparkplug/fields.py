"""Metrics of published fields: each takes its name, datatype and value from the record's field."""

import types
from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from agent.messages.sparkplug.metric import Metric, Type, Value

_TYPES = {str: Type.STRING, int: Type.INT64, float: Type.DOUBLE, bool: Type.BOOLEAN}


@dataclass(frozen=True, slots=True)
class FieldMetric:
    """How a metric is read from a record."""

    name: str
    type: Type
    read: Callable[[Any], Value]

    def of(self, record: msgspec.Struct, t_ms: int) -> Metric:
        """The metric of `record`, at the Unix time `t_ms`."""
        return Metric(self.name, self.type, self.read(record), t_ms)

    def unknown(self, t_ms: int) -> Metric:
        """The metric while no record has come."""
        return Metric(self.name, self.type, None, t_ms)


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
    return FieldMetric(name, _TYPES[kind], attrgetter(path))


def _without_none(kind: Any) -> Any:
    if get_origin(kind) not in (Union, types.UnionType):
        return kind
    (only,) = [part for part in get_args(kind) if part is not types.NoneType]
    return only
