"""Connects in a thread of its own: name look-up, TCP and TLS may each take seconds, and the
sender thread has messages to commit meanwhile."""

import threading
from collections.abc import Callable

import paho.mqtt.client as paho

from agent.mqtt import client as mqtt_client
from agent.mqtt.settings import Mqtt


class Connector:
    """One attempt. It is only ever asked for its answer; one that comes too late is forgotten."""

    def __init__(
        self, make: Callable[[], paho.Client], settings: Mqtt, done: Callable[[], None]
    ) -> None:
        self._answer: paho.Client | Exception | None = None
        self._done = done
        thread = threading.Thread(target=self._run, args=(make, settings), name="dial", daemon=True)
        thread.start()

    def answer(self) -> paho.Client | Exception | None:
        """A client that has sent its CONNECT, why there is none, or None: not yet known."""
        return self._answer

    def _run(self, make: Callable[[], paho.Client], settings: Mqtt) -> None:
        try:
            client = make()
            mqtt_client.connect(client, settings)
            self._answer = client
        except Exception as error:  # noqa: BLE001 - handed over, not swallowed
            self._answer = error
        self._done()
