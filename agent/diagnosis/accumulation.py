"""What a network says over some seconds, beside what it says of one window. Pure."""

import collections

import numpy as np
import numpy.typing as npt

SECONDS = 3.0
LEAST = 1e-6  # probability: one window that rules a label out does not rule it out for all

Probabilities = npt.NDArray[np.float64]


class Accumulation:
    """The mean of log probabilities over the last `SECONDS`, normalized.

    Windows overlap, so they are no independent votes: their logarithms are averaged and not added,
    which never makes a network surer than its windows are.
    """

    def __init__(self, hop_s: float) -> None:
        self._hop_s = hop_s
        self._logs: collections.deque[Probabilities] = collections.deque(
            maxlen=max(1, round(SECONDS / hop_s))
        )

    def add(self, probabilities: Probabilities) -> None:
        """[labels] of the next window."""
        self._logs.append(np.log(np.maximum(probabilities, LEAST)))

    def forget(self) -> None:
        self._logs.clear()

    @property
    def whole(self) -> bool:
        """All the seconds are there."""
        return len(self._logs) == self._logs.maxlen

    @property
    def seconds(self) -> float:
        return round(len(self._logs) * self._hop_s, 3)

    def probabilities(self) -> Probabilities | None:
        """[labels] over the seconds that are there; None before the first window."""
        if not self._logs:
            return None
        mean = np.mean(self._logs, axis=0)
        shares = np.exp(mean - mean.max())
        normalized: Probabilities = shares / shares.sum()
        return normalized
