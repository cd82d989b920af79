"""Windows gather for as long as the disk needs; what is urgent waits for nothing."""

import math

import pytest

from agent.delivery.commit_pace import ACKNOWLEDGED_S, GATHERED, TROUBLE_S, CommitPace


def after(took_s: float, commits_per_s: float = 200.0, *, trouble: bool = False) -> CommitPace:
    """A pace after a commit that began at 10 s."""
    pace = CommitPace(commits_per_s)
    pace.committed(10.0, 10.0 + took_s, trouble)
    return pace


def wait_s(pace: CommitPace, now_s: float, messages: int = 1, *, urgent: bool = False) -> float:
    return pace.wait_s(now_s, messages, max(1, messages), urgent)


def test_the_first_message_waits_for_nothing() -> None:
    assert wait_s(CommitPace(), 5.0) == 0.0


def test_without_changes_nothing_is_ever_written() -> None:
    assert CommitPace().wait_s(5.0, 0, 0, urgent=True) == math.inf


@pytest.mark.parametrize(
    ("took_s", "commits_per_s", "due_s"),
    [(0.001, 200, 10.005), (0.030, 200, 10.033), (0.001, 10, 10.1), (0.5, 200, 10.55)],
)
def test_windows_wait_for_the_bound_and_for_a_tenth_of_a_slow_commit(
    took_s: float, commits_per_s: float, due_s: float
) -> None:
    pace = after(took_s, commits_per_s)
    assert wait_s(pace, 10.0 + took_s) == pytest.approx(due_s - 10.0 - took_s)
    assert wait_s(pace, due_s + 1e-6) == 0.0


def test_an_event_waits_for_no_window() -> None:
    assert wait_s(after(0.5), 10.5, urgent=True) == 0.0


def test_many_changes_wait_no_longer() -> None:
    assert wait_s(after(0.5), 10.5, GATHERED) == 0.0


def test_acknowledgements_alone_wait_for_the_next_message() -> None:
    pace = after(0.001)
    assert wait_s(pace, 10.1, messages=0) == pytest.approx(10.001 + ACKNOWLEDGED_S - 10.1)
    assert wait_s(pace, 10.1, messages=1) == 0.0
    assert wait_s(pace, 10.26, messages=0) == 0.0


def test_a_disk_that_cannot_be_written_is_tried_once_a_second_whatever_waits() -> None:
    pace = after(0.001, trouble=True)
    for messages in (0, 1, GATHERED):
        assert wait_s(pace, 10.001, messages, urgent=True) == pytest.approx(TROUBLE_S)


def test_windows_behind_unsent_messages_gather_and_events_do_not() -> None:
    pace = after(0.001)
    assert pace.wait_s(10.1, 1, 1, urgent=False, behind=True) == pytest.approx(
        10.001 + ACKNOWLEDGED_S - 10.1
    )
    assert pace.wait_s(10.1, 1, 1, urgent=True, behind=True) == 0.0
    assert pace.wait_s(10.1, 1, GATHERED, urgent=False, behind=True) == 0.0
