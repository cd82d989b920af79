"""The daemon's threads. The failure of one ends the process in good order, with its reason."""

import functools
import logging
import threading
import time
from collections.abc import Callable

from agent.acquisition.shared_reader import SharedReader, SharedSource
from agent.core.errors import FAILED, UserError
from agent.core.types import DamagedError, Pollable, SourceError
from agent.pipeline.source_pipeline import SourcePipeline

log = logging.getLogger("drsn")


class WorkerThreads:
    """Starts threads and keeps the first failure among them, for the main thread to read."""

    def __init__(self, wake: Callable[[], None]) -> None:
        """`wake` is called when a thread has failed."""
        self.failure: str | None = None
        self.exit_code = 0  # of the process, by that failure
        self.damage: str | None = None  # of a recording; the other sources go on
        self.output_closed = False  # whether the reader of standard output has gone
        self._wake = wake
        self._readers: list[threading.Thread] = []  # of sources
        self._shared_reader: SharedReader | None = None  # None: no source needs it yet
        self._lock = threading.Lock()  # of the two: a source's thread may begin another

    def start(self, name: str, work: Callable[[], None]) -> threading.Thread:
        guarded = functools.partial(self.guard, name, work)
        thread = threading.Thread(target=guarded, name=name, daemon=True)
        thread.start()
        return thread

    def start_reader(self, pipeline: SourcePipeline) -> None:
        """Starts the thread that opens a device, and reads it where `SharedReader` does not.

        `pipeline` is that of its only point, or of any of them.
        """
        read = functools.partial(self._read, pipeline)
        with self._lock:
            alive = [thread for thread in self._readers if thread.is_alive()]
            self._readers = [*alive, self.start(f"source {pipeline.settings.reads}", read)]

    def _read(self, pipeline: SourcePipeline) -> None:
        share = functools.partial(self._share, pipeline)
        try:
            pipeline.reader.run(pipeline.stopping, share)
        except DamagedError as error:
            self.damage = f"source {pipeline.settings.reads}: {error}"
            self._wake()

    def join_readers(self, within_s: float) -> None:
        """Waits for the threads of all sources, up to that time in total."""
        deadline_s = time.monotonic() + within_s
        if self._shared_reader is not None:
            self._shared_reader.finish()
        for thread in self._readers:
            thread.join(max(deadline_s - time.monotonic(), 0.0))

    def _share(self, pipeline: SourcePipeline, source: Pollable) -> None:
        """Puts an open source into the care of the shared reader; in the source's thread."""
        reopen = functools.partial(self.start_reader, pipeline)
        shared_source = SharedSource(pipeline.reader, source, pipeline.stopping, reopen)
        with self._lock:
            if self._shared_reader is None:
                self._shared_reader = SharedReader()
                self._readers.append(self.start("shared reader", self._shared_reader.run))
        self._shared_reader.add(shared_source)

    def guard(self, name: str, work: Callable[[], None]) -> None:
        """Does the work in this thread and records its failure."""
        try:
            work()
        except BaseException as error:
            if name == "sender" and isinstance(error, BrokenPipeError) and not self.failure:
                self.output_closed = True
            if not isinstance(error, SourceError | UserError | BrokenPipeError):
                log.exception("%s failed", name)
            if self.failure is None:
                self.exit_code = getattr(error, "exit_code", FAILED)
                self.failure = f"{name}: {str(error) or type(error).__name__}"
            self._wake()
