"""The shaft's speed from a channel that pulses with every turn, block by block."""

import numpy as np
import numpy.typing as npt

from agent.core.types import Samples

HYSTERESIS = 0.2  # of the level: noise around it is not a second pulse
SLOWEST_HZ = 0.5  # turns: without a pulse for longer, the shaft's speed is unknown

Speeds = npt.NDArray[np.float32]


class Tachometer:
    """Speeds in rpm [frames] for frames in order; 0 before the second pulse and at a standstill.

    The result never depends on how the frames are cut into blocks.
    """

    def __init__(self, rate_hz: float, pulses_per_turn: int, level: float) -> None:
        self._level = level
        self._turn_rpm = 60 * rate_hz / pulses_per_turn  # over the frames between two pulses
        self._longest = rate_hz / SLOWEST_HZ / pulses_per_turn
        self._high = True  # a level that is high at first is no edge
        self._since = np.inf  # frames since the last pulse
        self._rpm = 0.0

    def push(self, pulses: Samples) -> Speeds:
        """The raw channel [frames] -> the speed at each frame."""
        edges = self._edges(pulses)
        speeds = np.empty(len(pulses), np.float32)
        at = 0
        for edge in (*edges, len(pulses)):
            self._hold(speeds[at:edge])
            if edge < len(pulses):
                recent = self._since <= self._longest
                self._rpm = self._turn_rpm / self._since if recent else 0.0
                self._since = 0.0
            at = edge
        return speeds

    def lose(self) -> None:
        """Forgets the speed: pulses may be among the lost frames."""
        self._since, self._rpm, self._high = np.inf, 0.0, True

    def _hold(self, speeds: Speeds) -> None:
        """Repeats the last speed, until a pulse is overdue."""
        frames = len(speeds)
        awaited = min(frames, max(0.0, self._longest - self._since))
        speeds[: int(awaited)] = self._rpm
        speeds[int(awaited) :] = 0.0
        self._since += frames

    def _edges(self, pulses: Samples) -> npt.NDArray[np.intp]:
        """Frames at which it rises above the level, having been clearly below."""
        state = np.zeros(len(pulses), np.int8)  # 1 clearly above, -1 clearly below
        state[pulses >= self._level] = 1
        state[pulses < self._level - HYSTERESIS * abs(self._level)] = -1
        clear = np.flatnonzero(state)
        states = state[clear]
        before = np.concatenate([[1 if self._high else -1], states[:-1]])
        if len(states):
            self._high = bool(states[-1] == 1)
        rises: npt.NDArray[np.intp] = clear[(states == 1) & (before == -1)]
        return rises
