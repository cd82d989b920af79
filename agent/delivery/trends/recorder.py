"""Gathers measurements for a minute, and writes them in one transaction.

Trends never stop the agent (`agent.delivery.recovering_file`).
"""

import datetime
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from agent.delivery.recovering_file import RecoveringFile
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
        self._clock_s = clock_s
        self._due_s = clock_s() + EVERY_S
        self._file = RecoveringFile(path, lambda: TrendFile(path, max_bytes), "trends", log)
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
        self._file.close()

    @property
    def trouble(self) -> str | None:
        """Why the disk takes nothing."""
        return self._file.trouble

    def _write(self) -> None:
        self._take()
        if self._waiting:
            self._file.write(self._write_waiting)

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

    def _write_waiting(self, file: TrendFile) -> None:
        while self._waiting:
            rows = dict(list(self._waiting.items())[:ROWS])
            file.write(rows)
            for key in rows:
                del self._waiting[key]
