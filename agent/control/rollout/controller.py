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
from agent.control.rollout.assignments import Places
from agent.control.rollout.background_task import Errand
from agent.control.rollout.prepare import GivenUp, Work
from agent.control.rollout.probation import OnProbation
from agent.control.rollout.requests import Inbox, Order
from agent.control.rollout.shadow import Shadow
from agent.control.rollout.trial import Trying
from agent.core.types import Scored
from agent.inference import model_store, registry
from agent.inference.classifier import Serving
from agent.inference.model_store import Standing
from agent.pipeline.source_pipeline import Lane
from agent.pipeline.topology import Lineup

LOOK_S = 0.5  # how often it is looked for what was handed over
TOLD_S = 60.0  # how often the shadow's figures are published
FINISH_S = 1.0

log = logging.getLogger("drsn.rollout")
Tell = Callable[..., None]  # tell(model, **fields of the record)


class Steer:
    """`see`, `after_step` and `turn` are for the main thread."""

    def __init__(
        self,
        chosen: Config,
        lineup: Lineup,
        tell: Tell,
        announce: Callable[[], None],
        inbox: Inbox,
        steady: bool = True,
    ) -> None:
        """`announce` says anew which source has which model; `steady` False: nothing is done."""
        self._steady = steady
        self._state_dir = Path(chosen.agent.state_dir)
        self._places = Places(lineup, announce)
        self._tell = tell
        self._inbox = inbox
        self._work = Work(chosen.rollout, self._state_dir, lineup.lanes, inbox)
        self._trying = Trying(chosen.rollout, self._state_dir, self._places)
        self._errand: Errand[Any] | None = None
        self._about: Order | None = None  # that the errand is for
        self._look_s = self._told_s = 0.0
        self._greeted = False

    def see(self, scored: Scored, lane: Lane) -> None:
        """What the present model said of a window."""
        self._trying.see(scored, lane)

    def after_step(self) -> None:
        """Before anything is told of a step."""
        self._trying.after_step()

    def turn(self, late: bool) -> None:
        """`late`: a window waits to be scored."""
        if self._errand is not None:
            if self._errand.done and self._places.settled:
                self._finish()
        elif self._called_back():
            return
        elif self._trying.shadow is not None:
            self._try_out(self._trying.shadow, late)
        elif self._trying.probation is not None:
            self._watch(self._trying.probation)
        elif self._steady and time.monotonic() >= self._look_s:
            self._look_s = time.monotonic() + LOOK_S
            self._look()

    def close(self) -> None:
        """The process ends in good order."""
        quiet = self._errand is None or self._errand.wait(FINISH_S)
        if self._trying.name is not None and quiet:
            with contextlib.suppress(OSError):
                registry.pause(self._state_dir, self._trying.name)

    # -- what there is to do ----------------------------------------------------------

    def _look(self) -> None:
        known = model_store.standings(self._state_dir)
        if not self._greeted:
            self._greeted = True
            for each in known:
                self._say(each)
        for each in known:
            if each.phase != "idle" and self._places.used(each.name):
                self._go_on(each)
                return
        if (order := self._inbox.next(self._places.used)) is not None:
            self._take_up(order)

    def _called_back(self) -> bool:
        """Whether a person has seen enough of what is being tried."""
        if self._trying.name is None or time.monotonic() < self._look_s:
            return False
        self._look_s = time.monotonic() + LOOK_S
        order = self._inbox.back(self._trying.name)
        if order is not None:
            self._take_up(order)
        return order is not None

    def _take_up(self, order: Order) -> None:
        self._about = order
        if order.verb == "back":
            work = functools.partial(self._work.back, order)
            self._errand = Errand(work, self._gone_back)
            return
        if order.announced is not None:
            self._say(model_store.standing(self._state_dir, order.name), order, state="fetching")
        self._errand = Errand(functools.partial(self._work.admit, order), self._admitted)

    def _go_on(self, known: Standing) -> None:
        """After a restart."""
        self._trying.name = known.name
        if known.phase == "shadow":
            assert known.candidate is not None
            file = model_store.model_file(self._state_dir, known.name, known.candidate)
            load = functools.partial(self._work.load, known, file)
            self._errand = Errand(load, self._admitted)
        else:
            self._trying.on_probation(known.name, self._places.serving(known.name), None)

    def _try_out(self, tried: Shadow, late: bool) -> None:
        name = self._trying.name
        assert name is not None
        if not late:
            tried.turn()
        if not tried.done:
            if time.monotonic() - self._told_s > TOLD_S:
                self._say(model_store.standing(self._state_dir, name))
        elif (why := tried.verdict()) is not None:
            work = functools.partial(registry.refuse, self._state_dir, name, why)
            self._errand = Errand(work, self._refused)
        else:
            work = functools.partial(registry.switch, self._state_dir, name)
            self._errand = Errand(work, self._switched)

    def _watch(self, guard: OnProbation) -> None:
        name = self._trying.name
        assert name is not None
        if (why := guard.verdict()) is not None:
            work = functools.partial(self._work.roll_back, name, why, guard.old)
            self._errand = Errand(work, self._gone_back)
        elif guard.over:
            kept = functools.partial(registry.settle, self._state_dir, name)
            self._errand = Errand(kept, self._settled)

    # -- what comes of them: in the main thread -------------------------------------------

    def _finish(self) -> None:
        errand, self._errand = self._errand, None
        assert errand is not None
        try:
            errand.finish()
        except Exception as error:  # noqa: BLE001 - whatever it is, the present model goes on
            self._failed(error)
        else:
            self._about = None

    def _failed(self, error: Exception) -> None:
        """It was not to be: what was tried is given up."""
        order, self._about = self._about, None
        name = self._trying.forget()
        why = " ".join(str(error).split()) or type(error).__name__
        log.warning("roll-out: %s", why)
        if order is not None and self._inbox.later(order, error):
            self._say(
                model_store.standing(self._state_dir, order.name), order, state="fetching", why=why
            )
            return
        if order is not None:
            self._inbox.done(order)
        name = order.name if order is not None else name
        if name is not None:
            work = functools.partial(self._work.give_up, name, order, why)
            self._errand = Errand(work, functools.partial(self._given_up, why))

    def _given_up(self, why: str, found: GivenUp) -> None:
        known, order, old = found
        self._say(known, order, **({} if order is None else {"state": "refused", "why": why}))
        if old is not None:
            self._places.serve(known.name, old, changed=True)

    def _admitted(self, found: tuple[Standing, Serving]) -> None:
        known, candidate = found
        self._trying.in_shadow(known.name, candidate)
        log.info("%s %s: in the shadow", known.name, candidate.contract.version)
        self._say(known)

    def _refused(self, known: Standing) -> None:
        self._say(known)
        self._trying.forget()

    def _switched(self, known: Standing) -> None:
        tried = self._trying.shadow
        assert tried is not None
        self._say(known)
        self._trying.on_probation(known.name, tried.candidate, tried.present)
        log.info("%s: switched to %s, on probation", known.name, tried.candidate.contract.version)

    def _settled(self, known: Standing) -> None:
        guard = self._trying.probation
        assert guard is not None
        self._places.serve(known.name, guard.new, changed=False)
        self._trying.forget()
        log.info("%s: kept", known.name)
        self._say(known)

    def _gone_back(self, found: tuple[Standing, Serving]) -> None:
        known, old = found
        self._trying.forget()
        self._places.serve(known.name, old, changed=True)
        log.info("%s: back to %s", known.name, old.contract.version)
        self._say(known)

    def _say(self, known: Standing, order: Order | None = None, **told: Any) -> None:
        self._told_s = time.monotonic()
        announced = None if order is None or order.announced is None else order.announced.version
        fields = {
            "state": known.state,
            "why": known.why,
            "present": known.present,
            "candidate": known.candidate,
            "shadow": self._trying.figures(),
            "announced": announced,
        }
        self._tell(known.name, **(fields | told))
