"""Messages of which only the newest on a topic is worth delivering, e.g. measurements.

They are kept in memory: what a stop or a power cut loses is replaced by the next. So they take no
room on the disk, no number of the outbox, and no state or event is ever dropped for them.
"""

import logging
import threading
from collections.abc import Iterable

import msgspec

from agent.core.types import Message, Receipt

PAUSE_S = 600.0  # for a topic that the broker does not take
LOSSES = 3  # connections lost in a row, soon after they began, with the topic in flight

log = logging.getLogger("drsn.outbox")


class _Topic(msgspec.Struct):
    """What waits on one topic; `number` is its place in `Receipt.seq`, below 0."""

    number: int
    newest: Message | None = None  # not acknowledged
    in_flight: Message | None = None
    losses: int = 0
    paused_until_s: float = 0.0  # monotonic


class CoalescedMessages:
    """`put` is for any thread, the rest for the sender thread. Reads no clock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # of `_topics` and their `newest`
        self._topics: dict[str, _Topic] = {}

    def put(self, message: Message) -> None:
        """Replaces the message that waits on the same topic."""
        with self._lock:
            fresh = _Topic(-1 - len(self._topics))
            topic = self._topics.setdefault(message.topic, fresh)
            topic.newest = msgspec.structs.replace(message, seq=topic.number)

    @property
    def in_flight(self) -> int:
        return sum(topic.in_flight is not None for topic in self._all())

    def waiting(self, now_s: float) -> bool:
        """Whether a message is not acknowledged yet on a topic that the broker takes."""
        return any(topic.newest and now_s >= topic.paused_until_s for topic in self._all())

    def due(self, now_s: float, most: int) -> list[Message]:
        """Up to `most` messages to send now; each is in flight from here on."""
        ready = [
            topic
            for topic in self._all()
            if topic.newest and not topic.in_flight and now_s >= topic.paused_until_s
        ][:most]
        for topic in ready:
            topic.in_flight = topic.newest
        return [topic.in_flight for topic in ready if topic.in_flight is not None]

    def settle(self, receipts: Iterable[Receipt], now_s: float) -> None:
        """Acknowledged ones are done; a topic that was refused rests."""
        by_number = {topic.number: topic for topic in self._all()}
        for receipt in receipts:
            topic = by_number[receipt.seq]
            if receipt.refused is not None and not receipt.passing:
                self._pause(topic, now_s, f"refused by the broker: {receipt.refused}")
            topic.losses = 0
            self._done(topic)

    def drop(self, message: Message, now_s: float, why: str) -> None:
        """That message cannot be sent at all."""
        topic = self._topics[message.topic]
        self._pause(topic, now_s, why)
        self._done(topic)

    def connection_lost(self, now_s: float, *, suspected: bool) -> None:
        """What was in flight is sent again; `suspected`: it may be why the connection was closed.

        Older brokers close the connection on a message that they do not take.
        """
        for topic in self._all():
            if topic.in_flight is not None and suspected:
                topic.losses += 1
                if topic.losses >= LOSSES:
                    topic.losses = 0
                    self._pause(topic, now_s, "every connection that it was sent on was closed")
            topic.in_flight = None

    def _all(self) -> list[_Topic]:
        with self._lock:
            return list(self._topics.values())

    def _done(self, topic: _Topic) -> None:
        with self._lock:
            if topic.newest is topic.in_flight:
                topic.newest = None
            topic.in_flight = None

    def _pause(self, topic: _Topic, now_s: float, why: str) -> None:
        topic.paused_until_s = now_s + PAUSE_S
        name = topic.newest.topic if topic.newest else ""
        log.warning("%s: not sent for %g s: %s", name, PAUSE_S, why)
