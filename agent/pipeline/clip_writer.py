"""Writes clips in its own thread, so that neither scoring nor sending waits for the disk."""

import logging
import queue
from collections.abc import Callable

from agent.pipeline import clip as clips
from agent.pipeline.clip import Clip
from agent.pipeline.clip_store import ClipStore

MOST_WAITING = 4
FINISH_S = 1.0

log = logging.getLogger("drsn.evidence")
Done = Callable[[str | None], None]  # gets the reason why the clip was not kept; None: it was kept


class ClipWriter:
    """`run` is the thread; the rest is for others."""

    def __init__(self, store: ClipStore) -> None:
        self._store = store
        self._waiting: queue.Queue[tuple[Clip, Done] | None] = queue.Queue(MOST_WAITING)

    def keep(self, clip: Clip, done: Done = lambda why: None) -> None:
        """Queues the clip; calls `done` at once if the queue is full."""
        try:
            self._waiting.put_nowait((clip, done))
        except queue.Full:
            _tell(clip, done, "too much is being written already")

    def finish(self) -> None:
        """Ends `run` after the queued clips; `queue.Full` if the disk does not respond."""
        self._waiting.put(None, timeout=FINISH_S)

    def run(self) -> None:
        while (job := self._waiting.get()) is not None:
            clip, done = job
            _tell(clip, done, self._write(clip))

    def _write(self, clip: Clip) -> str | None:
        try:
            data = clips.encode(clip)
        except (RuntimeError, ValueError) as error:  # a rate, say, that FLAC does not have
            return f"not a signal for FLAC: {error}"
        return self._store.put(clip.name, data)


def _tell(clip: Clip, done: Done, why: str | None) -> None:
    if why is None:
        log.info("%s kept: %.1f s", clip.name, len(clip.samples) / clip.rate_hz)
    else:
        log.warning("%s not kept: %s", clip.name, why)
    done(why)
