"""A copy of the outbox while the agent runs: only the agent itself can make one.

The agent holds its outbox for itself (`agent.delivery.disk`). Another process leaves a request in
the state directory, and the sender thread answers with a copy beside it, made by SQLite's backup
interface.
"""

import contextlib
import logging
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from agent.core.errors import ConditionError
from agent.delivery.outbox import Outbox

REQUEST, COPY = "outbox.copy-wanted", "outbox.copy"  # in the state directory
PARTIAL = f"{COPY}.new"
WAIT_S = 30.0  # for the agent's copy
LOOK_S = 0.05

log = logging.getLogger("drsn.outbox")


class OutboxCopier:
    """Answers requests in the sender thread."""

    def __init__(self, outbox: Outbox, folder: Path, alive: Callable[[], None]) -> None:
        """`alive` is called now and then while a copy is made."""
        self._outbox = outbox
        self._folder = folder
        self._alive = alive

    def turn(self) -> None:
        """Makes a copy where one is requested; what fails is logged, and the requester waits."""
        request = self._folder / REQUEST
        if not request.exists():
            return
        partial = self._folder / PARTIAL
        try:
            request.unlink()
            partial.unlink(missing_ok=True)
            self._outbox.copy(partial, self._alive)
            partial.rename(self._folder / COPY)
        except (OSError, sqlite3.Error) as error:
            log.warning("the outbox cannot be copied for a backup: %s", error)


def request(folder: Path, within_s: float = WAIT_S) -> Path:
    """Has the running agent make a copy; its path. `ConditionError` where none comes in time."""
    copy, wanted = folder / COPY, folder / REQUEST
    copy.unlink(missing_ok=True)
    wanted.touch()
    deadline_s = time.monotonic() + within_s
    while not copy.exists():
        if time.monotonic() > deadline_s:
            with contextlib.suppress(OSError):
                wanted.unlink(missing_ok=True)
            raise ConditionError(
                f"agent.state_dir: {folder}: the running agent gave no copy of its outbox in "
                f"{within_s:g} s: see its log, or stop it first"
            )
        time.sleep(LOOK_S)
    return copy
