"""What may take seconds in a roll-out: each method is the work of one background task.

A method returns when its decision is on the disk. It raises `UserError` for a bundle or an order
that is refused.
"""

import contextlib
import logging
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec.structs import replace

from agent.config import rollout as trusted_keys
from agent.config.rollout import Rollout
from agent.control.rollout.requests import AnnouncedRequest, UpdateQueue, UpdateRequest
from agent.core.errors import UserError
from agent.diagnosis.baseline import file as baselines
from agent.inference import bundle as bundles
from agent.inference import classifier, model_store, registry
from agent.inference.bundle import Bundle
from agent.inference.classifier import Serving
from agent.inference.isolated_classifier import IsolatedClassifier
from agent.inference.model_store import Standing
from agent.pipeline import build, source_format
from agent.pipeline.source_pipeline import SourcePipeline

log = logging.getLogger("drsn.rollout")


class Loaded(msgspec.Struct, frozen=True):
    """A model that is ready to score, and how its roll-out stands."""

    standing: Standing
    classifier: Serving


class Candidate(msgspec.Struct, frozen=True):
    """A model that is ready to be tried, in a process of its own."""

    standing: Standing
    classifier: IsolatedClassifier


class Refused(msgspec.Struct, frozen=True):
    """How the roll-out stands without it; `announced`: its version, if it was announced."""

    standing: Standing
    announced: str | None


class RolloutSteps:
    """One runs at a time; `pipelines` are only read."""

    def __init__(
        self,
        rollout: Rollout,
        state_dir: Path,
        pipelines: Sequence[SourcePipeline],
        updates: UpdateQueue,
    ) -> None:
        self._rollout = rollout
        self._state_dir = state_dir
        self._pipelines = pipelines
        self._updates = updates

    def admit(self, request: UpdateRequest) -> Candidate:
        """Fetches the bundle, checks it and makes it the candidate."""
        data = self._updates.read(request)
        keys = [trusted_keys.raw_key(Path(file), "rollout.keys") for file in self._rollout.keys]
        bundle = bundles.unpack(data, keys, request.description)
        if not bundle.signed:
            log.warning("%s: accepted unsigned: rollout.keys is empty", request.description)
        self._check_sources(bundle, request)
        standing = registry.admit(self._state_dir, bundle, request.verb == "downgrade")
        self._updates.discard(request)
        return self.load_candidate(standing)

    def load_candidate(self, standing: Standing) -> Candidate:
        file = model_store.model_file(self._state_dir, standing.name, standing.latest)
        return Candidate(standing, IsolatedClassifier(file))

    def keep(self, name: str) -> Loaded:
        """Loads the model whose probation is over into this process."""
        present = self._load_present(model_store.standing(self._state_dir, name))
        return Loaded(registry.settle(self._state_dir, name), present.classifier)

    def go_back(self, request: UpdateRequest) -> Loaded:
        """A person has ordered the model before."""
        standing = registry.go_back(self._state_dir, request.name)
        self._updates.discard(request)
        return self._load_present(standing)

    def roll_back(self, name: str, why: str, fallback: Serving | None) -> Loaded:
        """The model on probation goes; `fallback`: the one before it, where it is loaded."""
        standing = registry.refuse(self._state_dir, name, why)
        return self._load_present(standing) if fallback is None else Loaded(standing, fallback)

    def give_up(self, name: str, why: str) -> Loaded | Refused:
        """Ends whatever trial the disk has of that model."""
        standing = model_store.standing(self._state_dir, name)
        if standing.phase == "probation":
            return self.roll_back(name, why, None)
        if standing.phase == "shadow":
            standing = registry.refuse(self._state_dir, name, why)
        return Refused(standing, None)

    def give_up_request(self, request: UpdateRequest, why: str) -> Loaded | Refused:
        standing = model_store.standing(self._state_dir, request.name)
        if standing.phase != "idle":
            return self.give_up(request.name, why)
        if isinstance(request, AnnouncedRequest):
            sha256 = request.announcement.sha256
            standing = registry.forget(self._state_dir, request.name, sha256, why)
        return Refused(replace(standing, state="refused", why=why), request.announced_version)

    def _check_sources(self, bundle: Bundle, request: UpdateRequest) -> None:
        """`UserError` where it does not fit a source that it would score."""
        name, channels = bundle.manifest.name, bundle.contract.channels
        if name != request.name:
            found = f"found the model {name}, expected {request.name}"
            raise UserError(f"{request.description}: {found}")
        pipelines = [p for p in self._pipelines if p.settings.common.model == name]
        if not pipelines:
            raise UserError(f"{name}: found no source with this model at work")
        for pipeline in pipelines:
            if (expected := pipeline.origin.contract.channels) != channels:
                raise UserError(
                    f"{name}: channels: found {channels}, expected {expected} ({pipeline.name})"
                )
            conditioner = pipeline.reader.conditioner
            if conditioner is not None:
                source_format.check_rate(conditioner.format.rate_hz, bundle.contract)
            frame = build.frame(pipeline.settings, bundle.contract)
            with contextlib.suppress(baselines.LostError):  # it fits no model, and was told
                baselines.load(self._state_dir, pipeline.name, frame)

    def _load_present(self, standing: Standing) -> Loaded:
        return Loaded(standing, classifier.load(registry.find(self._state_dir, standing.name)))
