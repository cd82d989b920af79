"""Finds messages that cannot be delivered, and decides when to stop trying. Reads no clock.

A broker refuses in two ways. MQTT 5 refuses one message by a reason code. Older brokers close the
connection on a message that they cannot take, again and again. If several connections in a row end
with the same message first in flight and nothing acknowledged, that message is sent alone; if that
ends the connection too, it is given up.
"""

from collections.abc import Iterable

TRIES = 3
RETRY_S = 1.0
ALONE_AFTER = 3  # connections lost over the same message
PARK_AFTER = 6
SOON_S = 5.0  # a connection that lasted longer was not closed because of a message


class Refusals:
    """Refusals and lost connections per message, until it is delivered or abandoned."""

    def __init__(self) -> None:
        self._tries: dict[int, int] = {}
        self._retry_s: dict[int, float] = {}
        self._suspect = 0
        self._losses = 0

    def refused(self, seq: int, now_s: float) -> bool:
        """Notes a refusal; True when the message should be abandoned."""
        self._tries[seq] = self._tries.get(seq, 0) + 1
        if self._tries[seq] >= TRIES:
            self._tries.pop(seq)
            return True
        self._retry_s[seq] = now_s + RETRY_S
        return False

    def due(self, now_s: float) -> list[int]:
        """Refused messages that should be sent again now."""
        due = [seq for seq, at_s in self._retry_s.items() if at_s <= now_s]
        for seq in due:
            del self._retry_s[seq]
        return due

    def waiting(self) -> frozenset[int]:
        """Refused messages that will be sent again later."""
        return frozenset(self._retry_s)

    def forget_waiting(self) -> None:
        """Starts a new connection, on which everything is sent again anyway."""
        self._retry_s.clear()

    def delivered(self, seqs: Iterable[int]) -> None:
        for seq in seqs:
            self._tries.pop(seq, None)
            self._suspect, self._losses = 0, 0

    def connection_lost(self, in_flight: Iterable[int], lived_s: float) -> int | None:
        """Notes a lost connection and its unacknowledged messages; the one to abandon."""
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
    def one_at_a_time(self) -> bool:
        """Whether messages should be sent one at a time, to find the refused one."""
        return self._losses >= ALONE_AFTER
