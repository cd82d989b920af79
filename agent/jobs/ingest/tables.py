"""Writes batches of rows to PostgreSQL, each row once."""

import contextlib
import importlib.resources
import logging
from collections.abc import Sequence
from typing import Any, LiteralString

import msgspec
import psycopg
from psycopg.errors import InsufficientPrivilege, ProgramLimitExceeded, StatementTooComplex

from agent.core.errors import UserError
from agent.jobs.ingest.measurement_rows import MeasurementRow
from agent.jobs.ingest.rows import AnyRow, GapRow, ObservationRow, Rejected, Stored

CONNECT_S = 5
STATEMENT_MS = 30_000  # a statement that waits longer, e.g. for a lock, is repeated
PEER_MS = 10_000  # a server that does not acknowledge TCP for so long is gone
SETUP_LOCK = 0x6472736E  # two consumers that start at once would create the same tables
NOT_STORABLE = (psycopg.DataError, ProgramLimitExceeded, StatementTooComplex)  # a value's fault

TABLES: dict[type, LiteralString] = {
    ObservationRow: "observation",
    MeasurementRow: "measurement",
    GapRow: "gap",
    Rejected: "rejected",
}

log = logging.getLogger("drsn.ingest")


class Away(Exception):  # noqa: N818 - a state, as a broker's
    """The database takes nothing just now."""


class Written(msgspec.Struct, frozen=True):
    """The result of writing a batch."""

    fresh: int = 0  # rows that are new in their table
    duplicates: int = 0  # rows that were in their table before
    rejected: tuple[Rejected, ...] = ()  # of both, the rows of the table `rejected`

    def __add__(self, other: "Written") -> "Written":
        return Written(
            self.fresh + other.fresh,
            self.duplicates + other.duplicates,
            self.rejected + other.rejected,
        )


def schema() -> str:
    """The SQL that creates the tables."""
    return importlib.resources.files("agent.jobs.ingest").joinpath("schema.sql").read_text("utf-8")


class Tables:
    """One connection, opened when it is needed."""

    def __init__(self, to: str) -> None:
        """`to` is a URL or a conninfo string of libpq; `UserError` where it is neither."""
        try:
            psycopg.conninfo.conninfo_to_dict(to)
        except psycopg.ProgrammingError as error:
            raise UserError(f"--to: {error}, expected postgresql://[USER@]HOST/DATABASE") from None
        self._to = to
        self._db: psycopg.Connection | None = None

    def write(self, messages: Sequence[Stored]) -> Written:
        """Commits all of them; a row that is in its table already changes nothing.

        `Away`: some may be missing; all of them may be written again.
        """
        try:
            try:
                return self._commit(messages)
            except NOT_STORABLE as error:
                return self._divide(messages, error)
        except psycopg.Error as error:
            self.close()
            raise Away(" ".join(str(error).split())) from None

    def close(self) -> None:
        if self._db is not None:
            with contextlib.suppress(psycopg.Error):
                self._db.close()
        self._db = None

    def _divide(self, messages: Sequence[Stored], error: psycopg.Error) -> Written:
        """Writes the halves, until one that PostgreSQL cannot store stands alone: it is rejected.

        JSON may hold characters that jsonb does not (U+0000).
        """
        if len(messages) == 1:
            return self._commit([messages[0].rejected(str(error))])
        middle = len(messages) // 2
        return self.write(messages[:middle]) + self.write(messages[middle:])

    def _commit(self, messages: Sequence[Stored]) -> Written:
        rows = [row for message in messages for row in message.rows]
        if self._db is None:
            self._db = _connect(self._to)
        fresh = 0
        with self._db.transaction(), self._db.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = {STATEMENT_MS}")
            for kind, table in TABLES.items():
                # In one order everywhere: consumers with the same rows wait, and do not deadlock.
                batch = sorted((row for row in rows if type(row) is kind), key=_identity)
                if batch:
                    cursor.executemany(_insert(table, len(batch[0])), batch)
                    fresh += cursor.rowcount
        rejected = tuple(row for row in rows if isinstance(row, Rejected))
        return Written(fresh, len(rows) - fresh, rejected)


def _insert(table: LiteralString, columns: int) -> LiteralString:
    """Without a conflict target, so that the right to INSERT is enough."""
    places = ", ".join(["%s"] * columns)
    return f"INSERT INTO drsn.{table} VALUES ({places}) ON CONFLICT DO NOTHING"


def _connect(to: str) -> psycopg.Connection:
    db = psycopg.connect(
        to,
        autocommit=True,
        connect_timeout=CONNECT_S,
        tcp_user_timeout=PEER_MS,
        application_name="drsn-agent ingest",
    )
    try:
        with db.transaction():
            if not _has_tables(db):
                db.execute("SELECT pg_advisory_xact_lock(%s)", (SETUP_LOCK,))
            if not _has_tables(db):
                db.execute(schema())
                log.info("created the missing tables in the schema drsn")
    except InsufficientPrivilege as error:  # tables of an earlier version, and no right to add one
        log.warning("missing tables cannot be created: %s; see --print-schema", error)
    except psycopg.Error:
        db.close()
        raise
    return db


def _has_tables(db: psycopg.Connection) -> bool:
    """Whether all are there; a database of an earlier version lacks the newest."""
    names = [f"drsn.{table}" for table in TABLES.values()]
    query = "SELECT bool_and(to_regclass(name) IS NOT NULL) FROM unnest(%s::text[]) AS name"
    return db.execute(query, (names,)).fetchone() == (True,)


def _identity(row: AnyRow) -> tuple[Any, ...]:
    return row[:4]
