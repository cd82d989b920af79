"""Which message cannot be delivered, and when to stop trying. Pure: time is handed in.

A broker says no in two ways. MQTT 5 refuses one message by its reason code. Older ones close the
connection on a message that they cannot take, and would do so for ever: if connection after
connection ends with the same message first under way and nothing acknowledged, that message is
sent alone, and if that ends the connection too, it is the one.
"""

from collections.abc import Iterable

TRIES = 3
RETRY_S = 1.0
ALONE_AFTER = 3  # connections lost over the same message
PARK_AFTER = 6
SOON_S = 5.0  # a connection that lives longer than this was not closed because of a message


class Refusals:
    """Remembers refusals and lost connections until a message is delivered or given up."""

    def __init__(self) -> None:
        self._tries: dict[int, int] = {}
        self._retry_s: dict[int, float] = {}
        self._suspect = 0
        self._losses = 0

    def refused(self, seq: int, now_s: float) -> bool:
        """The message was refused; True when it should be given up."""
        self._tries[seq] = self._tries.get(seq, 0) + 1
        if self._tries[seq] >= TRIES:
            self._tries.pop(seq)
            return True
        self._retry_s[seq] = now_s + RETRY_S
        return False

    def due(self, now_s: float) -> list[int]:
        """Refused messages whose time has come to be tried again."""
        due = [seq for seq, at_s in self._retry_s.items() if at_s <= now_s]
        for seq in due:
            del self._retry_s[seq]
        return due

    def waiting(self) -> frozenset[int]:
        """Refused messages that will be tried again."""
        return frozenset(self._retry_s)

    def forget_waiting(self) -> None:
        """A new connection begins: everything is sent again anyway."""
        self._retry_s.clear()

    def delivered(self, seqs: Iterable[int]) -> None:
        for seq in seqs:
            self._tries.pop(seq, None)
            self._suspect, self._losses = 0, 0

    def connection_lost(self, in_flight: Iterable[int], lived_s: float) -> int | None:
        """A connection ended with these unacknowledged; the message to give up, if it is clear."""
        first = min(in_flight, default=0)
        if not first or lived_s > SOON_S:
            return None
        self._losses = self._losses + 1 if first == self._suspect else 1
        self._suspect = first
        if self._losses < PARK_AFTER:
            return None
        self._suspect, self._losses = 0, 0
        return first

    @property
    def alone(self) -> bool:
        """Whether messages should go one at a time, to see which it is."""
        return self._losses >= ALONE_AFTER
