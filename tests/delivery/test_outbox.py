"""Messages stay until they are acknowledged, in order, under unique numbers."""

import functools
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from agent.core.types import Gap, Message
from agent.delivery import disk
from agent.delivery.outbox import Limits
from agent.delivery.outbox import Outbox as _Outbox


def marker(epoch: str, gap: Gap) -> Message:
    seq = gap.last if gap.seq is None else gap.seq
    return Message(seq, "gap", f"[{gap.first}-{gap.last}:{gap.messages}]".encode())


def Outbox(path: Path | None, limits: Limits = Limits()) -> _Outbox:  # noqa: B008, N802
    return _Outbox(path, limits, marker)


def of(payload: bytes, _epoch: str, seq: int) -> Message:
    return Message(seq, "t", payload, retain=True)


def put(outbox: _Outbox, texts: str) -> None:
    for text in texts:
        outbox.put(functools.partial(of, text.encode()))
    outbox.commit()


def texts(outbox: _Outbox, after: int = 0) -> str:
    return "".join(m.payload.decode() for m in outbox.after(after, 1000))


def test_first_in_first_out_with_limit_and_cursor(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "o.sqlite")
    put(outbox, "abcde")
    assert texts(outbox) == "abcde"
    assert [m.seq for m in outbox.after(2, 2)] == [3, 4]
    assert outbox.after(0, 1) == [Message(1, "t", b"a", retain=True, qos=1)]


def test_nothing_is_sent_before_it_is_committed(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "o.sqlite")
    outbox.put(lambda epoch, seq: Message(seq, "t", b"a"))
    assert outbox.after(0, 10) == []
    assert (outbox.depth, outbox.uncommitted) == (1, 1)
    outbox.commit()
    assert texts(outbox) == "a"


def test_survives_a_restart_and_never_gives_a_number_twice(tmp_path: Path) -> None:
    first = Outbox(tmp_path / "o.sqlite")
    put(first, "abc")
    first.settle([1, 2, 3])
    first.close()
    second = Outbox(tmp_path / "o.sqlite")
    assert (second.epoch, second.depth) == (first.epoch, 0)
    put(second, "d")
    assert [m.seq for m in second.after(0, 10)] == [4]


def test_what_was_settled_is_gone_and_the_rest_is_not(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "o.sqlite")
    put(outbox, "abcd")
    outbox.settle([2, 3])
    assert outbox.depth == 2
    outbox.commit()
    assert texts(outbox) == "ad"
    assert outbox.depth == 2


def test_commits_reach_the_disk_before_they_count(tmp_path: Path) -> None:
    """FULL: in WAL mode NORMAL may lose commits when power is cut."""
    outbox = Outbox(tmp_path / "o.sqlite")
    put(outbox, "a")
    assert outbox._store._db.execute("PRAGMA synchronous").fetchone() == (2,)
    assert outbox._store._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    files = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    for name, data in files.items():
        (tmp_path / f"copy-{name}").write_bytes(data)
    other = sqlite3.connect(tmp_path / "copy-o.sqlite")
    assert other.execute("SELECT count(*) FROM message").fetchone() == (1,)


def test_in_memory_it_writes_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    put(Outbox(None), "abc")
    assert list(tmp_path.iterdir()) == []


def everything(outbox: _Outbox) -> list[str]:
    return [m.payload.decode() for m in outbox.after(0, 100_000)]


def test_over_the_limit_the_oldest_go_and_one_marker_stands_for_them(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "o.sqlite", Limits(messages=3))
    put(outbox, "abcde")
    assert everything(outbox) == ["[1-2:2]", "c", "d", "e"]
    assert [m.seq for m in outbox.after(0, 10)] == [2, 3, 4, 5]
    put(outbox, "fg")
    assert everything(outbox) == ["[1-4:4]", "e", "f", "g"]
    assert outbox.dropped == 4


def test_what_was_dropped_is_counted_across_restarts(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "o.sqlite", Limits(messages=2))
    put(outbox, "abcd")
    outbox.close()
    again = Outbox(tmp_path / "o.sqlite", Limits(messages=2))
    put(again, "e")
    assert (again.dropped, everything(again)) == (3, ["[1-3:3]", "d", "e"])


def test_messages_in_flight_are_not_dropped(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "o.sqlite", Limits(messages=3))
    put(outbox, "ab")
    outbox.put(lambda epoch, seq: Message(seq, "t", b"c"))
    outbox.put(lambda epoch, seq: Message(seq, "t", b"d"))
    outbox.put(lambda epoch, seq: Message(seq, "t", b"e"))
    outbox.commit(in_flight=2)
    assert everything(outbox) == ["a", "b", "c", "d", "e"]
    put_more = Outbox(tmp_path / "p.sqlite", Limits(messages=3))
    put(put_more, "abc")
    for text in "defg":
        put_more.put(functools.partial(of, text.encode()))
    put_more.commit(in_flight=1)
    assert everything(put_more) == ["a", "[2-4:3]", "e", "f", "g"]


def test_bytes_are_limited_too(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "o.sqlite", Limits(bytes=10_000))
    for _ in range(30):
        outbox.put(lambda epoch, seq: Message(seq, "t", b"x" * 1000))
    outbox.commit()
    left = outbox.after(0, 100)
    assert sum(len(m.payload) for m in left) <= 10_000 + 30
    assert left[0].payload == b"[1-20:20]"


def test_age_is_running_time_so_no_step_of_the_wall_clock_ages_a_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = [1000.0]
    monkeypatch.setattr("agent.delivery.store.time.monotonic", lambda: now_s[0])
    monkeypatch.setattr("time.time", lambda: 4e9)
    outbox = Outbox(tmp_path / "o.sqlite", Limits(age_s=60))
    put(outbox, "a")
    now_s[0] += 50
    put(outbox, "b")
    outbox.close()
    now_s[0] = 5.0  # another boot: monotonic time begins again
    again = Outbox(tmp_path / "o.sqlite", Limits(age_s=60))
    assert again.oldest_age_s() == pytest.approx(50)
    now_s[0] += 20
    put(again, "c")
    assert everything(again) == ["[1-1:1]", "b", "c"]


def test_what_is_parked_is_counted_kept_for_a_look_and_out_of_the_way(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "o.sqlite")
    put(outbox, "abc")
    outbox.park(2, "too large")
    outbox.park(2, "too large")
    outbox.commit()
    assert everything(outbox) == ["a", "c", "[2-2:1]"]
    assert (outbox.parked, outbox.dropped, outbox.depth) == (1, 0, 3)
    outbox.close()
    kept = sqlite3.connect(tmp_path / "o.sqlite").execute("SELECT seq, payload, why FROM parked")
    assert kept.fetchall() == [(2, b"b", "too large")]


@pytest.mark.parametrize("spoil", ["garbage", "truncated", "pages", "empty"])
def test_a_file_that_cannot_be_read_is_set_aside_and_a_new_epoch_begins(
    tmp_path: Path, spoil: str
) -> None:
    path = tmp_path / "o.sqlite"
    outbox = Outbox(path)
    for _ in range(300):
        put(outbox, "abcdefghijkl")
    outbox.close()
    data = path.read_bytes()
    if spoil == "empty":  # a file of no length is a new database to SQLite, and rightly so
        path.write_bytes(b"")
    else:
        path.write_bytes(
            {
                "garbage": b"not a database" * 1000,
                "truncated": data[: len(data) // 2],
                "pages": data[:8192] + bytes(range(256)) * 64 + data[8192 + 256 * 64 :],
            }[spoil]
        )
    again = Outbox(path)
    assert again.epoch != outbox.epoch
    put(again, "z")
    assert [(m.seq, m.payload) for m in again.after(0, 10)] == [(1, b"z")]
    aside = list(tmp_path.glob("o.sqlite.unreadable-*"))
    assert len(aside) == (0 if spoil == "empty" else 1)


def test_on_a_disk_that_takes_nothing_messages_wait_in_memory_and_then_the_oldest_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.delivery.outbox.IN_MEMORY", 5)
    outbox = Outbox(tmp_path / "o.sqlite")
    put(outbox, "ab")
    outbox.settle([1])
    outbox._store._db.execute(f"PRAGMA max_page_count = {_pages(outbox)}")
    for letter in "cdefghij":
        outbox.put(functools.partial(of, letter.encode() * 40_000))
        outbox.commit()
    assert outbox.trouble is not None
    assert "full" in outbox.trouble
    outbox._store._db.execute("PRAGMA max_page_count = 100000")
    outbox.commit()
    assert outbox.trouble is None
    assert [text[:1] for text in everything(outbox)] == ["b", "[", "g", "h", "i", "j"]
    assert everything(outbox)[1] == "[3-6:4]"
    assert outbox.dropped == 4


def _pages(outbox: _Outbox) -> int:
    pages: int = outbox._store._db.execute("PRAGMA page_count").fetchone()[0]
    return pages


def test_a_reserve_lies_beside_it_is_given_up_when_room_is_needed_and_made_again(
    tmp_path: Path,
) -> None:
    outbox = Outbox(tmp_path / "o.sqlite")
    reserve = tmp_path / "reserve"
    assert reserve.stat().st_size == 1 << 20
    outbox._store.disk.free_reserve()
    assert not reserve.exists()
    put(outbox, "a")
    assert reserve.stat().st_size == 1 << 20


def test_on_a_disk_that_is_full_at_the_start_the_reserve_makes_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Outbox(tmp_path / "o.sqlite").close()
    real, calls = disk._open, []

    def full_once(*arguments: Any) -> sqlite3.Connection:
        calls.append((tmp_path / "reserve").exists())
        if calls[-1]:
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorname = "SQLITE_FULL"
            raise error
        return real(*arguments)

    monkeypatch.setattr(disk, "_open", full_once)
    put(Outbox(tmp_path / "o.sqlite"), "a")
    assert calls == [True, False]


def test_an_outbox_that_cannot_be_opened_at_all_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "o.sqlite").mkdir()
    with pytest.raises(disk.DiskError, match="unable to open"):
        Outbox(tmp_path / "o.sqlite")


def test_it_is_crowded_when_half_of_what_memory_takes_waits_and_the_disk_is_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.delivery.outbox.IN_MEMORY", 10)
    outbox = Outbox(tmp_path / "o.sqlite")
    crowded = []
    for _ in range(6):
        outbox.put(functools.partial(of, b"a"))
        crowded.append(outbox.crowded)
    assert crowded == [False] * 5 + [True]
    outbox.trouble = "full"
    assert not outbox.crowded  # waiting would not help
    outbox.commit()
    assert not outbox.crowded


def test_the_marker_of_messages_that_memory_dropped_is_as_old_as_the_newest_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = [1000.0]
    monkeypatch.setattr("agent.delivery.store.time.monotonic", lambda: now_s[0])
    monkeypatch.setattr("agent.delivery.outbox.IN_MEMORY", 2)
    outbox = Outbox(tmp_path / "o.sqlite")
    for _ in range(3):
        outbox.put(functools.partial(of, b"a"))
        now_s[0] += 50.0
    outbox.commit()
    assert everything(outbox) == ["[1-2:2]", "a"]
    assert outbox.oldest_age_s() == 100.0


DAMAGE = (
    "topic = 'drsn/#'",
    "topic = CAST(x'ff' AS TEXT)",
    "payload = 'text'",
    "qos = 7",
    "first = -1",
)


@pytest.mark.parametrize("change", DAMAGE)
def test_a_message_whose_row_is_damaged_is_set_aside_and_the_others_are_delivered(
    tmp_path: Path, change: str, caplog: pytest.LogCaptureFixture
) -> None:
    first = Outbox(tmp_path / "o.sqlite")
    put(first, "abc")
    epoch = first.epoch
    first.close()
    with sqlite3.connect(tmp_path / "o.sqlite") as db:
        db.execute(f"UPDATE message SET {change} WHERE seq = 2")
    db.close()
    again = Outbox(tmp_path / "o.sqlite")
    assert ([m.seq for m in again.after(0, 9)], again.epoch) == ([1, 3], epoch)
    assert (again.parked, again.depth, again.last_seq) == (1, 2, 3)
    assert "message 2 set aside: its row on the disk is damaged" in caplog.text


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE state SET epoch = 'none'",
        "UPDATE state SET dropped = -1",
        "UPDATE sqlite_sequence SET seq = 9223372036854775807",
        "ALTER TABLE message RENAME COLUMN topic TO place",
        "DROP TABLE parked; CREATE TABLE parked (x)",
    ],
)
def test_a_file_with_other_tables_or_counters_is_set_aside_and_a_new_epoch_begins(
    tmp_path: Path, edit: str
) -> None:
    first = Outbox(tmp_path / "o.sqlite")
    put(first, "a")
    epoch = first.epoch
    first.close()
    with sqlite3.connect(tmp_path / "o.sqlite") as db:
        db.executescript(edit)
    db.close()
    again = Outbox(tmp_path / "o.sqlite")
    put(again, "b")
    assert again.epoch != epoch
    assert len(list(tmp_path.glob("o.sqlite.unreadable-*"))) == 1


def test_a_commit_ends_though_messages_come_faster_than_the_disk_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox = Outbox(tmp_path / "o.sqlite")
    write, writes = outbox._store.write, 0

    def slow(*parts: Any) -> None:
        nonlocal writes
        writes += 1
        assert writes < 10, "the commit does not end"
        outbox.put(lambda epoch, seq: Message(seq, "t", b"b"))  # by another thread, meanwhile
        write(*parts)

    monkeypatch.setattr(outbox._store, "write", slow)
    outbox.put(lambda epoch, seq: Message(seq, "t", b"a"))
    outbox.commit()
    assert texts(outbox) == "a"
    assert outbox.waiting == 1
