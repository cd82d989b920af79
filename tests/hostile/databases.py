"""Decoders of files that people bring or that others may have written: databases and archives."""

import contextlib
import io
import sqlite3
from collections.abc import Callable
from pathlib import Path

from agent.core.errors import UserError
from agent.delivery.journal import journal_file, reading
from agent.delivery.journal.events import Annotation, JournalEvent
from agent.delivery.journal.journal_file import JournalFile, StandingAlarm
from agent.delivery.journal.reading import Selection
from agent.delivery.trends import reading as trends
from agent.delivery.trends.levels import Level, Summary
from agent.delivery.trends.trend_file import Key, TrendFile
from agent.jobs.backup.reading import Archive
from tests.hostile.decoder import Decoder
from tests.support.archives import manifest, packed

MIB = 1 << 20
SHARE = 0.05  # each case opens a database twice
JOURNAL_EDITS = (
    "",
    "UPDATE event SET kind = 'none' WHERE id = 1",
    "UPDATE event SET source = x'ff', t = 5, sentence = NULL",
    "UPDATE event SET id = 9223372036854775807 WHERE id = 2",
    "UPDATE alarm SET record = CAST(x'ff' AS TEXT)",
    "DROP TABLE alarm",
    "PRAGMA user_version = 99",
)
TREND_EDITS = (
    "",
    "UPDATE minute SET start_s = 'text', channel = -1 WHERE start_s = 60",
    "UPDATE minute SET start_s = 9223372036854775807 WHERE start_s = 60",
    "UPDATE source SET unit = x'ff', name = CAST(x'ff' AS TEXT)",
    "DROP TABLE day",
    "PRAGMA application_id = 1",
)
CONFIG = b"agent: {id: a}\nsources: [{name: a, kind: synth}]\n"


def table(folder: Path) -> list[Decoder]:
    """Databases of the state directory, and archives of `backup`."""
    return [_journal(folder / "journal"), _trends(folder / "trends"), _archive()]


def _journal(folder: Path) -> Decoder:
    folder.mkdir()
    path = folder / journal_file.FILE
    event = JournalEvent(
        id=0,
        t="2026-01-01T00:00:00.000Z",
        source="a",
        kind="alarm",
        decision="fault",
        sentence="Why.",
    )

    def fill() -> None:
        file = JournalFile(path, 8 * MIB)
        file.write([event, event, Annotation(id=1, label="false_alarm"), StandingAlarm("a", "{}")])
        file.close()

    def use() -> None:
        with contextlib.suppress(UserError):
            assert all(isinstance(item.sentence, str) for item in reading.read(path, Selection()))
            reading.standings(path)
        file = JournalFile(path, 8 * MIB)
        with contextlib.closing(file):
            file.write([event, Annotation(id=1, comment="Why."), StandingAlarm("a", "{}")])

    names = ("JournalFile.write", "JournalFile._write", "last_id", "check")
    return Decoder(
        "events.sqlite",
        lambda data: _opened(path, data, use),
        _edited(path, fill, JOURNAL_EDITS),
        [
            *(f"agent/delivery/journal/journal_file.py:{name}" for name in names),
            *(f"agent/delivery/journal/reading.py:{name}" for name in ("read", "_event")),
        ],
        (sqlite3.Error, OSError),  # what sets the file aside
        share=SHARE,
    )


def _trends(folder: Path) -> Decoder:
    folder.mkdir()
    path = folder / "trends.sqlite"
    summary = Summary({"normal": 6}, {"rms": Level(0.1, 0.2, 0.3, 6)})

    def fill() -> None:
        file = TrendFile(path, 8 * MIB)
        file.write({Key(60 * number, "a", "g", 0): summary for number in range(5)})
        file.close()

    def use() -> None:
        with contextlib.suppress(UserError):
            history = trends.read(path, "a", "minute", 0.0)
            assert all(isinstance(point.start_s, int) for point in history.points)
        with contextlib.closing(TrendFile(path, 8 * MIB)) as file:
            file.write({Key(540, "a", "g", 0): summary})

    return Decoder(
        "trends.sqlite",
        lambda data: _opened(path, data, use),
        _edited(path, fill, TREND_EDITS),
        [
            *(f"agent/delivery/trends/reading.py:{name}" for name in ("read", "_source", "_point")),
            "agent/delivery/trends/trend_file.py:check",
        ],
        (sqlite3.Error, OSError),
        share=SHARE,
    )


def _archive() -> Decoder:
    files = {"config.yaml": CONFIG, "state/baseline-a.json": b"{}", "secrets/key": b"k"}
    listed = manifest(files)
    link = packed(files, mode=0o120777)
    method = packed(files).replace(
        b"PK\x01\x02\x14\x03\x14\0\0\0\x08", b"PK\x01\x02\x14\x03\x14\0\0\0\x0c"
    )
    assert method != packed(files)

    def check(data: bytes) -> None:
        archive = Archive(io.BytesIO(data), "b.zip")
        archive.check()
        assert archive.manifest.state_files() or archive.manifest.secret_files() is not None

    return Decoder(
        "archive of backup",
        check,
        [
            packed(files),
            packed(files | {"state/../x.json": b""}),
            packed(files | {"config.yaml": b"x"}, listed),
            packed(files, listed.replace(b"drsn-backup/1", b"drsn-backup/9")),
            packed({"state/a.json": b"1"}),
            packed(files, manifest({})),
            link,
            method,  # bzip2
        ],
        [
            *(f"agent/jobs/backup/manifest.py:is_{kind}_name" for kind in ("state", "archive")),
            "agent/jobs/backup/reading.py:_check_end",
            *(
                f"agent/jobs/backup/reading.py:Archive.{name}"
                for name in ("__init__", "check", "pieces", "_read_manifest", "_check_entries")
            ),
        ],
        (UserError,),
    )


def _edited(path: Path, fill: Callable[[], None], edits: tuple[str, ...]) -> list[bytes]:
    """The file after each edit by hand."""
    made = []
    for edit in edits:
        path.unlink(missing_ok=True)
        fill()
        with contextlib.closing(sqlite3.connect(path)) as db:
            db.executescript(edit)
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        made.append(path.read_bytes())
    return made


def _opened(path: Path, data: bytes, use: Callable[[], None]) -> None:
    for ending in ("-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
    path.write_bytes(data)
    use()
