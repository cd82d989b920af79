"""Requests to read the configuration again: from a signal handler or a command."""

import collections
from collections.abc import Callable

Answer = Callable[..., None]  # answer(why=None, **fields of the result)


class ReloadRequests:
    """Requests for a reload. `add` is for any thread and for signal handlers."""

    def __init__(self) -> None:
        self._waiting: collections.deque[Answer | None] = collections.deque()

    def add(self, answer: Answer | None = None) -> None:
        """`answer` is called with the result."""
        self._waiting.append(answer)

    def take(self) -> list[Answer | None]:
        """Removes all requests so far and returns whom to answer."""
        return [self._waiting.popleft() for _ in range(len(self._waiting))]

    def __bool__(self) -> bool:
        return bool(self._waiting)
