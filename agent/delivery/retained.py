"""Retained messages of earlier sessions, for brokers that have lost them.

Many brokers keep retained messages in memory only. A subscriber that comes after such a broker's
restart would learn a source's state only when it next changes, which may take months.
"""

from collections.abc import Iterable

from msgspec.structs import replace

from agent.core.types import Message


class RetainedMessages:
    """The newest retained message on each topic that a broker has acknowledged in this run."""

    def __init__(self) -> None:
        self._newest: dict[str, Message] = {}
        self._in_flight: dict[int, Message] = {}

    def sent(self, message: Message) -> None:
        if message.retain:
            self._in_flight[message.seq] = message

    def delivered(self, seqs: Iterable[int]) -> None:
        for seq in seqs:
            message = self._in_flight.pop(seq, None)
            if message is None:
                continue
            newest = self._newest.get(message.topic)
            if newest is None or seq >= newest.seq:
                self._newest[message.topic] = message

    def connection_lost(self) -> None:
        """Forgets what is in flight; it will be sent again."""
        self._in_flight.clear()

    def messages(self) -> list[Message]:
        """To publish again, unchanged but for QoS 0: nobody waits for an acknowledgement.

        What still waits in the outbox is not among them; it is newer and follows.
        """
        return [replace(message, seq=0, qos=0) for message in self._newest.values()]
