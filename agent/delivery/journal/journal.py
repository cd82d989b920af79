"""Takes down what happens to the sources; a thread of its own choice owns the file.

The journal never stops the agent (`agent.delivery.recovering_file`).
"""

import collections
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from agent.core.alarms import Standing
from agent.core.errors import ConditionError
from agent.delivery.journal import reading
from agent.delivery.journal.events import Acknowledgement, Annotation, JournalEvent
from agent.delivery.journal.journal_file import Entry, JournalFile, StandingAlarm
from agent.delivery.recovering_file import RecoveringFile

IN_MEMORY = 2000  # entries that wait while the disk cannot be written; beyond that the oldest go
ENTRIES = 500  # in one transaction, at most
RETRY_S = 1.0  # after the disk took nothing

log = logging.getLogger("drsn.journal")


class Journal:
    """`add` and `put` are for any thread; the rest is for the one that owns the file."""

    def __init__(
        self, path: Path, max_bytes: int, *, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        """Reads which events there are; `clock_s` is monotonic."""
        self.path = path
        self._clock_s = clock_s
        self._due_s = clock_s()
        self._file = RecoveringFile(path, lambda: JournalFile(path, max_bytes), "events", log)
        self._lock = threading.Lock()  # of the two below
        self._last_id = _last_id(path)
        self._queue: collections.deque[Entry] = collections.deque(maxlen=IN_MEMORY)
        self._waiting: collections.deque[Entry] = collections.deque(maxlen=IN_MEMORY)

    def add(self, event: JournalEvent) -> JournalEvent:
        """Queues an event; returns it with its number."""
        with self._lock:
            self._last_id += 1
            event = msgspec.structs.replace(event, id=self._last_id)
            self._queue.append(event)
        return event

    def put(self, entry: Acknowledgement | Annotation | StandingAlarm) -> None:
        """Queues what people say of events, or how an alarm stands from now on."""
        with self._lock:
            self._queue.append(entry)

    def standings(self) -> dict[str, Standing]:
        """How the sources stood at the end of the last run; before the first `turn`."""
        try:
            return reading.standings(self.path)
        except ConditionError:  # there is none yet, or `write` will set it aside
            return {}

    def turn(self) -> None:
        """Writes what is queued, at once."""
        if (self._queue or self._waiting) and self._clock_s() >= self._due_s:
            self._write()

    def close(self) -> None:
        """Writes the rest."""
        self._write()
        self._file.close()

    @property
    def trouble(self) -> str | None:
        """Why the disk takes nothing."""
        return self._file.trouble

    def _write(self) -> None:
        with self._lock:
            self._waiting.extend(self._queue)
            self._queue.clear()
        if self._waiting and not self._file.write(self._write_waiting):
            self._due_s = self._clock_s() + RETRY_S

    def _write_waiting(self, file: JournalFile) -> None:
        while self._waiting:
            entries = [self._waiting[at] for at in range(min(ENTRIES, len(self._waiting)))]
            file.write(entries)
            for _ in entries:
                self._waiting.popleft()


def _last_id(path: Path) -> int:
    try:
        return reading.last_id(path)
    except ConditionError:
        return 0
