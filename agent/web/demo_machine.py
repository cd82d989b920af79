"""A simulated machine whose fault can be switched while it runs."""

from collections.abc import Callable

import numpy as np

from agent.core.types import Block, Format
from agent.sources.machine_simulator import Fault, Machine, Spec
from agent.sources.noise import scale_for
from agent.sources.pacing import Pacing

STEP_S = 0.05
FLOOR_DB = 30.0  # of the sensor's own noise below the signal


class SimulatedSource:
    """A source; calls `state` before every step for the fault of the machine."""

    def __init__(self, rate_hz: float, state: Callable[[], Fault], seed: int = 0) -> None:
        self.format = Format(rate_hz, 1)
        self._state = state
        self._frames = round(STEP_S * rate_hz)
        self._pacing = Pacing(rate_hz)
        self._rng = np.random.default_rng(seed)
        self._machine = Machine(Spec(rate_hz=rate_hz), self._rng)
        self._floor = scale_for(self._machine.power("normal", 0.0), FLOOR_DB)

    def read(self) -> Block:
        if not self._pacing.ready(self._frames):
            return Block(np.zeros((0, 1), np.float32))
        signal = self._machine.render(self._frames, self._state(), 1.0)
        signal = signal + self._floor * self._rng.standard_normal(self._frames)
        return Block(signal.astype(np.float32)[:, None])

    def close(self) -> None:
        """There is nothing to close."""
