"""The sender thread leaves a record about once a second, and the last one is served: scraping can
neither wait for the agent nor make it wait."""

import time
from collections.abc import Callable

from agent.messages.records import Health

FRESH_S = 10.0  # a record that is older means that the sender does not turn
EVERY_S = 1.0


class Snapshot:
    """The last record, put up by one thread and read by others."""

    def __init__(self, look: Callable[[], Health]) -> None:
        self._look = look
        self._shown: tuple[float, Health] | None = None

    def turn(self) -> None:
        """On each turn of the thread that may look."""
        now_s = time.monotonic()
        if self._shown is None or now_s - self._shown[0] >= EVERY_S:
            self._shown = (now_s, self._look())

    def shown(self) -> Health | None:
        """None where there is none, or none that is fresh."""
        if self._shown is None or time.monotonic() - self._shown[0] > FRESH_S:
            return None
        return self._shown[1]
