"""Which sources a model scores. For the main thread."""

from collections.abc import Callable
from typing import cast

import msgspec

from agent.core.errors import UserError
from agent.inference.classifier import Serving
from agent.pipeline.source_pipeline import SourcePipeline
from agent.pipeline.topology import Topology


class Demand(msgspec.Struct, frozen=True):
    """How much a model of one name has to score."""

    sources: int
    hop_s: float  # the shortest of the sources'


class Assignments:
    """The sources, by the name of their model."""

    def __init__(self, topology: Topology, announce: Callable[[], None]) -> None:
        """`announce` publishes anew which source has which model."""
        self._topology = topology
        self._announce = announce

    @property
    def settled(self) -> bool:
        """Whether no source comes or goes."""
        return self._topology.settled

    def of(self, name: str) -> list[SourcePipeline]:
        return [
            pipeline
            for pipeline in self._topology.pipelines
            if pipeline.settings.common.model == name
        ]

    def used(self, name: str) -> bool:
        return bool(self.of(name))

    def demand(self, name: str) -> Demand:
        """Of one source with a hop of 1 s, where there is none at the moment."""
        hops_s = [pipeline.settings.common.hop_s for pipeline in self.of(name)]
        return Demand(max(len(hops_s), 1), min(hops_s, default=1.0))

    def serving(self, name: str) -> Serving:
        """The classifier that scores them; `UserError` where there are none."""
        pipelines = self.of(name)
        if not pipelines:
            raise UserError(f"{name}: found no source with this model at work")
        return cast(Serving, pipelines[0].scorer.classifier)

    def serve(self, name: str, classifier: Serving, changed: bool) -> None:
        """Has them scored by that classifier; `changed`: publishes that it is another model."""
        if self.used(name):
            self._topology.serve(name, classifier)
            if changed:
                self._announce()

    def swap(self, name: str, classifier: Serving) -> None:
        """Has those scored by it at once whose windows are the same."""
        self._topology.swap(name, classifier)
