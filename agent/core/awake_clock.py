"""A clock of the time in which this process ran."""

import threading
import time


class AwakeClock:
    """Seconds in which this process ran; may be read by several threads.

    A process that was stopped and a machine that slept are not something that hangs: the time
    between two readings counts up to `longest_s` only. Whoever waits must read it more often.
    """

    def __init__(self, longest_s: float) -> None:
        self._longest_s = longest_s
        self._awake_s = 0.0
        self._read_s = time.monotonic()
        self._lock = threading.Lock()

    def now_s(self) -> float:
        with self._lock:
            now_s = time.monotonic()
            self._awake_s += min(max(now_s - self._read_s, 0.0), self._longest_s)
            self._read_s = now_s
            return self._awake_s
