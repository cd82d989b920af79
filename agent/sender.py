"""The sender thread: outbox to sink, in order, with a window of its own under way."""

import time
from collections.abc import Callable

from agent.core import Message, Sink
from agent.outbox import Outbox

MOST_UNDER_WAY = 20
COMMIT_S = 0.1  # how long messages gather for one commit
IDLE_S = 1.0


class Sender:
    """Delivers until it is told to finish. `run` is the thread; the rest is for other threads."""

    def __init__(
        self, outbox: Outbox, sink: Sink, health: Callable[[], Message], health_s: float
    ) -> None:
        self._outbox = outbox
        self._sink = sink
        self._health = health
        self._health_s = health_s
        self._health_due_s = time.monotonic() + health_s
        self._committed_s = 0.0
        self._session = 0
        self._cursor = 0  # the last seq that was sent in this session
        self._under_way: set[int] = set()
        self._stop_by_s: float | None = None  # monotonic; None: not told to finish

    def put(self, make: Callable[[str, int], Message]) -> None:
        """Queues a message; see `Outbox.put`."""
        first = not self._outbox.uncommitted
        self._outbox.put(make)
        if first:
            self._sink.wake()

    def finish(self, within_s: float) -> None:
        """Ends `run` when everything is delivered, or after `within_s`."""
        self._stop_by_s = time.monotonic() + within_s
        self._sink.wake()

    def run(self) -> None:
        while not self._finished():
            self._commit()
            self._pump()
            self._beat()
            acknowledged = self._sink.poll(self._patience_s())
            self._under_way.difference_update(acknowledged)
            self._outbox.settle(acknowledged)
        self._outbox.close()
        self._sink.close()

    def _finished(self) -> bool:
        if self._stop_by_s is None:
            return False
        return self._outbox.depth == 0 or time.monotonic() >= self._stop_by_s

    def _commit(self) -> None:
        if self._outbox.uncommitted and self._patience_s() <= 0:
            self._outbox.commit()
            self._committed_s = time.monotonic()

    def _pump(self) -> None:
        if self._sink.session != self._session:
            self._begin_session()
        room = min(MOST_UNDER_WAY, self._sink.window) - len(self._under_way)
        if room <= 0:
            return
        for message in self._outbox.after(self._cursor, room):
            self._sink.send(message)
            self._under_way.add(message.seq)
            self._cursor = message.seq

    def _begin_session(self) -> None:
        """What was under way may be lost: all that is not acknowledged is sent again."""
        self._outbox.commit()  # notes the acknowledgements, so that those are not sent again
        self._session = self._sink.session
        self._cursor = 0
        self._under_way.clear()

    def _beat(self) -> None:
        """Health, while there is somebody to tell."""
        now_s = time.monotonic()
        if self._sink.window and now_s >= self._health_due_s:
            self._sink.send(self._health())
            self._health_due_s = now_s + self._health_s

    def _patience_s(self) -> float:
        """How long the sink may be polled before there is something to do."""
        now_s = time.monotonic()
        if self._outbox.uncommitted:
            return max(0.0, self._committed_s + COMMIT_S - now_s)
        return min(IDLE_S, max(0.0, self._health_due_s - now_s) or IDLE_S)
