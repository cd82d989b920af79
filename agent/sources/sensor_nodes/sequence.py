"""Puts the pieces of a node in order by their index: late, duplicate and lost ones.

A piece that arrives early waits a moment for those before it. A jump of the index that the time
between does not explain means that the node has restarted: then only the clock can tell how much is
missing (`agent.acquisition.sample_clock`).
"""

import collections

from agent.core.types import Block, Samples
from agent.sources.sensor_nodes.frames import WRAP

LATE_S = 2.0  # a piece from further back is not late: the node has restarted
AHEAD_S = 2.0  # a piece from further ahead, beyond the time passed: restarted, too


class Sequence:
    """The pieces of one node; up to `max_held` wait up to `hold_s` for an earlier one."""

    def __init__(self, rate_hz: float, hold_s: float = 0.0, max_held: int = 0) -> None:
        self.lost = 0  # frames
        self.late = 0  # pieces that came twice or too late
        self.restarts = 0
        self._rate_hz = rate_hz
        self._hold_s, self._max_held = hold_s, max_held
        self._started = False
        self._next = 0  # index of the frame that follows
        self._unknown = 0  # 1: an unknown number is missing before the next piece
        self._waiting: dict[int, tuple[float, Samples]] = {}
        self._ready: collections.deque[Block] = collections.deque()
        self._arrived_s = 0.0

    def put(self, first: int, samples: Samples, now_s: float) -> None:
        """A piece [frames, channels] whose first frame has that index, modulo 2^32."""
        at = self._unwrap(first) if self._started else first
        if not self._started:
            self._started, self._next = True, at
        elif not self._plausible(at, len(samples), now_s):
            self._restart(first)
            at = first
        self._arrived_s = now_s
        if at + len(samples) <= self._next or at in self._waiting:
            self.late += 1
            return
        self._waiting[at] = (now_s, samples)

    def take(self, now_s: float) -> Block | None:
        """The next frames in order; None: none are ready."""
        while self._waiting and self._is_ready(now_s):
            self._release()
        return self._ready.popleft() if self._ready else None

    def _unwrap(self, first: int) -> int:
        """The index nearest to the next one that is `first` modulo 2^32."""
        ahead = (first - self._next) % WRAP
        return self._next + (ahead if ahead < WRAP // 2 else ahead - WRAP)

    def _plausible(self, at: int, frames: int, now_s: float) -> bool:
        passed_s = now_s - self._arrived_s + AHEAD_S
        behind = self._next - at - frames
        return at - self._next <= passed_s * self._rate_hz and behind <= LATE_S * self._rate_hz

    def _restart(self, first: int) -> None:
        while self._waiting:
            self._release()
        self.restarts += 1
        self._next, self._unknown = first, 1

    def _is_ready(self, now_s: float) -> bool:
        first = min(self._waiting)
        overdue = now_s - min(arrived_s for arrived_s, _ in self._waiting.values()) >= self._hold_s
        return first <= self._next or overdue or len(self._waiting) > self._max_held

    def _release(self) -> None:
        """Releases the earliest waiting piece, with the number of frames missing before it."""
        first = min(self._waiting)
        _, samples = self._waiting.pop(first)
        fresh = samples[max(0, self._next - first) :]
        if not len(fresh):
            self.late += 1
            return
        lost = max(0, first - self._next) + self._unknown
        self.lost += lost
        self._unknown = 0
        self._next = first + len(samples)
        self._ready.append(Block(fresh, lost))
