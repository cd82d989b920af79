"""Work that may take seconds (a download, a disk, a model to load), in a thread of its own.

There is never more than one. Scoring and sending do not wait for it; it is asked for its answer.
"""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class BackgroundTask(Generic[T]):
    """One piece of work, and what is to be done with what comes of it, by whoever asks."""

    def __init__(self, work: Callable[[], T], then: Callable[[T], None]) -> None:
        self._work, self._then = work, then
        self._found: list[T] = []
        self._error: Exception | None = None
        self._done = threading.Event()
        threading.Thread(target=self._run, name="rollout", daemon=True).start()

    @property
    def done(self) -> bool:
        return self._done.is_set()

    def finish(self) -> None:
        """Goes on with what has come of it, or raises what was raised."""
        if self._error is not None:
            raise self._error
        self._then(self._found[0])

    def wait(self, within_s: float) -> bool:
        return self._done.wait(within_s)

    def _run(self) -> None:
        try:
            self._found.append(self._work())
        except Exception as error:  # noqa: BLE001 - handed over, not swallowed
            self._error = error
        self._done.set()
