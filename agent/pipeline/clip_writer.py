"""Writes clips in a separate thread, so that neither scoring nor sending waits for the disk."""

import logging
import queue
from collections.abc import Callable

from agent.pipeline import clip as clips
from agent.pipeline import clip_picture
from agent.pipeline.clip import Clip
from agent.pipeline.clip_store import ClipStore

MAX_WAITING = 4
FINISH_S = 1.0

log = logging.getLogger("drsn.evidence")
# Called with the reason why a clip is not kept; None: it was written.
Done = Callable[[str | None], None]


class ClipWriter:
    """`run` is the thread; the rest is for other threads."""

    def __init__(self, store: ClipStore, *, audio: bool = True) -> None:
        """`audio` False: a picture of each clip is kept in the place of its sound."""
        self.audio = audio
        self.suffix = ".flac" if audio else ".json"
        self._store = store
        self._waiting: queue.Queue[tuple[Clip, Done] | None] = queue.Queue(MAX_WAITING)

    def keep(self, clip: Clip, done: Done = lambda why: None) -> None:
        """Queues the clip; `done` is called once it is written, or at once if the queue is full."""
        try:
            self._waiting.put_nowait((clip, done))
        except queue.Full:
            _report(clip, done, "too much is being written already")

    def finish(self) -> None:
        """Ends `run` after the clips in the queue; `queue.Full` where the disk hangs."""
        self._waiting.put(None, timeout=FINISH_S)

    def run(self) -> None:
        while (job := self._waiting.get()) is not None:
            clip, done = job
            _report(clip, done, self._write(clip))

    def _write(self, clip: Clip) -> str | None:
        try:
            data = clips.encode(clip) if self.audio else clip_picture.encode(clip)
        except (RuntimeError, ValueError) as error:  # e.g. a rate that FLAC does not have
            return f"not a signal for FLAC: {error}"
        return self._store.put(clip.name, data)


def _report(clip: Clip, done: Done, why: str | None) -> None:
    if why is None:
        log.info("%s kept: %.1f s", clip.name, len(clip.samples) / clip.rate_hz)
    else:
        log.warning("%s not kept: %s", clip.name, why)
    done(why)
