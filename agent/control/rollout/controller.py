"""Takes a bundle from the hand-over to its end, by turns of the main thread.

    handed over or fetched -> admitted -> shadow -> switched, on probation -> kept
                           \\-> refused  \\-> refused  \\-> rolled back

Each arrow is one record that is replaced on disk (`agent.inference.registry`), by an errand of its
own; only then does anything change here. One candidate at a time.
"""

import contextlib
import functools
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent.config.load import Config
from agent.control.rollout.assignments import Assignments
from agent.control.rollout.background_task import BackgroundTask
from agent.control.rollout.canary import Canary
from agent.control.rollout.prepare import GivenUp, Work
from agent.control.rollout.probation import GuardedClassifier
from agent.control.rollout.requests import UpdateQueue, UpdateRequest
from agent.control.rollout.shadow import Shadow
from agent.core.types import Scored
from agent.inference import model_store, registry
from agent.inference.classifier import Serving
from agent.inference.model_store import Standing
from agent.pipeline.source_pipeline import SourcePipeline
from agent.pipeline.topology import Topology

LOOK_S = 0.5  # how often it is looked for what was handed over
TOLD_S = 60.0  # how often the shadow's figures are published
FINISH_S = 1.0

log = logging.getLogger("drsn.rollout")
Tell = Callable[..., None]  # tell(model, **fields of the record)


class RolloutController:
    """`see`, `after_step` and `turn` are for the main thread."""

    def __init__(
        self,
        chosen: Config,
        topology: Topology,
        tell: Tell,
        announce: Callable[[], None],
        updates: UpdateQueue,
        steady: bool = True,
    ) -> None:
        """`announce` says anew which source has which model; `steady` False: nothing is done."""
        self._steady = steady
        self._state_dir = Path(chosen.agent.state_dir)
        self._assignments = Assignments(topology, announce)
        self._tell = tell
        self._updates = updates
        self._work = Work(chosen.rollout, self._state_dir, topology.pipelines, updates)
        self._canary = Canary(chosen.rollout, self._state_dir, self._assignments)
        self._task: BackgroundTask[Any] | None = None
        self._about: UpdateRequest | None = None  # that the errand is for
        self._look_s = self._told_s = 0.0
        self._greeted = False

    def see(self, scored: Scored, pipeline: SourcePipeline) -> None:
        """What the present model said of a window."""
        self._canary.see(scored, pipeline)

    def after_step(self) -> None:
        """Before anything is told of a step."""
        self._canary.after_step()

    def turn(self, late: bool) -> None:
        """`late`: a window waits to be scored."""
        if self._task is not None:
            if self._task.done and self._assignments.settled:
                self._finish()
        elif self._called_back():
            return
        elif self._canary.shadow is not None:
            self._try_out(self._canary.shadow, late)
        elif self._canary.probation is not None:
            self._watch(self._canary.probation)
        elif self._steady and time.monotonic() >= self._look_s:
            self._look_s = time.monotonic() + LOOK_S
            self._look()

    def close(self) -> None:
        """The process ends in good order."""
        quiet = self._task is None or self._task.wait(FINISH_S)
        if self._canary.name is not None and quiet:
            with contextlib.suppress(OSError):
                registry.pause(self._state_dir, self._canary.name)

    # -- what there is to do ----------------------------------------------------------

    def _look(self) -> None:
        known = model_store.standings(self._state_dir)
        if not self._greeted:
            self._greeted = True
            for each in known:
                self._say(each)
        for each in known:
            if each.phase != "idle" and self._assignments.used(each.name):
                self._go_on(each)
                return
        if (request := self._updates.next(self._assignments.used)) is not None:
            self._take_up(request)

    def _called_back(self) -> bool:
        """Whether a person has seen enough of what is being tried."""
        if self._canary.name is None or time.monotonic() < self._look_s:
            return False
        self._look_s = time.monotonic() + LOOK_S
        request = self._updates.back(self._canary.name)
        if request is not None:
            self._take_up(request)
        return request is not None

    def _take_up(self, request: UpdateRequest) -> None:
        self._about = request
        if request.verb == "back":
            work = functools.partial(self._work.back, request)
            self._task = BackgroundTask(work, self._gone_back)
            return
        if request.announced is not None:
            self._say(
                model_store.standing(self._state_dir, request.name), request, state="fetching"
            )
        self._task = BackgroundTask(functools.partial(self._work.admit, request), self._admitted)

    def _go_on(self, known: Standing) -> None:
        """After a restart."""
        self._canary.name = known.name
        if known.phase == "shadow":
            assert known.candidate is not None
            file = model_store.model_file(self._state_dir, known.name, known.candidate)
            load = functools.partial(self._work.load, known, file)
            self._task = BackgroundTask(load, self._admitted)
        else:
            self._canary.on_probation(known.name, self._assignments.serving(known.name), None)

    def _try_out(self, tried: Shadow, late: bool) -> None:
        name = self._canary.name
        assert name is not None
        if not late:
            tried.turn()
        if not tried.done:
            if time.monotonic() - self._told_s > TOLD_S:
                self._say(model_store.standing(self._state_dir, name))
        elif (why := tried.verdict()) is not None:
            work = functools.partial(registry.refuse, self._state_dir, name, why)
            self._task = BackgroundTask(work, self._refused)
        else:
            work = functools.partial(registry.switch, self._state_dir, name)
            self._task = BackgroundTask(work, self._switched)

    def _watch(self, guard: GuardedClassifier) -> None:
        name = self._canary.name
        assert name is not None
        if (why := guard.verdict()) is not None:
            work = functools.partial(self._work.roll_back, name, why, guard.old)
            self._task = BackgroundTask(work, self._gone_back)
        elif guard.over:
            kept = functools.partial(registry.settle, self._state_dir, name)
            self._task = BackgroundTask(kept, self._settled)

    # -- what comes of them: in the main thread -------------------------------------------

    def _finish(self) -> None:
        task, self._task = self._task, None
        assert task is not None
        try:
            task.finish()
        except Exception as error:  # noqa: BLE001 - whatever it is, the present model goes on
            self._failed(error)
        else:
            self._about = None

    def _failed(self, error: Exception) -> None:
        """It was not to be: what was tried is given up."""
        request, self._about = self._about, None
        name = self._canary.forget()
        why = " ".join(str(error).split()) or type(error).__name__
        log.warning("roll-out: %s", why)
        if request is not None and self._updates.later(request, error):
            self._say(
                model_store.standing(self._state_dir, request.name),
                request,
                state="fetching",
                why=why,
            )
            return
        if request is not None:
            self._updates.done(request)
        name = request.name if request is not None else name
        if name is not None:
            work = functools.partial(self._work.give_up, name, request, why)
            self._task = BackgroundTask(work, functools.partial(self._given_up, why))

    def _given_up(self, why: str, found: GivenUp) -> None:
        known, request, old = found
        self._say(known, request, **({} if request is None else {"state": "refused", "why": why}))
        if old is not None:
            self._assignments.serve(known.name, old, changed=True)

    def _admitted(self, found: tuple[Standing, Serving]) -> None:
        known, candidate = found
        self._canary.in_shadow(known.name, candidate)
        log.info("%s %s: in the shadow", known.name, candidate.contract.version)
        self._say(known)

    def _refused(self, known: Standing) -> None:
        self._say(known)
        self._canary.forget()

    def _switched(self, known: Standing) -> None:
        tried = self._canary.shadow
        assert tried is not None
        self._say(known)
        self._canary.on_probation(known.name, tried.candidate, tried.present)
        log.info("%s: switched to %s, on probation", known.name, tried.candidate.contract.version)

    def _settled(self, known: Standing) -> None:
        guard = self._canary.probation
        assert guard is not None
        self._assignments.serve(known.name, guard.new, changed=False)
        self._canary.forget()
        log.info("%s: kept", known.name)
        self._say(known)

    def _gone_back(self, found: tuple[Standing, Serving]) -> None:
        known, old = found
        self._canary.forget()
        self._assignments.serve(known.name, old, changed=True)
        log.info("%s: back to %s", known.name, old.contract.version)
        self._say(known)

    def _say(self, known: Standing, request: UpdateRequest | None = None, **told: Any) -> None:
        self._told_s = time.monotonic()
        announced = (
            None if request is None or request.announced is None else request.announced.version
        )
        fields = {
            "state": known.state,
            "why": known.why,
            "present": known.present,
            "candidate": known.candidate,
            "shadow": self._canary.figures(),
            "announced": announced,
        }
        self._tell(known.name, **(fields | told))
