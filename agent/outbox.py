"""A first-in-first-out of messages that is on disk until their sink has acknowledged them.

`put` is called by the main thread and never waits for the disk; everything else is called by
the sender thread, which owns the database. A message may be sent only once it is committed, so
a sequence number that has left the box is never given to another message.
"""

import collections
import sqlite3
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path

from agent.core import Message

_SCHEMA = """
CREATE TABLE IF NOT EXISTS outbox (epoch TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS message (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, payload BLOB NOT NULL,
  retain INTEGER NOT NULL, qos INTEGER NOT NULL);
"""


class Outbox:
    """One per state directory; `path` None keeps it in memory, for runs that need no tomorrow."""

    def __init__(self, path: Path | None) -> None:
        self._db = sqlite3.connect(
            path or ":memory:", isolation_level=None, check_same_thread=False
        )
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")  # NORMAL loses commits when power is cut
        self._db.executescript(_SCHEMA)
        self.epoch = self._read_epoch()
        self._next = self._one("SELECT seq FROM sqlite_sequence WHERE name = 'message'") + 1
        self._rows = self._one("SELECT count(*) FROM message")
        self._put: collections.deque[Message] = collections.deque()
        self._settled: list[int] = []

    def put(self, make: Callable[[str, int], Message]) -> None:
        """Queues what `make(epoch, seq)` returns; `seq` counts messages without a hole."""
        self._put.append(make(self.epoch, self._next))
        self._next += 1

    @property
    def uncommitted(self) -> int:
        """Messages that `commit` would write, and acknowledgements that it would note."""
        return len(self._put) + len(self._settled)

    @property
    def depth(self) -> int:
        """Messages that are not acknowledged."""
        return self._rows + len(self._put) - len(self._settled)

    def commit(self) -> None:
        """One transaction for all that was put and settled since the last."""
        if not self.uncommitted:
            return
        batch = [self._put.popleft() for _ in range(len(self._put))]
        rows = [(m.seq, m.topic, m.payload, m.retain, m.qos) for m in batch]
        self._db.execute("BEGIN")
        self._db.executemany("INSERT INTO message VALUES (?, ?, ?, ?, ?)", rows)
        self._db.executemany("DELETE FROM message WHERE seq = ?", [(s,) for s in self._settled])
        self._db.execute("COMMIT")
        self._rows += len(rows) - len(self._settled)
        self._settled.clear()

    def after(self, seq: int, limit: int) -> list[Message]:
        """Up to `limit` committed messages behind `seq`, in order."""
        rows = self._db.execute(
            "SELECT * FROM message WHERE seq > ? ORDER BY seq LIMIT ?",
            (seq, limit),
        )
        return [
            Message(s, topic, payload, bool(keep), qos) for s, topic, payload, keep, qos in rows
        ]

    def settle(self, seqs: Iterable[int]) -> None:
        """These were acknowledged; the next `commit` deletes them."""
        self._settled += seqs

    def close(self) -> None:
        self.commit()
        self._db.close()

    def _read_epoch(self) -> str:
        row = self._db.execute("SELECT epoch FROM outbox").fetchone()
        if row is None:
            row = (str(uuid.uuid4()),)
            self._db.execute("INSERT INTO outbox VALUES (?)", row)
        return str(row[0])

    def _one(self, query: str) -> int:
        row = self._db.execute(query).fetchone()
        return int(row[0]) if row else 0
