"""Finds out that another agent runs under our name.

A broker closes the older of two connections with one client id, some without saying why; the two
would drive each other out for ever. So every agent says on its own `info` topic which outbox it
speaks for, and listens there: what a predecessor left behind is no rival, what came since is.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agent.core import Message

ABOUT_S = 600.0

log = logging.getLogger("drsn.mqtt")


@dataclass(frozen=True)
class Identity:
    """Who this client is."""

    client_id: str
    will: Message
    births: Callable[[], Sequence[Message]]  # follow every connect; one of them on `topic`
    topic: str
    is_other: Callable[[bytes], bool]  # whether what was said on `topic` is another agent's


class Rival:
    """What is known of one; said in the log when it is news."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self._heard_s: float | None = None  # monotonic, the last time
        self.closed_by_peer = False  # our last connection

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
        return retained and self.closed_by_peer
