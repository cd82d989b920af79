"""Scores one recording to its end, as the agent scores its source."""

from collections.abc import Callable

import msgspec

from agent.config.load import Config
from agent.core.types import Scored, SourceError
from agent.jobs.replay.spans import StateLog, StateSpan
from agent.pipeline.offline import OfflineRunner
from agent.pipeline.source_pipeline import SourcePipeline

See = Callable[[Scored], None]


class Replayed(msgspec.Struct, frozen=True):
    """What was read of a recording."""

    spans: list[StateSpan]
    duration_s: float
    pipeline: SourcePipeline
    damage: SourceError | None  # why it could not be read to its end; None: it was


def score(config: Config, see: See = lambda scored: None) -> Replayed:
    """Scores the only source of `config`; `UserError`. `see` is shown every window."""
    runner = OfflineRunner(config, config.sources[0])
    pipeline = runner.pipeline
    log = StateLog(pipeline.origin.contract.rate_hz)
    damage: SourceError | None = None
    try:
        for step in runner.scored():
            for scored in step:
                log.take(scored)
                see(scored)
    except SourceError as error:
        damage = error
    if (fault := pipeline.fail()) is not None:  # as the daemon reports it
        log.take(fault)
        see(fault)
    conditioner = pipeline.reader.conditioner
    whole = conditioner is not None and damage is None and conditioner.format.frames
    duration_s = whole / conditioner.format.rate_hz if whole and conditioner else log.end_s
    return Replayed(log.spans(duration_s), duration_s, pipeline, damage)
