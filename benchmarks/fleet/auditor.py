"""An independent subscriber that keeps books of the whole fleet."""

import collections
import threading

import msgspec
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tests.faults.listener import Book, Received
from tests.support import subscribing

TOPICS = ("+/+/event", "+/+/state", "+/gap", "+/info")


class Auditor:
    """With a session that the broker keeps over its restart."""

    def __init__(self, port: int, base: str = "drsn") -> None:
        self.books: dict[str, Book] = collections.defaultdict(Book)
        self.deliveries = 0
        self.versions: dict[str, str] = {}  # of the model in each box's `info`
        self._subscribed = threading.Event()
        client = paho.Client(CallbackAPIVersion.VERSION2, "auditor", clean_session=False)
        client.on_connect = subscribing.to(*(f"{base}/{topic}" for topic in TOPICS))
        client.on_subscribe = lambda *_: self._subscribed.set()
        client.on_message = self._on_message
        client.reconnect_delay_set(1, 1)
        client.connect("127.0.0.1", port)
        client.loop_start()
        self._client = client
        assert self._subscribed.wait(10)

    @property
    def duplicates(self) -> int:
        return sum(book.duplicates for book in list(self.books.values()))

    @property
    def distinct(self) -> int:
        return sum(len(book.digests) for book in list(self.books.values()))

    def missing(self, epoch: str, last_seq: int) -> int:
        return len(self.books[epoch].missing(last_seq))

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_message(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        if message.topic.endswith("/info"):
            info = msgspec.json.decode(message.payload)
            self.versions[info["agent"]] = info["sources"][0]["model"]["version"]
        elif not message.retain:
            received = msgspec.json.decode(message.payload, type=Received)
            self.deliveries += 1
            self.books[received.epoch].note(received, bytes(message.payload))
