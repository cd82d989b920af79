"""The sources at work, and how they change while the agent runs. Used by the main thread alone.

A source that stays is not touched. One that goes is stopped and scored to its end, as at a
shutdown; only then does what comes under its name begin.
"""

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path

from agent.acquisition.timestamps import WallClock
from agent.config.load import Config
from agent.diagnosis.baseline import file
from agent.inference import variants
from agent.inference.classifier import Serving
from agent.pipeline import build, model_swap
from agent.pipeline.build import Around, as_it_is
from agent.pipeline.source_pipeline import Lane
from agent.pipeline.window_scorer import Channel


@dataclasses.dataclass(frozen=True)
class Change:
    """What another configuration makes of this one."""

    stay: list[str]
    go: list[str]
    come: list[str]
    fixed: list[str]  # keys that changed and hold only after a restart

    def told(self) -> str:
        moves = {"stay": self.stay, "go": self.go, "come": self.come}
        said = [f"{', '.join(names) or 'none'} {verb}" for verb, names in moves.items()]
        late = f"; only after a restart: {', '.join(self.fixed)}" if self.fixed else ""
        return ", ".join(said) + late


class Lineup:
    """`lanes` is one list for as long as the agent runs, so that others may look at it."""

    def __init__(
        self,
        chosen: Config,
        wake: Callable[[], None],
        clock: WallClock,
        begin: Callable[[Lane], None],
        around: Around = as_it_is,
    ) -> None:
        """`begin` starts a lane's thread; `around` may put something between a source and it."""
        self._models: dict[str, Serving] = {}
        self.lanes = build.build(chosen, wake, clock, models=self._models, around=around)
        self._chosen = chosen
        self._wake = wake
        self._clock = clock
        self._begin = begin
        self._going: list[Lane] = []
        self._coming: list[Lane] = []
        self._look()

    def start(self) -> None:
        for lane in self.lanes:
            self._begin(lane)

    def stop(self) -> None:
        for lane in self.lanes:
            lane.stopping.set()
        for lane in self._coming:
            lane.intake.close()
        self._coming = []

    @property
    def settled(self) -> bool:
        return not (self._going or self._coming)

    @property
    def drained(self) -> bool:
        """Nothing more will come, from anyone."""
        return not self._coming and all(lane.drained for lane in self.lanes)

    def change(self, chosen: Config) -> Change:
        """Begins to turn into that configuration; `ConfigError`, and nothing has changed.

        `settle` goes on with it, turn by turn, until the lineup is `settled`.
        """
        fixed = _differing(self._chosen, chosen)
        wanted = dataclasses.replace(self._chosen, sources=chosen.sources)
        stay = [lane for lane in self.lanes if _stays(lane, wanted)]
        names = {lane.name for lane in stay}
        used = {each.common.model for each in wanted.sources}
        folder = Path(wanted.agent.state_dir)
        models = {
            name: model
            for name, model in self._models.items()
            if name in used and model.sha256 == variants.sha256(variants.served(name, folder))
        }
        news = tuple(each for each in wanted.sources if each.common.name not in names)
        fresh = dataclasses.replace(wanted, sources=news)
        self._coming = build.build(fresh, self._wake, self._clock, models=models)
        self._models = models
        self._going = [lane for lane in self.lanes if lane.name not in names]
        for lane in self._going:
            lane.stopping.set()
        self._chosen = wanted
        return Change(
            [lane.name for lane in stay],
            [lane.name for lane in self._going],
            [lane.name for lane in self._coming],
            fixed,
        )

    def swap(self, model: str, served: Serving) -> None:
        """Has the sources of that model scored by another one, where its windows are the same."""
        for lane in self.lanes:
            if lane.settings.common.model == model and model_swap.fits(lane, served.contract):
                model_swap.swap(lane, served)
        self._look()

    def serve(self, model: str, served: Serving) -> None:
        """The same for a model which the state directory names by now, whatever its windows.

        Sources whose windows are others begin anew, as `change` has it. `ConfigError`. The lineup
        must be settled.
        """
        self._models[model] = served
        self.swap(model, served)
        self.change(self._chosen)

    def settle(self) -> bool:
        """Takes away what has ended, begins what may; whether the lineup is settled by this."""
        if self.settled:
            return False
        for lane in [lane for lane in self._going if lane.drained]:
            self._going.remove(lane)
            self.lanes.remove(lane)
        at_work = {lane.name for lane in self.lanes}
        for lane in [lane for lane in self._coming if lane.name not in at_work]:
            self._coming.remove(lane)
            self._start(lane)
        self._look()
        return self.settled

    def _start(self, lane: Lane) -> None:
        if lane.intake.fault is not None:  # perhaps its predecessor had the device
            lane.intake.open()
        lane.scored_s = time.monotonic()
        self.lanes.append(lane)
        self._begin(lane)

    def _look(self) -> None:
        self.by_name = {lane.name: lane for lane in self.lanes}
        self.channels: list[Channel] = [lane.channel for lane in self.lanes]


def _stays(lane: Lane, chosen: Config) -> bool:
    """Whether it is there as it is: its keys, its model's file and its baseline."""
    ours, monitor = lane.settings, lane.channel.monitor
    folder = Path(chosen.agent.state_dir)
    if (ours.common, ours.options) not in [(each.common, each.options) for each in chosen.sources]:
        return False
    if variants.sha256(variants.served(ours.common.model, folder)) != lane.origin.sha256:
        return False
    frame = build.frame(ours, lane.origin.contract)
    found = file.load(folder, lane.name, frame)
    return (found and found.made) == (monitor and monitor.baseline.made)


def _differing(old: Config, new: Config) -> list[str]:
    """The keys of all sections but the sources that have another value; a section that comes or
    goes, as a whole."""
    found: list[str] = []
    for section in (each.name for each in dataclasses.fields(Config) if each.name != "sources"):
        one, other = getattr(old, section), getattr(new, section)
        if one is None or other is None:
            found += [section] if one is not other else []
        else:
            keys = one.__struct_fields__
            found += [f"{section}.{k}" for k in keys if getattr(one, k) != getattr(other, k)]
    return found
