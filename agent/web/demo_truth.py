"""Logs the noise and the machine's state frame by frame: the ground truth of each window."""

import collections
import math
import threading
from collections.abc import Sequence

import msgspec
import numpy as np

from agent.core.types import Samples

KEPT = 400  # stretches: at 50 ms each, more than any window


class Moments(msgspec.Struct, frozen=True):
    """Mean and mean square of some frames; those of several stretches can be combined."""

    mean: float = 0.0
    square: float = 0.0


class Stretch(msgspec.Struct, frozen=True):
    """Consecutive frames under one setting."""

    first: int
    frames: int
    signal: Moments
    noise: Moments
    version: int  # of the setting
    machine: str | None  # fault of the simulated machine; None: a real one


class Truth(msgspec.Struct, frozen=True):
    """The ground truth of a window."""

    snr_db: float | None  # of the noise that was mixed in; None: no noise
    version: int | None  # of the setting, None where it changed within the window
    machine: str | None  # as `version`


UNKNOWN = Truth(None, None, None)


class GroundTruthLog:
    """Written by the source thread, read by the thread of the page."""

    def __init__(self) -> None:
        self._stretches: collections.deque[Stretch] = collections.deque(maxlen=KEPT)
        self._lock = threading.Lock()

    def note(self, stretch: Stretch) -> None:
        with self._lock:
            self._stretches.append(stretch)

    @property
    def end(self) -> int:
        """The index after the newest frame, where a source that is opened again continues."""
        with self._lock:
            last = self._stretches[-1] if self._stretches else None
        return 0 if last is None else last.first + last.frames

    def of(self, first: int, frames: int) -> Truth:
        """The truth of the frames from `first` on."""
        with self._lock:
            kept = list(self._stretches)
        parts = [(stretch, _shared(stretch, first, frames)) for stretch in kept]
        inside = [(stretch, share) for stretch, share in parts if share > 0]
        if not inside:
            return UNKNOWN
        signal = _variance([(stretch.signal, share) for stretch, share in inside])
        noise = _variance([(stretch.noise, share) for stretch, share in inside])
        versions = {stretch.version for stretch, _ in inside}
        machines = {stretch.machine for stretch, _ in inside}
        return Truth(
            snr_db=10 * math.log10(signal / noise) if signal > 0 and noise > 0 else None,
            version=versions.pop() if len(versions) == 1 else None,
            machine=machines.pop() if len(machines) == 1 else None,
        )


def moments(samples: Samples) -> Moments:
    """The moments of [frames] or [frames, channels]."""
    exact = samples.astype(np.float64)
    return Moments(float(exact.mean()), float((exact**2).mean()))


def _variance(parts: Sequence[tuple[Moments, int]]) -> float:
    """The variance of several parts together, each with its number of frames."""
    frames = sum(share for _, share in parts)
    mean = sum(part.mean * share for part, share in parts) / frames
    return sum(part.square * share for part, share in parts) / frames - mean**2


def _shared(stretch: Stretch, first: int, frames: int) -> int:
    """The number of frames that a stretch and a window have in common."""
    end = min(stretch.first + stretch.frames, first + frames)
    return end - max(stretch.first, first)
