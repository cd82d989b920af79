"""One condition as its owner has it: commissioned, then run, by the code of the two verbs.

`drsn-agent commission` and `drsn-agent run` do what `agent.jobs.commission` and
`agent.pipeline.offline.OfflineRunner` do here; a process for each of thousands of clips would only
add its start.
"""

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from agent.config import load
from agent.core.errors import UserError
from agent.inference.classifier import Serving
from agent.jobs.commission import Request, commission
from agent.pipeline.offline import OfflineRunner, recorded
from models.experiments.unseen.machines import Clip, Condition

SOURCE = "machine"
PIECE_S = 3.0


@dataclass(frozen=True)
class WindowResult:
    """What was said of one window and after it."""

    end_s: float  # of the window, from the beginning of the clip
    decision: str  # the source's state after it
    label: str | None
    network: str | None  # the network's most likely label; None: not shown to it
    probability: float
    anomaly: float | None
    distance: float | None


@dataclass(frozen=True)
class ClipResult:
    """One clip from its first window to its last."""

    machine: str
    condition: str
    clip: str
    label: str
    windows: tuple[WindowResult, ...]


@dataclass(frozen=True)
class Machine:
    """A condition with its state directory; `refused` says why it has no baseline."""

    condition: Condition
    folder: Path
    refused: str = ""
    models: dict[str, Serving] = field(default_factory=dict)  # loaded once

    def results(self, clips: Sequence[Clip]) -> tuple[ClipResult, ...]:
        """What the agent says of each clip, begun afresh."""
        return tuple(_result(self, clip) for clip in clips)


@contextlib.contextmanager
def uncommissioned(condition: Condition) -> Iterator[Machine]:
    """Without a baseline."""
    with tempfile.TemporaryDirectory() as name:
        yield Machine(condition, Path(name))


@contextlib.contextmanager
def commissioned(condition: Condition) -> Iterator[Machine]:
    """With one; where commissioning refuses, without, as its owner would run it."""
    with tempfile.TemporaryDirectory() as name:
        folder, refused = Path(name), ""
        try:
            learn(condition, condition.learned, folder)
        except UserError as error:
            refused = str(error)
        yield Machine(condition, folder, refused)


def learn(condition: Condition, clips: Sequence[Clip], folder: Path) -> None:
    """What `drsn-agent commission --recordings` does; `UserError` where it refuses."""
    files = [_written(clip, folder, f"learned-{at}") for at, clip in enumerate(clips)]
    config = configuration(condition, files[0], folder, clips[0].rpm)
    request = Request(SOURCE, recordings=[str(file) for file in files])
    commission(config, request, lambda line: None)


@contextlib.contextmanager
def commissioned_at_speeds(condition: Condition) -> Iterator[Machine]:
    """Commissioned speed by speed, each extending the baseline."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for at, clip in enumerate(condition.learned):
            file = _written(clip, folder, "learned")
            config = configuration(condition, file, folder, clip.rpm)
            request = Request(SOURCE, recordings=[str(file)], extend=at > 0)
            commission(config, request, lambda line: None)
        yield Machine(condition, folder)


def configuration(condition: Condition, file: Path, folder: Path, rpm: float | None) -> load.Config:
    """The owner's file, as a tree."""
    source = {
        "name": SOURCE,
        "kind": "file",
        "pace": "fast",
        "path": str(file),
        "rate_hz": condition.rate_hz,
        "model": condition.model,
        "hop_s": condition.hop_s,
    }
    if condition.bearing is not None:
        source |= {"bearing": dict(condition.bearing), "rpm": rpm}
    agent = {"state_dir": str(folder), "sink": "stdout"}
    return load.parse({"agent": agent, "sources": [source]})


def _result(machine: Machine, clip: Clip) -> ClipResult:
    condition = machine.condition
    file = _written(clip, machine.folder, "heard")
    config = configuration(condition, file, machine.folder, clip.rpm)
    source = recorded(config.sources[0], str(file))
    runner = OfflineRunner(config, source, models=machine.models)
    contract = runner.pipeline.origin.contract
    labels, rate_hz = contract.labels, contract.rate_hz
    windows, state = [], runner.pipeline.scorer.decider.state
    for turn in runner.scored():
        for scored in turn:
            state = scored.event or scored.previous
            said = scored.prediction
            best = int(np.argmax(said.probabilities)) if said and said.probabilities else None
            windows.append(
                WindowResult(
                    (scored.window.first + contract.window) / rate_hz,
                    *(state.decision, state.label),
                    network=None if best is None else labels[best],
                    probability=said.probabilities[best] if said and best is not None else 0.0,
                    anomaly=scored.anomaly,
                    distance=said.distance if said else None,
                )
            )
    return ClipResult(condition.machine, condition.name, clip.name, clip.label, tuple(windows))


def _written(clip: Clip, folder: Path, stem: str) -> Path:
    file = folder / f"{stem}.npy"
    np.save(file, clip.samples)
    return file
