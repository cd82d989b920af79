"""The newest message of each kind and source, kept for the birth certificates."""

import threading

import msgspec

from agent.core.types import Message


class LatestMessages(msgspec.Struct, frozen=True):
    """A snapshot: everything queued up to `seq` is in `by_topic`, or older than what is there."""

    seq: int
    by_topic: dict[str, Message] = {}

    def of(self, source: str) -> list[Message]:
        """The newest event and window of that source, in order."""
        ends = f"/{source}/event", f"/{source}/window"
        return sorted(
            (message for topic, message in self.by_topic.items() if topic.endswith(ends)),
            key=lambda message: message.seq,
        )

    def state(self, source: str) -> Message | None:
        """The newest state of that source."""
        return self._newest(f"/{source}/state")

    def measured(self, source: str) -> Message | None:
        """The newest measurement of that source."""
        return self._newest(f"/{source}/measurement")

    def _newest(self, end: str) -> Message | None:
        topics = (topic for topic in self.by_topic if topic.endswith(end))
        return next((self.by_topic[topic] for topic in topics), None)


class Latest:
    """Written by the main thread, read by the sender thread."""

    def __init__(self, seq: int) -> None:
        """`seq` is that of the last message which an earlier run has queued."""
        self._snapshot = LatestMessages(seq)
        self._lock = threading.Lock()

    def note(self, message: Message) -> Message:
        with self._lock:
            by_topic = self._snapshot.by_topic | {message.topic: message}
            self._snapshot = LatestMessages(max(message.seq, self._snapshot.seq), by_topic)
        return message

    def snapshot(self) -> LatestMessages:
        with self._lock:
            return self._snapshot
