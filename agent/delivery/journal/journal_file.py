"""The SQLite file of the journal (`agent.delivery.bounded_file`)."""

import sqlite3
from collections.abc import Iterable
from pathlib import Path

import msgspec

from agent.core.annotated import MAX_ROW_ID
from agent.delivery import bounded_file
from agent.delivery.bounded_file import BoundedFile
from agent.delivery.journal.events import Acknowledgement, Annotation, JournalEvent

FILE = "events.sqlite"  # in the state directory
APPLICATION_ID = 0x6472_736A  # "drsj"
VERSION = 1
STEP_ROWS = 1000  # deleted at once
COLUMNS = JournalEvent.__struct_fields__
ANNOTATED = Annotation.__struct_fields__[1:]

_KINDS = {"id": "INTEGER PRIMARY KEY"}  # of columns that are not text
_TYPED = ", ".join(f"{name} {_KINDS.get(name, 'TEXT')}" for name in COLUMNS)
_SCHEMA = (
    f"{bounded_file.marks(APPLICATION_ID, VERSION)}\n"
    f"CREATE TABLE event ({_TYPED});\n"
    "CREATE INDEX event_of_source ON event (source, id);\n"
    "CREATE TABLE alarm (source TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID;"
)
_INSERT = f"INSERT INTO event VALUES ({', '.join('?' * len(COLUMNS))})"
_ANNOTATE = (
    f"UPDATE event SET {', '.join(f'{name} = coalesce(?, {name})' for name in ANNOTATED)} "
    "WHERE id = ?"
)
UNACKNOWLEDGED = "kind = 'alarm' AND alarm <> 'none' AND acknowledged_at IS NULL"
_ACKNOWLEDGE = (
    "UPDATE event SET acknowledged_at = ?, acknowledged_by = ? "
    f"WHERE source = ? AND {UNACKNOWLEDGED}"
)
_DELETE = "DELETE FROM event WHERE id IN (SELECT id FROM event ORDER BY id LIMIT ?)"


class StandingAlarm(msgspec.Struct, frozen=True):
    """How a source's alarm stands, for the next start: a record as JSON."""

    source: str
    record: str


Entry = JournalEvent | Acknowledgement | Annotation | StandingAlarm


class JournalFile:
    """Owned by one thread. Its methods raise `sqlite3.Error` or `OSError`."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        self.file = BoundedFile(path, max_bytes, _SCHEMA, check)

    def write(self, entries: Iterable[Entry]) -> None:
        """Writes them in that order and gives up the oldest events: all or nothing."""
        with self.file.transaction():
            for entry in entries:
                self._write(entry)
            self.file.make_room(self._delete_oldest)

    def close(self) -> None:
        self.file.close()

    def _write(self, entry: Entry) -> None:
        db = self.file.db
        if isinstance(entry, JournalEvent):
            number = max(entry.id, 1 + last_id(db))  # an id is given once, whatever was damaged
            _, *values = msgspec.structs.astuple(entry)
            db.execute(_INSERT, (number, *values))
        elif isinstance(entry, Acknowledgement):
            db.execute(_ACKNOWLEDGE, (entry.at, entry.by, entry.source))
        elif isinstance(entry, Annotation):
            number, *values = msgspec.structs.astuple(entry)
            db.execute(_ANNOTATE, (*values, number))
        else:
            db.execute("INSERT OR REPLACE INTO alarm VALUES (?, ?)", (entry.source, entry.record))

    def _delete_oldest(self) -> bool:
        return bool(self.file.db.execute(_DELETE, (STEP_ROWS,)).rowcount)


def last_id(db: sqlite3.Connection) -> int:
    """Of the newest event; 0: there is none."""
    (newest,) = db.execute("SELECT max(id) FROM event").fetchone()
    return int(newest or 0)


def check(db: sqlite3.Connection) -> None:
    """`sqlite3.DatabaseError` for a file that this version does not read."""
    bounded_file.check_marks(db, APPLICATION_ID, VERSION, "events")
    db.execute(f"SELECT {', '.join(COLUMNS)} FROM event LIMIT 0")
    db.execute("SELECT source, record FROM alarm LIMIT 0")
    if (newest := last_id(db)) > MAX_ROW_ID:
        raise sqlite3.DatabaseError(f"found the event {newest}, expected at most {MAX_ROW_ID}")
