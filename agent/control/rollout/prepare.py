"""What may take seconds in a roll-out: each method is the work of one errand, in its own thread.

Each returns when what it has decided is on disk. `UserError` for what is not to be.
"""

import logging
from collections.abc import Sequence
from pathlib import Path

from agent.config import rollout as keys
from agent.config.rollout import Rollout
from agent.control.rollout.requests import UpdateQueue, UpdateRequest
from agent.core.errors import UserError
from agent.diagnosis.baseline import file as baselines
from agent.inference import bundle, classifier, model_store, registry
from agent.inference.bundle import Bundle
from agent.inference.classifier import Serving
from agent.inference.model_store import Standing
from agent.pipeline import build
from agent.pipeline.source_pipeline import SourcePipeline

log = logging.getLogger("drsn.rollout")
GivenUp = tuple[Standing, UpdateRequest | None, Serving | None]


class Work:
    """For one errand at a time; `lanes` are only looked at."""

    def __init__(
        self,
        rollout: Rollout,
        state_dir: Path,
        pipelines: Sequence[SourcePipeline],
        updates: UpdateQueue,
    ) -> None:
        self._keys = rollout
        self._state_dir = state_dir
        self._pipelines = pipelines
        self._updates = updates

    def admit(self, request: UpdateRequest) -> tuple[Standing, Serving]:
        data = self._updates.data(request)
        trusted = [keys.raw_key(Path(file), "rollout.keys") for file in self._keys.keys]
        found = bundle.unpack(data, trusted, request.told)
        if not found.signed:
            log.warning("%s: not signed, and no rollout.keys: taken as it is", request.told)
        self._check_sources(found, request)
        known = registry.admit(self._state_dir, found, request.verb == "downgrade")
        self._updates.done(request)
        file = model_store.model_file(self._state_dir, known.name, _candidate(known))
        return self.load(known, file)

    def _check_sources(self, found: Bundle, request: UpdateRequest) -> None:
        """`UserError` where it would not do for a source that is to be scored by it."""
        name = found.manifest.name
        if name != request.name:
            raise UserError(f"{request.told}: found the model {name}, expected {request.name}")
        ours = [pipeline for pipeline in self._pipelines if pipeline.settings.common.model == name]
        if not ours:
            raise UserError(f"{name}: found no source with this model at work")
        for pipeline in ours:
            if (want := pipeline.origin.contract.channels) != found.contract.channels:
                had = found.contract.channels
                raise UserError(f"{name}: channels: found {had}, expected {want} ({pipeline.name})")
            frame = build.frame(pipeline.settings, found.contract)
            baselines.load(self._state_dir, pipeline.name, frame)

    def load(self, known: Standing, file: Path) -> tuple[Standing, Serving]:
        return known, classifier.load(file)

    def back(self, request: UpdateRequest) -> tuple[Standing, Serving]:
        known = registry.go_back(self._state_dir, request.name)
        self._updates.done(request)
        return known, classifier.load(registry.find(self._state_dir, request.name))

    def roll_back(self, name: str, why: str, old: Serving | None) -> tuple[Standing, Serving]:
        known = registry.refuse(self._state_dir, name, why)
        return known, old or classifier.load(registry.find(self._state_dir, name))

    def give_up(self, name: str, request: UpdateRequest | None, why: str) -> GivenUp:
        known = model_store.standing(self._state_dir, name)
        if known.phase == "probation":
            back, old = self.roll_back(name, why, None)
            return back, None, old
        if known.phase == "shadow":
            return registry.refuse(self._state_dir, name, why), None, None
        if request is not None and request.announced is not None:
            return (
                registry.forget(self._state_dir, name, request.announced.sha256, why),
                request,
                None,
            )
        return known, request, None


def _candidate(known: Standing) -> model_store.Entry:
    assert known.candidate is not None
    return known.candidate
