"""Keeps a file of SQLite writable: what is broken is set aside, a full disk is waited for.

Nothing that is kept this way may stop the agent, so both are lines in the log.
"""

import contextlib
import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from agent.delivery import disk


class Closable(Protocol):
    def close(self) -> None: ...


File = TypeVar("File", bound=Closable)


class RecoveringFile(Generic[File]):
    """For the thread that owns the file. Opens nothing before the first `write`."""

    def __init__(
        self, path: Path, open_file: Callable[[], File], content: str, log: logging.Logger
    ) -> None:
        """`content` names what waits for the disk, e.g. `trends`."""
        self.path = path
        self.trouble: str | None = None  # why the disk takes nothing
        self.opened: File | None = None
        self._open_file = open_file
        self._content = content
        self._log = log

    def write(self, write: Callable[[File], None]) -> bool:
        """Has `write` change the file, in transactions; whether the disk took all of it.

        `write` may be called twice: a new file takes at once what a broken one did not.
        """
        for _ in range(2):
            try:
                if self.opened is None:
                    self.opened = self._open_file()
                write(self.opened)
            except (sqlite3.Error, OSError) as error:
                if not self._recover(error):
                    return False
            else:
                self._end_trouble()
                return True
        return False

    def close(self) -> None:
        if self.opened is not None:
            with contextlib.suppress(sqlite3.Error):
                self.opened.close()
            self.opened = None

    def _recover(self, error: sqlite3.Error | OSError) -> bool:
        """Closes the file; True: a new one can take its place, False: wait for the disk."""
        self.close()
        if isinstance(error, OSError) or disk.is_room(error):
            self._wait(error)
            return False
        return self._set_aside(error)

    def _wait(self, error: Exception) -> None:
        if self.trouble is None:
            self._log.warning("%s cannot be written (%s): %s wait", self.path, error, self._content)
        self.trouble = str(error)

    def _set_aside(self, error: sqlite3.Error) -> bool:
        """Keeps one broken file, the newest: they must not fill the disk."""
        try:
            for earlier in self.path.parent.glob(f"{self.path.name}.unreadable-*"):
                earlier.unlink(missing_ok=True)
            aside = disk.put_aside(self.path)
        except OSError as refusal:
            self._wait(refusal)
            return False
        self._log.error("%s cannot be read (%s): set aside as %s", self.path, error, aside.name)
        return True

    def _end_trouble(self) -> None:
        if self.trouble is not None:
            self._log.warning("%s is written again", self.path)
            self.trouble = None
