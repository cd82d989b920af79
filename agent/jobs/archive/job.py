"""The records of a run over an archive, and the Protocol of the engines that run it."""

import datetime
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from agent.config.load import Config
from agent.config.source import SourceSettings


class Job(msgspec.Struct, frozen=True):
    """The settings of a run, the same for every recording."""

    config: Config
    source: SourceSettings  # each recording in turn takes the place of its signal
    sha256: str  # of the model file
    out: Path  # absolute
    start: datetime.datetime  # of each recording's first frame
    commissioned: bool = False  # whether to use the baseline of the source


class Task(msgspec.Struct, frozen=True):
    """One recording to score."""

    recording: str  # an absolute path, or a URL
    key: str  # names its files


class Outcome(msgspec.Struct, frozen=True):
    """The result for one recording."""

    recording: str
    windows: int = 0
    events: int = 0
    signal_s: float = 0.0
    trouble: str = ""  # why it was not scored; empty: it was
    exit_code: int = 0  # of a run that has this trouble alone


class Engine(Protocol):
    """Runs a `Worker` in each of its processes."""

    def run(self, job: Job, tasks: Sequence[Task]) -> Iterator[Outcome]:
        """The outcome of every task, in any order, as they come; `UserError` if it cannot work."""
