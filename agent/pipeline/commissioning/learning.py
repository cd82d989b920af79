"""Makes a baseline of what was heard of a healthy machine, and says what is to be said of it."""

import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from agent.core.errors import UserError
from agent.core.time import iso
from agent.diagnosis.baseline import file
from agent.diagnosis.baseline.file import Baseline, OperatingPoint
from agent.diagnosis.baseline.fit import LEAST_DISTANCE, fit
from agent.pipeline import build
from agent.pipeline.commissioning.healthy_windows import FAULTY_SHARE, HealthyWindows
from agent.pipeline.source_pipeline import SourcePipeline

DEAF_FACTOR = 3.0  # times the lowest threshold: a baseline that hears little


def check_extended(state_dir: Path, source: str) -> None:
    """`UserError` where there is no baseline to extend."""
    place = file.path(state_dir, source)
    if not place.is_file():
        raise UserError(f"--extend: found no {place}, expected a baseline: leave --extend out")


def learn(
    healthy: HealthyWindows,
    pipeline: SourcePipeline,
    state_dir: Path,
    false_alarms_per_month: float,
    *,
    extend: bool,
) -> Baseline:
    """The baseline of these windows, not yet saved; `UserError` where they teach nothing.

    `extend` lets the baseline that is in the state directory grow.
    """
    common = pipeline.settings.common
    frame = build.frame(pipeline.settings, pipeline.origin.contract)
    before = file.load(state_dir, pipeline.name, frame) if extend else None
    if before is not None and not any(point.runs for point in before.points):
        raise UserError("--extend: version 0.1 kept nothing to extend: leave --extend out")
    if healthy.missing is not None and not healthy.signal.windows:
        raise UserError(f"{healthy.missing}: nothing to learn without it")
    speed_known = common.speed_known
    learned = fit(healthy.signal, frame, false_alarms_per_month, speed_known, before)
    return msgspec.structs.replace(learned, source=pipeline.name, made=iso(time.time()))


def report(baseline: Baseline, healthy: HealthyWindows) -> Iterator[str]:
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
            f"{baseline.false_alarms_per_month:g} false alarm(s) a month, read from "
            f"{point.stretches} stretches{limit}; slow threshold {point.slow_threshold:g}"
        )


def is_deaf(threshold: float) -> bool:
    """Whether only large faults lie beyond that threshold."""
    return threshold > DEAF_FACTOR * LEAST_DISTANCE


def warnings(baseline: Baseline, healthy: HealthyWindows) -> Iterator[str]:
    """What speaks against the baseline, for a person."""
    for point in baseline.points:
        if is_deaf(point.threshold):
            yield (
                f"warning: {name_of(point)}: found a threshold of {point.threshold:g}, expected "
                f"about {LEAST_DISTANCE:g}: this baseline hears only large faults; its running "
                "differs from part to part: name its ways of running with `condition`, or tell "
                "its speed"
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
