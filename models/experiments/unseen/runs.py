"""One condition as its owner has it: commissioned, then run, by the code of the two verbs.

`drsn-agent commission` and `drsn-agent run` do what `agent.jobs.commission` and
`agent.pipeline.offline.OfflineRunner` do here; a process for each of thousands of clips would only
add its start.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from agent.config import load
from agent.core.errors import UserError
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
class ConditionResult:
    """A condition with a baseline or without; `refused` says why it has none."""

    results: tuple[ClipResult, ...]
    refused: str = ""


def uncommissioned(condition: Condition) -> ConditionResult:
    """Every clip without a baseline."""
    with tempfile.TemporaryDirectory() as folder:
        clips = (*condition.uncommissioned, *condition.faulty)
        return ConditionResult(_results(condition, clips, Path(folder)))


def commissioned(
    condition: Condition, clips: Sequence[Clip] | None = None, learned: Sequence[Clip] | None = None
) -> ConditionResult:
    """Commissions, then hears `clips`: the healthy and the faulty ones where None.

    Where commissioning refuses, the machine is heard without a baseline, as its owner would.
    """
    clips = (*condition.healthy, *condition.faulty) if clips is None else clips
    refused = ""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            learn(condition, condition.learned if learned is None else learned, folder)
        except UserError as error:
            refused = str(error)
        return ConditionResult(_results(condition, clips, folder), refused)


def learn(condition: Condition, clips: Sequence[Clip], folder: Path) -> None:
    """What `drsn-agent commission --recordings` does; `UserError` where it refuses."""
    files = [_written(clip, folder, f"learned-{at}") for at, clip in enumerate(clips)]
    config = configuration(condition, files[0], folder, clips[0].rpm)
    request = Request(SOURCE, recordings=[str(file) for file in files])
    commission(config, request, lambda line: None)


def at_speeds(condition: Condition) -> tuple[ClipResult, ...]:
    """Commissioned speed by speed, each extending the baseline, as an owner does it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for at, clip in enumerate(condition.learned):
            file = _written(clip, folder, "learned")
            config = configuration(condition, file, folder, clip.rpm)
            request = Request(SOURCE, recordings=[str(file)], extend=at > 0)
            commission(config, request, lambda line: None)
        return _results(condition, (*condition.healthy, *condition.faulty), folder)


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


def _results(condition: Condition, clips: Sequence[Clip], folder: Path) -> tuple[ClipResult, ...]:
    return tuple(_clip(condition, clip, folder) for clip in clips)


def _clip(condition: Condition, clip: Clip, folder: Path) -> ClipResult:
    file = _written(clip, folder, "heard")
    config = configuration(condition, file, folder, clip.rpm)
    runner = OfflineRunner(config, recorded(config.sources[0], str(file)))
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
