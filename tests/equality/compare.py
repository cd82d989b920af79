"""Where two tellings of one recording differ."""

from itertools import zip_longest

from .ways import Record, Records

OF_DELIVERY = frozenset({"epoch", "seq", "t_published", "latency_ms", "event_id"})
NOTHING: Record = {}
OF_NAMES = OF_DELIVERY | {"agent", "source"}  # where the two were told other names


def difference(one: Records, other: Records, ignored: frozenset[str] = OF_DELIVERY) -> str | None:
    """The first field that differs, in words; None: there is none."""
    for kind in ("windows", "events"):
        pairs = zip_longest(_records(one, kind), _records(other, kind), fillvalue=NOTHING)
        for at, (mine, theirs) in enumerate(pairs):
            if (found := _field(mine, theirs, ignored)) is not None:
                return f"{kind}[{at}].{found}"
    return None


def _records(records: Records, kind: str) -> list[Record]:
    return list(getattr(records, kind))


def _field(mine: Record, theirs: Record, ignored: frozenset[str]) -> str | None:
    for name in sorted((mine.keys() | theirs.keys()) - ignored):
        here, there = mine.get(name, "nothing"), theirs.get(name, "nothing")
        if here != there:
            return f"{name}: {here} and {there}"
    return None
