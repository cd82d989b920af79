"""One network in another's place, between two windows of a source."""

import dataclasses

from agent.core.model_contract import Contract
from agent.diagnosis.decision import Judge
from agent.inference.classifier import Serving
from agent.pipeline import build
from agent.pipeline.source_pipeline import SourcePipeline

SAME = ("rate_hz", "window", "channels", "labels", "normal", "unit")


def fits(pipeline: SourcePipeline, described: Contract) -> bool:
    """Whether it reads the very same windows and says the same words of them."""
    now = pipeline.origin.contract
    return all(getattr(now, each) == getattr(described, each) for each in SAME) and (
        build.frame(pipeline.settings, now) == build.frame(pipeline.settings, described)
    )


def swap(pipeline: SourcePipeline, served: Serving) -> None:
    """Windows, decision and baseline go on; only who looks at the windows is another."""
    described, common = served.contract, pipeline.settings.common
    keys = build.decide_keys(pipeline.settings, described)
    farthest = common.decide.max_distance or described.max_distance
    judge = Judge(described.labels, frozenset(described.normal), keys.confidence, farthest)
    pipeline.scorer.decider.succeeded(judge, keys)
    pipeline.scorer = dataclasses.replace(pipeline.scorer, classifier=served)
    pipeline.origin = dataclasses.replace(pipeline.origin, contract=described, sha256=served.sha256)
    told = common.rpm is not None or common.tacho is not None
    pipeline.untold = served.reads_running and not told
