"""Where a model is at work: the sources that it scores. Used by the main thread alone."""

from collections.abc import Callable
from typing import cast

from agent.core.errors import UserError
from agent.inference.classifier import Serving
from agent.pipeline.source_pipeline import Lane
from agent.pipeline.topology import Lineup


class Places:
    """The sources, by the name of their model."""

    def __init__(self, lineup: Lineup, announce: Callable[[], None]) -> None:
        """`announce` says anew which source has which model."""
        self._lineup = lineup
        self._announce = announce

    @property
    def settled(self) -> bool:
        """No source comes or goes."""
        return self._lineup.settled

    def of(self, name: str) -> list[Lane]:
        return [lane for lane in self._lineup.lanes if lane.settings.common.model == name]

    def used(self, name: str) -> bool:
        return bool(self.of(name))

    def hop_s(self, name: str) -> float:
        """The shortest of theirs."""
        return min((lane.settings.common.hop_s for lane in self.of(name)), default=1.0)

    def serving(self, name: str) -> Serving:
        """What scores them; `UserError` where there are none."""
        ours = self.of(name)
        if not ours:
            raise UserError(f"{name}: found no source with this model at work")
        return cast(Serving, ours[0].channel.classifier)

    def serve(self, name: str, served: Serving, changed: bool) -> None:
        """Has them scored by another one; `changed`: those who listen are told which it is."""
        if self.used(name):
            self._lineup.serve(name, served)
            if changed:
                self._announce()

    def swap(self, name: str, served: Serving) -> None:
        """At once, where its windows are the same."""
        self._lineup.swap(name, served)
