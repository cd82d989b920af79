"""Detects that another client uses the agent's client id or name.

A broker closes the older of two connections with one client id, sometimes without a reason; two
such clients would disconnect each other for ever. Therefore every agent publishes on its `info`
topic which outbox it serves, and subscribes to it: another outbox's message that is published
after this agent connected comes from a duplicate.

A duplicate with another agent's name does not show there. It shows by its behaviour: it reconnects
within half a second, so several connections in a row are accepted and closed by the broker in less
than a second, while nothing is in flight. A bad cable breaks during traffic or lasts longer, a
broker that is down refuses, and one that denies a topic closes before it has read the first
messages. A client that suspects a duplicate reconnects at once instead of backing off, so that the
other one can detect it too. A client that is sure reconnects once more, which closes the other's
third connection: then both are sure, and both wait.
"""

import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence

import msgspec

from agent.core.types import Message

ABOUT_S = 600.0
STAND_BACK_S = (30.0, 60.0)
AGAIN_S = (0.0, 0.5)  # while a duplicate is only suspected
SURE_AFTER = 3  # closed connections in a row that a duplicate may have caused
SOON_S = 1.0  # a duplicate that has not noticed closes our connection sooner

log = logging.getLogger("drsn.mqtt")


# Receives topic, payload and whether it was retained; the messages that it returns are sent.
Listener = Callable[[str, bytes, bool], Sequence[Message]]


def _nothing() -> None:
    """For an identity whose wills are all alike."""


class Identity(msgspec.Struct, frozen=True):
    """The client's id, last will, birth messages and subscriptions."""

    client_id: str
    will: Callable[[], Message]  # called once for each connection
    births: Callable[[], Sequence[Message]]  # sent after every connect; one of them on `topic`
    topic: str
    is_other: Callable[[bytes], bool]  # whether a payload on `topic` is another agent's
    listens: Mapping[str, Listener] = {}  # further subscriptions, by topic or filter
    will_unused: Callable[[], None] = _nothing  # called where the CONNECT was never sent


class Lost(msgspec.Struct, frozen=True):
    """Why the connection was lost; `wait_s` before the next one, None: the backoff's."""

    state: str
    why: str
    wait_s: float | None = None


class DuplicateClient:
    """Evidence of a duplicate; logged when it is new."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self._seen_s: float | None = None  # monotonic time of the last evidence
        self._closed = False  # our last connection, by the broker
        self._suspicious = 0  # closed connections in a row that it may have caused

    @property
    def about(self) -> bool:
        """Whether there was evidence lately: then it is the cause when the broker closes."""
        return self._seen_s is not None and time.monotonic() - self._seen_s < ABOUT_S

    def drives_us_out(self, payload: bytes, retained: bool, session: int) -> bool:
        """Reads a message on the agent's topic; True when it explains the last disconnect."""
        predecessor = retained and session == 1
        if predecessor or not self._identity.is_other(payload):
            return False
        if not self.about:
            log.warning("another agent publishes as %s", self._identity.topic.rpartition("/")[0])
        self._seen_s = time.monotonic()
        return retained and self._closed

    def closed(self, why: str, taken_over: bool, idle: bool, lived_s: float) -> Lost:
        """Notes that the broker closed the connection; `idle`: nothing was in flight then."""
        self._closed = True
        self._suspicious = self._suspicious + 1 if idle and lived_s < SOON_S else 0
        if taken_over or self.about:
            return self.stand_back()
        again_s = random.uniform(*AGAIN_S) if self._suspicious else None
        if self._suspicious < SURE_AFTER:
            return Lost("lost", why, again_s)
        self._seen_s, self._suspicious = time.monotonic(), 0
        return Lost("taken_over", self._why(), again_s)

    def stand_back(self) -> Lost:
        self._closed = False
        return Lost("taken_over", self._why(), random.uniform(*STAND_BACK_S))

    def _why(self) -> str:
        return f"another agent uses the client id {self._identity.client_id!r}"

    def absolve(self) -> None:
        """Resets the suspicion: the broker refused the connection or gave another reason."""
        self._suspicious = 0
