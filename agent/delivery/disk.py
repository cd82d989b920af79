"""A SQLite file that survives power cuts, a full disk and its own corruption.

synchronous=FULL: in WAL mode NORMAL may lose commits when power is cut (sqlite.org/pragma.html).
A reserve file stands beside the database: on a full disk even deleting needs room, and the
reserve gives it. A file that SQLite cannot read is set aside, not deleted, and an empty one takes
its place.
"""

import contextlib
import logging
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

RESERVE_BYTES = 1 << 20
PAGE_BYTES = 4096  # SQLite's default
LOG_PAGES = 1920  # 7.5 MiB: the log is moved into the database then, whatever else waits
IDLE_PAGES = 1536  # and then, if nothing else waits: it takes three fsyncs
GROWN_PAGES = 128  # 512 KiB: what the log adds to the database must fit into the reserve, or a full
# disk could take neither the log's pages into the database nor a longer log
ROOM_BYTES = 64 << 20  # free on the disk, for a log that is longer than that
COPY_PAGES = 1024  # 4 MiB: one step of a copy
TRANSACTION_PAGES = 3  # that a transaction writes beside its rows, about
NO_ROOM = {"FULL", "IOERR", "CANTOPEN", "READONLY", "BUSY", "LOCKED"}  # of SQLite's error names

log = logging.getLogger("drsn.outbox")


class DiskError(Exception):
    """The disk cannot be written now; nothing of the transaction was stored."""


def _nothing(_db: sqlite3.Connection) -> None:
    """For a file whose content nobody checks."""


class Disk:
    """One database file, owned by one thread; `path` None keeps it in memory."""

    def __init__(
        self,
        path: Path | None,
        schema: str,
        check: Callable[[sqlite3.Connection], None] = _nothing,
    ) -> None:
        """`check` raises `sqlite3.DatabaseError` for a file whose content is none of ours."""
        self._check = check
        self._reserve = None if path is None else path.with_name("reserve")
        self._has_reserve = self._reserve is not None and self._reserve.exists()
        self.set_aside: Path | None = None  # where an unreadable earlier file was moved
        try:
            self.db = _open(path, schema, check)
        except sqlite3.DatabaseError as error:
            self.db = self._open_again(path, schema, error)
        self._logged = 0  # pages in the log since it was moved into the database, about
        self._pages = self._page_count  # of the database then
        self.keep_reserve()

    def _open_again(
        self, path: Path | None, schema: str, error: sqlite3.DatabaseError
    ) -> sqlite3.Connection:
        """Opens with the reserve's room, or after setting a broken file aside; `DiskError`."""
        if path is not None and is_room(error):
            self.free_reserve()
        elif path is not None:
            self.set_aside = put_aside(path)
            log.error("%s cannot be read (%s): set aside as %s", path, error, self.set_aside.name)
        try:
            return _open(path, schema, self._check)
        except sqlite3.DatabaseError as again:
            raise DiskError(str(again)) from None

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Commits all or nothing; `DiskError` where the disk fails."""
        try:
            self.db.execute("BEGIN")
            yield
            self.db.execute("COMMIT")
        except BaseException as error:
            with contextlib.suppress(sqlite3.Error):
                self.db.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error) and is_room(error):
                raise DiskError(str(error)) from None
            raise

    def checkpoint(self) -> None:
        """Moves the log's pages into the database, so that it begins again at its start."""
        try:
            self.db.execute("PRAGMA wal_checkpoint(RESTART)")
        except sqlite3.OperationalError as error:
            raise DiskError(str(error)) from None
        self._logged, self._pages = 0, self._page_count

    def logged(self, rows: int) -> None:
        """Counts a transaction of so many new rows; moves the log where it must not grow on."""
        self._logged += TRANSACTION_PAGES + rows
        grown = self._page_count >= self._pages + GROWN_PAGES
        if grown or (self._logged >= GROWN_PAGES and not self._has_free_space()):
            self._move_log()

    def tidy(self) -> None:
        """Moves the log into the database if it is long; called when nothing else is to be done."""
        if self._logged >= IDLE_PAGES:
            self._move_log()

    def _has_free_space(self) -> bool:
        if self._reserve is None:
            return True
        room = os.statvfs(self._reserve.parent)
        return room.f_bavail * room.f_frsize >= ROOM_BYTES

    def _move_log(self) -> None:
        with contextlib.suppress(DiskError):  # the next one tries again
            self.checkpoint()

    @property
    def _page_count(self) -> int:
        (pages,) = self.db.execute("PRAGMA page_count").fetchone()
        return int(pages)

    @property
    def has_room(self) -> bool:
        """Whether new rows leave enough to delete in: the reserve, or pages that were freed."""
        (free,) = self.db.execute("PRAGMA freelist_count").fetchone()
        in_reserve = self._reserve is None or self._has_reserve
        return in_reserve or free >= RESERVE_BYTES // PAGE_BYTES

    def keep_reserve(self) -> None:
        """Creates the reserve file, if there is room for it."""
        if self._reserve is None or self._has_reserve:
            return
        try:
            with self._reserve.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, RESERVE_BYTES)
            self._has_reserve = True
        except OSError:  # the next commit tries again
            self._reserve.unlink(missing_ok=True)

    def free_reserve(self) -> None:
        """Deletes the reserve file, so that the database has its room."""
        if self._reserve is not None:
            self._has_reserve = False
            self._reserve.unlink(missing_ok=True)

    def copy(self, path: Path, alive: Callable[[], None]) -> None:
        """Copies the database to a new file, by steps between which `alive` is called."""
        with contextlib.closing(sqlite3.connect(path)) as target:
            self.db.backup(target, pages=COPY_PAGES, progress=lambda *_: alive())

    def close(self) -> None:
        self.db.close()


def _open(
    path: Path | None, schema: str, check: Callable[[sqlite3.Connection], None] = _nothing
) -> sqlite3.Connection:
    db = sqlite3.connect(path or ":memory:", isolation_level=None, check_same_thread=False)
    try:
        db.execute("PRAGMA locking_mode = EXCLUSIVE")  # one process: no shared-memory file
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute(f"PRAGMA wal_autocheckpoint = {LOG_PAGES}")
        db.execute(f"PRAGMA journal_size_limit = {LOG_PAGES * PAGE_BYTES}")
        (verdict,) = db.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)
        db.executescript(schema)
        check(db)
    except sqlite3.Error:
        db.close()
        raise
    return db


def put_aside(path: Path) -> Path:
    """Renames the file and what SQLite keeps beside it."""
    aside = path.with_name(f"{path.name}.unreadable-{time.time_ns()}")
    for ending in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + ending).rename(aside.with_name(aside.name + ending))
    return aside


def is_room(error: sqlite3.Error) -> bool:
    """Whether the disk refuses, rather than the file being broken."""
    name = getattr(error, "sqlite_errorname", None) or ""
    return any(name.startswith(f"SQLITE_{error_name}") for error_name in NO_ROOM)
