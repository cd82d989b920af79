"""One connection to the broker, and the messages received on it that are not acknowledged yet.

The session outlives the connection: a message that is not acknowledged here comes again on the
next one. So a `Subscriber` never reconnects: a message id is valid on its own connection only.
"""

import logging
import time
from collections.abc import Sequence
from typing import Any

import msgspec
import paho.mqtt.client as paho
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from agent.mqtt import client as mqtt_client
from agent.mqtt import errors, properties
from agent.mqtt.event_loop import SUCCESS, close_socket
from agent.mqtt.settings import Mqtt

RECEIVE_MAXIMUM = 2000  # messages in flight to us: the most that we hold while the database is away
MOST_HELD_BYTES = 32 << 20  # of payload; beyond it nothing more is read
READS = 100  # packets read in one call
NO_SUBSCRIPTION = 17  # MQTT 5 reason code: no subscription existed

log = logging.getLogger("drsn.ingest")


class Lost(Exception):  # noqa: N818 - a state, as of the agent's own connection
    """The connection failed or ended; the text says why in one line."""


class Session(msgspec.Struct, frozen=True):
    """The session at the broker, which keeps messages while this process is away."""

    client_id: str
    topics: tuple[str, ...]
    keep_s: int  # how long the broker keeps the session and its messages
    leaving: bool = False  # unsubscribe, and take what the broker still keeps

    def __str__(self) -> str:
        what = "leaves" if self.leaving else f"takes {' '.join(self.topics)}"
        return f"{self.client_id} {what}"


class Subscriber:
    """Works in the caller's thread. `Lost` from any method ends it."""

    def __init__(self, settings: Mqtt, session: Session) -> None:
        self.held: list[paho.MQTTMessage] = []  # in the order of acknowledgement
        self.ready = False  # the broker has accepted the subscriptions, or their end
        self.resumed = False  # the broker had our session
        self.unknown: tuple[str, ...] = ()  # topics without a subscription, when leaving
        self._held_bytes = 0
        self._session = session
        self._lost: str | None = None
        try:
            self._client = self._connect(settings)
        except (OSError, ValueError) as error:
            raise Lost(f"cannot connect: {getattr(error, 'strerror', None) or error}") from None

    def _connect(self, settings: Mqtt) -> paho.Client:
        """A client that has sent its CONNECT."""
        settings = msgspec.structs.replace(settings, version="5")  # 3.1.1 has no receive maximum
        client = mqtt_client.make(settings, self._session.client_id)
        client.manual_ack_set(True)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_unsubscribe = self._on_unsubscribe
        client.on_message = self._on_message
        client.on_disconnect = self._on_disconnect
        client.connect(
            settings.host,
            settings.port,
            settings.keepalive_s,
            clean_start=False,
            properties=_connecting(self._session.keep_s),
        )
        return client

    def work(self, timeout_s: float) -> None:
        """Waits up to `timeout_s` for the broker and reads what it has sent."""
        if self.full:
            time.sleep(timeout_s)
            return
        before = len(self.held)
        code = self._client.loop(timeout_s)
        for _ in range(READS):  # one call is one packet
            if code != SUCCESS or self._lost or self.full or len(self.held) == before:
                break
            before = len(self.held)
            code = self._client.loop_read()
        self._check(code)

    @property
    def full(self) -> bool:
        """Whether no more is read until messages are acknowledged.

        The broker waits; it may close the connection and sends the messages again on the next.
        """
        return self._held_bytes >= MOST_HELD_BYTES

    def acknowledge(self, count: int) -> None:
        """Acknowledges the first `count` messages of `held` and removes them."""
        done, self.held = self.held[:count], self.held[count:]
        self._held_bytes -= sum(len(message.payload) for message in done)
        for message in done:
            self._check(self._client.ack(message.mid, message.qos))

    def close(self) -> None:
        """Disconnects; the broker keeps the session for `keep_s`, and ends it when leaving."""
        self._client.on_disconnect = None
        self._client.disconnect(properties=_parting() if self._session.leaving else None)
        close_socket(self._client)

    def _check(self, code: MQTTErrorCode) -> None:
        if self._lost is None and code != SUCCESS:
            self._lost = paho.error_string(code).rstrip(".")
        if self._lost is not None:
            close_socket(self._client)
            raise Lost(self._lost)

    # -- called by paho, in this thread -----------------------------------------------

    def _on_connect(
        self, client: paho.Client, _data: object, flags: Any, code: ReasonCode, properties: Any
    ) -> None:
        if code.is_failure:
            self._lost = f"refused: {errors.broker(code, properties)}"
            return
        self.resumed = flags.session_present
        if self._session.leaving:
            client.unsubscribe(list(self._session.topics))
        else:
            client.subscribe([(topic, 1) for topic in self._session.topics])

    def _on_subscribe(
        self, _client: object, _data: object, _mid: int, codes: Sequence[ReasonCode], _p: Any
    ) -> None:
        for topic, code in zip(self._session.topics, codes, strict=True):
            if code.is_failure:
                self._lost = f"the broker refuses {topic}: {code}"
        self.ready = True

    def _on_unsubscribe(
        self, _client: object, _data: object, _mid: int, codes: Sequence[ReasonCode], _p: Any
    ) -> None:
        self.unknown = tuple(
            topic
            for topic, code in zip(self._session.topics, codes, strict=True)
            if code.value == NO_SUBSCRIPTION
        )
        self.ready = True

    def _on_message(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        self.held.append(message)
        self._held_bytes += len(message.payload)

    def _on_disconnect(
        self, _client: object, _data: object, _flags: Any, code: ReasonCode, _properties: Any
    ) -> None:
        self._lost = self._lost or f"disconnected, {code}"


def _connecting(keep_s: int) -> Properties:
    connecting = properties.connect(keep_s, mqtt_client.MAX_PACKET_BYTES)
    connecting.ReceiveMaximum = RECEIVE_MAXIMUM
    return connecting


def _parting() -> Properties:
    properties = Properties(PacketTypes.DISCONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = 0
    return properties
