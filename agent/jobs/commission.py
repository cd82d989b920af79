"""Commissioning: a source's healthy running becomes its baseline. No labels, no training.

The windows come the way that `run` takes them: same source, rate, hop and marks. Flagged ones are
left out. What the network says of them is only told, since a machine that it calls faulty is
perhaps not the machine to learn health from.
"""

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from agent.config import load
from agent.config.published import Published
from agent.config.source import SourceSettings
from agent.core import state_directory
from agent.core.errors import UserError
from agent.core.time import iso
from agent.diagnosis.baseline import file
from agent.diagnosis.baseline.file import Baseline, OperatingPoint
from agent.diagnosis.baseline.fit import LEAST_DISTANCE, fit
from agent.jobs.commission_progress import FAULTY_SHARE, Progress
from agent.jobs.healthy_windows import HealthyWindows
from agent.pipeline import build
from agent.pipeline.offline import OfflineRunner, named, recorded
from agent.pipeline.source_pipeline import SourcePipeline

DEAF_FACTOR = 3.0  # times the lowest threshold: a baseline that hears little

Say = Callable[[str], None]


class Request(msgspec.Struct, frozen=True):
    """What a user asks of `drsn-agent commission`."""

    source: str
    minutes: float = 30.0
    recordings: Sequence[str] = ()
    false_alarms_per_month: float = 1.0
    extend: bool = False  # the baseline that is there grows
    rpm: float | None = None  # of recordings: instead of the configured or published speed
    condition: str | None = None  # of recordings: instead of the configured or published one


def commission(config: load.Config, request: Request, say: Say) -> Path:
    """Writes the baseline of that source; `UserError` for what is none to learn from."""
    source = named(config, request.source)
    folder = Path(config.agent.state_dir)
    lock = state_directory.claim(folder)
    try:
        _check_extend(folder, request)
        healthy = HealthyWindows()
        if not request.recordings:
            minutes = f"{request.minutes:g} min of sound signal"
            say(f"listens to {request.source} for {minutes}; Ctrl-C ends without a baseline")
        for part in [_recording(source, path, request) for path in request.recordings] or [source]:
            runner = OfflineRunner(config, part, commissioned=False)
            minutes_s = request.minutes * 60
            limit = None if request.recordings else round(minutes_s / source.common.hop_s)
            _listen(runner, healthy, limit, say)
        baseline = _learn(healthy, runner.pipeline, folder, request)
        for line in (*_report(baseline, healthy, request), *_warnings(baseline, healthy)):
            say(line)
        return file.save(baseline, folder)
    finally:
        os.close(lock)


def _recording(source: SourceSettings, path: str, request: Request) -> SourceSettings:
    """The source with its signal from a file; a published value must be in the request."""
    common = source.common
    if common.speed is not None and request.rpm is None:
        raise UserError("--recordings: found a speed that is published, expected --rpm")
    if isinstance(common.condition, Published) and request.condition is None:
        raise UserError("--recordings: found a condition that is published, expected --condition")
    part = recorded(source, path)
    common = msgspec.structs.replace(
        part.common,
        rpm=part.common.rpm if request.rpm is None else request.rpm,
        condition=request.condition or part.common.condition,
    )
    return msgspec.structs.replace(part, common=common)


def _listen(runner: OfflineRunner, healthy: HealthyWindows, limit: int | None, say: Say) -> None:
    """Until the source has ended, or `limit` sound windows have been heard."""
    pipeline = runner.pipeline
    healthy.signal.interrupt()
    healthy.lines_frame = 0
    progress = Progress(say, healthy, pipeline.settings.common.hop_s, limit)
    with contextlib.closing(runner.scored()) as turns:
        for turn in turns:
            for scored in turn:
                healthy.take(scored, pipeline)
            if limit is not None and healthy.signal.windows >= limit:
                return
            progress.turn(pipeline.reader.status())


def _check_extend(folder: Path, request: Request) -> None:
    """Before anything is listened to; `UserError`."""
    place = file.path(folder, request.source)
    if request.extend and not place.is_file():
        raise UserError(f"--extend: found no {place}, expected a baseline: leave --extend out")


def _learn(
    healthy: HealthyWindows, pipeline: SourcePipeline, folder: Path, request: Request
) -> Baseline:
    common = pipeline.settings.common
    frame = build.frame(pipeline.settings, pipeline.origin.contract)
    before = file.load(folder, pipeline.name, frame) if request.extend else None
    if before is not None and not any(point.runs for point in before.points):
        raise UserError("--extend: version 0.1 kept nothing to extend: leave --extend out")
    if healthy.missing is not None and not healthy.signal.windows:
        raise UserError(f"{healthy.missing}: nothing to learn without it")
    speed_known = common.speed_known
    learned = fit(healthy.signal, frame, request.false_alarms_per_month, speed_known, before)
    return msgspec.structs.replace(learned, source=pipeline.name, made=iso(time.time()))


def _report(baseline: Baseline, healthy: HealthyWindows, request: Request) -> Iterator[str]:
    """What was learned; of a provisional baseline the first line says so."""
    if baseline.provisional:
        yield (
            f"provisional baseline: {baseline.seconds:.0f} s of {file.WHOLE_S:.0f} s; "
            "let it grow with --extend"
        )
    total = healthy.signal.windows
    network = healthy.describe_network()
    yield f"{total} sound windows ({healthy.flagged} flagged ones left out); {network}"
    for point in baseline.points:
        clean = sum(state.noise is None for state in point.states)
        limit = (
            "; that rate would need a higher one, but nothing seen supports it"
            if point.limited
            else f", extrapolated by {point.extrapolated_decades:g} decades"
        )
        yield (
            f"{name_of(point)}: {point.seconds:.0f} s, {clean} operating state(s) and "
            f"{len(point.states) - clean} with noise; threshold {point.threshold:g} for "
            f"{request.false_alarms_per_month:g} false alarm(s) a month, read from "
            f"{point.stretches} stretches{limit}; slow threshold {point.slow_threshold:g}"
        )


def _warnings(baseline: Baseline, healthy: HealthyWindows) -> Iterator[str]:
    lowest = LEAST_DISTANCE
    for point in baseline.points:
        if point.threshold > DEAF_FACTOR * lowest:
            yield (
                f"warning: {name_of(point)}: found a threshold of {point.threshold:g}, expected "
                f"about {lowest:g}: this baseline hears only large faults; its running differs "
                "from part to part: name its ways of running with `condition`, or tell its speed"
            )
    if healthy.faulty_share > FAULTY_SHARE:
        yield (
            f"warning: the network calls {healthy.faulty_share:.0%} of these windows faulty: make "
            "sure that the machine is healthy, since this baseline will call it so"
        )


def name_of(point: OperatingPoint) -> str:
    """An operating point for a person."""
    speed = [] if point.rpm is None else [f"{point.rpm:.0f} rpm" if point.rpm else "standing"]
    condition = [] if point.condition is None else [f"condition {point.condition!r}"]
    return ", ".join([*condition, *speed]) or "one operating point"
