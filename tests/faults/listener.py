"""An independent subscriber that keeps books: what came, in which order, what is missing.

It talks to the broker itself, never through the proxy, so what it misses the agent has lost.
"""

import threading
import time
from dataclasses import dataclass, field
from typing import Any

import msgspec
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tests.support import subscribing

UNNUMBERED = ("/status", "/info", "/measurement")  # what does not go through the outbox


class Received(msgspec.Struct, frozen=True):
    """Of every payload with a sequence number, the fields that are judged here."""

    schema: str
    epoch: str
    seq: int
    t_published: str = ""
    t_start: str = ""
    source: str = ""
    decision: str = ""
    previous: str | None = None
    flags: tuple[str, ...] = ()
    first_sample: int = 0
    n_samples: int = 0
    first_seq: int = 0
    last_seq: int = 0
    messages: int = 0
    why: str = ""
    received_s: float = 0.0  # monotonic


@dataclass
class Book:
    """One epoch. A first delivery is the first time that its number comes."""

    last: int = 0
    out_of_order: int = 0  # first deliveries behind one with a higher number
    duplicates: int = 0
    conflicts: int = 0  # the same number with another content
    digests: dict[int, int] = field(default_factory=dict)
    gaps: list[Received] = field(default_factory=list)

    def note(self, received: Received, payload: bytes) -> bool:
        """Whether it came for the first time."""
        digest = hash(payload)
        if received.seq in self.digests:
            self.duplicates += 1
            self.conflicts += self.digests[received.seq] != digest
            return False
        self.digests[received.seq] = digest
        self.out_of_order += received.seq < self.last
        self.last = max(self.last, received.seq)
        if received.schema == "drsn-gap/1":
            self.gaps.append(received)
        return True

    @property
    def dropped(self) -> int:
        """Messages that gap markers account for."""
        return sum(gap.messages for gap in self.gaps)

    def missing(self, up_to: int | None = None) -> set[int]:
        """Numbers that neither came nor are covered by a gap marker."""
        wanted = set(range(1, (self.last if up_to is None else up_to) + 1)) - self.digests.keys()
        for gap in self.gaps:
            wanted -= set(range(gap.first_seq, gap.last_seq + 1))
        return wanted


class Listener:
    """Subscribes with QoS 1; with `session`, the broker keeps for it what it misses."""

    def __init__(
        self,
        port: int,
        host: str = "127.0.0.1",
        keep: bool = True,
        session: str = "",
        filters: tuple[str, ...] = ("drsn/#",),
    ) -> None:
        self.books: dict[str, Book] = {}
        self.received: list[Received] = []  # first deliveries, where `keep`
        self.health: list[dict[str, Any]] = []
        self.deliveries = 0
        self._keep = keep
        self._subscribed = threading.Event()
        client = paho.Client(CallbackAPIVersion.VERSION2, session, clean_session=not session)
        client.on_connect = subscribing.to(*filters)
        client.on_subscribe = lambda *_: self._subscribed.set()
        client.on_message = self._on_message
        client.reconnect_delay_set(1, 1)
        client.connect(host, port)
        client.loop_start()
        self._client = client
        assert self._subscribed.wait(5)

    @property
    def epochs(self) -> list[str]:
        return list(self.books)

    @property
    def book(self) -> Book:
        """Of the newest epoch."""
        return self.books[self.epochs[-1]] if self.books else Book()

    def windows(self, source: str | None = None) -> list[Received]:
        return self._of("drsn-window/1", source)

    def states(self, source: str | None = None) -> list[Received]:
        return self._of("drsn-state/1", source)

    def connected(self) -> bool:
        return self._client.is_connected()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _of(self, schema: str, source: str | None) -> list[Received]:
        return [
            each
            for each in list(self.received)
            if each.schema == schema and source in (None, each.source)
        ]

    def _on_message(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        if message.retain or message.topic.endswith(UNNUMBERED):
            return
        if message.topic.endswith("/health"):
            self.health.append(msgspec.json.decode(message.payload))
            return
        received = msgspec.json.decode(message.payload, type=Received)
        self.deliveries += 1
        fresh = self.books.setdefault(received.epoch, Book()).note(received, bytes(message.payload))
        if fresh and self._keep:
            self.received.append(msgspec.structs.replace(received, received_s=time.monotonic()))
