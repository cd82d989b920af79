"""From one thread to every browser that looks: bounded queues; who is slow misses frames."""

import queue
import threading

WAITING = 8  # frames for one browser: a second, about
VIEWERS = 8

Item = tuple[str, bytes]  # kind and JSON


class Viewer:
    """One browser's queue. `put` never waits."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._items: queue.Queue[Item] = queue.Queue(WAITING)
        self._missed = False

    def put(self, item: Item) -> None:
        try:
            self._items.put_nowait(item)
        except queue.Full:
            self._missed = True

    def next(self, timeout_s: float) -> Item | None:
        """The next item; None after that time, or where something was missed since the last one."""
        if self._missed and self._items.empty():
            self._missed = False
            return None
        try:
            return self._items.get(timeout=timeout_s)
        except queue.Empty:
            return None


class Broadcaster:
    """All browsers."""

    def __init__(self) -> None:
        self._viewers: list[Viewer] = []
        self._lock = threading.Lock()

    def join(self, source: str) -> Viewer | None:
        """A new browser's queue; None where too many look already."""
        with self._lock:
            if len(self._viewers) >= VIEWERS:
                return None
            viewer = Viewer(source)
            self._viewers = [*self._viewers, viewer]
            return viewer

    def leave(self, viewer: Viewer) -> None:
        with self._lock:
            self._viewers = [each for each in self._viewers if each is not viewer]

    def watched(self, source: str) -> bool:
        return any(each.source == source for each in self._viewers)

    def put(self, kind: str, data: bytes, source: str | None = None) -> None:
        """To all who look at that source; None: to all."""
        for viewer in self._viewers:
            if source in (None, viewer.source):
                viewer.put((kind, data))
