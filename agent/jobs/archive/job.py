"""What engines hand to their workers, what comes back, and what an engine is."""

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from agent.config.load import Config
from agent.config.source import SourceSettings


@dataclass(frozen=True)
class Job:
    """What is the same for every recording of a run."""

    chosen: Config
    source: SourceSettings  # its signal comes out of each recording in turn
    sha256: str  # of the model that is meant
    out: Path  # absolute
    start: datetime.datetime  # of each recording's first frame
    commissioned: bool = False  # whether the source's baseline counts


@dataclass(frozen=True, slots=True)
class Task:
    """One recording that is to be scored."""

    recording: str  # an absolute path, or a URL
    key: str  # names its files


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a recording."""

    recording: str
    windows: int = 0
    events: int = 0
    signal_s: float = 0.0
    trouble: str = ""  # why there is nothing of it; empty: all is well


class Engine(Protocol):
    """Runs a `Worker` in each of its processes."""

    def run(self, job: Job, tasks: Sequence[Task]) -> Iterator[Outcome]:
        """The outcome of every task, in any order, as they come; `UserError` if it cannot work."""
