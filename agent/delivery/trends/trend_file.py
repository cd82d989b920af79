"""The SQLite file of trends: written once a minute (`agent.delivery.bounded_file`)."""

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from agent.delivery import bounded_file
from agent.delivery.bounded_file import BoundedFile
from agent.delivery.trends import tables
from agent.delivery.trends.levels import Summary

ROWS = 500  # of minutes in one transaction, at most
STEP_ROWS = 1000  # deleted at once


class Key(NamedTuple):
    """What a row of minutes is of."""

    start_s: int  # Unix time
    source: str
    unit: str
    channel: int


class TrendFile:
    """Owned by one thread. Its methods raise `sqlite3.Error` or `OSError`."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        self.file = BoundedFile(path, max_bytes, tables.schema(), check)
        self._sources: dict[tuple[str, str], int] = {
            (name, unit): number
            for number, name, unit in self.file.db.execute("SELECT id, name, unit FROM source")
        }
        self._upserts = {span_s: tables.upsert(table) for table, span_s in tables.SPANS_S.items()}

    def write(self, rows: Mapping[Key, Summary]) -> None:
        """Merges minutes into the tables and gives up the oldest rows: all or nothing."""
        before = dict(self._sources)
        try:
            with self.file.transaction():
                for key, summary in rows.items():
                    source = self._source(key)
                    for span_s, upsert in self._upserts.items():
                        start_s = key.start_s // span_s * span_s
                        row = tables.row(start_s, source, key.channel, summary)
                        self.file.db.execute(upsert, row)
                self.file.make_room(self._delete_oldest)
        except BaseException:
            self._sources = before
            raise

    def close(self) -> None:
        self.file.close()

    def _source(self, key: Key) -> int:
        """The number of a source; one whose unit changes is another, so no trend mixes units."""
        name = (key.source, key.unit)
        if name not in self._sources:
            cursor = self.file.db.execute("INSERT INTO source (name, unit) VALUES (?, ?)", name)
            self._sources[name] = int(cursor.lastrowid or 0)
        return self._sources[name]

    def _delete_oldest(self) -> bool:
        """Minutes go first, then hours, then days."""
        return any(
            self.file.db.execute(tables.delete_oldest(table), (STEP_ROWS,)).rowcount
            for table in tables.SPANS_S
        )


def check(db: sqlite3.Connection) -> None:
    """`sqlite3.DatabaseError` for a file that this version does not read."""
    bounded_file.check_marks(db, tables.APPLICATION_ID, tables.VERSION, "trends")
    for table in tables.SPANS_S:
        db.execute(f"SELECT {', '.join(tables.columns())} FROM {table} LIMIT 0")
