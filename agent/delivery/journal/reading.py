"""Reads the journal beside the agent that writes it; changes nothing."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from agent.core.alarms import Standing
from agent.core.time import unix_s
from agent.delivery import bounded_file
from agent.delivery.journal import journal_file
from agent.delivery.journal.events import JournalEvent, Kind
from agent.delivery.journal.journal_file import COLUMNS

JUDGEABLE = (
    "(kind = 'alarm' AND alarm <> 'none' "
    "OR kind = 'decision' AND decision IN ('fault', 'detected', 'unknown'))"
)
MADE_BY = "an agent makes it with its first event"


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Which events to read: the newest `most` of those that meet every condition."""

    source: str | None = None  # None: of all sources
    kinds: tuple[Kind, ...] = ()  # none: all kinds
    id: int | None = None  # that event alone
    before_id: int | None = None  # events before that one: the next page of a list
    after_id: int | None = None  # events after that one
    since: str | None = None  # ISO 8601 in UTC, as in the events
    until: str | None = None  # the same
    judgeable: bool = False  # only raised alarms, and changes to fault, detected or unknown
    unacknowledged: bool = False  # only alarms that were raised and that nobody has acknowledged
    oldest: bool = False  # the oldest `most` instead
    most: int = 100


def read(path: Path, selection: Selection) -> list[JournalEvent]:
    """The newest first, or the oldest where `oldest`; a damaged row is left out.

    `ConditionError` where there is no file or it cannot be read.
    """
    conditions, values = _conditions(selection)
    query = (
        f"SELECT {', '.join(COLUMNS)} FROM event WHERE {' AND '.join(conditions)} "
        f"ORDER BY id {'ASC' if selection.oldest else 'DESC'} LIMIT ?"
    )
    with bounded_file.reading(path, journal_file.check, MADE_BY) as db:
        rows = db.execute(query, (*values, selection.most)).fetchall()
    return [event for row in rows if (event := _event(row)) is not None]


def standings(path: Path) -> dict[str, Standing]:
    """How each source stands; what is damaged is left out. `ConditionError` as `read`."""
    with bounded_file.reading(path, journal_file.check, MADE_BY) as db:
        rows = db.execute("SELECT source, record FROM alarm").fetchall()
    read = {source: _standing(record) for source, record in rows if isinstance(source, str)}
    return {source: standing for source, standing in read.items() if standing is not None}


def last_id(path: Path) -> int:
    """Of the newest event; `ConditionError` as `read`."""
    with bounded_file.reading(path, journal_file.check, MADE_BY) as db:
        return journal_file.last_id(db)


def _conditions(selection: Selection) -> tuple[list[str], list[Any]]:
    """The conditions of the query, and their values in order."""
    wanted = {
        "source = ?": selection.source,
        "id = ?": selection.id,
        "id < ?": selection.before_id,
        "id > ?": selection.after_id,
        "t >= ?": selection.since,
        "t <= ?": selection.until,
    }
    values: list[Any] = [value for value in wanted.values() if value is not None]
    conditions = ["1", *(text for text, value in wanted.items() if value is not None)]
    if selection.kinds:
        conditions.append(f"kind IN ({', '.join('?' * len(selection.kinds))})")
        values += selection.kinds
    if selection.judgeable:
        conditions.append(JUDGEABLE)
    if selection.unacknowledged:
        conditions.append(journal_file.UNACKNOWLEDGED)
    return conditions, values


def _event(row: Sequence[Any]) -> JournalEvent | None:
    try:
        event = msgspec.convert(dict(zip(COLUMNS, row, strict=True)), JournalEvent)
        unix_s(event.t)
    except ValueError:
        return None
    return event


def _standing(record: Any) -> Standing | None:
    """None for a record that this version has not written."""
    try:
        standing = msgspec.json.decode(record, type=Standing)
        basis, maintenance = standing.basis, standing.maintenance
        if basis is not None:
            unix_s(basis.since)
        if maintenance is not None:
            unix_s(maintenance.since)
            unix_s(maintenance.until or maintenance.since)
    except (ValueError, OverflowError, TypeError):
        return None
    return standing if (standing.alarm == "none") == (basis is None) else None
