"""Keeps a source that could be faster at the rate of a sensor."""

import time

MAX_WAIT_S = 0.2  # a longer wait is cut short, so that the source can be stopped


class Pacing:
    """Counts frames against the monotonic clock."""

    def __init__(self, rate_hz: float) -> None:
        self._rate_hz = rate_hz
        self._delivered = 0
        self._began_s: float | None = None

    def ready(self, frames: int) -> bool:
        """Waits until a sensor would have sampled the next `frames`; False if that takes longer.

        After True they count as delivered.
        """
        now_s = time.monotonic()
        if self._began_s is None:
            self._began_s = now_s
        wait_s = self._began_s + (self._delivered + frames) / self._rate_hz - now_s
        if wait_s > MAX_WAIT_S:
            time.sleep(MAX_WAIT_S)
            return False
        if wait_s > 0:
            time.sleep(wait_s)
        self._delivered += frames
        return True
