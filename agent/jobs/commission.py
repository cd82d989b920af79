"""Commissioning: a source's healthy running becomes its baseline. No labels, no training.

The windows come the way that `run` takes them: same source, rate, hop and marks. Flagged ones are
left out. The network's opinion is only told, since a machine that it calls faulty is perhaps not
the machine to learn health from.
"""

import contextlib
import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np

from agent.config import load
from agent.core import state_directory
from agent.core.time import iso
from agent.core.types import Scored
from agent.diagnosis.baseline import file
from agent.diagnosis.baseline.features import Vector, features
from agent.diagnosis.baseline.file import Baseline
from agent.diagnosis.baseline.fit import fit
from agent.pipeline import build
from agent.pipeline.offline import OfflineRunner, named, recorded
from agent.pipeline.source_pipeline import SourcePipeline

TELL_S = 60.0

Say = Callable[[str], None]


@dataclass
class HealthyWindows:
    """Features of sound windows, run by run, and what the network said of them."""

    runs: list[list[Vector]] = field(default_factory=list)
    opinions: Counter[str] = field(default_factory=Counter)
    flagged: int = 0
    expected: int | None = None  # first frame of the window that would follow on the last

    @property
    def windows(self) -> int:
        return sum(len(run) for run in self.runs)

    def take(self, scored: Scored, hop: int) -> None:
        window = scored.window
        if window.marks:
            self.flagged += 1
            self.expected = None
            return
        if self.expected != window.first:
            self.runs.append([])
        self.expected = window.first + hop
        self.runs[-1].append(features(window.samples))
        self.opinions[scored.verdict.label or scored.verdict.decision] += 1


def commission(
    chosen: load.Config,
    name: str,
    minutes: float,
    recordings: Sequence[str],
    per_month: float,
    say: Say,
) -> Path:
    """Writes the baseline of that source; `UserError` for what is none to learn from."""
    source = named(chosen, name)
    folder = Path(chosen.agent.state_dir)
    lock = state_directory.claim(folder)
    try:
        heard = HealthyWindows()
        for each in [recorded(source, path) for path in recordings] or [source]:
            alone = OfflineRunner(chosen, each, commissioned=False)
            most = None if recordings else round(minutes * 60 / source.common.hop_s)
            _listen(alone, heard, most, say)
        baseline = _learn(heard, alone.pipeline, per_month, say)
        return file.save(baseline, folder)
    finally:
        os.close(lock)


def _listen(alone: OfflineRunner, heard: HealthyWindows, most: int | None, say: Say) -> None:
    """Until the source has ended, or `most` sound windows have been heard."""
    pipeline = alone.pipeline
    heard.expected, told_s = None, time.monotonic()
    with contextlib.closing(alone.scored()) as turns:
        for turn in turns:
            for each in turn:
                heard.take(each, pipeline.hop)
            if most is not None and heard.windows >= most:
                return
            if time.monotonic() - told_s > TELL_S:
                told_s = time.monotonic()
                reading = pipeline.reader.status()
                say(f"{heard.windows} sound windows, {heard.flagged} flagged; {reading}")


def _learn(heard: HealthyWindows, pipeline: SourcePipeline, per_month: float, say: Say) -> Baseline:
    runs = [np.stack(run) for run in heard.runs]
    frame = build.frame(pipeline.settings, pipeline.origin.contract)
    found = fit(runs, frame, per_month)
    baseline = msgspec.structs.replace(found, source=pipeline.name, made=iso(time.time()))
    total = heard.windows
    opinions = ", ".join(
        f"{label} {count / total:.0%}" for label, count in heard.opinions.most_common()
    )
    say(f"{total} sound windows ({heard.flagged} flagged ones left out); the network: {opinions}")
    say(
        f"{len(baseline.states)} operating state(s); threshold {baseline.threshold:g} for "
        f"{per_month:g} false alarm(s) a month, read from {baseline.stretches} stretches of 10 s "
        f"and extrapolated by {baseline.extrapolated_decades:g} decades"
    )
    return baseline
