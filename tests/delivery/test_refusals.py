"""A message that cannot be delivered never blocks the rest, and is abandoned with a reason."""

import pytest

from agent.delivery.refusals import (
    MOST_WAITING,
    PARK_AFTER,
    PASSING_TRIES,
    TRIES,
    Refusals,
)


def test_a_message_refused_while_others_are_taken_is_given_up_in_the_end() -> None:
    refusals = Refusals()
    for attempt in range(TRIES - 1):
        now_s = 10.0 * attempt
        assert not refusals.refused(7, now_s)
        refusals.delivered([100 + attempt])
        assert refusals.due(now_s + 0.5, 20) == []
        assert refusals.due(now_s + 1.0, 20) == [7]
        assert refusals.due(now_s + 1.0, 20) == []
    assert refusals.refused(7, 99.0)
    assert refusals.due(1000.0, 20) == []


def test_a_message_that_is_accepted_after_all_is_forgiven() -> None:
    refusals = Refusals()
    refusals.refused(7, 0.0)
    refusals.delivered([7])
    assert not refusals.refused(7, 1.0)


def test_one_that_ends_every_connection_is_sent_alone_and_then_given_up() -> None:
    refusals = Refusals()
    lost = [refusals.connection_lost({5, 6, 7}, 0.1) for _ in range(3)]
    assert refusals.one_at_a_time
    lost += [refusals.connection_lost({5}, 0.1) for _ in range(PARK_AFTER - 3)]
    assert lost == [None] * (PARK_AFTER - 1) + [5]
    assert not refusals.one_at_a_time


def test_lost_connections_that_delivered_something_accuse_nobody() -> None:
    refusals = Refusals()
    for first in range(1, 100):
        assert refusals.connection_lost({first, first + 1}, 0.1) is None
        refusals.delivered([first])
    assert not refusals.one_at_a_time


def test_a_cable_that_is_pulled_after_a_while_accuses_nobody() -> None:
    refusals = Refusals()
    assert [refusals.connection_lost({5}, 60.0) for _ in range(50)] == [None] * 50
    assert [refusals.connection_lost(set(), 0.1) for _ in range(50)] == [None] * 50


def test_a_message_that_was_accepted_has_all_its_tries_again() -> None:
    refusals = Refusals()
    for _ in range(2):
        assert [refusals.refused(7, 0.0) for _ in range(2)] == [False, False]
        refusals.delivered([7])


def test_a_message_is_given_up_after_six_connections_that_delivered_nothing_at_all() -> None:
    refusals = Refusals()
    for _ in range(20):
        assert [refusals.connection_lost({5}, 0.1) for _ in range(5)] == [None] * 5
        refusals.delivered([4])
    assert [refusals.connection_lost({5}, 0.1) for _ in range(6)] == [None] * 5 + [5]


@pytest.mark.parametrize("passing", [True, False])
def test_where_nothing_is_taken_no_message_is_given_up_and_the_line_backs_off(
    passing: bool,
) -> None:
    refusals, now_s, sent = Refusals(), 0.0, 0
    for seq in range(1, 21):
        assert not refusals.refused(seq, now_s, passing)
    while now_s < 600.0:
        now_s += 0.5
        if refusals.paused(now_s):
            continue
        assert refusals.one_at_a_time
        for seq in refusals.due(now_s, 1):
            sent += 1
            assert not refusals.refused(seq, now_s, passing)
    assert 10 <= sent <= 40, "one at a time, ever more rarely"
    refusals.delivered(refusals.due(now_s + 60.0, 1))
    assert not refusals.paused(now_s)
    assert not refusals.one_at_a_time
    assert len(refusals.due(now_s + 60.0, 100)) == 19


def test_a_reason_that_passes_is_tried_longer() -> None:
    refusals = Refusals()
    tries, now_s = 1, 0.0
    while not refusals.refused(7, now_s, passing=True):
        refusals.delivered([100 + tries])
        now_s += 60.0
        assert refusals.due(now_s, 20) == [7]
        tries += 1
    assert tries == PASSING_TRIES


def test_many_that_wait_hold_back_fresh_ones() -> None:
    refusals = Refusals()
    for seq in range(1, MOST_WAITING + 1):
        assert not refusals.crowded
        refusals.refused(seq, 0.0)
    assert refusals.crowded
