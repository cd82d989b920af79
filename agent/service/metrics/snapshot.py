"""Holds the last health record, so that scraping neither waits for the agent nor delays it.

The sender thread makes a new record about once a second.
"""

import time
from collections.abc import Callable

from agent.messages.records import Health

FRESH_S = 10.0  # an older record means that the sender thread hangs
EVERY_S = 1.0


class Snapshot:
    """Written by the sender thread, read by the server's threads."""

    def __init__(self, make: Callable[[], Health]) -> None:
        self._make = make
        self._shown: tuple[float, Health] | None = None

    def turn(self) -> None:
        """Called on each turn of the sender thread."""
        now_s = time.monotonic()
        if self._shown is None or now_s - self._shown[0] >= EVERY_S:
            self._shown = (now_s, self._make())

    def shown(self) -> Health | None:
        """The last record; None where there is none, or none that is recent."""
        if self._shown is None or time.monotonic() - self._shown[0] > FRESH_S:
            return None
        return self._shown[1]
