"""Publishes on the present connection, and knows what the broker has read and acknowledged."""

import logging

import paho.mqtt.client as paho

from agent.core.types import Message
from agent.delivery import mqtt_properties
from agent.delivery.inflight import InFlight
from agent.mqtt import client as mqtt_client
from agent.mqtt.negotiation import Terms
from agent.mqtt.packet_limit import SMALL, PacketLimit
from agent.mqtt.properties import PackedProperties

FENCE_S = 2.0  # a broker that has not answered by then is not waited for
OVERHEAD = 128  # bytes of a packet beside topic and payload: header and properties

log = logging.getLogger("drsn.mqtt")


class Outgoing:
    """One after the other for all connections; paho counts message ids for each from 1."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.in_flight = InFlight()
        self.limit = PacketLimit()
        self._answered = True  # the broker answers fences; a few ignore them
        self._connection = 0  # counts them

    def begin(self) -> None:
        """A connection begins or has ended: nothing is in flight."""
        self._connection += 1
        self.in_flight.begin()

    def send(self, client: paho.Client, message: Message) -> None:
        """Publishes the message, or leaves it out and names it where it is too large."""
        message = self.terms.fit(message)
        size = OVERHEAD + len(message.topic.encode()) + len(message.payload)
        watched = not message.seq and size > SMALL and self._answered
        if (why := self.limit.excess(size, watched)) is not None:
            self._leave_out(message, why)
            return
        connection = self._connection
        if watched:
            self.limit.sending(size, message.topic)
        if message.seq:
            self.in_flight.about_to_send()
        awaited = self.publish(client, message).mid
        if watched or (message.seq and not message.qos):
            awaited = mqtt_client.fence(client)
        # Writing may have found the connection closed. The next one counts its ids from 1 again: an
        # id kept from this one would be confused with another message's.
        if self._connection != connection:
            return
        if message.seq:
            self.in_flight.sent(awaited, message.seq)
        elif watched:
            self.limit.sent(awaited)

    def publish(self, client: paho.Client, message: Message) -> paho.MQTTMessageInfo:
        """Publishes the message as it is."""
        return mqtt_client.publish(client, message, self._properties(message))

    def read(self, request: int) -> bool:
        """The broker has answered a fence; True: a message of the outbox is acknowledged by it."""
        self._answered = True
        self.limit.answered(request)
        return self.in_flight.acknowledge(request)

    def give_up_fences(self, waited_s: float) -> bool:
        """After `waited_s` without an answer; True: none is to be waited for any longer."""
        if waited_s > FENCE_S and self._answered:
            self._answered = False
            self.limit.forget()
        return not self._answered

    @property
    def waiting(self) -> bool:
        """Whether the broker has not taken all of what it was sent, as far as that is watched."""
        return bool(len(self.in_flight)) or self.limit.waiting

    def _properties(self, message: Message) -> PackedProperties | None:
        """MQTT 5 properties of a message; None over 3.1.1."""
        if not self.terms.modern:
            return None
        return mqtt_properties.of(message, self.terms.settings.window_expiry_s)

    def _leave_out(self, message: Message, why: str) -> None:
        if message.seq:
            self.in_flight.refuse(message.seq, why)
        elif self.limit.is_news(message.topic):
            log.error("%s is left out: %s", message.topic, why)
