"""How long to wait before trying again: full jitter, so that a fleet does not come back at once.

Each wait is drawn evenly from 0 to a bound that doubles from try to try (Brooker, "Exponential
Backoff and Jitter", AWS Architecture Blog, 2015).
"""

import random


class Backoff:
    """Waits in seconds, from `first_s` on, never above `longest_s`."""

    def __init__(self, first_s: float, longest_s: float) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._tries = 0

    def next_s(self) -> float:
        bound_s = min(self._longest_s, self._first_s * 2.0 ** min(self._tries, 60))
        self._tries += 1
        return random.uniform(0, bound_s)

    def reset(self) -> None:
        """It worked: the next wait is short again."""
        self._tries = 0
