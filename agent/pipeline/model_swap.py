"""Replaces a source's network by another one, between two windows."""

from msgspec.structs import replace

from agent.core.model_contract import Contract
from agent.inference.classifier import Serving
from agent.pipeline import build
from agent.pipeline.source_pipeline import SourcePipeline

SAME_FIELDS = ("rate_hz", "window", "channels", "labels", "normal", "unit")


def fits(pipeline: SourcePipeline, contract: Contract) -> bool:
    """Whether a model of that contract reads the same windows and has the same labels."""
    current, settings = pipeline.origin.contract, pipeline.settings
    return all(getattr(current, key) == getattr(contract, key) for key in SAME_FIELDS) and (
        build.frame(settings, current) == build.frame(settings, contract)
    )


def swap(pipeline: SourcePipeline, model: Serving) -> None:
    """Windows, decision and baseline continue; only the network is another one."""
    contract, settings = model.contract, pipeline.settings
    decide = build.decide_keys(settings, contract)
    pipeline.scorer.decider.succeeded(build.judge(settings, contract), decide)
    pipeline.scorer = replace(pipeline.scorer, classifier=model)
    pipeline.origin = replace(pipeline.origin, contract=contract, sha256=model.sha256)
    pipeline.speed_missing = build.speed_missing(settings, model)
