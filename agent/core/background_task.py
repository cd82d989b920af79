"""Work that may take seconds (a download, a disk, a model to load), in a thread of its own.

Its owner has never more than one. Scoring and sending do not wait for it.
"""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Result = TypeVar("Result")
Next = TypeVar("Next")


class BackgroundTask(Generic[Next]):
    """Runs `work` in a thread; whoever owns the task passes the result to `then`."""

    def __init__(
        self, work: Callable[[], Result], then: Callable[[Result], Next], name: str = "rollout"
    ) -> None:
        """`name` is the thread's."""
        self._ended = threading.Event()
        self._conclude: Callable[[], Next]  # set before `_ended`
        threading.Thread(target=self._run, args=(work, then), name=name, daemon=True).start()

    @property
    def done(self) -> bool:
        return self._ended.is_set()

    def finish(self) -> Next:
        """What `then` makes of the result; raises what the work raised. Only when `done`."""
        return self._conclude()

    def wait(self, timeout_s: float) -> bool:
        """Waits for the work; whether it has ended."""
        return self._ended.wait(timeout_s)

    def _run(self, work: Callable[[], Result], then: Callable[[Result], Next]) -> None:
        try:
            result = work()
            self._conclude = lambda: then(result)
        except Exception as error:  # noqa: BLE001 - handed over, not swallowed
            failure = error

            def fail() -> Next:
                raise failure

            self._conclude = fail
        self._ended.set()
