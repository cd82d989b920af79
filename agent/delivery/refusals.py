"""Finds messages that cannot be delivered, and decides when to stop trying. Reads no clock.

A broker refuses in two ways. MQTT 5 refuses one message by a reason code. If several refusals
follow each other and nothing is taken between, the cause lies with the broker: the line backs off
and tries one message at a time. A refusal counts against a message only if others were taken since
its last one. Older brokers close the connection on a message that they cannot take, again and
again. If several connections in a row end with the same message first in flight and nothing
acknowledged, that message is sent alone; if that ends the connection too, it is given up.
"""

from collections.abc import Iterable

TRIES = 3
PASSING_TRIES = 8  # for a reason that may pass
RETRY_S = 1.0
LONGEST_RETRY_S = 60.0
IN_A_ROW = 3  # refusals with nothing taken between: the line backs off
PAUSE_S = 1.0  # the first pause; each further one is twice as long
LONGEST_PAUSE_S = 30.0
MOST_WAITING = 100  # refused messages, beyond which no fresh one is sent
ALONE_AFTER = 3  # connections lost over the same message
PARK_AFTER = 6
SOON_S = 5.0  # a connection that lasted longer was not closed because of a message


class Refusals:
    """Refusals and lost connections per message, until it is delivered or abandoned."""

    def __init__(self) -> None:
        self._tries: dict[int, int] = {}
        self._taken_at: dict[int, int] = {}  # `_taken` at the message's last refusal
        self._retry_s: dict[int, float] = {}
        self._taken = 0  # messages delivered
        self._in_a_row = 0  # refusals since one was delivered
        self._pause_s = 0.0
        self._paused_until_s = 0.0
        self._suspect = 0
        self._losses = 0

    def refused(self, seq: int, now_s: float, passing: bool = False) -> bool:
        """Notes a refusal; True when the message should be abandoned."""
        self._in_a_row += 1
        if self.backing_off and now_s >= self._paused_until_s:
            self._pause_s = min(max(PAUSE_S, 2 * self._pause_s), LONGEST_PAUSE_S)
            self._paused_until_s = now_s + self._pause_s
        if self._taken_at.get(seq) != self._taken:
            self._tries[seq] = self._tries.get(seq, 0) + 1
        self._taken_at[seq] = self._taken
        if self._tries[seq] >= (PASSING_TRIES if passing else TRIES):
            self._forget(seq)
            return True
        wait_s = RETRY_S * (2 ** (self._tries[seq] - 1) if passing else 1)
        self._retry_s[seq] = now_s + min(wait_s, LONGEST_RETRY_S)
        return False

    def send_again(self, seqs: Iterable[int]) -> None:
        """Has messages sent again that were abandoned before."""
        self._retry_s |= dict.fromkeys(seqs, 0.0)

    def due(self, now_s: float, most: int) -> list[int]:
        """Up to `most` refused messages to send again now, the longest waiting first."""
        due = sorted((at_s, seq) for seq, at_s in self._retry_s.items() if at_s <= now_s)
        seqs = [seq for _, seq in due[:most]]
        for seq in seqs:
            del self._retry_s[seq]
        return seqs

    def waiting(self) -> frozenset[int]:
        """Refused messages that will be sent again later, on a new connection too.

        Some brokers close the connection after a refusal: the message must not be its first again.
        """
        return frozenset(self._retry_s)

    def delivered(self, seqs: Iterable[int]) -> None:
        for seq in seqs:
            self._forget(seq)
            self._taken += 1
            self._suspect, self._losses = 0, 0
            self._in_a_row, self._pause_s, self._paused_until_s = 0, 0.0, 0.0

    def paused(self, now_s: float) -> bool:
        """Whether nothing should be sent now."""
        return now_s < self._paused_until_s

    @property
    def crowded(self) -> bool:
        """Whether so many refused messages wait that no fresh one should be sent."""
        return len(self._retry_s) >= MOST_WAITING

    @property
    def backing_off(self) -> bool:
        """Whether the broker refuses one message after the other."""
        return self._in_a_row >= IN_A_ROW

    @property
    def one_at_a_time(self) -> bool:
        """Whether messages should be sent one at a time, to find the refused one."""
        return self._losses >= ALONE_AFTER or self.backing_off

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

    def _forget(self, seq: int) -> None:
        self._tries.pop(seq, None)
        self._taken_at.pop(seq, None)
