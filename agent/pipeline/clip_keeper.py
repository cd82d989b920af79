"""Evidence, put together from the configuration: what faults need, and what commands may use."""

import contextlib
import queue
from pathlib import Path

from agent.config.evidence import Evidence
from agent.config.load import Config
from agent.core.types import Scored
from agent.pipeline.clip_store import Shelf
from agent.pipeline.clip_writer import Recorder
from agent.pipeline.fault_clips import FOLDER, Faults
from agent.pipeline.source_pipeline import Lane


class Keeping:
    """For the main thread; `recorder` has a thread of its own, None where nothing is kept."""

    def __init__(self, chosen: Config) -> None:
        self.recorder: Recorder | None = None
        self._faults: Faults | None = None
        if chosen.evidence is None and "capture" not in chosen.commands.allow:
            return
        keys = chosen.evidence or Evidence()
        folder = Path(chosen.agent.state_dir) / FOLDER
        limits = (round(each * 2**20) for each in (keys.max_mib, keys.min_free_mib))
        self.recorder = Recorder(Shelf(folder, *limits))
        if chosen.evidence is not None:
            self._faults = Faults(keys, self.recorder)

    def note(self, scored: Scored, lane: Lane) -> str | None:
        """The file that will hold the signal around this window, if any."""
        return None if self._faults is None else self._faults.note(scored, lane)

    def collect(self) -> None:
        """On each turn of the main thread."""
        if self._faults is not None:
            self._faults.collect()

    def finish(self) -> None:
        """What is there of what is still waited for; `recorder.run` ends behind it."""
        if self._faults is not None:
            self._faults.collect(at_once=True)
        if self.recorder is not None:
            with contextlib.suppress(queue.Full):
                self.recorder.finish()
