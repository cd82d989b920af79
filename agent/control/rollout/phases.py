"""The phases of a roll-out, one record each.

    Idle -> Admitting -> InShadow -> Concluding -> OnProbation -> Concluding -> Idle

A person's order to go back leads from Idle or from a trial through GoingBack to Idle, a failure
through GivingUp to Idle. After a restart, a trial begins again with Resuming or OnProbation.
"""

import msgspec

from agent.control.rollout.probation import GuardedClassifier
from agent.control.rollout.requests import UpdateRequest
from agent.control.rollout.shadow import Shadow
from agent.core.background_task import BackgroundTask


class Idle(msgspec.Struct, frozen=True):
    """No model is tried."""

    @property
    def trial(self) -> "Trial":
        return self


class Admitting(msgspec.Struct, frozen=True):
    """A bundle is fetched, checked and loaded."""

    request: UpdateRequest
    task: "Task"

    @property
    def trial(self) -> "Trial":
        return Idle()


class Resuming(msgspec.Struct, frozen=True):
    """The candidate of an earlier run is loaded again."""

    name: str  # of the model, here and below
    task: "Task"

    @property
    def trial(self) -> "Trial":
        return self


class InShadow(msgspec.Struct, frozen=True):
    """A candidate scores the windows of the present model; nobody sees its predictions."""

    name: str
    shadow: Shadow

    @property
    def trial(self) -> "Trial":
        return self


class OnProbation(msgspec.Struct, frozen=True):
    """The new model serves; the old one takes over where it fails."""

    name: str
    guard: GuardedClassifier

    @property
    def trial(self) -> "Trial":
        return self


class Concluding(msgspec.Struct, frozen=True):
    """The verdict on a trial is written to the disk; until then the trial goes on."""

    trial: InShadow | OnProbation
    task: "Task"


class GoingBack(msgspec.Struct, frozen=True):
    """A person has ordered the model before; until it is loaded, a trial goes on."""

    trial: Idle | InShadow | OnProbation
    request: UpdateRequest
    task: "Task"


class GivingUp(msgspec.Struct, frozen=True):
    """A request or a trial has failed; this is written to the disk."""

    task: "Task"

    @property
    def trial(self) -> "Trial":
        return Idle()


Trial = Idle | Resuming | InShadow | OnProbation
Working = Admitting | Resuming | Concluding | GoingBack | GivingUp
Phase = Trial | Working
Task = BackgroundTask[Phase]
