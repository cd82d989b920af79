"""Collects of a recording's windows what its page draws, in bounded memory."""

import numpy as np

from agent.core.types import Samples, Scored, Verdict
from agent.diagnosis import measurements
from agent.jobs.replay.report.overview import Overview

MOST_CHANNELS = 4  # of a page

State = tuple[str, str | None]  # decision, label


class SignalLog:
    """The signal of the windows in order, of the first `MOST_CHANNELS` channels."""

    def __init__(self) -> None:
        self.overviews: list[Overview] = []  # a channel each
        self.rpm: float | None = None  # of the shaft, in the last window that has one
        self._frames = 0  # that were taken
        self._latest = np.zeros((0, 0), np.float32)  # [channels, frames]
        self._state: State | None = None
        self._since = 0  # frames: where the state began
        self._pieces: dict[State, Samples] = {}  # the longest of each state, up to 5 s

    def see(self, scored: Scored, rate_hz: float) -> None:
        """`rate_hz`: of the windows, the same in each call."""
        window = scored.window
        if scored.event is not None:
            self._change(scored.event)
        if not window.samples.size:
            return
        self.rpm = window.rpm or self.rpm
        new = self._new(window.first, window.samples[:MOST_CHANNELS])
        if not self.overviews:
            self.overviews = [Overview(rate_hz) for _ in new]
            self._latest = new[:, :0]
        for overview, signal in zip(self.overviews, new, strict=True):
            overview.add(signal)
        reach = round(measurements.SECONDS * rate_hz)
        self._latest = np.concatenate([self._latest, new], axis=1)[:, -reach:]
        self._frames += new.shape[1]

    def piece(self, state: State) -> Samples | None:
        """Some seconds of that state [channels, frames]; None: it never held."""
        self._keep()
        return self._pieces.get(state)

    def _new(self, first: int, samples: Samples) -> Samples:
        """The frames that no window before this one had; what lies between windows is zero."""
        missing = first - self._frames
        if missing > 0:
            return np.pad(samples, ((0, 0), (missing, 0)))
        return samples[:, -missing:]

    def _change(self, state: Verdict) -> None:
        self._keep()
        self._state, self._since = (state.decision, state.label), self._frames

    def _keep(self) -> None:
        """Keeps the end of the state that holds, unless there is a longer piece of it."""
        held = min(self._frames - self._since, self._latest.shape[1])
        kept = self._pieces.get(self._state) if self._state is not None else None
        if self._state is not None and held > (0 if kept is None else kept.shape[1]):
            self._pieces[self._state] = self._latest[:, -held:].copy()
