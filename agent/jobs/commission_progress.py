"""Tells how far commissioning is, what it has seen, and early what speaks against it."""

import time
from collections.abc import Callable

from agent.pipeline.commissioning.healthy_windows import HealthyWindows

FIRST_S, LONGEST_S = 5.0, 60.0  # until the first line; each pause is twice the one before


class Progress:
    """The lines about one source or recording."""

    def __init__(
        self,
        say: Callable[[str], None],
        healthy: HealthyWindows,
        hop_s: float,
        limit: int | None,
    ) -> None:
        """`limit`: how many sound windows are wanted; None: all of a recording."""
        self._say = say
        self._healthy = healthy
        self._hop_s = hop_s
        self._limit = limit
        self._before = healthy.signal.windows
        self._began_s = time.monotonic()
        self._pause_s = FIRST_S
        self._next_s = self._began_s + FIRST_S
        self._warned: set[str] = set()

    def turn(self, status: str) -> None:
        """Says what is due; `status` is the source's."""
        now_s = time.monotonic()
        self._warn()
        if now_s >= self._next_s:
            self._pause_s = min(2 * self._pause_s, LONGEST_S)
            self._next_s = now_s + self._pause_s
            self._say(f"{self._time(now_s)}{self._healthy.describe()}; source {status}")

    def _time(self, now_s: float) -> str:
        """What there is of what is wanted, and the time that is left at the pace until now."""
        if self._limit is None:
            return ""
        windows = self._healthy.signal.windows
        part = f"{_text(windows * self._hop_s)} of {_text(self._limit * self._hop_s)}"
        came = windows - self._before
        if not came:
            return f"{part}, nothing comes yet; "
        left_s = (self._limit - windows) * (now_s - self._began_s) / came
        return f"{part}, about {_text(left_s)} left; "

    def _warn(self) -> None:
        """Warns once of each reason while there is time to do something about it."""
        healthy = self._healthy
        if "faulty" in healthy.suspicions:
            share = f"{healthy.faulty_share:.0%}"
            self._once(
                f"the network calls {share} of the windows until now faulty: is the machine "
                "healthy? Ctrl-C ends without a baseline",
                "faulty",
            )
        if "flagged" in healthy.suspicions:
            flags = " and ".join(name for name, _ in healthy.flags.most_common(2))
            self._once(
                f"{healthy.flagged_share:.0%} of the windows until now are {flags}, and left out: "
                "see to the sensor first",
                "flagged",
            )

    def _once(self, text: str, reason: str) -> None:
        if reason not in self._warned:
            self._warned.add(reason)
            self._say(f"warning: {text}")


def _text(seconds: float) -> str:
    """A duration for a person."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.1f} min"
