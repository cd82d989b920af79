"""Whether what the boxes gave out is there: in the auditor's books and in the tables."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import psycopg

from benchmarks.fleet.auditor import Auditor
from benchmarks.fleet.box import OutboxTotals


@dataclass(frozen=True)
class Kept:
    """What a table holds of what was given out."""

    sent: int
    rows: int
    twice: int  # rows whose (epoch, seq) another row has
    missing: int
    unknown: int  # rows of numbers that no outbox gave out
    bytes_each: float

    @property
    def each_once(self) -> bool:
        return self.rows == self.sent and not (self.twice or self.missing or self.unknown)


def in_table(url: str, outboxes: Sequence[OutboxTotals]) -> Kept:
    """Compares the table with the outboxes' own last numbers, number by number."""
    sent = {(outbox.epoch, seq) for outbox in outboxes for seq in range(1, outbox.last_seq + 1)}
    with psycopg.connect(url) as db:
        rows = db.execute("SELECT epoch::text, seq FROM drsn.observation").fetchall()
        size = db.execute("SELECT pg_total_relation_size('drsn.observation')").fetchone()
    stored = set(rows)
    return Kept(
        sent=len(sent),
        rows=len(rows),
        twice=len(rows) - len(stored),
        missing=len(sent - stored),
        unknown=len(stored - sent),
        bytes_each=(size[0] if size else 0) / max(1, len(rows)),
    )


def missing_outside(url: str, whole: str, from_s: float, until_s: float) -> int:
    """Rows of the table at `whole` that the one at `url` has not, and of another time than that."""
    with psycopg.connect(url) as db:
        found = set(db.execute("SELECT epoch, seq FROM drsn.observation").fetchall())
    query = "SELECT epoch, seq FROM drsn.observation WHERE t_end NOT BETWEEN"
    query += " to_timestamp(%s) AND to_timestamp(%s)"
    with psycopg.connect(whole) as db:
        return len(set(db.execute(query, (from_s, until_s)).fetchall()) - found)


def missing_from_books(auditor: Auditor, outboxes: Iterable[OutboxTotals]) -> int:
    return sum(auditor.missing(outbox.epoch, outbox.last_seq) for outbox in outboxes)


def rows(url: str) -> int:
    with psycopg.connect(url) as db:
        found = db.execute("SELECT count(*) FROM drsn.observation").fetchone()
    return found[0] if found else 0


def comes_to_rest(count: Callable[[], int], wait: Callable[[], None], turns: int = 5) -> int:
    """The count once it has stood still for so many turns."""
    last, still = count(), 0
    while still < turns:
        wait()
        fresh = count()
        last, still = fresh, still + 1 if fresh == last else 0
    return last
