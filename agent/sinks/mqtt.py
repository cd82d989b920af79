"""MQTT by paho, MQTT 5 first and 3.1.1 for old brokers.

paho's own queue and threads are not used: its queue is memory only, it floods a broker with it
on reconnecting, and an exception in a callback ends its thread unseen. Here every connection is
a fresh client that is driven by the sender thread, and what is under way is counted outside.
"""

import contextlib
import logging
import select
import socket
import time
from collections.abc import Callable, Sequence
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from agent.backoff import Backoff
from agent.config import Mqtt
from agent.core import Message
from agent.sinks import mqtt_client

BACKOFF_S = (0.5, 60.0)
TAKEN_OVER_S = 30.0  # two agents with one client id must not drive each other out in turn
TAKEN_OVER = 142  # MQTT 5 reason code: session taken over
CLOSE_S = 2.0

log = logging.getLogger("drsn.mqtt")


class MqttSink:
    """Delivers with QoS 1. `will` is left with the broker, `births` follow every connect."""

    def __init__(
        self, settings: Mqtt, client_id: str, will: Message, births: Callable[[], Sequence[Message]]
    ) -> None:
        self.state = "connecting"
        self.session = 0
        self.window = 0
        self._settings = settings
        self._client_id = client_id
        self._will = will
        self._births = births
        self._client: paho.Client | None = None
        self._seq_of: dict[int, int] = {}  # paho's message id -> seq
        self._acknowledged: list[int] = []
        self._backoff = Backoff(*BACKOFF_S)
        self._retry_s = 0.0  # monotonic
        self._awake, self._waker = socket.socketpair()
        self._awake.setblocking(False)
        self._waker.setblocking(False)

    def send(self, message: Message) -> None:
        if self._client is None:
            return
        sent = self._client.publish(
            message.topic, message.payload, message.qos, message.retain, self._properties()
        )
        if message.seq:
            self._seq_of[sent.mid] = message.seq

    def poll(self, timeout_s: float) -> list[int]:
        if self._client is None and time.monotonic() >= self._retry_s:
            self._connect()
        self._work(timeout_s)
        acknowledged, self._acknowledged = self._acknowledged, []
        return acknowledged

    def wake(self) -> None:
        with contextlib.suppress(BlockingIOError):  # full: it will wake anyway
            self._waker.send(b"\0")

    def close(self) -> None:
        """Says `offline` and leaves; a broker that does not answer is not waited for."""
        if self._client is not None and self.session and self.window:
            farewell = self._client.publish(
                self._will.topic, self._will.payload, 1, self._will.retain, self._properties()
            )
            until_s = time.monotonic() + CLOSE_S
            while self._client and not farewell.is_published() and time.monotonic() < until_s:
                self._work(0.05)
        client, self._client, self.window = self._client, None, 0
        if client is not None:
            client.disconnect()
            self.state = "closed"
        self._awake.close()
        self._waker.close()

    # -- the connection ---------------------------------------------------------------

    def _connect(self) -> None:
        settings = self._settings
        try:
            client = self._make_client()
            client.connect(settings.host, settings.port, settings.keepalive_s)
        except (OSError, ValueError) as error:  # ValueError: a host that cannot be one
            self._lose(f"cannot connect: {_reason(error)}")
            return
        self._client = client

    def _make_client(self) -> paho.Client:
        client = mqtt_client.make(self._settings, self._client_id, self._will)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        return client

    def _work(self, timeout_s: float) -> None:
        """Waits for the network or a `wake`, and moves what can be moved."""
        client = self._client
        sock = client.socket() if client else None
        if client is None or sock is None:
            wait_s = min(timeout_s, max(0.0, self._retry_s - time.monotonic()))
            select.select([self._awake], [], [], wait_s)
            self._drain_wakes()
            return
        held = getattr(sock, "pending", int)()  # TLS: decrypted, so select does not see it
        wanting = [sock] if client.want_write() else []
        readable, writable, _ = select.select(
            [sock, self._awake], wanting, [], 0.0 if held else timeout_s
        )
        self._drain_wakes()
        if held or sock in readable:
            self._check(client.loop_read())
        if writable and self._client is client:
            self._check(client.loop_write())
        if self._client is client:
            self._check(client.loop_misc())

    def _check(self, code: MQTTErrorCode) -> None:
        """paho calls `on_disconnect` for most losses, but not for all."""
        if code != MQTTErrorCode.MQTT_ERR_SUCCESS and self._client is not None:
            self._lose(f"connection lost: {paho.error_string(code).rstrip('.')}")

    def _drain_wakes(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._awake.recv(4096):
                pass

    def _lose(self, why: str, wait_s: float | None = None) -> None:
        """Forgets the connection and says when to try again."""
        if self._client is None and self.state == why:
            log.debug(why)
        else:
            log.warning("%s:%d: %s", self._settings.host, self._settings.port, why)
        self._client, self.window = None, 0
        self._seq_of.clear()
        self.state = why
        self._retry_s = time.monotonic() + (self._backoff.next_s() if wait_s is None else wait_s)

    # -- called by paho, in this thread -----------------------------------------------

    def _on_connect(
        self, client: paho.Client, _data: object, _flags: object, code: ReasonCode, properties: Any
    ) -> None:
        if code.is_failure:
            self._lose(f"refused: {code}")
            return
        receive_maximum = getattr(properties, "ReceiveMaximum", 65535)
        log.info("connected to %s:%d", self._settings.host, self._settings.port)
        self.state = "connected"
        self.session += 1
        self.window = receive_maximum
        for birth in self._births():  # QoS 0: they take no place in the broker's receive maximum
            self.send(birth)

    def _on_disconnect(
        self, client: paho.Client, _data: object, _flags: object, code: ReasonCode, _properties: Any
    ) -> None:
        if self._client is None:
            return
        if code.value == TAKEN_OVER:
            self._lose(f"another client uses the id {self._client_id!r}", TAKEN_OVER_S)
        else:
            self._lose(f"disconnected: {code}")

    def _on_publish(
        self, client: paho.Client, _data: object, mid: int, code: ReasonCode, _properties: Any
    ) -> None:
        seq = self._seq_of.pop(mid, None)
        if code.is_failure:
            log.warning("message %s refused by the broker: %s", seq, code)
        if seq is not None:
            self._acknowledged.append(seq)
            self._backoff.reset()  # only now: a broker that accepts and drops us is not well

    def _properties(self) -> Properties | None:
        if self._settings.version != "5":
            return None
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.ContentType = "application/json"
        return properties


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)
