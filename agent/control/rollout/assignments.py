"""Where a model is at work: the sources that it scores. Used by the main thread alone."""

from collections.abc import Callable
from typing import cast

from agent.core.errors import UserError
from agent.inference.classifier import Serving
from agent.pipeline.source_pipeline import SourcePipeline
from agent.pipeline.topology import Topology


class Assignments:
    """The sources, by the name of their model."""

    def __init__(self, topology: Topology, announce: Callable[[], None]) -> None:
        """`announce` says anew which source has which model."""
        self._topology = topology
        self._announce = announce

    @property
    def settled(self) -> bool:
        """No source comes or goes."""
        return self._topology.settled

    def of(self, name: str) -> list[SourcePipeline]:
        return [
            pipeline
            for pipeline in self._topology.pipelines
            if pipeline.settings.common.model == name
        ]

    def used(self, name: str) -> bool:
        return bool(self.of(name))

    def hop_s(self, name: str) -> float:
        """The shortest of theirs."""
        return min((pipeline.settings.common.hop_s for pipeline in self.of(name)), default=1.0)

    def serving(self, name: str) -> Serving:
        """What scores them; `UserError` where there are none."""
        ours = self.of(name)
        if not ours:
            raise UserError(f"{name}: found no source with this model at work")
        return cast(Serving, ours[0].scorer.classifier)

    def serve(self, name: str, served: Serving, changed: bool) -> None:
        """Has them scored by another one; `changed`: those who listen are told which it is."""
        if self.used(name):
            self._topology.serve(name, served)
            if changed:
                self._announce()

    def swap(self, name: str, served: Serving) -> None:
        """At once, where its windows are the same."""
        self._topology.swap(name, served)
