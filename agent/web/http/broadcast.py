"""Sends items from one thread to all browsers by bounded queues; a slow browser misses frames."""

import queue
import threading

QUEUED = 8  # frames for one browser: about a second
VIEWERS = 8

Item = tuple[str, bytes]  # kind and JSON


class Viewer:
    """One browser's queue. `put` never waits."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._items: queue.Queue[Item] = queue.Queue(QUEUED)
        self._missed = False

    def put(self, item: Item) -> None:
        try:
            self._items.put_nowait(item)
        except queue.Full:
            self._missed = True

    def next(self, timeout_s: float) -> Item | None:
        """The next item; None after that time, or when items were missed since the last one."""
        if self._missed and self._items.empty():
            self._missed = False
            return None
        try:
            return self._items.get(timeout=timeout_s)
        except queue.Empty:
            return None


class Broadcaster:
    """The queues of all browsers."""

    def __init__(self) -> None:
        self._viewers: list[Viewer] = []
        self._lock = threading.Lock()

    def join(self, source: str) -> Viewer | None:
        """A queue for a new browser; None where there are too many."""
        with self._lock:
            if len(self._viewers) >= VIEWERS:
                return None
            viewer = Viewer(source)
            self._viewers = [*self._viewers, viewer]
            return viewer

    def leave(self, viewer: Viewer) -> None:
        with self._lock:
            self._viewers = [other for other in self._viewers if other is not viewer]

    def watched(self, source: str) -> bool:
        return any(viewer.source == source for viewer in self._viewers)

    def put(self, kind: str, data: bytes, source: str | None = None) -> None:
        """Queues an item for all viewers of that source; None: for all."""
        for viewer in self._viewers:
            if source in (None, viewer.source):
                viewer.put((kind, data))
