"""Commissioning: a source's healthy running becomes its baseline. No labels, no training.

The windows come the way that `run` takes them: same source, rate, hop and marks. Flagged ones are
left out. The network's opinion is only told, since a machine that it calls faulty is perhaps not
the machine to learn health from.
"""

import dataclasses
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np

from agent import config, lanes, pipeline, sources, statedir, wire
from agent.baseline import record
from agent.baseline.features import Vector, features
from agent.baseline.fit import fit
from agent.baseline.record import Baseline
from agent.core import Scored
from agent.errors import UserError
from agent.lane import Lane
from agent.timeline import WallClock

WAIT_S = 0.25
TELL_S = 60.0

Say = Callable[[str], None]


@dataclass
class Heard:
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
    chosen: config.Config,
    name: str,
    minutes: float,
    recordings: Sequence[str],
    per_month: float,
    say: Say,
) -> Path:
    """Writes the baseline of that source; `UserError` for what is none to learn from."""
    source = _source(chosen, name)
    folder = Path(chosen.agent.state_dir)
    lock = statedir.claim(folder)
    try:
        heard = Heard()
        for each in [_recording(source, path) for path in recordings] or [source]:
            lane = _lane(chosen, each)
            most = None if recordings else round(minutes * 60 / source.common.hop_s)
            _listen(lane, heard, most, say)
        baseline = _learn(heard, lane, per_month, say)
        return record.save(baseline, folder)
    finally:
        os.close(lock)


def _source(chosen: config.Config, name: str) -> config.Source:
    by_name = {source.common.name: source for source in chosen.sources}
    if name not in by_name:
        raise UserError(f"--source: found {name!r}, expected one of {', '.join(by_name)}")
    return by_name[name]


def _recording(source: config.Source, path: str) -> config.Source:
    """The same source, its signal out of a file."""
    options = sources.options("file")(path=path, pace="fast")
    rate_hz = getattr(source.options, "rate_hz", None)
    if rate_hz and Path(path).suffix.lower() in (".npy", ".csv"):  # do not know their rate
        options = msgspec.structs.replace(options, rate_hz=rate_hz)
    common = msgspec.structs.replace(source.common, kind="file")
    return dataclasses.replace(source, common=common, options=options)


def _lane(chosen: config.Config, source: config.Source) -> Lane:
    alone = dataclasses.replace(chosen, sources=(source,))
    wake = threading.Event()
    (lane,) = lanes.build(alone, wake.set, WallClock(), commissioned=False)
    return lane


def _listen(lane: Lane, heard: Heard, most: int | None, say: Say) -> None:
    """Until the source has ended, or `most` sound windows have been heard."""
    stopping, failure = threading.Event(), list[BaseException]()

    def read() -> None:
        try:
            lane.intake.run(stopping)
        except BaseException as error:  # noqa: BLE001 - raised again where it can be told
            failure.append(error)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    heard.expected, told_s = None, time.monotonic()
    hop = round(lane.settings.common.hop_s * lane.origin.contract.rate_hz)
    while not lane.drained and (most is None or heard.windows < most):
        scored = pipeline.step([lane.channel])
        for each in scored:
            heard.take(each, hop)
        if time.monotonic() - told_s > TELL_S:
            told_s = time.monotonic()
            say(f"{heard.windows} sound windows, {heard.flagged} flagged; {lane.intake.told()}")
        if not scored:
            time.sleep(min(WAIT_S, lane.settings.common.hop_s))
    stopping.set()
    lane.ring.close()
    thread.join(2 * WAIT_S)
    if failure:
        raise failure[0]


def _learn(heard: Heard, lane: Lane, per_month: float, say: Say) -> Baseline:
    runs = [np.stack(run) for run in heard.runs]
    frame = lanes.frame(lane.settings, lane.origin.contract)
    found = fit(runs, frame, per_month)
    baseline = msgspec.structs.replace(found, source=lane.name, made=wire.iso(time.time()))
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
