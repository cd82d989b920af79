"""Holds the last records, so that scraping neither waits for the agent nor delays it.

The sender thread makes them anew about once a second.
"""

import time
from collections.abc import Callable

from agent.messages.measurement import Measurement
from agent.messages.records import Health

FRESH_S = 10.0  # older records mean that the sender thread hangs
EVERY_S = 1.0
Measurements = dict[str, Measurement]  # the newest of each source


class Snapshot:
    """Written by the sender thread, read by the server's threads."""

    def __init__(
        self, make: Callable[[], Health], measure: Callable[[], Measurements] = dict
    ) -> None:
        self._make = make
        self._measure = measure
        self._shown: tuple[float, Health, Measurements] | None = None

    def turn(self) -> None:
        """Called on each turn of the sender thread."""
        now_s = time.monotonic()
        if self._shown is None or now_s - self._shown[0] >= EVERY_S:
            self._shown = (now_s, self._make(), self._measure())

    def shown(self) -> Health | None:
        """The last record; None where there is none, or none that is recent."""
        if self._shown is None or time.monotonic() - self._shown[0] > FRESH_S:
            return None
        return self._shown[1]

    def measurements(self) -> Measurements:
        """Of the sources that deliver as they should: a level of before is no level of now."""
        if self._shown is None:
            return {}
        _, health, measured = self._shown
        sources = health.sources
        return {
            name: record
            for name, record in measured.items()
            if name in sources and sources[name].state == "ok"
        }
