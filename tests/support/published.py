"""Two records of each kind that differ in every field, and the records with one field changed."""

import contextlib
import datetime
import types
import uuid
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

# Texts that take one of a few words, one of which changes what is shown.
WORDS = {"MqttHealth.state": ("connected", "lost"), "SourceHealth.state": ("ok", "silent")}
NOW = datetime.datetime(2026, 1, 2, 3, 4, 5, 678000, datetime.UTC)


def paths(record: type[msgspec.Struct], prefix: str = "") -> Iterator[str]:
    """Every field, those of records within it by their path: `mqtt.state`, `sources.*.windows`."""
    for name, kind in get_type_hints(record).items():
        inner, many = _record_in(kind)
        if inner is None:
            yield prefix + name
        else:
            yield from paths(inner, f"{prefix}{name}.{'*.' if many else ''}")


def sample(record: type[msgspec.Struct], which: int) -> dict[str, Any]:
    """The record number `which` (0 or 1) of that kind as a tree: no two share a value."""
    hints = get_type_hints(record, include_extras=True)
    tree = {name: _value(hints[name], which, name) for name in hints}
    words = {name: WORDS.get(f"{record.__name__}.{name}") for name in hints}
    return tree | {name: both[which] for name, both in words.items() if both}


def changes(record: type[msgspec.Struct], path: str) -> Iterator[dict[str, Any]]:
    """Record 0 with the field at `path` as in record 1, and with null where it may be null."""
    for value in ("other", None):
        tree, other = sample(record, 0), sample(record, 1)
        part, steps = tree, path.split(".")
        for name in steps[:-1]:
            key: Any = _only(part) if name == "*" else name
            part, other = part[key], other[key]
        part[steps[-1]] = None if value is None else other[steps[-1]]
        with contextlib.suppress(msgspec.ValidationError):
            yield msgspec.to_builtins(msgspec.convert(tree, record))


def _only(part: Any) -> Any:
    (key,) = part if isinstance(part, dict) else range(len(part))
    return key


def _record_in(kind: Any) -> tuple[type[msgspec.Struct] | None, bool]:
    """The record that a field holds, and whether it holds several."""
    kind = _without_none(kind)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return kind, False
    inner = [_record_in(part)[0] for part in get_args(kind)] if get_origin(kind) else []
    return next((part for part in inner if part is not None), None), True


def _without_none(kind: Any) -> Any:
    if get_origin(kind) not in (Union, types.UnionType):
        return kind
    return next(part for part in get_args(kind) if part is not types.NoneType)


def _value(kind: Any, which: int, name: str) -> Any:
    """A value that the type allows; of numbers and texts the two differ."""
    kind = _without_none(kind)
    if get_origin(kind) is Annotated:
        patterns = [meta.pattern for meta in kind.__metadata__ if getattr(meta, "pattern", None)]
        return _text(patterns[0], which) if patterns else _value(get_args(kind)[0], which, name)
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return inner[which]
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return sample(kind, which)
    if origin is dict:
        return {"key": _value(inner[1], which, name)}
    if origin in (list, tuple):
        size = len(inner) if origin is tuple and inner[-1] is not Ellipsis else 1
        return [_value(inner[0], which, name) for _ in range(size)]
    return {str: f"{name}-{which}", int: 7 + which, float: 0.25 + which / 2, bool: bool(which)}[
        kind
    ]


def _text(pattern: str, which: int) -> str:
    if "T" in pattern:
        later = NOW + datetime.timedelta(seconds=which)
        return later.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return f"{which}" * 64 if "64" in pattern else str(uuid.UUID(int=which + 1))
