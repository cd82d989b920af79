"""Gathers measurements for a minute, and writes them in one transaction.

Trends never stop the agent: a file that is damaged is set aside, a disk that takes nothing is
waited for, and both are in the log.
"""

import contextlib
import datetime
import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

from agent.delivery import disk
from agent.delivery.trends import levels
from agent.delivery.trends.trend_file import ROWS, Key, TrendFile
from agent.messages.measurement import Measurement

FILE = "trends.sqlite"  # in the state directory
EVERY_S = 60.0  # between two transactions
MINUTE_S = 60
IN_MEMORY = 2000  # rows that wait while the disk cannot be written; beyond that the oldest are lost

log = logging.getLogger("drsn.trends")


class TrendRecorder:
    """`add` is for any thread; `turn` and `close` are for the thread that owns the file."""

    def __init__(
        self, path: Path, max_bytes: int, *, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        """Opens nothing yet; `clock_s` is monotonic."""
        self.trouble: str | None = None  # why the disk takes nothing
        self._path = path
        self._max_bytes = max_bytes
        self._clock_s = clock_s
        self._due_s = clock_s() + EVERY_S
        self._file: TrendFile | None = None
        self._lock = threading.Lock()  # of `_gathered`
        self._gathered: dict[Key, levels.Summary] = {}
        self._waiting: dict[Key, levels.Summary] = {}  # to be written

    def add(self, record: Measurement) -> None:
        """Counts a measurement to the minute in which its signal ended."""
        end_s = datetime.datetime.fromisoformat(record.t_end).timestamp()
        start_s = int(end_s // MINUTE_S * MINUTE_S)
        with self._lock:
            for channel, values in enumerate(levels.values(record)):
                key = Key(start_s, record.source, record.unit, channel)
                self._gathered.setdefault(key, levels.Summary()).add(record.decision, values)

    def turn(self) -> None:
        """Writes what was gathered, once a minute."""
        if self._clock_s() >= self._due_s:
            self._due_s = self._clock_s() + EVERY_S
            self._write()

    def close(self) -> None:
        """Writes the rest."""
        self._write()
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write(self) -> None:
        self._take()
        for _ in range(2):  # a new file takes at once what a broken one did not
            try:
                self._write_waiting()
            except (sqlite3.Error, OSError) as error:
                self._fail(error)
            if self.trouble is not None and self._waiting:
                return
        if self.trouble is not None:
            log.warning("%s is written again", self._path)
            self.trouble = None

    def _take(self) -> None:
        """Moves what was gathered behind what the disk has not taken, of which the oldest go."""
        for key in list(self._waiting)[: max(0, len(self._waiting) - IN_MEMORY)]:
            del self._waiting[key]
        with self._lock:
            gathered, self._gathered = self._gathered, {}
        for key, summary in gathered.items():
            if key in self._waiting:
                self._waiting[key].merge(summary)
            else:
                self._waiting[key] = summary

    def _write_waiting(self) -> None:
        while self._waiting:
            if self._file is None:
                self._file = TrendFile(self._path, self._max_bytes)
            rows = dict(list(self._waiting.items())[:ROWS])
            self._file.write(rows)
            for key in rows:
                del self._waiting[key]

    def _fail(self, error: sqlite3.Error | OSError) -> None:
        """Closes the file; it is set aside where it is broken."""
        if self._file is not None:
            with contextlib.suppress(sqlite3.Error):
                self._file.close()
            self._file = None
        if isinstance(error, OSError) or disk.is_room(error):
            self._wait(error)
        else:
            self._set_aside(error)

    def _wait(self, error: Exception) -> None:
        if self.trouble is None:
            log.warning("%s cannot be written (%s): trends wait", self._path, error)
        self.trouble = str(error)

    def _set_aside(self, error: sqlite3.Error) -> None:
        """Keeps one broken file, the newest: they must not fill the disk."""
        try:
            for earlier in self._path.parent.glob(f"{self._path.name}.unreadable-*"):
                earlier.unlink(missing_ok=True)
            aside = disk.put_aside(self._path)
        except OSError as refusal:
            self._wait(refusal)
            return
        log.error("%s cannot be read (%s): set aside as %s", self._path, error, aside.name)
