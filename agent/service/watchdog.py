"""Feeds systemd's watchdog while work progresses, and ends the process when it hangs.

The watchdog is fed by scored windows and by the sender's turns, never by a timer: a process whose
threads are alive but make no progress must be restarted. The main thread and the sender watch each
other, so this works without systemd too.
"""

import contextlib
import logging
import os
from collections.abc import Iterator

from agent.core.awake_clock import AwakeClock
from agent.core.errors import HUNG
from agent.service.systemd import notify

HANG_S = 10.0  # the longest that a step of scoring or a turn of the sender may take
FEED_S = 1.0

log = logging.getLogger("drsn")


class Watchdog:
    """Shared by the main and the sender thread. All times are those of an `AwakeClock`."""

    def __init__(self) -> None:
        watchdog_us = int(os.environ.get("WATCHDOG_USEC") or 0)
        self._hang_s = watchdog_us / 2e6 if watchdog_us else HANG_S
        self._clock = AwakeClock(self._hang_s / 2)
        self._scoring_s: float | None = None  # start of the step of scoring that runs now
        self._turned_s = self._clock.now_s()  # the sender's last turn
        self._reads: dict[str, tuple[float, float]] = {}  # by source: a read, and when it was seen
        self._fed_s = -FEED_S

    @contextlib.contextmanager
    def scoring(self) -> Iterator[None]:
        """A context for each step of scoring, in the main thread."""
        self._scoring_s = self._clock.now_s()
        yield
        self._scoring_s = None

    def sender_turns(self) -> None:
        """Called on each turn of the sender; ends the process where scoring hangs."""
        self._turned_s = now_s = self._clock.now_s()
        since_s = self._scoring_s
        if since_s is not None and now_s - since_s > self._hang_s:
            _end(f"scoring has not come back for {self._hang_s:g} s")

    def source_reads(self, name: str, since_s: float | None) -> None:
        """Called on each turn of the main thread; ends the process where a driver hangs.

        `since_s` is the monotonic start of the read that runs now, if any. A thread that hangs in
        a driver cannot be ended, nor its device opened again.
        """
        if since_s is None:
            return
        now_s = self._clock.now_s()
        if name not in self._reads or self._reads[name][0] != since_s:
            self._reads[name] = (since_s, now_s)
        if now_s - self._reads[name][1] > self._hang_s:
            _end(f"source {name}: a read has not come back for {self._hang_s:g} s")

    def main_turns(self, alive: bool) -> None:
        """Called on each turn of the main thread; `alive`: all windows are scored in time."""
        now_s = self._clock.now_s()
        late_s = now_s - self._turned_s
        if late_s > 2 * self._hang_s:  # sooner than systemd, which would log no reason
            _end(f"the sender has not turned for {late_s:.0f} s")
        if alive and late_s < self._hang_s and now_s - self._fed_s > FEED_S:
            notify("WATCHDOG=1")
            self._fed_s = now_s


def _end(why: str) -> None:
    """Ends at once: what hangs cannot be asked to stop, and what is on disk is safe."""
    log.critical("ends: %s", why)
    os._exit(HUNG)
