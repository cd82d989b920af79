"""The section `machines` of the configuration: which points and sources make one machine."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated

import msgspec

from agent.config.source import SourceSettings
from agent.core.annotated import Name, PlainText
from agent.core.errors import ConfigError
from agent.core.place import Place


class Machine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One entry."""

    name: Name  # in its topic; no source, point or other machine has it
    # Points, sources, or sources with all of their points.
    points: Annotated[tuple[Name, ...], msgspec.Meta(min_length=1, max_length=255)]
    site: PlainText | None = None  # where it stands, e.g. plant 2
    area: PlainText | None = None  # within the site, e.g. hall B


def check(machines: Sequence[Machine], sources: Sequence[SourceSettings]) -> None:
    """`ConfigError` for a name that is taken, and for points that there are not or are shared."""
    taken = {name for item in sources for name in (item.common.name, item.reads)}
    owners: dict[str, str] = {}
    for at, machine in enumerate(machines):
        if machine.name in taken:
            found = f"found {machine.name!r} twice among sources, points and machines"
            raise ConfigError(f"machines[{at}].name: {found}, expected unique names")
        taken.add(machine.name)
        for number, name in enumerate(machine.points):
            path = f"machines[{at}].points[{number}]"
            _check_point(name, path, machine.name, sources, owners)


def _check_point(
    name: str,
    path: str,
    machine: str,
    sources: Sequence[SourceSettings],
    owners: dict[str, str],
) -> None:
    """Notes in `owners` the machine of each point behind `name`."""
    points = _points(name, sources)
    if not points:
        expected = ", ".join(dict.fromkeys(item.common.name for item in sources))
        raise ConfigError(f"{path}: found {name!r}, expected a source or a point: {expected}")
    for point in points:
        if (owner := owners.setdefault(point, machine)) != machine:
            raise ConfigError(f"{path}: found {point!r} of {owner}, expected one machine a point")


def points_of(machine: Machine, sources: Sequence[SourceSettings]) -> tuple[str, ...]:
    """The names of its points; of a source with points all of them."""
    names = [point for name in machine.points for point in _points(name, sources)]
    return tuple(dict.fromkeys(names))


def placed(
    sources: Sequence[SourceSettings], machines: Sequence[Machine]
) -> Iterator[SourceSettings]:
    """The sources with their places."""
    owners: Mapping[str, Machine] = {
        point: machine for machine in machines for point in points_of(machine, sources)
    }
    for source in sources:
        machine = owners.get(source.common.name)
        if machine is None and source.direction is None:
            yield source
            continue
        place = Place(
            site=machine.site if machine else None,
            area=machine.area if machine else None,
            machine=machine.name if machine else None,
            direction=source.direction,
        )
        yield msgspec.structs.replace(source, place=place)


def _points(name: str, sources: Sequence[SourceSettings]) -> list[str]:
    """The points that a name stands for."""
    return [item.common.name for item in sources if name in (item.common.name, item.reads)]
