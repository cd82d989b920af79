"""The outbox's tables: messages by sequence number, counters, and messages set aside."""

import time
import uuid
from collections.abc import Sequence
from pathlib import Path

import msgspec

from agent.core.types import Gap, Message
from agent.delivery import store_check
from agent.delivery.disk import Disk
from agent.delivery.parked import ParkedTable

AGE_EVERY_S = 1.0  # between two looks at the oldest message's age
_SCHEMA = """
CREATE TABLE IF NOT EXISTS state (
  epoch TEXT NOT NULL, clock_s REAL NOT NULL DEFAULT 0,
  dropped INTEGER NOT NULL DEFAULT 0, parked INTEGER NOT NULL DEFAULT 0,
  rows INTEGER NOT NULL DEFAULT 0, markers INTEGER NOT NULL DEFAULT 0,
  bytes INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS message (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, payload BLOB NOT NULL,
  retain INTEGER NOT NULL, qos INTEGER NOT NULL,
  put_s REAL NOT NULL, first INTEGER NOT NULL, lost INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS parked (
  seq INTEGER PRIMARY KEY, topic TEXT NOT NULL, payload BLOB NOT NULL, why TEXT NOT NULL);
CREATE TRIGGER IF NOT EXISTS came AFTER INSERT ON message BEGIN
  UPDATE state SET rows = rows + 1, markers = markers + (NEW.lost > 0),
                   bytes = bytes + length(NEW.payload); END;
CREATE TRIGGER IF NOT EXISTS went AFTER DELETE ON message BEGIN
  UPDATE state SET rows = rows - 1, markers = markers - (OLD.lost > 0),
                   bytes = bytes - length(OLD.payload); END;
"""


class Row(msgspec.Struct, frozen=True):
    """A message in its place. A gap marker stands for `lost` messages from `first` on."""

    message: Message
    put_s: float  # by the store's clock
    first: int
    lost: int = 0  # 0: an ordinary message
    parked: bool = False  # a marker of messages that were set aside, so not dropped


class State(msgspec.Struct, frozen=True):
    """The store's counters, kept by the database itself."""

    epoch: str
    clock_s: float
    dropped: int  # messages, since the epoch began
    parked: int
    rows: int
    markers: int  # of the rows
    bytes: int  # of payload


class Store:
    """Owned by one thread; `path` None keeps it in memory."""

    def __init__(self, path: Path | None) -> None:
        self.disk = Disk(path, _SCHEMA, store_check.check)
        self._db = self.disk.db
        self.parked = ParkedTable(self._db)
        if not self._number("SELECT count(*) FROM state"):
            self._db.execute("INSERT INTO state (epoch) VALUES (?)", (str(uuid.uuid4()),))
        self.state = self._read_state()
        self._began_s = time.monotonic() - self.state.clock_s
        self._age_due_s = 0.0  # when the oldest message's age is looked at again
        self.last_seq = self._number("SELECT seq FROM sqlite_sequence WHERE name = 'message'")

    def close(self) -> None:
        self.disk.close()

    def clock_s(self) -> float:
        """Seconds that the agent ran in this epoch; independent of the wall clock."""
        return time.monotonic() - self._began_s

    def oldest_age_s(self) -> float:
        row = self._db.execute("SELECT put_s FROM message ORDER BY seq LIMIT 1").fetchone()
        return self.clock_s() - float(row[0]) if row else 0.0

    def after(self, seq: int, limit: int) -> list[Message]:
        """Up to `limit` messages after `seq`, in order."""
        rows = self._db.execute(
            "SELECT seq, topic, payload, retain, qos FROM message "
            "WHERE seq > ? ORDER BY seq LIMIT ?",
            (seq, limit),
        )
        return [
            Message(s, topic, payload, bool(keep), qos) for s, topic, payload, keep, qos in rows
        ]

    def write(
        self, rows: Sequence[Row], settled: Sequence[int], parked: Sequence[tuple[int, str]]
    ) -> None:
        """Stores messages, deletes settled ones, parks others: all or nothing, `DiskError`."""
        with self.disk.transaction():
            if rows:
                self._insert(rows)
            if parked:
                self.parked.add(parked)
            gone = [(seq,) for seq in settled] + [(seq,) for seq, _ in parked]
            if gone:
                self._db.executemany("DELETE FROM message WHERE seq = ?", gone)
            dropped = sum(row.lost for row in rows if not row.parked)
            self._count(dropped=dropped, parked=len(parked))
        self.disk.logged(len(rows))
        self.state = self._read_state()
        self.disk.keep_reserve()

    def retry(self, seqs: Sequence[int]) -> None:
        """Moves parked messages back to the queue; `DiskError`."""
        with self.disk.transaction():
            self.parked.put_back(seqs, self.clock_s())
        self.state = self._read_state()

    def drop_parked(self, seqs: Sequence[int]) -> None:
        """Deletes parked messages; `DiskError`."""
        with self.disk.transaction():
            self.parked.delete(seqs)

    def begin_epoch(self) -> None:
        """Begins a new epoch, so that no number of a restored outbox is given twice; `DiskError`.

        Messages that wait keep the epoch that they were made in.
        """
        with self.disk.transaction():
            query = "UPDATE state SET epoch = ?, dropped = 0, parked = 0"
            self._db.execute(query, (str(uuid.uuid4()),))
        self.state = self._read_state()

    def is_marker(self, seq: int) -> bool:
        return self._number("SELECT lost FROM message WHERE seq = ?", seq) > 0

    def gap(self, behind: int, through: int, why: str) -> Gap | None:
        """The gap that dropping the messages after `behind` up to `through` would make."""
        query = (
            "SELECT min(first), max(seq), sum(max(lost, 1)) FROM message WHERE seq > ? AND seq <= ?"
        )
        first, last, messages = self._db.execute(query, (behind, through)).fetchone()
        return None if messages is None else Gap(first, last, messages, why)

    def drop(self, behind: int, gap: Gap, marker: Message) -> None:
        """Replaces the messages of `gap` by `marker`; `DiskError`."""
        these = "FROM message WHERE seq > ? AND seq <= ?"
        with self.disk.transaction():
            fresh = self._number(f"SELECT count(*) {these} AND lost = 0", behind, gap.last)
            self._db.execute(f"DELETE {these}", (behind, gap.last))
            self._insert([Row(marker, self.clock_s(), gap.first, gap.messages)])
            self._count(dropped=fresh, parked=0)
        self.state = self._read_state()

    def over_rows(self, most: int) -> int:
        """The last seq to drop so that `most` ordinary messages stay; 0: none."""
        excess = self.state.rows - self.state.markers - most
        query = "SELECT seq FROM message WHERE lost = 0 ORDER BY seq LIMIT 1 OFFSET ?"
        return self._number(query, excess - 1) if excess > 0 else 0

    def over_bytes(self, most: int) -> int:
        """The last seq to drop so that about `most` bytes of payload stay; 0: none."""
        excess = self.state.bytes - most
        if excess <= 0:
            return 0
        for seq, size in self._db.execute("SELECT seq, length(payload) FROM message ORDER BY seq"):
            excess -= size
            if excess <= 0:
                return int(seq)
        return self.last_seq

    def over_age(self, most_s: float) -> int:
        """The last seq to drop so that none is older than `most_s`; 0: none."""
        now_s = self.clock_s()
        if now_s < self._age_due_s:
            return 0
        self._age_due_s = now_s + AGE_EVERY_S
        if self.oldest_age_s() <= most_s:
            return 0
        query = "SELECT max(seq) FROM message WHERE put_s < ? AND lost = 0"
        return self._number(query, self.clock_s() - most_s)

    def _insert(self, rows: Sequence[Row]) -> None:
        self._db.executemany(
            "INSERT INTO message VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (m.seq, m.topic, m.payload, m.retain, m.qos, row.put_s, row.first, row.lost)
                for row in rows
                for m in (row.message,)
            ],
        )

    def _count(self, dropped: int, parked: int) -> None:
        self._db.execute(
            "UPDATE state SET clock_s = ?, dropped = dropped + ?, parked = parked + ?",
            (self.clock_s(), dropped, parked),
        )

    def _read_state(self) -> State:
        return State(*self._db.execute("SELECT * FROM state").fetchone())

    def _number(self, query: str, *values: float) -> int:
        row = self._db.execute(query, values).fetchone()
        return int(row[0] or 0) if row else 0
