"""Finds out that another agent runs under our name.

A broker closes the older of two connections with one client id, some without saying why; the two
would drive each other out for ever. So every agent says on its own `info` topic which outbox it
speaks for, and listens there: what a predecessor left behind is no rival, what came since is.

One that has our client id and another agent's name is not heard there. It shows by what it does:
it comes back within half a second, so connection after connection is let in and closed by the
broker in less than one, while nothing is under way. A bad cable breaks in the traffic or lasts
longer, and a broker that is down refuses. Whoever suspects a rival does not back off but comes
back as soon, so that the other can tell as well: one quick close leads to the next. Whoever is
sure comes back once more, and so closes the other's third connection: then both know, and both
stand back.
"""

import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from agent.core.types import Message

ABOUT_S = 600.0
STAND_BACK_S = (30.0, 60.0)
AGAIN_S = (0.0, 0.5)  # while we only suspect one
SURE_AFTER = 3  # closes in a row that might be a rival's doing
SOON_S = 1.0  # a rival that knows nothing yet closes ours sooner

log = logging.getLogger("drsn.mqtt")


# Hears payload and whether it was retained, by topic; what it returns is sent in answer.
Listener = Callable[[str, bytes, bool], Sequence[Message]]


@dataclass(frozen=True)
class Identity:
    """Who this client is."""

    client_id: str
    will: Callable[[], Message]  # asked for once a connection
    births: Callable[[], Sequence[Message]]  # follow every connect; one of them on `topic`
    topic: str
    is_other: Callable[[bytes], bool]  # whether what was said on `topic` is another agent's
    listens: Mapping[str, Listener] = field(default_factory=dict)  # besides, by topic or filter


@dataclass(frozen=True)
class Lost:
    """Why there is no connection any more; `wait_s` before the next, None: the backoff's."""

    state: str
    why: str
    wait_s: float | None = None


class DuplicateClient:
    """What is known of one; said in the log when it is news."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self._heard_s: float | None = None  # monotonic, the last time
        self._closed = False  # our last connection, by the broker
        self._suspicious = 0  # closes in a row that might be its doing

    @property
    def about(self) -> bool:
        """Whether one was heard of lately: then a connection that is closed on us is its doing."""
        return self._heard_s is not None and time.monotonic() - self._heard_s < ABOUT_S

    def drives_us_out(self, payload: bytes, retained: bool, session: int) -> bool:
        """Something was heard on our topic; True when it explains why we were disconnected."""
        predecessor = retained and session == 1
        if predecessor or not self._identity.is_other(payload):
            return False
        if not self.about:
            log.warning("another agent publishes as %s", self._identity.topic.rpartition("/")[0])
        self._heard_s = time.monotonic()
        return retained and self._closed

    def closed(self, why: str, taken_over: bool, idle: bool, lived_s: float) -> Lost:
        """The broker closed our connection: `idle`, nothing of ours was unacknowledged then."""
        self._closed = True
        self._suspicious = self._suspicious + 1 if idle and lived_s < SOON_S else 0
        if taken_over or self.about:
            return self.stand_back()
        again_s = random.uniform(*AGAIN_S) if self._suspicious else None
        if self._suspicious < SURE_AFTER:
            return Lost("lost", why, again_s)
        self._heard_s, self._suspicious = time.monotonic(), 0
        return Lost("taken_over", self._why(), again_s)

    def stand_back(self) -> Lost:
        self._closed = False
        return Lost("taken_over", self._why(), random.uniform(*STAND_BACK_S))

    def _why(self) -> str:
        return f"another agent uses the client id {self._identity.client_id!r}"

    def absolve(self) -> None:
        """It was something else: the broker did not let us in, or gave another reason."""
        self._suspicious = 0
