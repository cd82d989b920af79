"""What a broker takes, as its answers show: MQTT version, QoS, retention, a delayed will."""

from dataclasses import dataclass, replace
from typing import Any, Literal

import msgspec
from paho.mqtt.reasoncodes import ReasonCode

from agent.core.types import Message
from agent.mqtt.settings import Mqtt

# MQTT 5 reason codes of a CONNACK (MQTT 5.0, 3.2.2.2); paho gives the codes of 3.1.1 the same.
UNSUPPORTED_VERSION, RETAIN_NOT_SUPPORTED, QOS_NOT_SUPPORTED = 0x84, 0x9A, 0x9B
SURE = 2  # times that MQTT 5 was not answered and 3.1.1 was accepted right after it


@dataclass(frozen=True)
class Terms:
    """What one connection uses."""

    settings: Mqtt  # its version is `5` or `3.1.1`
    retain: bool = True
    qos: Literal[0, 1] = 1  # the highest

    @property
    def modern(self) -> bool:
        return self.settings.version == "5"

    def fit(self, message: Message) -> Message:
        """The message with the QoS and retention that the broker takes."""
        retain = message.retain and self.retain
        if retain == message.retain and message.qos <= self.qos:
            return message
        return msgspec.structs.replace(message, retain=retain, qos=min(message.qos, self.qos))


class Negotiation:
    """The terms of the next connection. Pure."""

    def __init__(self, settings: Mqtt) -> None:
        self._auto = settings.version == "auto"
        self._settled = not self._auto  # which version it is
        self._fallbacks = 0  # how often 3.1.1 was accepted instead of 5
        self.accepted: str | None = None  # the version that the broker has accepted last
        version = "5" if self._auto else settings.version
        self.terms = Terms(msgspec.structs.replace(settings, version=version))

    def refused(self, code: ReasonCode) -> bool:
        """The CONNACK refuses; True: the next connection asks for less, and may be made at once."""
        terms = self.terms
        if code.value == UNSUPPORTED_VERSION and self._auto and terms.modern:
            self._settled = True
            self._change(version="3.1.1")
        elif code.value == RETAIN_NOT_SUPPORTED and terms.retain:
            self.terms = replace(terms, retain=False)
        elif code.value == QOS_NOT_SUPPORTED and terms.qos:
            self.terms = replace(terms, qos=0)
        else:
            return False
        return True

    def unanswered(self) -> bool:
        """There was no CONNACK; True: the next connection tries 3.1.1, and may be made at once.

        Brokers that speak 3.1.1 alone should refuse MQTT 5 by a code. Many close the connection
        instead or say nothing, as a broker does that is just starting.
        """
        if self._settled:
            return False
        if not self.terms.modern:
            self._change(version="5")
            return False
        self._change(version="3.1.1")
        return True

    def connected(self, properties: Any) -> str | None:
        """The broker accepts; why to connect anew on other terms, None: these are well.

        `properties` are the CONNACK's; None over 3.1.1.
        """
        self.accepted = self.terms.settings.version
        self._fallbacks += not self.terms.modern
        self._settled |= self.terms.modern or self._fallbacks >= SURE
        self.terms = replace(
            self.terms,
            retain=self.terms.retain and bool(getattr(properties, "RetainAvailable", 1)),
            qos=0 if getattr(properties, "MaximumQoS", 2) == 0 else self.terms.qos,
        )
        if _forgets_delayed_wills(properties) and self.terms.settings.will_delay_s:
            self._change(will_delay_s=0)
            return "this broker does not retain a last will that is delayed: mqtt.will_delay_s is 0"
        return None

    def ended(self) -> None:
        """An accepted connection has ended: MQTT 5 is tried once more where that is in doubt."""
        if not self._settled:
            self._change(version="5")

    def _change(self, **changes: Any) -> None:
        self.terms = replace(
            self.terms, settings=msgspec.structs.replace(self.terms.settings, **changes)
        )


def _forgets_delayed_wills(properties: Any) -> bool:
    """Whether the CONNACK looks like RabbitMQ's.

    RabbitMQ 4 publishes a delayed will and does not retain it: a late subscriber reads `online`.
    """
    qos = getattr(properties, "MaximumQoS", 2)
    return bool(qos == 1 and getattr(properties, "SharedSubscriptionAvailable", 1) == 0)
