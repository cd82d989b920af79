"""What people ask of alarms: from a command, or from the page. The main thread carries it out."""

import collections
from collections.abc import Callable

import msgspec

MOST = 1000  # that wait; the newest are refused beyond that

Answer = Callable[..., None]  # answer(why=None, **fields of the result)


class Acknowledge(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody has seen the source's alarm."""

    source: str
    by: str | None


class Maintain(msgspec.Struct, frozen=True, kw_only=True):
    """Maintenance of the source's machine begins or ends."""

    source: str
    on: bool
    until_s: float | None  # Unix time at which it ends by itself
    by: str | None


Request = Acknowledge | Maintain


def _nobody(_why: str | None = None, **_fields: object) -> None:
    """Waits for no answer."""


class AlarmRequests:
    """`add` is for any thread, `take` for the main thread."""

    def __init__(self) -> None:
        self._waiting: collections.deque[tuple[Request, Answer]] = collections.deque()

    def add(self, request: Request, answer: Answer = _nobody) -> None:
        """`answer` is called with the reason why it was refused, or None."""
        if len(self._waiting) >= MOST:
            answer("too many requests wait")
            return
        self._waiting.append((request, answer))

    def take(self) -> list[tuple[Request, Answer]]:
        """Removes all requests so far."""
        return [self._waiting.popleft() for _ in range(len(self._waiting))]
