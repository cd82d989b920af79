"""The last message of each topic that a source takes its speed or condition from.

The connection is its own: what it hears is needed by `commission` as well, and with any sink. It
is over MQTT 3.1.1, which nearly every broker supports, unless the configuration says 5. One thread,
`values`, connects, subscribes and listens.
"""

import functools
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import msgspec
import paho.mqtt.client as paho

from agent.core.backoff import Backoff
from agent.mqtt import client as mqtt_client
from agent.mqtt import connector, event_loop
from agent.mqtt.settings import Mqtt
from agent.mqtt.wakeup import Wakeup

FIRST_S, LONGEST_S = 1.0, 60.0  # between two attempts to connect
LOOK_S = 1.0  # how often keep-alives and new topics are looked at

log = logging.getLogger("drsn.values")

StartThread = Callable[[str, Callable[[], None]], object]


class Received(msgspec.Struct, frozen=True):
    """A message as it came."""

    payload: bytes
    arrived_s: float  # monotonic
    retained: bool  # it was there when we subscribed: how old it is nobody knows


class PublishedValues:
    """Of one broker. The thread writes, any other reads; each message is replaced as a whole."""

    def __init__(self, settings: Mqtt, agent: str) -> None:
        version = "5" if settings.version == "5" else "3.1.1"
        self._settings = msgspec.structs.replace(settings, version=version)
        self._client_id = f"drsn-{agent}-values"
        self._topics: tuple[str, ...] = ()
        self._subscribed: set[str] = set()
        self._latest: dict[str, Received] = {}
        self._wakeup: Wakeup | None = None  # of the thread, while there is one
        self._stopping = threading.Event()
        self._start_thread: StartThread | None = None
        self._refusal: str | None = None
        self._connected = False
        self._logged = ""  # the trouble that was logged last

    def subscribe(self, topic: str) -> None:
        """From now on; the first topic starts the thread."""
        if topic in self._topics:
            return
        self._topics = (*self._topics, topic)
        self._start()

    def begin(self, start_thread: StartThread) -> None:
        """Threads may be started from now on; without a topic none is."""
        self._start_thread = start_thread
        self._start()

    def finish(self) -> None:
        """Lets the thread end."""
        self._stopping.set()
        if self._wakeup is not None:
            self._wakeup.wake()

    def latest(self, topic: str) -> Received | None:
        """The last message; None: none has come."""
        return self._latest.get(topic)

    def _start(self) -> None:
        if self._wakeup is not None:
            self._wakeup.wake()
        elif self._topics and self._start_thread is not None:
            self._wakeup = Wakeup()
            self._start_thread("values", functools.partial(self._run, self._wakeup))

    def _run(self, wakeup: Wakeup) -> None:
        backoff = Backoff(FIRST_S, LONGEST_S)
        while not self._stopping.is_set():
            client: paho.Client | None = None
            try:
                client = mqtt_client.make(self._settings, self._client_id)
                self._listen(client)
                mqtt_client.connect(client, self._settings)
                self._serve(client, wakeup, backoff)
            except connector.EXPECTED as error:
                self._trouble(f"cannot connect: {getattr(error, 'strerror', None) or error}")
            finally:
                event_loop.close_socket(client)
            if not self._stopping.is_set():
                event_loop.wait(wakeup, backoff.next_s())

    def _listen(self, client: paho.Client) -> None:
        self._subscribed, self._refusal, self._connected = set(), None, False
        client.on_connect = self._on_connect
        client.on_message = self._on_message
        client.on_subscribe = self._on_subscribe

    def _serve(self, client: paho.Client, wakeup: Wakeup, backoff: Backoff) -> None:
        """Until the connection ends."""
        while not self._stopping.is_set():
            code = event_loop.run_once(client, wakeup, LOOK_S)
            if self._refusal is not None:
                self._trouble(self._refusal)
                return
            if code != paho.MQTT_ERR_SUCCESS:
                self._trouble(f"lost the broker: {paho.error_string(code).rstrip('.')}")
                return
            if self._connected:
                backoff.reset()
                self._send_subscriptions(client)
        client.disconnect()
        client.loop_write()

    def _send_subscriptions(self, client: paho.Client) -> None:
        new = [topic for topic in self._topics if topic not in self._subscribed]
        if new:
            self._subscribed.update(new)
            client.subscribe([(topic, 1) for topic in new])

    def _on_connect(self, client: paho.Client, _data: Any, _flags: Any, code: Any, _p: Any) -> None:
        if code.is_failure:
            self._refusal = f"refused by the broker: {code}"
            return
        self._connected = True
        self._logged = ""
        self._send_subscriptions(client)

    def _on_subscribe(self, _c: paho.Client, _data: Any, _mid: Any, codes: Any, _p: Any) -> None:
        if any(code.is_failure for code in codes):
            log.warning("%s: a subscription was refused by the broker", ", ".join(self._topics))

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        payload = bytes(message.payload)
        before = self._latest.get(message.topic)
        if message.retain and before is not None and before.payload == payload:
            return  # heard again after a lost connection: it is as old as it was
        received = Received(payload, time.monotonic(), bool(message.retain))
        self._latest[message.topic] = received

    def _trouble(self, text: str) -> None:
        """Once, until it is another or a connection has succeeded."""
        if text != self._logged:
            log.warning("%s:%d: %s", self._settings.host, self._settings.port, text)
            self._logged = text
