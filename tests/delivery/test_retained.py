"""What is retained is published again in every session: brokers lose it, e.g. by a restart."""

from collections.abc import Callable
from typing import Any

from agent.core.types import Message
from agent.delivery.retained import RetainedMessages
from tests.conftest import Agent, Broker, Subscriber, eventually


def decisions(subscriber: Subscriber) -> list[str]:
    return [record["decision"] for record in subscriber.records("state")]


def state(seq: int, source: str = "fan") -> Message:
    return Message(seq, f"drsn/a/{source}/state", str(seq).encode(), retain=True)


def test_a_subscriber_learns_the_state_from_a_broker_that_lost_it(
    broker: Broker, run_agent: Callable[..., Agent], settings: Callable[..., dict[str, Any]]
) -> None:
    """mosquitto without persistence, as it is by default."""
    tree = settings(broker.port, kind="synth", rate_hz=1000)
    tree["mqtt"] |= {"reconnect_max_s": 0.5, "home_assistant": True}
    before = Subscriber(broker.port)
    agent = run_agent(tree)
    settled = "fault"  # what the tiny network says of the simulated machine
    eventually(lambda: settled in decisions(before), 20, "the state settles")
    last = before.records("state")[-1]
    eventually(lambda: bool(before.records("health")), 20, "a while later")
    broker.stop()
    broker.start()
    eventually(lambda: agent.logged().count("connected to") == 2, 20, "connected again")
    late = Subscriber(broker.port)
    eventually(lambda: bool(late.of("state")), 5, "the state, for who comes late")
    assert late.records("state")[0] == last, "with its own number"
    before.close()
    late.close()


def test_only_what_a_broker_has_acknowledged_is_published_again() -> None:
    retained = RetainedMessages()
    for message in (state(1), Message(2, "drsn/a/fan/event", b"2"), state(3, "pump"), state(4)):
        retained.sent(message)
    retained.delivered([1, 2, 3])
    assert [message.payload for message in retained.messages()] == [b"1", b"3"]
    retained.delivered([4])
    assert sorted(message.payload for message in retained.messages()) == [b"3", b"4"]
    assert all(
        (message.seq, message.qos, message.retain) == (0, 0, True)
        for message in retained.messages()
    )


def test_an_older_state_never_replaces_a_newer_one() -> None:
    retained = RetainedMessages()
    for message in (state(1), state(2)):
        retained.sent(message)
    retained.delivered([2, 1])
    retained.sent(state(3))
    retained.connection_lost()
    retained.delivered([3])
    assert [message.payload for message in retained.messages()] == [b"2"]
