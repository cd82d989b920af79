"""The one model that is tried: in the shadow, then on probation. For the main thread.

What has come of it is decided here, and done by whoever holds this
(`agent.control.rollout.controller`).
"""

import functools
from pathlib import Path

from agent.config.rollout import Rollout
from agent.control.rollout.assignments import Assignments
from agent.control.rollout.probation import GuardedClassifier
from agent.control.rollout.shadow import Shadow
from agent.core.types import Scored
from agent.inference import registry
from agent.inference.classifier import Serving
from agent.messages.records import ShadowFigures
from agent.pipeline.source_pipeline import SourcePipeline


class Canary:
    """`name` is the model's; None: none is tried."""

    def __init__(self, keys: Rollout, state_dir: Path, assignments: Assignments) -> None:
        self.name: str | None = None
        self.shadow: Shadow | None = None
        self.probation: GuardedClassifier | None = None
        self._keys = keys
        self._state_dir = state_dir
        self._assignments = assignments

    def see(self, scored: Scored, pipeline: SourcePipeline) -> None:
        """What the present model said of a window."""
        if self.shadow is not None and pipeline.settings.common.model == self.name:
            self.shadow.see(scored, pipeline)

    def after_step(self) -> None:
        """Before anything is told of a step: where a new model failed and the old one is at hand,
        that one takes over at once, so that its answers are told as its own."""
        guard = self.probation
        if guard is not None and guard.trouble is not None and guard.old is not None:
            assert self.name is not None
            self._assignments.swap(self.name, guard.old)

    def in_shadow(self, name: str, candidate: Serving) -> None:
        """Begins; `UserError` where no source has that model."""
        self.name = name
        present, count = self._assignments.serving(name), len(self._assignments.of(name))
        self.shadow = Shadow(self._keys, candidate, present, count, self._assignments.hop_s(name))

    def on_probation(self, name: str, new: Serving, old: Serving | None) -> None:
        """The new model serves from here on; `old` None: it is not loaded."""
        self.name, self.shadow = name, None
        same = old is not None and _reads_alike(new, old)
        count = max(len(self._assignments.of(name)), 1)
        hop_s = self._assignments.hop_s(name)
        guard = GuardedClassifier(new, old if same else None, self._keys, count, hop_s)
        guard.last_words = functools.partial(self._last_words, name)
        self.probation = guard
        self._assignments.serve(name, guard, changed=old is not None)

    def _last_words(self, name: str, why: str) -> None:
        """The process is about to end: the next one begins with the old model."""
        registry.refuse(self._state_dir, name, why)

    def forget(self) -> str | None:
        """None is tried any longer; which one it was."""
        name, self.name, self.shadow, self.probation = self.name, None, None, None
        return name

    def figures(self) -> ShadowFigures | None:
        return None if self.shadow is None else self.shadow.figures()


def _reads_alike(new: Serving, old: Serving) -> bool:
    one, other = new.contract, old.contract
    same = ("rate_hz", "window", "channels", "labels")
    return all(getattr(one, each) == getattr(other, each) for each in same)
