"""What the next connection asks for, after what the broker has answered."""

from types import SimpleNamespace
from typing import Any

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from agent.core.types import Message
from agent.mqtt.negotiation import Negotiation
from agent.mqtt.settings import Mqtt

RABBITMQ_4 = SimpleNamespace(MaximumQoS=1, SharedSubscriptionAvailable=0)


def code(identifier: int) -> ReasonCode:
    return ReasonCode(PacketTypes.CONNACK, identifier=identifier)


def version(negotiation: Negotiation) -> str:
    return negotiation.terms.settings.version


def test_a_broker_that_refuses_mqtt_5_is_met_with_3_1_1_from_then_on() -> None:
    negotiation = Negotiation(Mqtt())
    assert version(negotiation) == "5"
    assert negotiation.refused(code(0x84))
    negotiation.connected(None)
    negotiation.ended()
    assert (version(negotiation), negotiation.accepted) == ("3.1.1", "3.1.1")


def test_a_broker_that_only_was_starting_is_met_with_mqtt_5_again() -> None:
    negotiation = Negotiation(Mqtt())
    assert negotiation.unanswered()
    negotiation.connected(None)
    negotiation.ended()
    assert version(negotiation) == "5"
    negotiation.connected(SimpleNamespace())
    negotiation.ended()
    assert not negotiation.unanswered(), "it has answered before"
    assert version(negotiation) == "5"


def test_a_broker_that_closes_mqtt_5_twice_is_met_with_3_1_1_from_then_on() -> None:
    negotiation = Negotiation(Mqtt())
    for _ in range(2):
        assert negotiation.unanswered()
        negotiation.connected(None)
        negotiation.ended()
    assert version(negotiation) == "3.1.1"


def test_where_no_version_is_answered_both_are_tried_in_turn_with_a_pause() -> None:
    negotiation = Negotiation(Mqtt())
    tried = []
    for _ in range(4):
        tried.append((version(negotiation), negotiation.unanswered()))
    assert tried == [("5", True), ("3.1.1", False), ("5", True), ("3.1.1", False)]


@pytest.mark.parametrize("configured", ["5", "3.1.1"])
def test_a_version_that_is_configured_stays(configured: Any) -> None:
    negotiation = Negotiation(Mqtt(version=configured))
    assert not negotiation.refused(code(0x84))
    assert not negotiation.unanswered()
    negotiation.ended()
    assert version(negotiation) == configured


def test_what_a_broker_refuses_or_says_it_lacks_is_not_asked_for_again() -> None:
    state = Message(1, "drsn/a/s/state", b"{}", retain=True)
    refusing, saying = Negotiation(Mqtt()), Negotiation(Mqtt())
    assert refusing.refused(code(0x9A))
    assert refusing.refused(code(0x9B))
    assert not refusing.refused(code(0x9B)), "no endless tries"
    saying.connected(SimpleNamespace(RetainAvailable=0, MaximumQoS=0))
    for negotiation in (refusing, saying):
        fitted = negotiation.terms.fit(state)
        assert (fitted.retain, fitted.qos, fitted.payload) == (False, 0, b"{}")
    whole = Negotiation(Mqtt())
    whole.connected(SimpleNamespace(MaximumQoS=1))
    assert whole.terms.fit(state) is state


def test_a_broker_that_forgets_delayed_wills_gets_one_without_delay() -> None:
    negotiation = Negotiation(Mqtt())
    assert "mqtt.will_delay_s is 0" in (negotiation.connected(RABBITMQ_4) or "")
    assert negotiation.terms.settings.will_delay_s == 0
    assert negotiation.connected(RABBITMQ_4) is None, "once"
    others = SimpleNamespace(MaximumQoS=1, SharedSubscriptionAvailable=1)
    assert Negotiation(Mqtt()).connected(others) is None
