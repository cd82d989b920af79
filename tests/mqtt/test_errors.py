"""A refused or unanswered connection names the key to look at."""

from types import SimpleNamespace

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from agent.mqtt import errors
from agent.mqtt.settings import Mqtt, Tls


@pytest.mark.parametrize(
    ("code", "key"),
    [
        (0x84, "mqtt.version: auto"),
        (0x85, "mqtt.client_id"),
        (0x86, "mqtt.username and mqtt.password_file"),
        (0x87, "mqtt.username and mqtt.password_file"),
        (0x89, "tries again"),
    ],
)
def test_a_refusal_says_where_to_look(code: int, key: str) -> None:
    reason = ReasonCode(PacketTypes.CONNACK, identifier=code)
    said = errors.refused(reason, None)
    assert said.startswith(f"{reason}: ")
    assert key in said


def test_a_server_that_is_named_instead_is_passed_on() -> None:
    moved = ReasonCode(PacketTypes.CONNACK, identifier=0x9D)
    named = SimpleNamespace(ServerReference="b.example:1883")
    assert "mqtt.host: b.example:1883" in errors.refused(moved, named)


def test_where_nothing_was_answered_it_asks_for_tls_and_for_the_version_that_is_fixed() -> None:
    assert errors.questions(Mqtt()) == "does the port expect TLS?"
    assert errors.questions(Mqtt(version="5")).endswith("MQTT 5? else mqtt.version: auto")
    assert errors.questions(Mqtt(version="3.1.1")).endswith("take QoS 1? else mqtt.version: auto")
    assert errors.questions(Mqtt(tls=Tls())) == "does the port speak TLS?"
