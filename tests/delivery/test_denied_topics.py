"""A broker that closes the connection on a denied topic is told as such, not as another client."""

import time

import pytest

from agent.core.types import Message
from agent.delivery.duplicate_client import Identity
from agent.delivery.mqtt_sink import MqttSink
from agent.mqtt.settings import Mqtt
from tests.conftest import eventually
from tests.support.scripted_broker import CLOSE, ScriptedBroker

STATUS, INFO = "drsn/a/status", "drsn/a/info"


def sink(broker: ScriptedBroker, version: str) -> MqttSink:
    births = [Message(0, STATUS, b"online", True, 0), Message(0, INFO, b"me", True, 0)]
    identity = Identity(
        "drsn-a",
        lambda: Message(0, STATUS, b"offline", retain=True),
        lambda: births,
        INFO,
        lambda info: info != b"me",
    )
    return MqttSink(Mqtt(port=broker.port, version=version), identity)  # type: ignore[arg-type]


@pytest.mark.parametrize("version", ["5", "3.1.1"])
@pytest.mark.parametrize("denied", [STATUS, INFO])
def test_a_denied_first_message_is_told_as_a_question_of_rights(
    version: str, denied: str, caplog: pytest.LogCaptureFixture
) -> None:
    with ScriptedBroker(lambda topic, _: CLOSE if topic == denied else 0) as broker:
        delivery = sink(broker, version)

        def thrice() -> bool:
            delivery.poll(0.02)
            return broker.connects >= 4

        eventually(thrice, 30, "four connections")
        delivery.close()
    assert "another agent" not in caplog.text
    assert "on our first messages; may we publish below drsn/a/?" in caplog.text


def test_a_denied_status_does_not_make_it_knock_again_at_once() -> None:
    """Only a suspected duplicate is met without the back-off."""
    with ScriptedBroker(lambda topic, _: CLOSE if topic == STATUS else 0) as broker:
        delivery = sink(broker, "5")
        until_s = time.monotonic() + 3.0
        while time.monotonic() < until_s:
            delivery.poll(0.05)
        delivery.close()
        assert broker.connects <= 12
