"""Checks what an outbox file holds before it is used: SQLite checks the structure, not the values.

A disk that changes bytes, or a hand that edits the file, must neither end the agent at every start
nor lose the other messages.
"""

import logging
import sqlite3
import uuid

LARGEST = 2**62  # of a sequence number: room to count on

_STATE = "SELECT epoch, clock_s, dropped, parked, rows, markers, bytes FROM state"
_SOUND = (
    "typeof(topic) = 'text' AND typeof(payload) = 'blob' AND retain IN (0, 1) AND qos IN (0, 1) "
    "AND typeof(put_s) IN ('real', 'integer') AND typeof(first) = 'integer' AND first >= 1 "
    "AND first <= seq AND typeof(lost) = 'integer' AND lost >= 0"
)

log = logging.getLogger("drsn.outbox")


def check(db: sqlite3.Connection) -> None:
    """`sqlite3.DatabaseError` for a file whose tables or counters are not an outbox's."""
    for table, columns in {
        "message": "seq, topic, payload, retain, qos, put_s, first, lost",
        "parked": "seq, topic, payload, why",
    }.items():
        db.execute(f"SELECT {columns} FROM {table} LIMIT 0")
        (newest,) = db.execute(f"SELECT max(seq) FROM {table}").fetchone()
        _require(newest is None or newest < LARGEST, f"{table} {newest}")
    for epoch, clock_s, *counters in db.execute(_STATE):
        _require(_is_uuid(epoch) and isinstance(clock_s, float) and clock_s >= 0, "state")
        _require(all(isinstance(count, int) and count >= 0 for count in counters), "counters")
    (states,) = db.execute("SELECT count(*) FROM state").fetchone()
    _require(states <= 1, f"{states} states")
    for name, last in db.execute("SELECT name, seq FROM sqlite_sequence"):
        _require(isinstance(last, int) and 0 <= last < LARGEST, f"sequence {name}")
    _set_aside_damaged(db)


def _set_aside_damaged(db: sqlite3.Connection) -> None:
    """Moves the messages that could not be published to the table of those set aside."""
    damaged = [seq for (seq,) in db.execute(f"SELECT seq FROM message WHERE NOT ({_SOUND})")]
    rows = db.execute(f"SELECT seq, CAST(topic AS BLOB) FROM message WHERE {_SOUND}")
    damaged += [seq for seq, topic in rows if not _is_topic(topic)]
    for seq in damaged:
        why = "its row on the disk is damaged"
        log.warning("message %d set aside: %s", seq, why)
        db.execute(
            "INSERT OR REPLACE INTO parked SELECT seq, '', CAST(payload AS BLOB), ? FROM message "
            "WHERE seq = ?",
            (why, seq),
        )
        db.execute("DELETE FROM message WHERE seq = ?", (seq,))
    if damaged:
        db.execute("UPDATE state SET parked = parked + ?", (len(damaged),))


def _is_topic(data: bytes) -> bool:
    try:
        topic = data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return 0 < len(data) < 2**16 and not any(character in topic for character in "+#\0")


def _is_uuid(value: object) -> bool:
    try:
        return isinstance(value, str) and str(uuid.UUID(value)) == value
    except ValueError:
        return False


def _require(sound: bool, what: str) -> None:
    if not sound:
        raise sqlite3.DatabaseError(f"not an outbox: {what}")
