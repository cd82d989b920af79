"""Reads trends beside the agent that writes them; changes nothing."""

import sqlite3
from pathlib import Path
from typing import Literal

import msgspec

from agent.core.errors import UserError
from agent.delivery import bounded_file
from agent.delivery.trends import tables, trend_file
from agent.delivery.trends.levels import Summary

Span = Literal["minute", "hour", "day"]
LAST_S = 253_402_300_799  # the end of the year 9999: what lies behind is damage
MADE_BY = "an agent with `trends` makes it in its first minutes"

_QUERY = (
    "SELECT * FROM {} WHERE start_s BETWEEN ? AND ? AND source = ? "
    "AND typeof(channel) = 'integer' ORDER BY start_s, channel"
)


class Point(msgspec.Struct, frozen=True):
    """One row: a channel's measurements from `start_s` on."""

    start_s: int  # Unix time
    channel: int
    summary: Summary


class History(msgspec.Struct, frozen=True):
    """Of one source, the oldest first."""

    unit: str  # of `rms` and `peak`
    points: tuple[Point, ...]


def read(path: Path, source: str, span: Span, from_s: float, to_s: float = LAST_S) -> History:
    """Rows that begin at `from_s` or later, and at `to_s` or before (Unix time).

    `ConditionError` where there is no file or it cannot be read, `UserError` for another name.
    """
    with bounded_file.reading(path, trend_file.check, MADE_BY) as db:
        number, unit = _source(db, source)
        rows = db.execute(_QUERY.format(span), (from_s, to_s, number))
        return History(unit, tuple(map(_point, rows)))


def _source(db: sqlite3.Connection, name: str) -> tuple[int, str]:
    """Number and unit of a source; with several units, that of its newest day."""
    query = (
        "SELECT id, unit FROM source LEFT JOIN day ON day.source = id WHERE name = ? "
        "ORDER BY day.start_s DESC, id DESC LIMIT 1"
    )
    row = db.execute(query, (name,)).fetchone()
    if row is None:
        names = [other for (other,) in db.execute("SELECT DISTINCT name FROM source ORDER BY name")]
        expected = ", ".join(names) or "one that has been measured for a minute"
        raise UserError(f"history: found the source {name!r}, expected {expected}")
    return int(row[0]), str(row[1])


def _point(row: tables.Row) -> Point:
    start_s, _source_number, channel, *values = row
    return Point(int(start_s or 0), int(channel or 0), tables.summary(tuple(values)))
