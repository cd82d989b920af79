"""Delivers frames at the rate of a sensor, for sources that could be faster."""

import time

MOST_S = 0.2  # a wait for longer than this returns empty-handed, so that a stop is heard


class Pacing:
    """Counts frames against the monotonic clock."""

    def __init__(self, rate_hz: float) -> None:
        self._rate_hz = rate_hz
        self._given = 0
        self._began_s: float | None = None

    def ready(self, frames: int) -> bool:
        """Waits until the next `frames` have had the time to be sampled; False if that takes long.

        When it says True, they count as given.
        """
        now_s = time.monotonic()
        if self._began_s is None:
            self._began_s = now_s
        wait_s = self._began_s + (self._given + frames) / self._rate_hz - now_s
        if wait_s > MOST_S:
            time.sleep(MOST_S)
            return False
        if wait_s > 0:
            time.sleep(wait_s)
        self._given += frames
        return True
