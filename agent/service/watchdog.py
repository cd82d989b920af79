"""Is the work being done? Feeds systemd's watchdog while it is, and ends the process when not.

The watchdog is fed by windows scored and by the sender's turns, never by a timer: a process whose
threads are alive and whose work stands still must be started again. The main thread and the sender
watch each other, so that this holds without systemd too.
"""

import contextlib
import logging
import os
import time
from collections.abc import Iterator

from agent.service.systemd import notify

HANG_S = 10.0  # one step of scoring, or one turn of the sender, may take so long
STUCK_EXIT = 70  # sysexits(3) EX_SOFTWARE
FEED_S = 1.0

log = logging.getLogger("drsn")


class Watchdog:
    """Shared by the main and the sender thread."""

    def __init__(self) -> None:
        watchdog_us = int(os.environ.get("WATCHDOG_USEC") or 0)
        self._hang_s = watchdog_us / 2e6 if watchdog_us else HANG_S
        self._scoring_s: float | None = None  # since when a step of scoring runs
        self._turned_s = time.monotonic()  # the sender's last turn
        self._main_s = self._steady_s = time.monotonic()  # the main thread's last turn; since when
        self._fed_s = 0.0

    @contextlib.contextmanager
    def scoring(self) -> Iterator[None]:
        """Around each step of scoring, in the main thread."""
        self._scoring_s = time.monotonic()
        yield
        self._scoring_s = None

    def sender_turns(self) -> None:
        """On each turn of the sender; ends the process where scoring hangs."""
        self._turned_s = now_s = time.monotonic()
        since_s = self._scoring_s
        if since_s is not None and now_s - since_s > self._hang_s:
            _end(f"scoring has not come back for {self._hang_s:g} s")

    def source_reads(self, name: str, since_s: float | None) -> None:
        """After each turn of the main thread; ends the process where a driver does not come back.

        A thread that is lost in one cannot be ended, and its device not opened a second time. Time
        in which the main thread did not turn either (a process that was stopped) does not count.
        """
        if since_s is not None and self._main_s - max(since_s, self._steady_s) > self._hang_s:
            _end(f"source {name}: a read has not come back for {self._hang_s:g} s")

    def main_turns(self, alive: bool) -> None:
        """On each turn of the main thread; `alive`: every source's windows are scored in time."""
        now_s = time.monotonic()
        if now_s - self._main_s > FEED_S:
            self._steady_s = now_s
        self._main_s = now_s
        late_s = now_s - self._turned_s
        if late_s > 2 * self._hang_s:  # sooner than systemd would, which knows no reason
            _end(f"the sender has not turned for {late_s:.0f} s")
        if alive and late_s < self._hang_s and now_s - self._fed_s > FEED_S:
            notify("WATCHDOG=1")
            self._fed_s = now_s


def _end(why: str) -> None:
    """At once: what hangs cannot be asked to stop, and what is on disk is safe."""
    log.critical("ends: %s", why)
    os._exit(STUCK_EXIT)
