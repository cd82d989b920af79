"""Tries to connect, one attempt after the other, with the pauses between them."""

import logging
import time
from collections.abc import Callable

import paho.mqtt.client as paho

from agent.core.backoff import Backoff
from agent.core.types import Message
from agent.delivery import mqtt_properties
from agent.delivery.duplicate_client import Identity
from agent.mqtt import client as mqtt_client
from agent.mqtt.connector import Connector
from agent.mqtt.negotiation import Negotiation, Terms
from agent.mqtt.settings import Mqtt

FIRST_BACKOFF_S = 0.5


class Dialing:
    """Runs in the sender thread, but for what `Connector` does in its own."""

    def __init__(
        self, settings: Mqtt, identity: Identity, negotiation: Negotiation, wake: Callable[[], None]
    ) -> None:
        self.terms = negotiation.terms  # of the newest attempt
        self.will: Message | None = None  # of the newest attempt
        self.error: str | None = None  # paho's last error in it
        self._negotiation = negotiation
        self._identity = identity
        self._wake = wake
        self._connector: Connector | None = None
        self._backoff = Backoff(FIRST_BACKOFF_S, settings.reconnect_max_s)
        self._retry_s = 0.0  # monotonic
        self._complaints = logging.Logger("paho", logging.ERROR)  # `on_log` would format all
        self._complaints.addFilter(self._complain)

    def poll(self, make: Callable[[Terms], paho.Client]) -> paho.Client | Exception | None:
        """Starts an attempt when it is due; its client or its error once it is decided."""
        if self._connector is None:
            if time.monotonic() >= self._retry_s:
                self._start(make)
            return None
        result = self._connector.result()
        if result is not None:
            self._connector = None
        if isinstance(result, Exception):
            self._identity.will_unused()
        return result

    def client(self, terms: Terms) -> paho.Client:
        """A client on these terms, with the identity's last will."""
        self.will = terms.fit(self._identity.will())
        properties = mqtt_properties.will(self.will.topic, terms.settings.will_delay_s)
        client = mqtt_client.make(terms.settings, self._identity.client_id, self.will, properties)
        client.enable_logger(self._complaints)
        return client

    def pause(self, wait_s: float | None = None) -> None:
        """No attempt before `wait_s` have passed; None: the back-off's time."""
        wait_s = self._backoff.next_s() if wait_s is None else wait_s
        self._retry_s = time.monotonic() + wait_s

    def worked(self) -> None:
        """The broker has acknowledged something: the next pause is short again."""
        self._backoff.reset()

    def idle_s(self, most_s: float) -> float:
        """How long nothing needs to be done, up to `most_s`; the attempt's end wakes."""
        return most_s if self._connector else min(most_s, self._retry_s - time.monotonic())

    def _start(self, make: Callable[[Terms], paho.Client]) -> None:
        self.error = None
        self.terms = terms = self._negotiation.terms
        self._connector = Connector(lambda: make(terms), terms.settings, self._wake)

    def _complain(self, record: logging.LogRecord) -> bool:
        self.error = record.getMessage()
        return False
