"""The healthy vibration of a window's own machine, as noise that hides a fault. Free of torch.

White noise is not what hides a fault in the field: the healthy machine is.
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from models.data.recordings import Array, Recording


class HealthyVibration:
    """Pieces of healthy recordings, by machine; of those the ones at the nearest speed.

    A simulated machine has a speed of its own, so the nearest is its own.
    """

    def __init__(self, recordings: Sequence[Recording], normal: Sequence[str]) -> None:
        self._healthy: dict[str, list[Recording]] = defaultdict(list)
        for recording in recordings:
            if recording.label in normal:
                self._healthy[recording.machine].append(recording)

        self._by_speed: dict[tuple[str, float], Sequence[Recording]] = {}

    def draw(self, drawn: Sequence[Recording], window: int, rng: np.random.Generator) -> Array:
        """[recordings, channels, window]; of a machine without a healthy recording its own signal.

        Its own signal as noise changes nothing but the level.
        """
        return np.stack([self._window(recording, window, rng) for recording in drawn])

    def _window(self, recording: Recording, window: int, rng: np.random.Generator) -> Array:
        nearest = self._nearest(recording)
        samples = nearest[int(rng.integers(len(nearest)))].samples
        start = rng.integers(samples.shape[-1] - window + 1)
        piece: Array = samples[:, start : start + window]
        return piece

    def _nearest(self, recording: Recording) -> Sequence[Recording]:
        key = recording.machine, recording.running[0]
        if key not in self._by_speed:
            healthy = self._healthy.get(recording.machine) or [recording]
            off = [abs(each.running[0] - recording.running[0]) for each in healthy]
            self._by_speed[key] = [
                each for each, rpm in zip(healthy, off, strict=True) if rpm <= min(off)
            ]
        return self._by_speed[key]
