"""Starts the trials of a model: in the shadow of the present one, then in its place."""

import functools
from pathlib import Path

import msgspec

from agent.config.rollout import Rollout
from agent.control.rollout.assignments import Assignments
from agent.control.rollout.phases import InShadow, OnProbation
from agent.control.rollout.probation import GuardedClassifier
from agent.control.rollout.shadow import Candidate, Shadow
from agent.inference import registry
from agent.inference.classifier import Serving

SAME_FOR_SOURCES = ("rate_hz", "window", "channels", "labels")  # keys of a contract


class Canary(msgspec.Struct, frozen=True):
    """The model under trial, by the configuration and the sources that it scores."""

    rollout: Rollout
    state_dir: Path
    assignments: Assignments

    def start_shadow(self, name: str, candidate: Candidate) -> InShadow:
        """`UserError` where no source is scored by a model of that name."""
        present, demand = self.assignments.serving(name), self.assignments.demand(name)
        return InShadow(name, Shadow(self.rollout, candidate, present, demand))

    def start_probation(self, name: str, new: Serving, old: Serving) -> OnProbation:
        """`new` takes the place of `old`, which stays at hand if it reads the same windows."""
        guard = self._guard(name, new, old if _interchangeable(new, old) else None)
        self.assignments.serve(name, guard, changed=True)
        return OnProbation(name, guard)

    def resume_probation(self, name: str) -> OnProbation:
        """After a restart; the old model is not loaded, and `name` stands for the new one."""
        guard = self._guard(name, self.assignments.serving(name), None)
        self.assignments.serve(name, guard, changed=False)
        return OnProbation(name, guard)

    def _guard(self, name: str, new: Serving, fallback: Serving | None) -> GuardedClassifier:
        return GuardedClassifier(
            new,
            fallback,
            self.rollout,
            self.assignments.demand(name),
            before_exit=functools.partial(registry.refuse, self.state_dir, name),
        )


def _interchangeable(new: Serving, old: Serving) -> bool:
    """Whether sources notice no difference but the predictions."""
    one, other = new.contract, old.contract
    return all(getattr(one, key) == getattr(other, key) for key in SAME_FOR_SOURCES)
