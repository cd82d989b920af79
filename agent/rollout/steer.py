"""Takes a bundle from the hand-over to its end, by turns of the main thread.

    handed over or fetched -> admitted -> shadow -> switched, on probation -> kept
                           \\-> refused  \\-> refused  \\-> rolled back

Each arrow is one record that is replaced on disk (`agent.rollout.store`), by an errand of its own;
only then does anything change here. One candidate at a time.
"""

import contextlib
import functools
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from agent.classify import Serving
from agent.config import Config
from agent.core import Scored
from agent.errors import UserError
from agent.lane import Lane
from agent.lineup import Lineup
from agent.rollout import shelf, store
from agent.rollout.errand import Errand
from agent.rollout.orders import Inbox, Order
from agent.rollout.probation import OnProbation
from agent.rollout.shadow import Shadow
from agent.rollout.shelf import Standing
from agent.rollout.work import GivenUp, Work

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
        self._keys = chosen.rollout
        self._state_dir = Path(chosen.agent.state_dir)
        self._lineup = lineup
        self._tell = tell
        self._announce = announce
        self._inbox = inbox
        self._work = Work(chosen.rollout, self._state_dir, lineup.lanes, inbox)
        self._errand: Errand[Any] | None = None
        self._about: Order | None = None  # that the errand is for
        self._name: str | None = None  # of the model that is tried
        self._shadow: Shadow | None = None
        self._probation: OnProbation | None = None
        self._look_s = self._told_s = 0.0
        self._greeted = False

    def see(self, scored: Scored, lane: Lane) -> None:
        """What the present model said of a window."""
        if self._shadow is not None and lane.settings.common.model == self._name:
            self._shadow.see(scored, lane)

    def after_step(self) -> None:
        """Before anything is told of a step: what was said by the old model is told as its own."""
        guard = self._probation
        if guard is not None and guard.trouble is not None and guard.old is not None:
            assert self._name is not None
            self._lineup.swap(self._name, guard.old)

    def turn(self, late: bool) -> None:
        """`late`: a window waits to be scored."""
        if self._errand is not None:
            if self._errand.done and self._lineup.settled:
                self._finish()
        elif self._called_back():
            return
        elif self._shadow is not None:
            self._try_out(self._shadow, late)
        elif self._probation is not None:
            self._watch(self._probation)
        elif self._steady and time.monotonic() >= self._look_s:
            self._look_s = time.monotonic() + LOOK_S
            self._look()

    def close(self) -> None:
        """The process ends in good order."""
        quiet = self._errand is None or self._errand.wait(FINISH_S)
        if self._name is not None and quiet:
            with contextlib.suppress(OSError):
                store.pause(self._state_dir, self._name)

    # -- what there is to do ----------------------------------------------------------

    def _look(self) -> None:
        known = shelf.standings(self._state_dir)
        if not self._greeted:
            self._greeted = True
            for each in known:
                self._say(each)
        for each in known:
            if each.phase != "idle" and self._usable(each.name):
                self._go_on(each)
                return
        if (order := self._inbox.next(self._usable)) is not None:
            self._take_up(order)

    def _called_back(self) -> bool:
        """Whether a person has seen enough of what is being tried."""
        if self._name is None or time.monotonic() < self._look_s:
            return False
        self._look_s = time.monotonic() + LOOK_S
        order = self._inbox.back(self._name)
        if order is not None:
            self._take_up(order)
        return order is not None

    def _usable(self, name: str) -> bool:
        return any(lane.settings.common.model == name for lane in self._lineup.lanes)

    def _take_up(self, order: Order) -> None:
        self._about = order
        if order.verb == "back":
            work = functools.partial(self._work.back, order)
            self._errand = Errand(work, self._gone_back)
            return
        if order.announced is not None:
            self._say(shelf.standing(self._state_dir, order.name), order, state="fetching")
        self._errand = Errand(functools.partial(self._work.admit, order), self._admitted)

    def _go_on(self, known: Standing) -> None:
        """After a restart."""
        self._name = known.name
        if known.phase == "shadow":
            assert known.candidate is not None
            file = shelf.model_file(self._state_dir, known.name, known.candidate)
            load = functools.partial(self._work.load, known, file)
            self._errand = Errand(load, self._admitted)
        else:
            self._guard(known.name, self._serving(known.name), None)

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
        name, self._name, self._shadow, self._probation = self._name, None, None, None
        why = " ".join(str(error).split()) or type(error).__name__
        log.warning("roll-out: %s", why)
        if order is not None and self._inbox.later(order, error):
            self._say(shelf.standing(self._state_dir, order.name), order, state="fetching", why=why)
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
            self._lineup_serves(known.name, old, changed=True)

    def _admitted(self, found: tuple[Standing, Serving]) -> None:
        known, candidate = found
        self._name = known.name
        ours = self._ours(known.name)
        if not ours:
            raise UserError(f"{known.name}: found no source with this model at work")
        hop_s = min(lane.settings.common.hop_s for lane in ours)
        present = self._serving(known.name)
        self._shadow = Shadow(self._keys, candidate, present, len(ours), hop_s)
        log.info(
            "%s %s: shadow for %g s", known.name, candidate.contract.version, self._keys.shadow_s
        )
        self._say(known)

    def _try_out(self, tried: Shadow, late: bool) -> None:
        assert self._name is not None
        if not late:
            tried.turn()
        if not tried.done:
            if time.monotonic() - self._told_s > TOLD_S:
                self._say(shelf.standing(self._state_dir, self._name))
            return
        why = tried.verdict()
        if why is not None:
            work = functools.partial(store.refuse, self._state_dir, self._name, why)
            self._errand = Errand(work, self._refused)
        else:
            work = functools.partial(store.switch, self._state_dir, self._name)
            self._errand = Errand(work, self._switched)

    def _refused(self, known: Standing) -> None:
        self._say(known)
        self._name, self._shadow = None, None

    def _switched(self, known: Standing) -> None:
        assert self._shadow is not None
        self._say(known)
        candidate, old, self._shadow = self._shadow.candidate, self._shadow.present, None
        self._guard(known.name, candidate, old)
        present = candidate.contract
        log.info("%s: switched to %s, on probation", known.name, present.version)

    def _guard(self, name: str, new: Serving, old: Serving | None) -> None:
        ours = self._ours(name)
        same = old is not None and _reads_alike(new, old)
        hop_s = min((lane.settings.common.hop_s for lane in ours), default=1.0)
        guard = OnProbation(new, old if same else None, self._keys, max(len(ours), 1), hop_s)
        guard.last_words = lambda why: self._last_words(name, why)
        self._probation = guard
        self._lineup_serves(name, guard, changed=old is not None)

    def _last_words(self, name: str, why: str) -> None:
        """The process is about to end: the next one begins with the old model."""
        store.refuse(self._state_dir, name, why)

    def _watch(self, guard: OnProbation) -> None:
        assert self._name is not None
        if (why := guard.verdict()) is not None:
            work = functools.partial(self._work.roll_back, self._name, why, guard.old)
            self._errand = Errand(work, self._gone_back)
        elif guard.over:
            kept = functools.partial(store.settle, self._state_dir, self._name)
            self._errand = Errand(kept, self._settled)

    def _settled(self, known: Standing) -> None:
        assert self._probation is not None
        self._lineup_serves(known.name, self._probation.new, changed=False)
        self._name, self._probation = None, None
        log.info("%s: kept", known.name)
        self._say(known)

    def _gone_back(self, found: tuple[Standing, Serving]) -> None:
        known, old = found
        self._name, self._shadow, self._probation = None, None, None
        self._lineup_serves(known.name, old, changed=True)
        log.info("%s: back to %s", known.name, old.contract.version)
        self._say(known)

    # -- the rest -----------------------------------------------------------------------

    def _lineup_serves(self, name: str, served: Serving, changed: bool) -> None:
        """`changed`: those who listen are told which model it is."""
        if self._ours(name):
            self._lineup.serve(name, served)
            if changed:
                self._announce()

    def _ours(self, name: str) -> list[Lane]:
        return [lane for lane in self._lineup.lanes if lane.settings.common.model == name]

    def _serving(self, name: str) -> Serving:
        ours = self._ours(name)
        if not ours:
            raise UserError(f"{name}: found no source with this model at work")
        return cast(Serving, ours[0].channel.classifier)

    def _say(self, known: Standing, order: Order | None = None, **told: Any) -> None:
        self._told_s = time.monotonic()
        announced = None if order is None or order.announced is None else order.announced.version
        shadow = self._shadow
        fields = {
            "state": known.state,
            "why": known.why,
            "present": known.present,
            "candidate": known.candidate,
            "shadow": None if shadow is None else shadow.figures(),
            "announced": announced,
        }
        self._tell(known.name, **(fields | told))


def _reads_alike(new: Serving, old: Serving) -> bool:
    one, other = new.contract, old.contract
    same = ("rate_hz", "window", "channels", "labels")
    return all(getattr(one, each) == getattr(other, each) for each in same)
