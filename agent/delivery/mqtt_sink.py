"""MQTT by paho: MQTT 5, or 3.1.1 for old brokers.

paho's queue and threads are not used: its queue is in memory only, it floods the broker with it
after a reconnect, and an exception in a callback ends its thread silently. Here every connection
is a new client that the sender thread drives, and messages in flight are counted outside paho.
"""

import functools
import logging
import sys
import time
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.reasoncodes import ReasonCode

from agent.core.types import Message, Receipt
from agent.delivery import subscribing
from agent.delivery.dialing import Dialing
from agent.delivery.duplicate_client import DuplicateClient, Identity, Lost
from agent.delivery.outgoing import Outgoing
from agent.mqtt import client as mqtt_client
from agent.mqtt import errors
from agent.mqtt.event_loop import SUCCESS, close_socket, run_once, wait
from agent.mqtt.negotiation import Negotiation, Terms
from agent.mqtt.settings import Mqtt
from agent.mqtt.wakeup import Wakeup

STALL_S = 6.0  # without any acknowledgement: the broker is considered gone
CLOSE_S = 1.0
LOOK_S = 1.0  # the longest sleep: how often a stall is checked for
CLOSED = ("lost", "taken_over")  # by the broker, after it had accepted the connection
# Reason codes of a PUBACK that say nothing against the message: unspecified, implementation
# specific, identifier in use, quota exceeded.
PASSING = frozenset({0x80, 0x83, 0x91, 0x97})
# A retained message that is too large comes with every subscription, and ends the connection.
UNSUBSCRIBED_S = 600.0
PACKET_TOO_LARGE = "found a packet of"  # in paho's log, see `agent.mqtt.client.PacketSizeError`
TAKEN_OVER = 142  # MQTT 5 reason code: session taken over

log = logging.getLogger("drsn.mqtt")


class MqttSink:
    """Delivers with QoS 1, one connection after another."""

    def __init__(
        self, settings: Mqtt, identity: Identity, negotiation: Negotiation | None = None
    ) -> None:
        """`negotiation` learns what the broker takes; others may read it."""
        self.state = "connecting"
        self.why: str | None = None
        self.session = 0
        self.in_flight_limit = 0
        self._settings = settings
        self._identity = identity
        self._negotiation = negotiation or Negotiation(settings)
        self._outgoing = Outgoing(self._negotiation.terms)
        self._in_flight = self._outgoing.in_flight
        self._client: paho.Client | None = None
        self._receive_maximum = 0  # of the broker; 0: it has not accepted the connection
        self._births_mid: int | None = None  # awaited answer: the broker has read our births
        self._unsubscribed_until_s = 0.0  # monotonic: after a packet that was too large
        self._part: Callable[[], None] | None = None  # what to do once disconnected
        self._logged: set[str] = set()  # reasons for other terms
        self._since_s = 0.0  # when the broker accepted the connection
        self._duplicate = DuplicateClient(identity)
        self._wakeup = Wakeup()
        self.wake = self._wakeup.wake
        self._dialing = Dialing(settings, identity, self._negotiation, self.wake)

    @property
    def most_bytes(self) -> int:
        return self._outgoing.limit.stated

    def send(self, message: Message) -> None:
        if self._client is not None:
            self._outgoing.send(self._client, message)

    def poll(self, timeout_s: float) -> list[Receipt]:
        if self._client is None:
            self._connect()
        self._work(min(timeout_s, LOOK_S))
        self._open_gate()
        self._look_for_stall()
        return self._in_flight.receipts()

    def close(self) -> None:
        """Publishes `offline` and disconnects; waits at most `CLOSE_S` for the broker."""
        will = self._dialing.will
        if self._client is not None and self._receive_maximum and will is not None:
            farewell = self._outgoing.publish(self._client, self._outgoing.terms.fit(will))
            until_s = time.monotonic() + CLOSE_S
            while self._client and not farewell.is_published() and time.monotonic() < until_s:
                self._work(0.05)
        client, self._client, self.in_flight_limit = self._client, None, 0
        if client is not None:
            client.disconnect()
            close_socket(client)
        self.state = "closed"
        self._wakeup.close()

    # -- the connection ---------------------------------------------------------------

    def _connect(self) -> None:
        """Makes the next attempt to connect, and takes over its client."""
        result = self._dialing.poll(self._make_client)
        if isinstance(result, Exception):
            secure = self._settings.tls is not None
            why = errors.connecting(result, self._dialing.error, secure)
            self._lose(Lost("unreachable", f"cannot connect: {why}"))
        elif result is not None:
            self._client, self._outgoing.terms = result, self._dialing.terms
            self._outgoing.begin()

    def _make_client(self, terms: Terms) -> paho.Client:
        client = self._dialing.client(terms)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_unsubscribe = self._on_fence
        client.on_message = self._on_message
        client.on_socket_close = self._on_socket_close
        return client

    def _work(self, timeout_s: float) -> None:
        client = self._client
        if client is None or client.socket() is None:
            wait(self._wakeup, self._dialing.idle_s(timeout_s))
            return
        code = run_once(client, self._wakeup, timeout_s)
        if code != SUCCESS and self._client is client:  # paho calls `on_disconnect` for most losses
            self._lose(Lost("lost", paho.error_string(code).rstrip(".")))
        part, self._part = self._part, None
        if part is not None and self._client is client:
            self._client = None
            client.disconnect()  # not within a callback, where it would not be written
            close_socket(client)
            part()

    def _open_gate(self) -> None:
        """Lets messages go where the broker does not say that it has read the births."""
        accepted = self._receive_maximum and not self.in_flight_limit
        if accepted and self._outgoing.give_up_fences(time.monotonic() - self._since_s):
            self._births_mid = None
            self.in_flight_limit = self._receive_maximum

    def _look_for_stall(self) -> None:
        """Detects a frozen broker, whose machine still acknowledges TCP."""
        waiting = self._client is not None and (len(self._in_flight) or not self.in_flight_limit)
        if not waiting or self._in_flight.silent_s() <= STALL_S:
            return
        if self._receive_maximum:
            self._lose(Lost("stalled", f"no acknowledgement for {STALL_S:g} s"))
        else:
            why = f"no answer for {STALL_S:g} s: {errors.questions(self._settings)}"
            self._lose_unanswered(Lost("stalled", why))

    def _lose_unanswered(self, lost: Lost) -> None:
        """The connection ended before the broker had answered; another MQTT version may do."""
        if self._negotiation.unanswered():
            self._connect_anew("the broker does not answer to MQTT 5: trying 3.1.1")
        else:
            self._lose(lost)

    def _connect_anew(self, why: str) -> None:
        """Drops the connection for one on other terms, at once; each reason is logged once."""
        if why not in self._logged:
            log.info("%s: %s", self._where, why)
        self._logged.add(why)
        self._drop()
        if self.state == "connected":
            self.state, self.why = "connecting", why
        self._dialing.pause(0.0)

    def _lose(self, lost: Lost) -> None:
        """Drops the connection and schedules the next attempt."""
        if (lost.state, lost.why) != (self.state, self.why):
            log.warning("%s: %s: %s", self._where, lost.state, lost.why)
        if lost.state not in CLOSED:
            self._duplicate.absolve()
        self._drop()
        self.state, self.why = lost.state, lost.why
        self._dialing.pause(lost.wait_s)

    def _drop(self) -> None:
        close_socket(self._client)
        if self._receive_maximum:
            self._negotiation.ended()
        self._client, self.in_flight_limit, self._receive_maximum = None, 0, 0
        self._outgoing.begin()

    @property
    def _where(self) -> str:
        return f"{self._settings.host}:{self._settings.port}"

    # -- called by paho, in this thread -----------------------------------------------

    def _on_connect(
        self, client: paho.Client, _data: object, _flags: object, code: ReasonCode, properties: Any
    ) -> None:
        if code.is_failure:
            if self._negotiation.refused(code):
                self._connect_anew(f"refused ({code}): connecting on other terms")
            else:
                self._lose(Lost("refused", errors.refused(code, properties)))
            return
        other_terms = self._negotiation.connected(properties)
        if other_terms is not None:
            self._part = functools.partial(self._connect_anew, other_terms)
            return
        terms = self._outgoing.terms = self._negotiation.terms
        log.info("connected to %s over MQTT %s", self._where, terms.settings.version)
        self.state, self.why = "connected", None
        self.session += 1
        self._since_s = time.monotonic()
        self._receive_maximum = getattr(properties, "ReceiveMaximum", 65535)
        most_bytes = getattr(properties, "MaximumPacketSize", sys.maxsize)
        self._outgoing.limit.begin(most_bytes, self._since_s)
        # Before the birth messages, so that the retained `info` of a predecessor arrives.
        if self._since_s >= self._unsubscribed_until_s:
            subscribing.subscribe(client, self._identity, terms.modern)
        for birth in self._identity.births():  # QoS 0: they do not count as in flight
            self.send(birth)
        self._births_mid = mqtt_client.fence(client)

    def _on_disconnect(
        self, client: paho.Client, _data: object, flags: Any, code: ReasonCode, _properties: Any
    ) -> None:
        if self._client is not client:
            return
        error = self._dialing.error or ""
        if PACKET_TOO_LARGE in error:
            self._unsubscribed_until_s = time.monotonic() + UNSUBSCRIBED_S
            why = f"{error.partition(': ')[2]}: not subscribed for a while"
            self._lose(Lost("lost", why))
            return
        accepted = bool(self._receive_maximum)
        refused = errors.tls(error)
        if refused is not None and not accepted:
            self._lose(Lost("unreachable", f"cannot connect: {refused}"))
        elif not accepted:
            why = errors.closed(code, accepted, errors.questions(self._settings))
            self._lose_unanswered(Lost("lost", why))
        elif self._outgoing.limit.closed(time.monotonic()):
            self._connect_anew("closed on a large message: leaving it out")
        else:
            self._lose(self._explain_closed(code, flags.is_disconnect_packet_from_server))

    def _explain_closed(self, code: ReasonCode, announced: bool) -> Lost:
        """Why the broker has closed an accepted connection; `announced`: by a DISCONNECT."""
        born = self._births_mid is None
        why = errors.closed(code, accepted=True)
        if not (born or self._in_flight):
            why = errors.closed_on_births(code, self._identity.topic)
        idle = not announced and born and not self._outgoing.waiting
        return self._duplicate.closed(
            why,
            taken_over=code.value == TAKEN_OVER,
            idle=idle,
            lived_s=time.monotonic() - self._since_s,
        )

    def _on_message(self, client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        """Handles a message on the agent's own topic or on a listener's."""
        if message.topic != self._identity.topic:
            for reply in subscribing.replies(self._identity, message):
                self.send(reply)
            return
        payload = bytes(message.payload)
        if self._duplicate.drives_us_out(payload, message.retain, self.session):
            self._part = lambda: self._lose(self._duplicate.stand_back())

    def _on_socket_close(self, _client: paho.Client, _data: object, sock: Any) -> None:
        self._dialing.error = errors.tls_alert(sock) or self._dialing.error

    def _on_publish(
        self, client: paho.Client, _data: object, mid: int, code: ReasonCode, properties: Any
    ) -> None:
        refused = errors.broker(code, properties) if code.is_failure else None
        passing = code.value in PASSING
        if client is self._client and self._in_flight.acknowledge(mid, refused, passing):
            self._dialing.worked()  # only now: accepting a connection proves little

    def _on_fence(
        self, client: paho.Client, _data: object, mid: int, _codes: Any, _properties: Any
    ) -> None:
        """The broker has read all QoS 0 messages that were sent before the fence."""
        if client is not self._client:
            return
        if mid == self._births_mid:
            self._births_mid = None
            self.in_flight_limit = self._receive_maximum
        if self._outgoing.read(mid):
            self._dialing.worked()
