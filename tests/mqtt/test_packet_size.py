"""One message cannot take the agent's memory, or every connection of every box."""

import resource
import time

import paho.mqtt.publish as publish
import pytest

from agent.core.types import Message
from agent.delivery.duplicate_client import Identity
from agent.delivery.mqtt_sink import MqttSink
from agent.mqtt.client import MAX_PACKET_BYTES
from agent.mqtt.settings import Mqtt
from tests.conftest import Broker, eventually

FLEET = "drsn/fleet/models/x"
HUGE = 64 << 20


def sink(broker: Broker, version: str, received: list[int]) -> MqttSink:
    def listen(_topic: str, payload: bytes, _retained: bool) -> list[Message]:
        received.append(len(payload))
        return []

    identity = Identity(
        "drsn-a",
        lambda: Message(0, "drsn/a/status", b"offline", retain=True),
        lambda: [Message(0, "drsn/a/status", b"online", retain=True, qos=0)],
        "drsn/a/info",
        lambda _: False,
        {"drsn/fleet/models/+": listen},
    )
    return MqttSink(Mqtt(port=broker.port, version=version), identity)  # type: ignore[arg-type]


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_a_huge_retained_message_takes_no_memory_and_holds_up_no_delivery(
    broker: Broker, version: str
) -> None:
    publish.single(FLEET, bytes(HUGE), 1, retain=True, port=broker.port)
    received: list[int] = []
    delivery = sink(broker, version, received)
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    acknowledged: list[int] = []
    session = 0

    def delivered() -> bool:
        nonlocal session
        acknowledged.extend(receipt.seq for receipt in delivery.poll(0.02))
        if delivery.session != session and delivery.in_flight_limit:
            session = delivery.session
            delivery.send(Message(session, "drsn/a/s/event", b"{}"))
        settled_s = 1.0 if version == "5" else 4.0
        return bool(acknowledged) and time.monotonic() - began_s > settled_s

    began_s = time.monotonic()
    eventually(delivered, 20, "a message is acknowledged")
    assert delivery.in_flight_limit, f"connected: {delivery.why}"
    assert received == []
    assert delivery.session <= 2
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib
    assert grown_kib < HUGE / 1024 / 4
    delivery.close()


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_a_message_within_the_bound_arrives(broker: Broker, version: str) -> None:
    size = MAX_PACKET_BYTES - 100
    received: list[int] = []
    delivery = sink(broker, version, received)
    publish.single(FLEET, bytes(size), 1, retain=True, port=broker.port)

    def arrived() -> bool:
        delivery.poll(0.02)
        return received == [size]

    eventually(arrived, 20, "it arrives")
    delivery.close()
