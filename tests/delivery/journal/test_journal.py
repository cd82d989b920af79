"""The journal keeps what it took, stays within its bytes, and never stops the agent."""

import logging
import sqlite3
import stat
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.core.alarms import AlarmBasis, Maintenance, Standing
from agent.core.errors import ConditionError
from agent.delivery import bounded_file
from agent.delivery.bounded_file import MARGIN_BYTES
from agent.delivery.journal import journal, reading
from agent.delivery.journal.events import Acknowledgement, Annotation, JournalEvent
from agent.delivery.journal.journal import Journal
from agent.delivery.journal.journal_file import StandingAlarm
from agent.delivery.journal.reading import Selection

MIB = 1 << 20
EVERY = Selection(most=100_000)
NOW = "2026-01-02T03:04:05.678Z"
BASIS = AlarmBasis(since=NOW, reason="drift", value=1.6, limit=1.5, channel=None, sentence="Drift.")
WARNING = Standing(
    alarm="warning", basis=BASIS, maintenance=Maintenance(since=NOW, until=NOW, by=None)
)


def event(sentence: str = "Fault outer.", **changes: Any) -> JournalEvent:
    fields: dict[str, Any] = {
        "id": 0,
        "t": "2026-01-02T03:04:05.678Z",
        "source": "fan",
        "kind": "decision",
        "decision": "fault",
        "sentence": sentence,
    }
    return JournalEvent(**fields | changes)


def sentences(path: Path, selection: Selection = EVERY) -> list[str]:
    return [item.sentence for item in reading.read(path, selection)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.sqlite"


def test_an_event_comes_back_as_it_was_with_its_number_and_what_people_said(path: Path) -> None:
    kept = Journal(path, 64 * MIB)
    first = kept.add(event(fault="outer", clip="evidence/fan.flac"))
    second = kept.add(event("Velocity 5.1 mm/s.", kind="alarm", alarm="alarm", source="pump"))
    assert (first.id, second.id) == (1, 2)
    kept.put(Annotation(id=2, comment="greased"))
    kept.put(Annotation(id=2, label="false_alarm"))
    kept.put(Acknowledgement(source="pump", at="2026-01-03T00:00:00.000Z", by="anna"))
    kept.turn()
    newest, oldest = reading.read(path, EVERY)
    assert oldest == first
    assert (newest.comment, newest.acknowledged_by) == ("greased", "anna")
    assert (newest.label, newest.acknowledged_at) == ("false_alarm", "2026-01-03T00:00:00.000Z")
    assert (newest.source, newest.alarm, newest.kind) == ("pump", "alarm", "alarm")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    kept.close()


def test_numbers_go_on_after_a_restart_and_alarms_stand_as_they_stood(path: Path) -> None:
    kept = Journal(path, 64 * MIB)
    kept.add(event())
    for standing in (Standing(), WARNING):
        kept.put(StandingAlarm("fan", msgspec.json.encode(standing).decode()))
    kept.close()
    again = Journal(path, 64 * MIB)
    assert again.standings() == {"fan": WARNING}
    assert again.add(event()).id == 2
    again.close()


def test_events_are_selected_by_source_kind_time_number_and_acknowledgement(path: Path) -> None:
    kept = Journal(path, 64 * MIB)
    kept.add(event("one"))
    kept.add(event("two", kind="alarm", alarm="warning", t="2026-02-01T00:00:00.000Z"))
    kept.add(event("three", kind="alarm", alarm="none", source="pump"))
    kept.add(event("four", kind="alarm", alarm="alarm", source="pump"))
    kept.put(Acknowledgement(source="pump", at="2026-02-02T00:00:00.000Z", by=None))
    kept.close()
    assert sentences(path, Selection(source="pump")) == ["four", "three"]
    assert sentences(path, Selection(kinds=("decision", "maintenance"))) == ["one"]
    assert sentences(path, Selection(since="2026-02-01T00:00:00.000Z")) == ["two"]
    assert sentences(path, Selection(before_id=3, most=1)) == ["two"]
    assert sentences(path, Selection(id=1)) == ["one"]
    assert sentences(path, Selection(unacknowledged=True)) == ["two"]


def test_the_oldest_events_go_where_the_file_would_exceed_its_bound(path: Path) -> None:
    bound = MARGIN_BYTES + MIB
    kept = Journal(path, bound)
    for batch in range(24):
        for number in range(400):
            kept.add(event(f"{batch}-{number} " + "x" * 200))
        kept.turn()
        assert sum(file.stat().st_size for file in path.parent.iterdir()) <= bound
    kept.close()
    left = reading.read(path, EVERY)
    assert left[0].id == 24 * 400
    assert 1000 < len(left) < 24 * 400
    assert [item.id for item in left] == list(range(left[0].id, left[-1].id - 1, -1))


@pytest.mark.parametrize("damage", ["bytes", "another"])
def test_a_broken_file_is_set_aside_and_the_event_is_in_a_new_one(
    path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    if damage == "bytes":
        path.write_bytes(b"no database at all" * 1000)
    else:
        with sqlite3.connect(path) as db:
            db.execute("CREATE TABLE event (id)")
    with pytest.raises(ConditionError, match="cannot be read"):
        reading.read(path, EVERY)
    kept = Journal(path, 64 * MIB)
    assert kept.standings() == {}
    kept.add(event("after"))
    with caplog.at_level(logging.ERROR):
        kept.close()
    assert sentences(path) == ["after"]
    assert "set aside as events.sqlite.unreadable-" in caplog.text


def test_a_damaged_row_is_left_out_and_the_others_are_read(path: Path) -> None:
    kept = Journal(path, 64 * MIB)
    for name in ("one", "two", "three"):
        kept.add(event(name))
    kept.close()
    with sqlite3.connect(path) as db:
        db.execute("UPDATE event SET t = x'00ff' WHERE id = 2")
    assert sentences(path) == ["three", "one"]


@pytest.mark.parametrize(
    "damage",
    [
        ('"since":"2026', '"since":"2O26'),
        ('"until":"2026-01', '"until":"2026-99'),
        ('"alarm":"warning"', '"alarm":"none"'),
        ('"alarm":"warning"', '"alarm":"fire"'),
        ('"sentence"', '"sentencf"'),
        ("}", ""),
    ],
)
def test_a_standing_that_is_damaged_is_left_out_and_the_others_are_read(
    path: Path, damage: tuple[str, str]
) -> None:
    record = msgspec.json.encode(WARNING).decode()
    broken = record.replace(*damage)
    assert broken != record
    kept = Journal(path, 64 * MIB)
    kept.put(StandingAlarm("fan", broken))
    kept.put(StandingAlarm("pump", record))
    kept.close()
    assert reading.standings(path) == {"pump": WARNING}


def test_a_disk_that_takes_nothing_is_waited_for_and_the_newest_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(journal, "IN_MEMORY", 5)
    now_s, folder = [0.0], tmp_path / "state"
    kept = Journal(folder / "events.sqlite", 64 * MIB, clock_s=lambda: now_s[0])
    for number in range(9):
        kept.add(event(str(number)))
        now_s[0] += 1
        kept.turn()
    assert kept.trouble is not None
    assert caplog.text.count("events wait") == 1
    folder.mkdir()
    kept.turn()
    assert kept.trouble is not None, "it is not tried again at once"
    now_s[0] += journal.RETRY_S
    kept.turn()
    assert kept.trouble is None
    kept.close()
    assert sentences(folder / "events.sqlite") == ["8", "7", "6", "5", "4"]


def test_a_power_cut_loses_nothing_that_was_written(path: Path, tmp_path: Path) -> None:
    kept = Journal(path, 64 * MIB)
    cut = tmp_path / "cut"
    cut.mkdir()
    for number in range(20):
        kept.add(event(str(number)))
        kept.turn()
        for ending in ("", "-wal"):  # what is on the disk then; the process is still at work
            file = path.with_name(path.name + ending)
            (cut / file.name).write_bytes(file.read_bytes())
        assert sentences(cut / path.name)[0] == str(number)
        for file in cut.iterdir():
            file.unlink()
    kept.close()


def test_no_file_is_said_with_what_makes_one(path: Path) -> None:
    with pytest.raises(ConditionError, match="an agent makes it with its first event"):
        reading.read(path, EVERY)


def test_a_number_that_has_none_after_it_sets_the_file_aside(path: Path) -> None:
    first = Journal(path, 64 * MIB)
    first.add(event())
    first.turn()
    first.close()
    with sqlite3.connect(path) as db:
        db.execute("UPDATE event SET id = 9223372036854775807")
    db.close()
    again = Journal(path, 64 * MIB)
    again.add(event("After it."))
    again.turn()
    assert sentences(path) == ["After it."]
    again.close()


def test_a_disk_without_room_is_waited_for_before_sqlite_maps_its_index(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 0.0
    kept = Journal(path, 64 * MIB, clock_s=lambda: now_s)
    with monkeypatch.context() as full:
        full.setattr(bounded_file, "ROOM_BYTES", 1 << 62)
        kept.add(event())
        kept.turn()
        assert kept.trouble is not None
        assert not path.exists()
    now_s = 3600.0
    kept.turn()
    assert sentences(path) == ["Fault outer."]
    kept.close()
