"""Whether a shaft stands, by a tachometer that is not trusted alone.

A tachometer whose cable is off shows no pulse either. So the shaft stands only where it was seen
turning before, and the signal has become clearly weaker since.
"""

import numpy as np

from agent.core.types import Samples, Window

WEAKER = 0.5  # of the RMS while it turned: above it the machine is still at work
NEWEST = 0.05  # weight of the newest window in that RMS


class Standstill:
    """One source's; takes its windows in order."""

    def __init__(self) -> None:
        self._turning_rms: float | None = None

    def of(self, window: Window) -> str | None:
        """Why the shaft stands during that window; None: it turns, or that is not sure."""
        rms = _rms(window.samples)
        if window.rpm:
            before = rms if self._turning_rms is None else self._turning_rms
            self._turning_rms = before + NEWEST * (rms - before)
            return None
        if self._turning_rms is None or rms > WEAKER * self._turning_rms:
            return None
        return "the tachometer shows no turn, and the signal is weak"


def _rms(samples: Samples) -> float:
    """Of all channels [channels, frames] together, without their means."""
    return float(np.sqrt(samples.var(axis=1, dtype=np.float64).mean()))
