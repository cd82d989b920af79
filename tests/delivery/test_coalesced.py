"""Of coalesced messages only the newest on a topic waits, and one that fails rests."""

import pytest

from agent.core.types import Message, Receipt
from agent.delivery.coalesced import LOSSES, PAUSE_S, CoalescedMessages


def filled(*topics: str) -> CoalescedMessages:
    coalesced = CoalescedMessages()
    for topic in topics:
        coalesced.put(Message(0, topic, b"1", retain=True))
    return coalesced


def test_only_the_newest_of_a_topic_waits() -> None:
    coalesced = filled("a", "b")
    coalesced.put(Message(0, "a", b"2", retain=True))
    sent = coalesced.due(0.0, 10)
    assert [(message.topic, message.payload) for message in sent] == [("a", b"2"), ("b", b"1")]
    assert all(message.seq < 0 and message.retain for message in sent)
    assert len({message.seq for message in sent}) == 2


def test_one_a_topic_is_in_flight_and_the_next_follows_its_acknowledgement() -> None:
    coalesced = filled("a")
    (first,) = coalesced.due(0.0, 10)
    coalesced.put(Message(0, "a", b"2"))
    assert coalesced.due(0.0, 10) == []
    coalesced.settle([Receipt(first.seq)], 0.0)
    assert [message.payload for message in coalesced.due(0.0, 10)] == [b"2"]


def test_an_acknowledged_message_waits_no_more() -> None:
    coalesced = filled("a")
    (first,) = coalesced.due(0.0, 10)
    assert coalesced.waiting(0.0)
    coalesced.settle([Receipt(first.seq)], 0.0)
    assert not coalesced.waiting(0.0)
    assert coalesced.in_flight == 0


def test_what_was_in_flight_on_a_lost_connection_is_sent_again() -> None:
    coalesced = filled("a")
    assert len(coalesced.due(0.0, 10)) == 1
    coalesced.connection_lost(0.0, suspected=False)
    assert coalesced.in_flight == 0
    assert [message.payload for message in coalesced.due(0.0, 10)] == [b"1"]


def test_a_refused_topic_rests_and_the_others_go_on() -> None:
    coalesced = filled("denied", "b")
    denied, other = coalesced.due(0.0, 10)
    coalesced.settle([Receipt(denied.seq, "not authorized"), Receipt(other.seq)], 1.0)
    for topic in ("denied", "b"):
        coalesced.put(Message(0, topic, b"2"))
    assert [message.topic for message in coalesced.due(2.0, 10)] == ["b"]
    assert [message.topic for message in coalesced.due(1.0 + PAUSE_S, 10)] == ["denied"]


@pytest.mark.parametrize("suspected", [True, False])
def test_a_topic_that_closes_every_connection_rests(suspected: bool) -> None:
    coalesced = filled("a")
    for _ in range(LOSSES):
        assert len(coalesced.due(0.0, 10)) == 1
        coalesced.connection_lost(0.0, suspected=suspected)
    assert len(coalesced.due(0.0, 10)) == (0 if suspected else 1)
