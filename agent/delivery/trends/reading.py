"""Reads trends beside the agent that writes them; changes nothing."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import msgspec

from agent.core.errors import ConditionError, UserError
from agent.delivery.trends import tables, trend_file
from agent.delivery.trends.levels import Summary

Span = Literal["minute", "hour", "day"]
LAST_S = 253_402_300_799  # the end of the year 9999: what lies behind is damage
WAIT_S = 5.0  # for the agent, which makes its log shorter

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


def read(path: Path, source: str, span: Span, from_s: float) -> History:
    """Rows that begin at `from_s` or later.

    `ConditionError` where there is no file or it cannot be read, `UserError` for another name.
    """
    try:
        with _connection(path) as db:
            number, unit = _source(db, source)
            rows = db.execute(_QUERY.format(span), (from_s, LAST_S, number))
            return History(unit, tuple(map(_point, rows)))
    except (sqlite3.Error, OSError) as error:
        why = getattr(error, "strerror", None) or error
        raise ConditionError(f"{path} cannot be read: {why}") from None


@contextlib.contextmanager
def _connection(path: Path) -> Iterator[sqlite3.Connection]:
    if not path.is_file():
        raise ConditionError(
            f"found no {path}: an agent with `trends` makes it in its first minutes"
        )
    address = f"file:{quote(str(path.absolute()))}?mode=ro"
    with contextlib.closing(sqlite3.connect(address, uri=True, timeout=WAIT_S)) as db:
        trend_file.check(db)
        yield db


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
