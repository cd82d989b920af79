"""Finds a bit of a converter that never changes between bits that do.

A broken line of a parallel converter or a shifted word of a serial one leaves such a bit. It halves
the values that there are, and a network hears the steps.
"""

import numpy as np

from agent.core.types import Format, Samples

ENOUGH = 20_000  # frames that are looked at
LEAST_VALUES = 64  # different ones: a square wave has few, and leaves bits alone as well
LARGEST = 2.0**31  # counts


class StuckBits:
    """Looks at the first frames of one source."""

    def __init__(self, format: Format) -> None:
        self.text: str | None = None  # what was found, in one line
        self._step = format.step
        self._frames = 0
        self._ones = self._zeros = np.int64(0)  # bits that were ever 1, ever 0
        self._values = 0  # the most different ones in a block

    def see(self, samples: Samples) -> None:
        """Samples [frames, channels] of a full scale of 1.0."""
        if self._step is None or self._frames >= ENOUGH or not len(samples):
            return
        counts = np.nan_to_num(samples.astype(np.float64) / self._step)
        whole = np.rint(np.clip(counts, -LARGEST, LARGEST)).astype(np.int64).ravel()
        self._ones |= np.bitwise_or.reduce(whole)
        self._zeros |= np.bitwise_or.reduce(~whole)
        self._values = max(self._values, len(np.unique(whole)))
        self._frames += len(samples)
        if self._frames >= ENOUGH and self._values >= LEAST_VALUES:
            self._judge()

    def _judge(self) -> None:
        changing = int(self._ones & self._zeros) & (2**32 - 1)
        lowest, highest = (changing & -changing).bit_length() - 1, changing.bit_length()
        stuck = [bit for bit in range(lowest, highest) if not changing >> bit & 1]
        if stuck:
            level = "1" if int(self._ones) >> stuck[0] & 1 else "0"
            self.text = (
                f"bit {stuck[0]} of the samples is always {level}, though bits below and above it "
                "change: check dtype, the shift of the words, and the converter's wiring"
            )
