"""The SQLite file of trends: written once a minute, bounded in bytes, read by others meanwhile.

WAL with synchronous=FULL: a commit is on the disk before the next begins, so a power cut loses what
was measured since the last one. The bound holds for the file and its log together.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from agent.delivery.trends import tables
from agent.delivery.trends.levels import Summary

PAGE_BYTES = 4096
LOG_PAGES = 256  # 1 MiB: the log is moved into the file then
MARGIN_BYTES = 4 << 20  # of the bound: for the log and for one transaction
ROWS = 500  # of minutes in one transaction, at most
STEP_ROWS = 1000  # deleted at once
STEPS = 8  # such deletions in one transaction, at most
VACUUMED = 1000  # pages given back in one transaction, at most
WAIT_S = 1.0  # for another process that has the file


class Key(NamedTuple):
    """What a row of minutes is of."""

    start_s: int  # Unix time
    source: str
    unit: str
    channel: int


class TrendFile:
    """Owned by one thread. Its methods raise `sqlite3.Error` or `OSError`."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        self._most_pages = (max_bytes - MARGIN_BYTES) // PAGE_BYTES
        self._db = _open(path)
        self._sources: dict[tuple[str, str], int] = {
            (name, unit): number
            for number, name, unit in self._db.execute("SELECT id, name, unit FROM source")
        }
        self._upserts = {span_s: tables.upsert(table) for table, span_s in tables.SPANS_S.items()}

    def write(self, rows: Mapping[Key, Summary]) -> None:
        """Merges minutes into the tables and gives up the oldest rows: all or nothing."""
        with self._transaction():
            for key, summary in rows.items():
                source = self._source(key)
                for span_s, upsert in self._upserts.items():
                    start_s = key.start_s // span_s * span_s
                    self._db.execute(upsert, tables.row(start_s, source, key.channel, summary))
            self._make_room()

    def close(self) -> None:
        self._db.close()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        before = dict(self._sources)
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            self._sources = before
            with contextlib.suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")
            raise

    def _source(self, key: Key) -> int:
        """The number of a source; one whose unit changes is another, so no trend mixes units."""
        name = (key.source, key.unit)
        if name not in self._sources:
            cursor = self._db.execute("INSERT INTO source (name, unit) VALUES (?, ?)", name)
            self._sources[name] = int(cursor.lastrowid or 0)
        return self._sources[name]

    def _make_room(self) -> None:
        """Minutes go first, then hours, then days; a lower bound than before is met in steps."""
        for _ in range(STEPS):
            if self._pragma("page_count") - self._pragma("freelist_count") <= self._most_pages:
                break
            if not any(self._delete_oldest(table) for table in tables.SPANS_S):
                break
        for _ in range(min(VACUUMED, self._pragma("page_count") - self._most_pages)):
            self._db.execute("PRAGMA incremental_vacuum(1)")  # `sqlite3` makes one step of any

    def _delete_oldest(self, table: str) -> int:
        return self._db.execute(tables.delete_oldest(table), (STEP_ROWS,)).rowcount

    def _pragma(self, name: str) -> int:
        (number,) = self._db.execute(f"PRAGMA {name}").fetchone()
        return int(number)


def _open(path: Path) -> sqlite3.Connection:
    """A file that nobody else may read; `sqlite3.DatabaseError` where it is none of ours."""
    flags = os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    os.close(os.open(path, flags, 0o600))
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=WAIT_S)
    try:
        db.execute("PRAGMA auto_vacuum = INCREMENTAL")  # of a new file: it can become smaller
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute(f"PRAGMA wal_autocheckpoint = {LOG_PAGES}")
        db.execute(f"PRAGMA journal_size_limit = {LOG_PAGES * PAGE_BYTES}")
        if not db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
            db.executescript(tables.schema())
        check(db)
    except BaseException:
        db.close()
        raise
    return db


def check(db: sqlite3.Connection) -> None:
    """`sqlite3.DatabaseError` for a file that this version does not read."""
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if (application, version) != (tables.APPLICATION_ID, tables.VERSION):
        raise sqlite3.DatabaseError("not a file of trends of this version")
    for table in tables.SPANS_S:
        db.execute(f"SELECT {', '.join(tables.columns())} FROM {table} LIMIT 0")
