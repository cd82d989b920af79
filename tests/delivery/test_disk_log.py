"""The outbox's log is moved into its database when no message waits, and fills no small disk."""

from pathlib import Path

import pytest

from agent.core.types import Gap, Message
from agent.delivery import disk
from agent.delivery.outbox import Limits, Outbox


def opened(folder: Path) -> Outbox:
    def no_gap(_epoch: str, _gap: Gap) -> Message:
        raise AssertionError("nothing is over a limit here")

    return Outbox(folder / "o.sqlite", Limits(), no_gap)


def put(outbox: Outbox) -> None:
    outbox.put(lambda _, seq: Message(seq, "t", b"a"))
    outbox.commit()


@pytest.fixture
def log_moves(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A number for each time that the log was moved into the database."""
    moves: list[int] = []
    checkpoint = disk.Disk.checkpoint

    def counted(self: disk.Disk) -> None:
        checkpoint(self)
        moves.append(len(moves))

    monkeypatch.setattr(disk.Disk, "checkpoint", counted)
    return moves


def test_the_log_is_moved_where_nothing_else_is_to_be_done_and_not_within_a_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log_moves: list[int]
) -> None:
    monkeypatch.setattr(disk, "IDLE_PAGES", 40)
    outbox = opened(tmp_path)
    for _ in range(10):
        outbox.tidy()
        put(outbox)
        outbox.settle([outbox.last_seq])
    assert log_moves == []
    outbox.tidy()
    assert log_moves == [0]
    outbox.tidy()
    assert log_moves == [0]


def test_a_log_never_adds_more_to_the_database_than_the_reserve_holds(
    tmp_path: Path, log_moves: list[int]
) -> None:
    outbox = opened(tmp_path)
    for _ in range(30):
        outbox.put(lambda _, seq: Message(seq, "t", bytes(disk.RESERVE_BYTES // 10)))
        before = len(log_moves), (tmp_path / "o.sqlite").stat().st_size
        outbox.commit()
        behind = outbox._store.disk._page_count * disk.PAGE_BYTES - before[1]
        assert len(log_moves) > before[0] or behind < disk.RESERVE_BYTES
    assert len(log_moves) >= 3


def test_on_a_disk_with_little_space_the_log_stays_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log_moves: list[int]
) -> None:
    outbox = opened(tmp_path)
    monkeypatch.setattr(disk, "GROWN_PAGES", 20)
    for _ in range(6):
        put(outbox)
    assert log_moves == []
    monkeypatch.setattr(disk, "ROOM_BYTES", 1 << 62)
    put(outbox)
    assert log_moves == [0]
