"""Scores one recording to its end, as the agent scores its source."""

from collections.abc import Callable

import msgspec

from agent.config.load import Config
from agent.core.types import Scored, SourceError
from agent.jobs.replay.spans import StateLog, StateSpan
from agent.pipeline.offline import OfflineRunner
from agent.pipeline.source_pipeline import SourcePipeline

See = Callable[[Scored, float], None]  # a window, and the rate in Hz of its samples


def _see_nothing(scored: Scored, rate_hz: float) -> None:
    """For callers that need the states alone."""


class Replayed(msgspec.Struct, frozen=True):
    """What was read of a recording."""

    spans: list[StateSpan]
    duration_s: float
    pipeline: SourcePipeline
    damage: SourceError | None  # why it could not be read to its end; None: it was


def score(config: Config, see: See = _see_nothing) -> Replayed:
    """Scores the only source of `config`; `UserError`. `see` is shown every window."""
    runner = OfflineRunner(config, config.sources[0])
    pipeline = runner.pipeline
    rate_hz = pipeline.origin.contract.rate_hz
    log = StateLog(rate_hz)
    damage: SourceError | None = None
    try:
        for step in runner.scored():
            for scored in step:
                log.take(scored)
                see(scored, rate_hz)
    except SourceError as error:
        damage = error
    if (fault := pipeline.fail()) is not None:  # as the daemon reports it
        log.take(fault)
        see(fault, rate_hz)
    conditioner = pipeline.reader.conditioner
    whole = conditioner is not None and damage is None and conditioner.format.frames
    duration_s = whole / conditioner.format.rate_hz if whole and conditioner else log.end_s
    return Replayed(log.spans(duration_s), duration_s, pipeline, damage)
