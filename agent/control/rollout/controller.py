"""Takes a bundle from its request to its end, one step for each turn of the main thread.

    requested -> admitted -> shadow -> switched, on probation -> kept
             \\-> refused         \\-> refused              \\-> rolled back

Each arrow is one record that a background task replaces on disk (`agent.inference.registry`); only
then does anything change here. One candidate at a time.
"""

import contextlib
import functools
import logging
import time
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from agent.config.load import Config
from agent.control.rollout.assignments import Assignments
from agent.control.rollout.canary import Canary
from agent.control.rollout.phases import (
    Admitting,
    Concluding,
    GivingUp,
    GoingBack,
    Idle,
    InShadow,
    OnProbation,
    Phase,
    Resuming,
    Working,
)
from agent.control.rollout.prepare import Candidate, Loaded, Refused, RolloutSteps
from agent.control.rollout.reporter import Publish, StatusReporter
from agent.control.rollout.requests import UpdateQueue, UpdateRequest
from agent.core.background_task import BackgroundTask
from agent.core.types import Scored
from agent.inference import model_store, registry
from agent.inference.model_store import Standing
from agent.pipeline.source_pipeline import SourcePipeline
from agent.pipeline.topology import Topology

LOOK_S = 0.5  # how often requests are looked for
FINISH_S = 1.0

log = logging.getLogger("drsn.rollout")


class RolloutController:
    """For the main thread."""

    def __init__(
        self,
        config: Config,
        topology: Topology,
        publish: Publish,
        announce: Callable[[], None],
        updates: UpdateQueue,
        *,
        enabled: bool = True,
    ) -> None:
        """`announce` publishes anew which source has which model; `enabled` False: try nothing."""
        self._enabled = enabled
        self._state_dir = Path(config.agent.state_dir)
        self._assignments = Assignments(topology, announce)
        self._reporter = StatusReporter(publish)
        self._updates = updates
        self._steps = RolloutSteps(config.rollout, self._state_dir, topology.pipelines, updates)
        self._canary = Canary(config.rollout, self._state_dir, self._assignments)
        self._phase: Phase = Idle()
        self._next_look_s = 0.0
        self._reported_all = False

    def see(self, scored: Scored, pipeline: SourcePipeline) -> None:
        """Offers a window that the present model has scored to a candidate in the shadow."""
        trial = self._phase.trial
        if isinstance(trial, InShadow) and pipeline.settings.common.model == trial.name:
            trial.shadow.see(scored, pipeline)

    def after_step(self) -> None:
        """Swaps a model that failed on probation for the old one, before results are published.

        So the old model's answers are published as its own.
        """
        trial = self._phase.trial
        if not isinstance(trial, OnProbation) or trial.guard.failure is None:
            return
        if trial.guard.fallback is not None:
            self._assignments.swap(trial.name, trial.guard.fallback)

    def turn(self, late: bool) -> None:
        """Takes the next step, if there is one. `late`: a live window waits to be scored."""
        match self._phase:
            case Idle():
                self._phase = self._look() if self._enabled and self._look_due() else self._phase
            case InShadow() | OnProbation() as trial:
                request = self._updates.going_back(trial.name) if self._look_due() else None
                self._phase = (
                    self._step(trial, late) if request is None else self._go_back(trial, request)
                )
            case working:
                if working.task.done and self._assignments.settled:
                    self._phase = self._finish(working)

    def close(self) -> None:
        """The process ends in good order: this start does not count against a candidate."""
        phase, trial = self._phase, self._phase.trial
        quiet = isinstance(phase, InShadow | OnProbation | Idle) or phase.task.wait(FINISH_S)
        if not isinstance(trial, Idle) and quiet:
            with contextlib.suppress(OSError):
                registry.pause(self._state_dir, trial.name)

    # -- from idle ------------------------------------------------------------------------

    def _look_due(self) -> bool:
        now_s = time.monotonic()
        if now_s < self._next_look_s:
            return False
        self._next_look_s = now_s + LOOK_S
        return True

    def _look(self) -> Phase:
        """Goes on with a trial of an earlier run, or takes up the next request."""
        standings = model_store.standings(self._state_dir)
        if not self._reported_all:
            self._reported_all = True
            for standing in standings:
                self._reporter.report(standing)
        for standing in standings:
            if standing.phase != "idle" and self._assignments.used(standing.name):
                return self._resume(standing)
        request = self._updates.next(self._assignments.used)
        if request is None:
            return Idle()
        return self._go_back(Idle(), request) if request.verb == "back" else self._admit(request)

    def _resume(self, standing: Standing) -> Phase:
        if standing.phase == "probation":
            return self._canary.resume_probation(standing.name)
        load = functools.partial(self._steps.load_candidate, standing)
        return Resuming(standing.name, BackgroundTask(load, self._admitted))

    def _admit(self, request: UpdateRequest) -> Phase:
        if request.announced_version is not None:
            self._report_fetching(request, self._standing(request.name).why)
        work = functools.partial(self._steps.admit, request)
        return Admitting(request, BackgroundTask(work, self._admitted))

    def _admitted(self, candidate: Candidate) -> Phase:
        standing = candidate.standing
        phase = self._canary.start_shadow(standing.name, candidate.classifier)
        log.info("%s %s: in the shadow", standing.name, candidate.classifier.contract.version)
        self._reporter.report(standing, phase.shadow.figures())
        return phase

    # -- from a trial -----------------------------------------------------------------------

    def _step(self, trial: InShadow | OnProbation, late: bool) -> Phase:
        return (
            self._shadow(trial, late) if isinstance(trial, InShadow) else self._follow_canary(trial)
        )

    def _shadow(self, trial: InShadow, late: bool) -> Phase:
        shadow, name = trial.shadow, trial.name
        if not late:
            shadow.turn()
        if not shadow.done:
            if self._reporter.due:
                self._reporter.report(self._standing(name), shadow.figures())
            return trial
        if (why := shadow.verdict()) is not None:
            refuse = functools.partial(registry.refuse, self._state_dir, name, why)
            return Concluding(trial, BackgroundTask(refuse, functools.partial(self._end, trial)))
        switch = functools.partial(registry.switch, self._state_dir, name)
        return Concluding(trial, BackgroundTask(switch, functools.partial(self._switched, trial)))

    def _end(self, trial: InShadow, standing: Standing) -> Phase:
        self._reporter.report(standing, trial.shadow.figures())
        return Idle()

    def _switched(self, trial: InShadow, standing: Standing) -> Phase:
        new, old = trial.shadow.candidate, trial.shadow.present
        self._reporter.report(standing, trial.shadow.figures())
        phase = self._canary.start_probation(trial.name, new, old)
        log.info("%s: switched to %s, on probation", trial.name, new.contract.version)
        return phase

    def _follow_canary(self, trial: OnProbation) -> Phase:
        guard, name = trial.guard, trial.name
        if (why := guard.verdict()) is not None:
            work = functools.partial(self._steps.roll_back, name, why, guard.fallback)
            return Concluding(trial, BackgroundTask(work, self._went_back))
        if guard.over:
            keep = functools.partial(self._steps.keep, name)
            return Concluding(trial, BackgroundTask(keep, self._kept))
        return trial

    def _kept(self, present: Loaded) -> Phase:
        name = present.standing.name
        self._assignments.serve(name, present.classifier, changed=False)
        log.info("%s: kept", name)
        self._reporter.report(present.standing)
        return Idle()

    def _go_back(self, trial: Idle | InShadow | OnProbation, request: UpdateRequest) -> Phase:
        work = functools.partial(self._steps.go_back, request)
        return GoingBack(trial, request, BackgroundTask(work, self._went_back))

    def _went_back(self, previous: Loaded) -> Phase:
        standing, classifier = previous.standing, previous.classifier
        self._assignments.serve(standing.name, classifier, changed=True)
        log.info("%s: back to %s", standing.name, classifier.contract.version)
        self._reporter.report(standing)
        return Idle()

    # -- what fails -------------------------------------------------------------------------

    def _finish(self, phase: Working) -> Phase:
        try:
            return phase.task.finish()
        except Exception as error:  # noqa: BLE001 - whatever it is, the present model goes on
            return self._fail(phase, error)

    def _fail(self, phase: Working, error: Exception) -> Phase:
        """The update failed: roll back and report."""
        why = " ".join(str(error).split()) or type(error).__name__
        log.warning("roll-out: %s", why)
        if isinstance(phase, GivingUp):
            return Idle()  # which takes it up again
        if isinstance(phase, Admitting | GoingBack):
            request = phase.request
            if self._updates.postpone(request, error):
                self._report_fetching(request, why)
                return Idle()
            self._updates.discard(request)
            work = functools.partial(self._steps.give_up_request, request, why)
        else:
            name = phase.name if isinstance(phase, Resuming) else phase.trial.name
            work = functools.partial(self._steps.give_up, name, why)
        return GivingUp(BackgroundTask(work, self._given_up))

    def _given_up(self, result: Loaded | Refused) -> Phase:
        if isinstance(result, Loaded):
            return self._went_back(result)
        self._reporter.report(result.standing, announced=result.announced)
        return Idle()

    def _report_fetching(self, request: UpdateRequest, why: str | None) -> None:
        standing = replace(self._standing(request.name), state="fetching", why=why)
        self._reporter.report(standing, announced=request.announced_version)

    def _standing(self, name: str) -> Standing:
        return model_store.standing(self._state_dir, name)
