"""Brokers that retain nothing, have QoS 0 alone or take small packets, against real mosquittos."""

from collections.abc import Callable
from typing import Any

import pytest

from agent.core.types import Message
from agent.delivery.duplicate_client import Identity
from agent.delivery.mqtt_sink import MqttSink
from agent.mqtt.settings import Mqtt
from tests.conftest import Broker, Subscriber, eventually
from tests.support.scripted_broker import ScriptedBroker

Start = Callable[..., Broker]
INFO = "drsn/a/info"


def sink(broker: Broker | ScriptedBroker, version: Any = "auto", info: bytes = b"{}") -> MqttSink:
    identity = Identity(
        "drsn-a",
        lambda: Message(0, "drsn/a/status", b"offline", retain=True),
        lambda: [
            Message(0, "drsn/a/status", b"online", retain=True, qos=0),
            Message(0, INFO, info, retain=True, qos=0),
            Message(0, "homeassistant/device/a/config", b"{}", retain=True, qos=0),
        ],
        INFO,
        lambda _: False,
    )
    settings = Mqtt(port=broker.port, version=version, reconnect_max_s=0.5)
    return MqttSink(settings, identity)


def delivered(
    delivery: MqttSink, count: int, every_poll: Callable[[], None] = lambda: None
) -> None:
    """The numbers 1 to `count`, each sent again on a new connection until it is acknowledged."""
    acknowledged: set[int] = set()
    session = 0

    def done() -> bool:
        nonlocal session
        acknowledged.update(receipt.seq for receipt in delivery.poll(0.02))
        every_poll()
        if delivery.in_flight_limit and delivery.session != session:
            session = delivery.session
            for seq in sorted(set(range(1, count + 1)) - acknowledged):
                delivery.send(Message(seq, "drsn/a/s/event", str(seq).encode()))
        return len(acknowledged) == count

    eventually(done, 20, "all are acknowledged")


@pytest.fixture
def limited(stopped_broker: Broker) -> Start:
    def start(extra: str) -> Broker:
        stopped_broker.extra += extra
        return stopped_broker.start()

    return start


@pytest.mark.parametrize(
    "extra",
    [
        "retain_available false\n",
        "max_qos 0\n",
        "max_qos 1\n",
        "retain_available false\nmax_qos 0\n",
    ],
    ids=["no retain", "QoS 0", "QoS 1", "neither"],
)
def test_a_broker_that_lacks_something_gets_everything_without_it(
    limited: Start, extra: str, caplog: pytest.LogCaptureFixture
) -> None:
    broker = limited(extra)
    subscriber = Subscriber(broker.port)
    delivery = sink(broker)
    delivered(delivery, 20)
    eventually(lambda: len(subscriber.of("event")) == 20, 5, "all arrive")
    assert [item.payload for item in subscriber.of("event")] == [b"%d" % n for n in range(1, 21)]
    assert delivery.session == 1
    delivery.close()
    eventually(lambda: subscriber.status() == ["online", "offline"], 5, "its farewell")
    subscriber.close()
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_a_birth_that_is_too_large_is_left_out_and_named_and_holds_up_nothing(
    limited: Start, version: str, caplog: pytest.LogCaptureFixture
) -> None:
    broker = limited("max_packet_size 2000\n")
    subscriber = Subscriber(broker.port)
    delivery = sink(broker, version, info=b"x" * 3000)
    delivered(delivery, 20)
    assert delivery.in_flight_limit
    named = f"{INFO} is left out: 3139 bytes"
    assert caplog.text.count(named) == 1, caplog.text
    assert "another agent" not in caplog.text
    eventually(lambda: bool(subscriber.of("config") or subscriber.of("event")), 5, "the others")
    assert not subscriber.of("info")
    delivery.close()
    subscriber.close()


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_health_that_is_too_large_ends_no_connection_for_long(
    limited: Start, version: str, caplog: pytest.LogCaptureFixture
) -> None:
    broker = limited("max_packet_size 2000\n")
    delivery = sink(broker, version)
    health = Message(0, "drsn/a/health", b"x" * 3000, qos=0)
    sessions: set[int] = set()

    def beat() -> None:
        """Once in each session, as the agent does at its start."""
        if delivery.in_flight_limit and delivery.session not in sessions:
            sessions.add(delivery.session)
            delivery.send(health)

    delivered(delivery, 20, beat)
    eventually(lambda: bool(delivery.poll(0.02)) or "is left out" in caplog.text, 10, "named")
    eventually(lambda: not delivery.poll(0.02) and delivery.in_flight_limit > 0, 10, "connected")
    assert len(sessions) <= 3
    assert "another agent" not in caplog.text
    delivery.close()


def test_a_broker_that_ignores_a_superfluous_unsubscribe_gets_everything(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """As rumqttd does: births are not known to be read, and nothing waits for it for long."""
    with ScriptedBroker(lambda _topic, _payload: 0, answers_fences=False) as broker:
        delivery = sink(broker, "5", info=b"x" * 3000)
        for session in (1, 2, 3):
            delivered(delivery, 5)
            assert delivery.session == session
            broker.cut()
            eventually(lambda: not delivery.poll(0.02) and not delivery.in_flight_limit, 5, "cut")
        delivered(delivery, 5)
        assert [topic for topic, _, _ in broker.received].count(INFO) == 4, "never left out"
        delivery.close()
    assert "is left out" not in caplog.text
