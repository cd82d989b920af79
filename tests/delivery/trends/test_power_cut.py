"""A power cut at any write loses the minute that was not committed, and nothing before it."""

import random
import shutil
from pathlib import Path

from agent.delivery import bounded_file
from agent.delivery.trends.trend_file import TrendFile
from tests.delivery.trends.test_recorder import Clock, minutes, open_recorder, write_minute

MINUTES = 100
PAGE = bounded_file.PAGE_BYTES


def test_every_commit_is_synced_to_the_disk(tmp_path: Path) -> None:
    file = TrendFile(tmp_path / "t.sqlite", 64 << 20)
    assert file.file.db.execute("PRAGMA synchronous").fetchone() == (2,)
    assert file.file.db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    file.close()


def test_a_cut_while_a_minute_is_written_loses_that_minute_at_most(tmp_path: Path) -> None:
    """What was synced stays; of the bytes after it a cut leaves any part, or other bytes."""
    dice = random.Random(20)
    clock, path = Clock(), tmp_path / "t.sqlite"
    trends = open_recorder(path, clock)
    cuts = set(dice.sample(range(1, MINUTES), 20))
    previous = b"", b""
    for minute in range(MINUTES):
        write_minute(trends, clock, minute)
        now = path.read_bytes(), path.with_name("t.sqlite-wal").read_bytes()
        if minute in cuts:
            after = tmp_path / f"cut-{minute}"
            leave(after, previous, now, dice)
            assert minutes(after / path.name)[:minute] == list(range(minute))
            write_minute(resumed := open_recorder(after / path.name, clock), clock, minute + 1)
            resumed.close()
            assert minute + 1 in minutes(after / path.name)
            shutil.rmtree(after)
        previous = now
    trends.close()


def leave(
    after: Path, before: tuple[bytes, bytes], now: tuple[bytes, bytes], dice: random.Random
) -> None:
    """A folder as the disk is found: each write since `before` arrived, not at all or in part.

    The file itself changes only while the log is moved into it, which keeps the log whole.
    """
    after.mkdir()
    (database, log), (new_database, new_log) = before, now
    pages = range(0, len(new_database), PAGE)
    mixed = b"".join(
        dice.choice((database[at : at + PAGE] or bytes(PAGE), new_database[at : at + PAGE]))
        for at in pages
    )
    moved = database != new_database
    (after / "t.sqlite").write_bytes(mixed if moved else database)
    if moved:  # the minute's log was synced before the move began
        log, new_log = new_log, b""
    changed = next(
        (at for at, (a, b) in enumerate(zip(log, new_log, strict=False)) if a != b), len(log)
    )
    end = dice.randint(changed, max(changed, len(new_log)))
    (after / "t.sqlite-wal").write_bytes(new_log[:end] + log[end:] if new_log else log)
