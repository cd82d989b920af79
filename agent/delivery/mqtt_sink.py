"""MQTT by paho, MQTT 5 first and 3.1.1 for old brokers.

paho's queue and threads are not used: its queue is in memory only, it floods the broker with it
after a reconnect, and an exception in a callback ends its thread silently. Here every connection
is a new client that the sender thread drives, and messages in flight are counted outside paho.
"""

import logging
import sys
import time
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.reasoncodes import ReasonCode

from agent.core.backoff import Backoff
from agent.core.types import Message, Receipt
from agent.delivery import mqtt_properties, subscribing
from agent.delivery.duplicate_client import DuplicateClient, Identity, Lost
from agent.delivery.inflight import InFlight
from agent.mqtt import client as mqtt_client
from agent.mqtt import errors
from agent.mqtt.connector import Connector
from agent.mqtt.event_loop import SUCCESS, close_socket, run_once, wait
from agent.mqtt.properties import PackedProperties
from agent.mqtt.settings import Mqtt
from agent.mqtt.wakeup import Wakeup

FIRST_BACKOFF_S = 0.5
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

    def __init__(self, settings: Mqtt, identity: Identity) -> None:
        self.state = "connecting"
        self.why: str | None = None
        self.session = 0
        self.in_flight_limit = 0
        self.most_bytes = sys.maxsize
        self._settings = settings
        self._identity = identity
        self._connector: Connector | None = None
        self._client: paho.Client | None = None
        self._will: Message | None = None  # of the newest connection
        self._in_flight = InFlight()
        self._births_mid: int | None = None  # awaited answer: the broker has read our births
        self._unsubscribed_until_s = 0.0  # monotonic: after a packet that was too large
        self._yielding = False  # to a duplicate that was just detected
        self._error: str | None = None  # paho's last error on this connection
        self._complaints = logging.Logger("paho", logging.ERROR)  # `on_log` would format all
        self._complaints.addFilter(self._complain)
        self._since_s = 0.0  # when the broker accepted the connection
        self._duplicate = DuplicateClient(identity)
        self._backoff = Backoff(FIRST_BACKOFF_S, settings.reconnect_max_s)
        self._retry_s = 0.0  # monotonic
        self._wakeup = Wakeup()
        self.wake = self._wakeup.wake

    def send(self, message: Message) -> None:
        client = self._client
        if client is None:
            return
        self._in_flight.about_to_send()
        sent = mqtt_client.publish(client, message, self._properties(message))
        awaited = sent.mid if message.qos or not message.seq else mqtt_client.fence(client)
        # Writing may have found the connection closed. The next one counts its ids from 1 again: an
        # id kept from this one would be confused with another message's.
        if message.seq and self._client is client:
            self._in_flight.sent(awaited, message.seq)

    def poll(self, timeout_s: float) -> list[Receipt]:
        if self._client is None:
            self._connect()
        self._work(min(timeout_s, LOOK_S))
        self._look_for_stall()
        return self._in_flight.receipts()

    def close(self) -> None:
        """Publishes `offline` and disconnects; waits at most `CLOSE_S` for the broker."""
        if self._client is not None and self.in_flight_limit and self._will is not None:
            farewell = mqtt_client.publish(self._client, self._will, self._properties(self._will))
            until_s = time.monotonic() + CLOSE_S
            while self._client and not farewell.is_published() and time.monotonic() < until_s:
                self._work(0.05)
        client, self._client, self.in_flight_limit = self._client, None, 0
        if client is not None:
            client.disconnect()
            close_socket(client)
        self.state = "closed"
        self._wakeup.close()

    def _properties(self, message: Message) -> PackedProperties | None:
        """MQTT 5 properties of a message; None over 3.1.1."""
        if self._settings.version != "5":
            return None
        return mqtt_properties.of(message.topic, self._settings.window_expiry_s)

    # -- the connection ---------------------------------------------------------------

    def _connect(self) -> None:
        """Starts a connection attempt when it is due, and takes over its client."""
        if self._connector is None:
            if time.monotonic() >= self._retry_s:
                self._error = None
                self._connector = Connector(self._make_client, self._settings, self.wake)
            return
        reply = self._connector.result()
        if reply is None:
            return
        self._connector = None
        if isinstance(reply, Exception):
            self._identity.will_unused()
            why = errors.connecting(reply, self._error, self._settings.tls is not None)
            self._lose(Lost("unreachable", f"cannot connect: {why}"))
        else:
            self._client = reply
            self._in_flight.begin()

    def _make_client(self) -> paho.Client:
        identity = self._identity
        self._will = identity.will()
        will_properties = mqtt_properties.will(self._will.topic, self._settings.will_delay_s)
        client = mqtt_client.make(self._settings, identity.client_id, self._will, will_properties)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_unsubscribe = self._on_fence
        client.on_message = self._on_message
        client.enable_logger(self._complaints)
        client.on_socket_close = self._on_socket_close
        return client

    def _work(self, timeout_s: float) -> None:
        client = self._client
        if client is None or client.socket() is None:
            until_s = timeout_s if self._connector else self._retry_s - time.monotonic()
            wait(self._wakeup, min(timeout_s, until_s))
            return
        code = run_once(client, self._wakeup, timeout_s)
        if code != SUCCESS and self._client is client:  # paho calls `on_disconnect` for most losses
            self._lose(Lost("lost", paho.error_string(code).rstrip(".")))
        if self._yielding and self._client is client:
            self._client = None
            client.disconnect()  # not within a callback, where it would not be written
            close_socket(client)
            self._lose(self._duplicate.stand_back())
        self._yielding = False

    def _look_for_stall(self) -> None:
        """Detects a frozen broker, whose machine still acknowledges TCP."""
        waiting = self._client is not None and (len(self._in_flight) or not self.in_flight_limit)
        if waiting and self._in_flight.silent_s() > STALL_S:
            what = "acknowledgement" if self.in_flight_limit else "answer"
            self._lose(Lost("stalled", f"no {what} for {STALL_S:g} s"))

    def _lose(self, lost: Lost) -> None:
        """Drops the connection and schedules the next attempt."""
        if (lost.state, lost.why) != (self.state, self.why):
            where = f"{self._settings.host}:{self._settings.port}"
            log.warning("%s: %s: %s", where, lost.state, lost.why)
        if lost.state not in CLOSED:
            self._duplicate.absolve()
        close_socket(self._client)
        self._client, self.in_flight_limit = None, 0
        self._in_flight.begin()
        self.state, self.why = lost.state, lost.why
        wait_s = self._backoff.next_s() if lost.wait_s is None else lost.wait_s
        self._retry_s = time.monotonic() + wait_s

    # -- called by paho, in this thread -----------------------------------------------

    def _on_connect(
        self, client: paho.Client, _data: object, _flags: object, code: ReasonCode, properties: Any
    ) -> None:
        if code.is_failure:
            self._lose(Lost("refused", errors.broker(code, properties)))
            return
        log.info("connected to %s:%d", self._settings.host, self._settings.port)
        self.state, self.why = "connected", None
        self.session += 1
        self._since_s = time.monotonic()
        self.in_flight_limit = getattr(properties, "ReceiveMaximum", 65535)
        self.most_bytes = getattr(properties, "MaximumPacketSize", sys.maxsize)
        modern = self._settings.version == "5"
        # Before the birth messages, so that the retained `info` of a predecessor arrives.
        if self._since_s >= self._unsubscribed_until_s:
            subscribing.subscribe(client, self._identity, modern)
        for birth in self._identity.births():  # QoS 0: they do not count as in flight
            self.send(birth)
        self._births_mid = mqtt_client.fence(client)

    def _on_disconnect(
        self, client: paho.Client, _data: object, flags: Any, code: ReasonCode, _properties: Any
    ) -> None:
        if self._client is not client:
            return
        if PACKET_TOO_LARGE in (self._error or ""):
            self._unsubscribed_until_s = time.monotonic() + UNSUBSCRIBED_S
            why = f"{(self._error or '').partition(': ')[2]}: not subscribed for a while"
            self._lose(Lost("lost", why))
            return
        refused = errors.tls(self._error or "")
        if refused is not None and not self.in_flight_limit:
            self._lose(Lost("unreachable", f"cannot connect: {refused}"))
            return
        accepted = bool(self.in_flight_limit)
        silently = accepted and not flags.is_disconnect_packet_from_server
        announced = self._births_mid is None
        why = errors.closed(code, accepted)
        if accepted and not (announced or self._in_flight):
            why = errors.closed_on_births(code, self._identity.topic)
        self._lose(
            self._duplicate.closed(
                why,
                taken_over=code.value == TAKEN_OVER,
                idle=silently and announced and not self._in_flight,
                lived_s=time.monotonic() - self._since_s,
            )
        )

    def _on_message(self, client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        """Handles a message on the agent's own topic or on a listener's."""
        if message.topic != self._identity.topic:
            for reply in subscribing.replies(self._identity, message):
                self.send(reply)
            return
        self._yielding |= self._duplicate.drives_us_out(
            bytes(message.payload), message.retain, self.session
        )

    def _complain(self, record: logging.LogRecord) -> bool:
        self._error = record.getMessage()
        return False

    def _on_socket_close(self, _client: paho.Client, _data: object, sock: Any) -> None:
        self._error = errors.tls_alert(sock) or self._error

    def _on_publish(
        self, client: paho.Client, _data: object, mid: int, code: ReasonCode, properties: Any
    ) -> None:
        refused = errors.broker(code, properties) if code.is_failure else None
        passing = code.value in PASSING
        if client is self._client and self._in_flight.acknowledge(mid, refused, passing):
            self._backoff.reset()  # only now: accepting a connection proves little

    def _on_fence(
        self, client: paho.Client, _data: object, mid: int, _codes: Any, _properties: Any
    ) -> None:
        """The broker has read all QoS 0 messages that were sent before the fence."""
        if client is self._client and mid == self._births_mid:
            self._births_mid = None
        if client is self._client and self._in_flight.acknowledge(mid):
            self._backoff.reset()
