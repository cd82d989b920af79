"""Evidence, put together from the configuration: what faults need, and what commands may use."""

import contextlib
import queue
from pathlib import Path

from agent.config.evidence import Evidence
from agent.config.load import Config
from agent.core.types import Scored
from agent.pipeline.clip_store import ClipStore
from agent.pipeline.clip_writer import ClipWriter
from agent.pipeline.fault_clips import FOLDER, FaultClips
from agent.pipeline.source_pipeline import SourcePipeline


class ClipKeeper:
    """For the main thread; `recorder` has a thread of its own, None where nothing is kept."""

    def __init__(self, chosen: Config) -> None:
        self.clip_writer: ClipWriter | None = None
        self._faults: FaultClips | None = None
        if chosen.evidence is None and "capture" not in chosen.commands.allow:
            return
        keys = chosen.evidence or Evidence()
        folder = Path(chosen.agent.state_dir) / FOLDER
        limits = (round(each * 2**20) for each in (keys.max_mib, keys.min_free_mib))
        self.clip_writer = ClipWriter(ClipStore(folder, *limits))
        if chosen.evidence is not None:
            self._faults = FaultClips(keys, self.clip_writer)

    def note(self, scored: Scored, pipeline: SourcePipeline) -> str | None:
        """The file that will hold the signal around this window, if any."""
        return None if self._faults is None else self._faults.note(scored, pipeline)

    def collect(self) -> None:
        """On each turn of the main thread."""
        if self._faults is not None:
            self._faults.collect()

    def finish(self) -> None:
        """What is there of what is still waited for; `recorder.run` ends behind it."""
        if self._faults is not None:
            self._faults.collect(at_once=True)
        if self.clip_writer is not None:
            with contextlib.suppress(queue.Full):
                self.clip_writer.finish()
