"""The thread that reads all live sources that are sockets or pipes.

Frames wait in the socket until the next window is nearly complete. Then they are read as they come,
and conditioned at once when the window is complete. So a block of a few milliseconds costs next to
nothing unless a window needs it.
"""

import collections
import heapq
import itertools
import math
import select
import threading
import time
from collections.abc import Callable

import numpy as np

from agent.acquisition.reader import SourceReader
from agent.core.types import Block, Pollable, SourceError
from agent.mqtt.wakeup import Wakeup

EARLY_S = 0.006  # before a window is complete: a sender may hold blocks back until we have read
HOLD_S = 0.1  # the longest that frames are held which complete no window
PATIENCE_S = 0.1  # a source from which nothing comes is looked at so often
CROWDED_S = 0.005  # a source that waits for its windows to be scored is looked at so often
MOST = 16  # reads of one source, before another one's turn


class SharedSource:
    """An open source in the care of the shared reader; used by that thread alone."""

    def __init__(
        self,
        reader: SourceReader,
        source: Pollable,
        stopping: threading.Event,
        reopen: Callable[[], None],
    ) -> None:
        """`reopen` starts to open the source again, in another thread."""
        self.fileno = source.fileno()
        self.look_s = 0.0  # monotonic: not polled before
        self.give_up_s = 0.0  # monotonic: looked at then, even though nothing has come
        self._reader = reader
        self._source = source
        self._stopping = stopping
        self._reopen = reopen
        self._held: list[Block] = []  # read, and not yet conditioned
        self._held_until_s = 0.0  # monotonic: what is held waits no longer

    def turn(self, now_s: float) -> bool:
        """Reads what is there; False when the source has ended, or is opened again elsewhere."""
        try:
            if not self._stopping.is_set() and self._read(now_s):
                return True
        except SourceError as error:
            self._leave()
            self._reader.break_off(error)
            self._reopen()
            return False
        self._leave()
        self._reader.end()
        return False

    def _read(self, now_s: float) -> bool:
        if self._reader.crowded:
            self.look_s = self.give_up_s = now_s + CROWDED_S
            return True
        if not self._take() or (self._complete(now_s) and not self._write_held(now_s)):
            return False
        due_s = self._reader.due_s - EARLY_S
        self.look_s = min(due_s, now_s + self._source.gathers_s)
        self.give_up_s = now_s if self._source.more else max(now_s, self.look_s) + PATIENCE_S
        return True

    def _take(self) -> bool:
        """Holds what is there; False at the source's end, and where the ring is closed."""
        for _ in range(MOST):
            block = self._reader.take(self._source.take)
            if block is None:
                return False
            if block.lost and self._held and not self._write_held(time.monotonic()):
                return False
            if len(block.samples) or block.lost:
                self._held.append(block)
            if not self._source.more:
                break
        return True

    def _complete(self, now_s: float) -> bool:
        """Whether what is held completes a window, or has been held for long enough."""
        if self._source.more or now_s >= self._held_until_s:
            return True
        return sum(len(block.samples) for block in self._held) >= self._reader.frames_to_due

    def _write_held(self, now_s: float) -> bool:
        """Conditions what is held; False where the ring is closed."""
        held, self._held = self._held, []
        self._held_until_s = now_s + HOLD_S
        nothing = Block(np.zeros((0, self._source.format.channels), np.float32))
        return self._reader.write(_joined(held) if held else nothing)

    def _leave(self) -> None:
        self._source.close()
        if self._held:
            self._write_held(time.monotonic())


class SharedReader:
    """`run` is the thread; `add` and `finish` are for other threads."""

    def __init__(self) -> None:
        self._added: collections.deque[SharedSource] = collections.deque()
        self._asleep: list[tuple[float, int, SharedSource]] = []  # a heap by the time to look
        self._watched: list[SharedSource] = []
        self._order = itertools.count()  # between sources that are due at the same time
        self._finishing = False
        self._wakeup = Wakeup()

    def add(self, source: SharedSource) -> None:
        self._added.append(source)
        self._wakeup.wake()

    def finish(self) -> None:
        """Has `run` end when the last source has left."""
        self._finishing = True
        self._wakeup.wake()

    def run(self) -> None:
        while not self._finishing or self._added or self._asleep or self._watched:
            self._turn()

    def _turn(self) -> None:
        while self._added:
            self._watched.append(self._added.popleft())
        now_s = time.monotonic()
        while self._asleep and self._asleep[0][0] <= now_s:
            self._watched.append(heapq.heappop(self._asleep)[2])
        ready = self._poll(now_s)
        now_s = time.monotonic()
        watched, self._watched = self._watched, []
        for source in watched:
            waits = source.fileno not in ready and now_s < source.give_up_s
            if not waits and not source.turn(now_s):
                continue
            if source.look_s > now_s:
                heapq.heappush(self._asleep, (source.look_s, next(self._order), source))
            else:
                self._watched.append(source)

    def _poll(self, now_s: float) -> set[int]:
        """Waits for a watched source or for the next time to look; the descriptors to read."""
        poll = select.poll()
        poll.register(self._wakeup.fileno(), select.POLLIN)
        until_s = self._asleep[0][0] if self._asleep else math.inf
        for source in self._watched:
            poll.register(source.fileno, select.POLLIN)
            until_s = min(until_s, source.give_up_s)
        timeout_ms = None if until_s == math.inf else max(0.0, 1000 * (until_s - now_s))
        ready = {fileno for fileno, _ in poll.poll(timeout_ms)}
        if self._wakeup.fileno() in ready:
            self._wakeup.drain()
        return ready


def _joined(blocks: list[Block]) -> Block:
    """Blocks of which only the first may follow lost frames, as one."""
    if len(blocks) == 1:
        return blocks[0]
    return Block(np.concatenate([block.samples for block in blocks]), blocks[0].lost)
