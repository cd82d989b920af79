"""Keeps clips of the signal, for faults and on command, as configured."""

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
    """For the main thread. `clip_writer` has a thread of its own; None: no clips are kept."""

    def __init__(self, config: Config) -> None:
        self.clip_writer: ClipWriter | None = None
        self._faults: FaultClips | None = None
        if config.evidence is None and "capture" not in config.commands.allow:
            return
        keys = config.evidence or Evidence()
        folder = Path(config.agent.state_dir) / FOLDER
        limits = (round(mib * 2**20) for mib in (keys.max_mib, keys.min_free_mib))
        self.clip_writer = ClipWriter(ClipStore(folder, *limits), audio=keys.audio)
        if config.evidence is not None:
            self._faults = FaultClips(keys, self.clip_writer)

    def note(self, scored: Scored, pipeline: SourcePipeline) -> str | None:
        """The name of the file that will hold the signal around this window, if any."""
        return None if self._faults is None else self._faults.note(scored, pipeline)

    def collect(self) -> None:
        """Hands complete clips to the writer; on each turn of the main thread."""
        if self._faults is not None:
            self._faults.collect()

    def finish(self) -> None:
        """Hands over what there is of unfinished clips, and lets the writer end behind them."""
        if self._faults is not None:
            self._faults.collect(at_once=True)
        if self.clip_writer is not None:
            with contextlib.suppress(queue.Full):
                self.clip_writer.finish()
