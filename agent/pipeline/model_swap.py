"""One network in another's place, between two windows of a source."""

import dataclasses

from agent.core.model_contract import Contract
from agent.diagnosis.decision import Judge
from agent.inference.classifier import Serving
from agent.pipeline import build
from agent.pipeline.source_pipeline import Lane

SAME = ("rate_hz", "window", "channels", "labels", "normal", "unit")


def fits(lane: Lane, described: Contract) -> bool:
    """Whether it reads the very same windows and says the same words of them."""
    now = lane.origin.contract
    return all(getattr(now, each) == getattr(described, each) for each in SAME) and (
        build.frame(lane.settings, now) == build.frame(lane.settings, described)
    )


def swap(lane: Lane, served: Serving) -> None:
    """Windows, decision and baseline go on; only who looks at the windows is another."""
    described, common = served.contract, lane.settings.common
    keys = build.decide_keys(lane.settings, described)
    farthest = common.decide.max_distance or described.max_distance
    judge = Judge(described.labels, frozenset(described.normal), keys.confidence, farthest)
    lane.channel.decider.succeeded(judge, keys)
    lane.channel = dataclasses.replace(lane.channel, classifier=served)
    lane.origin = dataclasses.replace(lane.origin, contract=described, sha256=served.sha256)
    told = common.rpm is not None or common.tacho is not None
    lane.untold = served.reads_running and not told
