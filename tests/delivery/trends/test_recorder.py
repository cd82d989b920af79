"""Trends lose a minute at most, stay within their bytes and never stop the agent."""

import logging
import sqlite3
import stat
import time
from pathlib import Path

import pytest

from agent.core.types import Decision
from agent.delivery.bounded_file import MARGIN_BYTES
from agent.delivery.trends import reading, recorder
from agent.delivery.trends.recorder import TrendRecorder
from tests.support.measured import measurement

BEGIN_S = 1_700_000_000 // 86400 * 86400
MIB = 1 << 20
SIDE_FILES = ("-wal", "-shm")  # SQLite's


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def open_recorder(path: Path, clock: Clock, mib: float = 64) -> TrendRecorder:
    return TrendRecorder(path, round(mib * MIB), clock_s=clock)


def write_minute(trends: TrendRecorder, clock: Clock, minute: int, velocity: float = 1.0) -> None:
    trends.add(measurement(BEGIN_S + 60 * minute, velocity))
    clock.now_s += 60
    trends.turn()


def minutes(path: Path) -> list[int]:
    history = reading.read(path, "pump", "minute", 0)
    return [(point.start_s - BEGIN_S) // 60 for point in history.points]


def test_a_row_is_least_mean_and_largest_of_its_time_however_it_was_written(tmp_path: Path) -> None:
    clock = Clock()
    trends = open_recorder(tmp_path / "t.sqlite", clock)
    values = [float(number * number % 23) for number in range(360)]
    for number, value in enumerate(values):
        decision: Decision = "fault" if number % 4 == 0 else "normal"
        rpm = None if number < 180 else 1500.0 + number
        at_s = BEGIN_S + 10 * number
        trends.add(measurement(at_s, value, decision=decision, rpm=rpm, channels=2))
        clock.now_s += 10
        trends.turn()
        if number == 100:  # a stop in mid-minute
            trends.close()
    trends.close()
    for span, rows in {"minute": 120, "hour": 2, "day": 2}.items():
        points = reading.read(tmp_path / "t.sqlite", "pump", span, 0).points  # type: ignore[arg-type]
        assert len(points) == rows, span
    first, second = reading.read(tmp_path / "t.sqlite", "pump", "hour", 0).points
    level = first.summary.levels["velocity_mm_s"]
    assert (level.lowest, level.highest, level.count) == (min(values), max(values), 360)
    assert level.mean == pytest.approx(sum(values) / 360)
    assert first.summary.decisions == {"normal": 270, "fault": 90}
    assert first.summary.levels["rpm"].mean == pytest.approx(1500 + sum(range(180, 360)) / 180)
    assert second.channel == 1
    assert "rpm" not in second.summary.levels, "of the source, so it stands with channel 0"


def test_nobody_else_may_read_the_file_and_a_changed_unit_begins_anew(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "t.sqlite"
    trends = open_recorder(path, clock)
    write_minute(trends, clock, 0)
    for file in tmp_path.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    trends.add(measurement(BEGIN_S + 86400, unit="g"))
    trends.close()
    history = reading.read(path, "pump", "day", 0)
    assert (history.unit, len(history.points)) == ("g", 1)


def test_the_file_is_read_while_the_agent_writes_it(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "t.sqlite"
    trends = open_recorder(path, clock)
    write_minute(trends, clock, 0)
    assert minutes(path) == [0]
    write_minute(trends, clock, 1)
    assert minutes(path) == [0, 1]
    trends.close()


@pytest.mark.parametrize("damage", ["bytes", "another", "version"])
def test_a_broken_file_is_set_aside_and_nothing_of_the_minute_is_lost(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    clock, path = Clock(), tmp_path / "t.sqlite"
    for _ in range(2):
        path.unlink(missing_ok=True)
        break_file(path, damage)
        trends = open_recorder(path, clock)
        with caplog.at_level(logging.ERROR):
            write_minute(trends, clock, 7)
        trends.close()
        assert minutes(path) == [7]
    assert "set aside as t.sqlite.unreadable-" in caplog.text
    aside = [file for file in tmp_path.glob("*.unreadable-*") if file.name[-4:] not in SIDE_FILES]
    assert len(aside) == 1, "the newest"


def break_file(path: Path, damage: str) -> None:
    if damage == "bytes":
        path.write_bytes(b"no database at all" * 1000)
        return
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE minute (start_s)")
        if damage == "version":
            db.execute("PRAGMA user_version = 99")


def test_pages_that_a_disk_lost_cost_the_old_file_and_not_the_agent(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock, path = Clock(), tmp_path / "t.sqlite"
    trends = open_recorder(path, clock)
    for minute in range(40):
        write_minute(trends, clock, minute)
    trends.close()
    content = bytearray(path.read_bytes())
    for page in range(2, len(content) // 4096):
        content[page * 4096 : (page + 1) * 4096] = bytes(4096)
    path.write_bytes(content)
    trends = open_recorder(path, clock)
    write_minute(trends, clock, 40)
    trends.close()
    assert minutes(path) == [40]
    assert "cannot be read" in caplog.text


def test_a_disk_that_takes_nothing_is_waited_for_and_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock, folder = Clock(), tmp_path / "state"
    trends = open_recorder(folder / "t.sqlite", clock)
    for minute in range(3):
        write_minute(trends, clock, minute)
    assert trends.trouble is not None
    assert caplog.text.count("trends wait") == 1
    folder.mkdir()
    write_minute(trends, clock, 3)
    assert trends.trouble is None
    trends.close()
    assert minutes(folder / "t.sqlite") == [0, 1, 2, 3]


def test_a_broken_file_that_cannot_be_set_aside_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock, path = Clock(), tmp_path / "t.sqlite"
    break_file(path, "bytes")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", lambda *_: (_ for _ in ()).throw(OSError(30, "read-only")))
        patch.setattr(recorder, "IN_MEMORY", 3)
        trends = open_recorder(path, clock)
        for minute in range(6):
            write_minute(trends, clock, minute)
        assert trends.trouble is not None
        assert len(trends._waiting) <= 4
        assert caplog.text.count("trends wait") == 1
    write_minute(trends, clock, 6)
    trends.close()
    assert minutes(path)[-2:] == [5, 6]


def test_a_full_database_waits_too(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "t.sqlite"
    trends = open_recorder(path, clock)
    write_minute(trends, clock, 0)
    assert trends._file.opened is not None
    trends._file.opened.file.db.execute(
        "PRAGMA max_page_count = 1"
    )  # SQLite raises it to the present size
    for minute in range(1, 60):
        write_minute(trends, clock, minute)
    trends.close()
    assert minutes(path) == list(range(60)), "a file that is opened anew has room"


def test_what_waits_in_memory_is_bounded_and_the_newest_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "IN_MEMORY", 5)
    clock, folder = Clock(), tmp_path / "state"
    trends = open_recorder(folder / "t.sqlite", clock)
    for minute in range(9):
        write_minute(trends, clock, minute)
    folder.mkdir()
    trends.close()
    assert minutes(folder / "t.sqlite") == [4, 5, 6, 7, 8]


def test_minutes_go_first_and_a_smaller_bound_shrinks_the_file(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "t.sqlite"
    trends = open_recorder(path, clock, 8)
    for minute in range(0, 20 * 1440, 2):
        trends.add(measurement(BEGIN_S + 60 * minute))
        if minute % 800 == 0:
            clock.now_s += 60
            trends.turn()
            assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= 8 * MIB
    trends.close()
    kept = minutes(path)
    assert kept[0] > 0
    assert kept[-1] == 20 * 1440 - 2
    assert len(reading.read(path, "pump", "hour", 0).points) == 20 * 24
    assert len(reading.read(path, "pump", "day", 0).points) == 20
    smaller = open_recorder(path, clock, MARGIN_BYTES / MIB + 1)
    for step in range(4):
        write_minute(smaller, clock, 20 * 1440 + step)
    smaller.close()
    assert path.stat().st_size <= 1.1 * MIB
    assert len(reading.read(path, "pump", "hour", 0).points) > 20 * 24, "hours stay before minutes"


def test_sixteen_sources_take_less_than_a_hundredth_of_a_core(tmp_path: Path) -> None:
    clock = Clock()
    trends = open_recorder(tmp_path / "t.sqlite", clock)
    records = [
        measurement(BEGIN_S + 10 * step, source=f"m{number}")
        for step in range(60)
        for number in range(16)
    ]
    began_s = time.process_time()
    for at, record in enumerate(records):
        trends.add(record)
        if at % 96 == 95:
            clock.now_s += 60
            trends.turn()
    used_s = time.process_time() - began_s
    trends.close()
    assert used_s < 0.01 * 600, "of ten minutes"
