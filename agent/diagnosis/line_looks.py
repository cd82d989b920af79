"""The last looks at the bearing's lines: each costs tens of milliseconds, so one a second. Pure."""

import collections
from collections.abc import Callable, Sequence

from agent.core.types import Physics
from agent.diagnosis import bearing_lines
from agent.diagnosis.bearing_lines import Line
from agent.diagnosis.periodicity import PERIODIC_DB

EVERY_S = 1.0  # of windows, between two looks
LOOKS = 3  # that are kept; older than two intervals, they are no looks in a row

Examine = Callable[[], Sequence[Physics] | None]


class LineLooks:
    """Of one source."""

    def __init__(self, hop_s: float) -> None:
        self._every = max(1, round(EVERY_S / hop_s))  # windows
        self._looks: collections.deque[Line | None] = collections.deque(maxlen=LOOKS)
        self._periodicity_db: collections.deque[float | None] = collections.deque(maxlen=LOOKS)
        self._ago = self._every

    def pass_window(self) -> None:
        self._ago += 1

    def forget(self) -> None:
        self._clear()
        self._ago = self._every

    def take(self, examine: Examine) -> tuple[Line | None, ...]:
        """The last looks, the newest last; a new one where it is time for it."""
        if self._ago >= 2 * self._every:
            self._clear()
        if self._ago >= self._every:
            physics = examine()
            self._looks.append(bearing_lines.strongest(physics))
            self._periodicity_db.append(_periodicity_db(physics))
            self._ago = 0
        return tuple(self._looks)

    @property
    def newest(self) -> Line | None:
        return self._looks[-1] if self._looks else None

    @property
    def aperiodic(self) -> bool:
        """Whether nothing repeats in any of these looks: no bearing fault would look so."""
        known = [db for db in self._periodicity_db if db is not None]
        recent = self._ago < 2 * self._every
        return recent and bool(known) and max(known) < PERIODIC_DB

    def _clear(self) -> None:
        self._looks.clear()
        self._periodicity_db.clear()


def _periodicity_db(physics: Sequence[Physics] | None) -> float | None:
    """Of the channel where it is highest; None where too little signal is there."""
    known = [each.periodicity_db for each in physics or () if each.periodicity_db is not None]
    return max(known, default=None)
