"""Writes batches of rows to PostgreSQL, each row once."""

import contextlib
import importlib.resources
import logging
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, LiteralString

import msgspec
import psycopg
from psycopg import sql
from psycopg.errors import InsufficientPrivilege, ProgramLimitExceeded, StatementTooComplex

from agent.core.errors import UserError
from agent.jobs.ingest.machine_rows import MachineRow
from agent.jobs.ingest.measurement_rows import MeasurementRow
from agent.jobs.ingest.rows import AnyRow, GapRow, ObservationRow, Rejected, Stored

CONNECT_S = 5
STATEMENT_MS = 30_000  # a statement that waits longer, e.g. for a lock, is repeated
PEER_MS = 10_000  # a server that does not acknowledge TCP for so long is gone
SETUP_LOCK = 0x6472736E  # two consumers that start at once would create the same tables
NOT_STORABLE = (psycopg.DataError, ProgramLimitExceeded, StatementTooComplex)  # a value's fault

TABLES: dict[type[AnyRow], LiteralString] = {
    ObservationRow: "observation",
    MeasurementRow: "measurement",
    MachineRow: "machine",
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
        self._columns: set[str] = set()  # that the database has, as table.column

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

    def _insert(self, kind: type[AnyRow]) -> tuple[sql.Composed, Callable[[AnyRow], Any]]:
        """The statement for such rows, and what picks the values that it takes from a row.

        Without a conflict target, so that the right to INSERT is enough; without the columns that
        a table of an earlier version lacks.
        """
        table = TABLES[kind]
        present = [name for name in kind._fields if f"{table}.{name}" in self._columns]
        columns = present or kind._fields
        statement = sql.SQL("INSERT INTO drsn.{} ({}) VALUES ({}) ON CONFLICT DO NOTHING").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, columns)),
            sql.SQL(", ").join([sql.Placeholder()] * len(columns)),
        )
        return statement, itemgetter(*map(kind._fields.index, columns))

    def _commit(self, messages: Sequence[Stored]) -> Written:
        rows = [row for message in messages for row in message.rows]
        if self._db is None:
            self._db = _connect(self._to)
            self._columns = _columns(self._db)
        fresh = 0
        with self._db.transaction(), self._db.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = {STATEMENT_MS}")
            for kind in TABLES:
                # In one order everywhere: consumers with the same rows wait, and do not deadlock.
                batch = sorted((row for row in rows if type(row) is kind), key=_identity)
                if batch:
                    statement, values = self._insert(kind)
                    cursor.executemany(statement, map(values, batch))
                    fresh += cursor.rowcount
        rejected = tuple(row for row in rows if isinstance(row, Rejected))
        return Written(fresh, len(rows) - fresh, rejected)


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
            if not _is_complete(db):
                db.execute("SELECT pg_advisory_xact_lock(%s)", (SETUP_LOCK,))
            if not _is_complete(db):
                db.execute(schema())
                log.info("created the missing tables and columns in the schema drsn")
    except InsufficientPrivilege as error:  # tables of an earlier version, and no right to add to
        log.warning("missing tables and columns cannot be created: %s; see --print-schema", error)
    except psycopg.Error:
        db.close()
        raise
    return db


def _is_complete(db: psycopg.Connection) -> bool:
    """Whether all tables and columns are there; a database of an earlier version lacks some."""
    wanted = {f"{table}.{column}" for row, table in TABLES.items() for column in row._fields}
    return wanted <= _columns(db)


def _columns(db: psycopg.Connection) -> set[str]:
    """All that are there, as table.column."""
    query = (
        "SELECT relname || '.' || attname "
        "FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid "
        "WHERE relnamespace = to_regnamespace('drsn') AND attnum > 0 AND NOT attisdropped"
    )
    return {name for (name,) in db.execute(query)}


def _identity(row: AnyRow) -> tuple[Any, ...]:
    return row[:4]
