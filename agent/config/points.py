"""`points` of a source: a device that is read once, and what it measures at several points.

A point is a source of its own to everything behind the device: it has a ring, a model, a baseline
and a decision, and shares the sources' name space and topics. It takes the source's keys and may
have any common key of its own beside them; the keys of the kind are the device's.
"""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from agent.config import source
from agent.config.source import Channel, SourceKeys, SourceSettings
from agent.config.validation import convert, unknown_key
from agent.core.annotated import Name, PlainText
from agent.core.errors import ConfigError


class PointKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The keys that make a point."""

    name: Name  # in every topic of this point
    channels: Annotated[tuple[Channel, ...], msgspec.Meta(min_length=1, max_length=255)]
    direction: PlainText | None = None  # that it measures in, e.g. horizontal, vertical, axial


KEY = "points"  # of a source
POINT = PointKeys.__struct_fields__
OVERRIDES = tuple(key for key in SourceKeys.__struct_fields__ if key not in (*POINT, "kind"))


def parse(raw: Mapping[str, Any], path: str) -> tuple[SourceSettings, ...]:
    """What one entry of `sources` stands for: itself, or its points. `ConfigError`."""
    if raw.get("points") is None:
        return (source.parse({k: v for k, v in raw.items() if k != KEY}, path, KEY),)
    if raw.get("channels") is not None:
        raise ConfigError(f"{path}.channels: found it beside points, expected it in each point")
    entry = {key: value for key, value in raw.items() if key not in (KEY, "channels")}
    device = source.parse(entry, path, KEY).common.name
    points = convert(raw["points"], list[dict[str, Any]], f"{path}.points")
    if not points:
        raise ConfigError(f"{path}.points: found none, expected at least one")
    return tuple(
        _point(entry, point, device, f"{path}.points[{at}]") for at, point in enumerate(points)
    )


def _point(
    entry: Mapping[str, Any], point: Mapping[str, Any], device: str, path: str
) -> SourceSettings:
    for key in point:
        if key not in POINT and key not in OVERRIDES:
            raise unknown_key(path, key, (*POINT, *OVERRIDES))
    keys = convert({key: point[key] for key in POINT if key in point}, PointKeys, path)
    merged = {key: value for key, value in {**entry, **point}.items() if key != "direction"}
    settings = source.parse(merged, path)
    return msgspec.structs.replace(settings, device=device, direction=keys.direction)
