"""Messages that the broker does not take: set aside in a table of the outbox's file, and back."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence

import msgspec

MOST_MESSAGES = 1000  # that are kept, the newest
MOST_BYTES = 4 << 20  # of their payloads


class ParkedMessage(msgspec.Struct, frozen=True):
    """One that was set aside, for a person to look at."""

    seq: int
    topic: str
    bytes: int  # of payload
    why: str


class ParkedTable:
    """The table `parked`; every change is part of the caller's transaction."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def add(self, parked: Sequence[tuple[int, str]]) -> None:
        """Copies these messages, each with its reason; the oldest beyond the limits go."""
        if not parked:
            return
        self._db.executemany(
            "INSERT OR REPLACE INTO parked "
            "SELECT seq, topic, payload, ? FROM message WHERE seq = ?",
            [(why, seq) for seq, why in parked],
        )
        self._db.execute(
            "DELETE FROM parked WHERE seq IN (SELECT seq FROM ("
            "SELECT seq, row_number() OVER newest AS place, "
            "sum(length(payload)) OVER newest AS bytes "
            "FROM parked WINDOW newest AS (ORDER BY seq DESC)) WHERE place > ? OR bytes > ?)",
            (MOST_MESSAGES, MOST_BYTES),
        )

    def messages(self) -> list[ParkedMessage]:
        rows = self._db.execute("SELECT seq, topic, length(payload), why FROM parked ORDER BY seq")
        return [ParkedMessage(*row) for row in rows]

    def put_back(self, seqs: Iterable[int], put_s: float) -> None:
        """Moves them to the queue, under their numbers.

        They are not retained any more: a newer state must not be replaced by an older one.
        """
        for seq in seqs:
            self._db.execute(
                "INSERT INTO message SELECT seq, topic, payload, 0, 1, ?, seq, 0 "
                "FROM parked WHERE seq = ?",
                (put_s, seq),
            )
            self.delete([seq])

    def delete(self, seqs: Iterable[int]) -> None:
        self._db.executemany("DELETE FROM parked WHERE seq = ?", [(seq,) for seq in seqs])


def runs(seqs: Iterable[int]) -> Iterator[tuple[int, int]]:
    """The first and the last of each run of consecutive numbers."""
    ordered = sorted(seqs)
    first = 0
    for at, seq in enumerate(ordered):
        if at + 1 == len(ordered) or ordered[at + 1] != seq + 1:
            yield ordered[first], seq
            first = at + 1
