"""Commissioning: a source's healthy running becomes its baseline. No labels, no training.

The windows come the way that `run` takes them: same source, rate, hop and marks. Flagged ones are
left out. What the network says of them is only told, since a machine that it calls faulty is
perhaps not the machine to learn health from.
"""

import contextlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from agent.config import load
from agent.config.source import SourceSettings
from agent.core import state_directory
from agent.core.errors import UserError
from agent.diagnosis.baseline import file
from agent.jobs.commission_progress import Progress
from agent.pipeline.commissioning import learning
from agent.pipeline.commissioning.healthy_windows import HealthyWindows
from agent.pipeline.offline import OfflineRunner, named, recorded

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
        per_month, extend = request.false_alarms_per_month, request.extend
        baseline = learning.learn(healthy, runner.pipeline, folder, per_month, extend=extend)
        for line in (*learning.report(baseline, healthy), *learning.warnings(baseline, healthy)):
            say(line)
        return file.save(baseline, folder)
    finally:
        os.close(lock)


def _recording(source: SourceSettings, path: str, request: Request) -> SourceSettings:
    """The source with its signal from a file; a published value must be in the request."""
    common = source.common
    if common.speed is not None and request.rpm is None:
        raise UserError("--recordings: found a speed that is published, expected --rpm")
    if common.condition_published and request.condition is None:
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
    if request.extend:
        learning.check_extended(folder, request.source)
