"""What was last said of every source, kept for the birth certificates that tell its state."""

import threading
from dataclasses import dataclass, field

from agent.core.types import Message


@dataclass(frozen=True)
class LatestMetrics:
    """At one moment: all that was queued up to `seq` is in `said`, by topic, or older than that."""

    seq: int
    said: dict[str, Message] = field(default_factory=dict)

    def of(self, source: str) -> list[Message]:
        """Its newest event and window, in order."""
        ends = f"/{source}/event", f"/{source}/window"
        return sorted(
            (each for topic, each in self.said.items() if topic.endswith(ends)),
            key=lambda each: each.seq,
        )


class Latest:
    """Written by the main thread, read by the sender thread."""

    def __init__(self, seq: int) -> None:
        """`seq` is that of the last message which an earlier run has queued."""
        self._known = LatestMetrics(seq)
        self._lock = threading.Lock()

    def note(self, message: Message) -> Message:
        with self._lock:
            said = self._known.said | {message.topic: message}
            self._known = LatestMetrics(message.seq, said)
        return message

    def known(self) -> LatestMetrics:
        with self._lock:
            return self._known
