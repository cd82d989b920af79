"""What is put is there until it is acknowledged, in order, under a number of its own."""

import sqlite3
from pathlib import Path

import pytest

from agent.core import Message
from agent.outbox import Limits
from agent.outbox import Outbox as _Outbox
from agent.store import Gap


def marker(epoch: str, gap: Gap) -> Message:
    return Message(gap.last, "gap", f"[{gap.first}-{gap.last}:{gap.messages}]".encode())


def Outbox(path: Path | None, limits: Limits = Limits()) -> _Outbox:  # noqa: B008, N802
    return _Outbox(path, limits, marker)


def put(outbox: _Outbox, texts: str) -> None:
    for text in texts:
        outbox.put(lambda epoch, seq, text=text: Message(seq, "t", text.encode(), retain=True))
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
    """FULL: in WAL mode NORMAL was measured to lose commits when power is cut."""
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
