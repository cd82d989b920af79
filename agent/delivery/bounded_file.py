"""A SQLite file that is bounded in bytes, and read by others while its owner writes it.

WAL with synchronous=FULL: a commit is on the disk before the next begins, so a power cut loses what
was written since the last one. The bound holds for the file and its log together.
"""

import contextlib
import errno
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

from agent.core.errors import ConditionError

PAGE_BYTES = 4096
LOG_PAGES = 256  # 1 MiB: the log is moved into the file then
MARGIN_BYTES = 4 << 20  # of the bound: for the log and for one transaction
STEPS = 8  # deletions in one transaction, at most
VACUUMED = 1000  # pages given back in one transaction, at most
OWNER_WAIT_S = 1.0  # for another process that has the file
ROOM_BYTES = 1 << 20  # free on the disk: SQLite maps its index of the log into memory, and a write
# there for which the disk has no block ends the process (SIGBUS; blocks under 4 KiB, small disks)
READER_WAIT_S = 5.0  # for the owner, which makes its log shorter

Check = Callable[[sqlite3.Connection], None]


class BoundedFile:
    """Owned by one thread. Its methods raise `sqlite3.Error` or `OSError`."""

    def __init__(self, path: Path, max_bytes: int, schema: str, check: Check) -> None:
        """`schema` makes an empty file; `check` raises `sqlite3.DatabaseError` for another's."""
        self._folder = path.parent
        self._most_pages = (max_bytes - MARGIN_BYTES) // PAGE_BYTES
        self.db = _open(path, schema, check)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing."""
        _check_room(self._folder)
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.db.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self.db.execute("ROLLBACK")
            raise

    def make_room(self, delete_oldest: Callable[[], bool]) -> None:
        """Gives up rows until the file is within its bound; a lower one is met in steps.

        `delete_oldest` deletes some rows; False: there is none.
        """
        for _ in range(STEPS):
            if self._pragma("page_count") - self._pragma("freelist_count") <= self._most_pages:
                break
            if not delete_oldest():
                break
        for _ in range(min(VACUUMED, self._pragma("page_count") - self._most_pages)):
            self.db.execute("PRAGMA incremental_vacuum(1)")  # `sqlite3` makes one step of any

    def close(self) -> None:
        self.db.close()

    def _pragma(self, name: str) -> int:
        (number,) = self.db.execute(f"PRAGMA {name}").fetchone()
        return int(number)


def _open(path: Path, schema: str, check: Check) -> sqlite3.Connection:
    """A file that nobody else may read; `sqlite3.DatabaseError` where it is none of ours."""
    _check_room(path.parent)
    flags = os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    os.close(os.open(path, flags, 0o600))
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=OWNER_WAIT_S)
    try:
        db.execute("PRAGMA auto_vacuum = INCREMENTAL")  # of a new file: it can become smaller
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute(f"PRAGMA wal_autocheckpoint = {LOG_PAGES}")
        db.execute(f"PRAGMA journal_size_limit = {LOG_PAGES * PAGE_BYTES}")
        if not db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
            db.executescript(f"BEGIN;\n{schema}\nCOMMIT;")
        check(db)
    except BaseException:
        db.close()
        raise
    return db


@contextlib.contextmanager
def reading(path: Path, check: Check, made_by: str) -> Iterator[sqlite3.Connection]:
    """A connection that changes nothing, beside the owner's.

    `ConditionError` where there is no file (`made_by` says what makes one), or it cannot be read.
    """
    if not path.is_file():
        raise ConditionError(f"found no {path}: {made_by}")
    address = f"file:{quote(str(path.absolute()))}?mode=ro"
    try:
        _check_room(path.parent)
        with contextlib.closing(sqlite3.connect(address, uri=True, timeout=READER_WAIT_S)) as db:
            check(db)
            yield db
    except (sqlite3.Error, OSError) as error:
        why = getattr(error, "strerror", None) or error
        raise ConditionError(f"{path} cannot be read: {why}") from None


def _check_room(folder: Path) -> None:
    """`OSError` where the disk has no room for what SQLite keeps beside the file."""
    room = os.statvfs(folder)
    if room.f_bavail * room.f_frsize < ROOM_BYTES:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def marks(application: int, version: int) -> str:
    """The statements by which a file says what it is, for its schema."""
    return f"PRAGMA application_id = {application}; PRAGMA user_version = {version};"


def check_marks(db: sqlite3.Connection, application: int, version: int, content: str) -> None:
    """`sqlite3.DatabaseError` for a file that is something else, or of another version."""
    (found_application,) = db.execute("PRAGMA application_id").fetchone()
    (found_version,) = db.execute("PRAGMA user_version").fetchone()
    if (found_application, found_version) != (application, version):
        raise sqlite3.DatabaseError(f"not a file of {content} of this version")
