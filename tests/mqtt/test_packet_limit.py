"""Which messages are left out because a broker does not take their size."""

from agent.mqtt.packet_limit import FORGET_S, PacketLimit


def sent(limit: PacketLimit, **sizes: int) -> None:
    """A new connection, on which messages of these sizes were sent."""
    limit.begin(10**9, 0.0)
    for request, (topic, size) in enumerate(sizes.items(), 1):
        limit.sending(size, topic)
        limit.sent(request)


def test_what_the_broker_states_holds_for_every_message() -> None:
    limit = PacketLimit()
    limit.begin(2000, 0.0)
    assert limit.excess(2000, watched=False) is None
    assert "2001 bytes, and the broker takes 2000" in (limit.excess(2001, watched=False) or "")
    limit.begin(10**9, 0.0)
    assert limit.excess(2001, watched=True) is None, "the next broker may take more"


def test_the_largest_unread_message_of_two_closed_connections_is_left_out() -> None:
    limit = PacketLimit()
    sent(limit, info=5000, device=3000)
    assert not limit.closed(1.0)
    sent(limit, info=5001, device=3000)
    assert limit.closed(2.0)
    assert limit.excess(5001, watched=True)
    assert limit.excess(3000, watched=True) is None
    assert limit.excess(9000, watched=False) is None, "others are the sender's to judge"


def test_a_message_whose_writing_finds_the_connection_closed_is_suspected() -> None:
    limit = PacketLimit()
    for at_s in (1.0, 2.0):
        limit.begin(10**9, 0.0)
        limit.sending(5000, "health")
        concluded = limit.closed(at_s)
    assert concluded


def test_a_size_that_was_read_once_is_not_the_reason() -> None:
    """A topic may be denied."""
    limit = PacketLimit()
    for at_s in (1.0, 2.0, 3.0):
        sent(limit, info=5000, device=3000)
        limit.answered(1)
        assert not limit.closed(at_s)
    assert limit.excess(5000, watched=True) is None
    assert limit.excess(3000, watched=True) is None


def test_only_losses_in_a_row_over_the_same_topic_count() -> None:
    limit = PacketLimit()
    sent(limit, info=5000)
    assert not limit.closed(1.0)
    sent(limit, info=5000)
    limit.answered(1)
    assert not limit.waiting
    assert not limit.closed(2.0)
    sent(limit, info=6000)
    assert not limit.closed(3.0)


def test_a_conclusion_is_tried_again_after_an_hour() -> None:
    limit = PacketLimit()
    for at_s in (1.0, 2.0):
        sent(limit, info=5000)
        limit.closed(at_s)
    limit.begin(10**9, FORGET_S)
    assert limit.excess(5000, watched=True)
    limit.begin(10**9, FORGET_S + 3)
    assert limit.excess(5000, watched=True) is None


def test_a_topic_is_named_once() -> None:
    limit = PacketLimit()
    assert limit.is_news("info")
    assert not limit.is_news("info")
    assert limit.is_news("health")
