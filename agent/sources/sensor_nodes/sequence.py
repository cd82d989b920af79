"""Puts what a node sent back in its order: late, doubled and lost pieces, by index.

A piece that comes early waits a moment for those before it. A jump that no time explains is a
node that has started again: how much is missing then, only the clock can tell (`intake/cadence`).
"""

import collections

from agent.core.types import Block, Samples
from agent.sources.sensor_nodes.frames import WRAP

LATE_S = 2.0  # a piece from further back is not late: the node counts anew
AHEAD_S = 2.0  # nor is one from further ahead than this beyond the time that has passed


class Sequence:
    """One node's pieces. `hold_s` is how long, `most` how many may wait for an earlier one."""

    def __init__(self, rate_hz: float, hold_s: float = 0.0, most: int = 0) -> None:
        self.lost = 0  # frames
        self.late = 0  # pieces that came twice, or too late
        self.restarts = 0
        self._rate_hz = rate_hz
        self._hold_s, self._most = hold_s, most
        self._next: int | None = None  # index of the frame that follows
        self._unknown = 0  # 1: something is missing before the next piece, nobody knows how much
        self._waiting: dict[int, tuple[float, Samples]] = {}
        self._ready: collections.deque[Block] = collections.deque()
        self._came_s = 0.0

    def put(self, first: int, samples: Samples, now_s: float) -> None:
        """A piece [frames, channels] whose first frame has that index, modulo 2^32."""
        at = first if self._next is None else self._unwrap(first, self._next)
        if self._next is None:
            self._next = at
        elif not self._plausible(at, len(samples), now_s):
            self._restart(first)
            at = first
        self._came_s = now_s
        assert self._next is not None
        if at + len(samples) <= self._next or at in self._waiting:
            self.late += 1
            return
        self._waiting[at] = (now_s, samples)

    def take(self, now_s: float) -> Block | None:
        """The next frames in order; None: not yet."""
        while self._waiting and self._due(now_s):
            self._release()
        return self._ready.popleft() if self._ready else None

    def _unwrap(self, first: int, expected: int) -> int:
        """The index nearest to the expected one that is `first` modulo 2^32."""
        ahead = (first - expected) % WRAP
        return expected + (ahead if ahead < WRAP // 2 else ahead - WRAP)

    def _plausible(self, at: int, frames: int, now_s: float) -> bool:
        assert self._next is not None
        passed_s = now_s - self._came_s + AHEAD_S
        behind = self._next - at - frames
        return at - self._next <= passed_s * self._rate_hz and behind <= LATE_S * self._rate_hz

    def _restart(self, first: int) -> None:
        while self._waiting:
            self._release()
        self.restarts += 1
        self._next, self._unknown = first, 1

    def _due(self, now_s: float) -> bool:
        first = min(self._waiting)
        assert self._next is not None
        overdue = now_s - min(came_s for came_s, _ in self._waiting.values()) >= self._hold_s
        return first <= self._next or overdue or len(self._waiting) > self._most

    def _release(self) -> None:
        """The earliest piece that waits, with what is missing before it."""
        first = min(self._waiting)
        _, samples = self._waiting.pop(first)
        assert self._next is not None
        fresh = samples[max(0, self._next - first) :]
        if not len(fresh):
            self.late += 1
            return
        lost = max(0, first - self._next) + self._unknown
        self.lost += lost
        self._unknown = 0
        self._next = first + len(samples)
        self._ready.append(Block(fresh, lost))
