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
from agent.pipeline.build import Around, unchanged
from agent.pipeline.source_pipeline import SourcePipeline
from agent.pipeline.window_scorer import Scorer


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


class Topology:
    """`lanes` is one list for as long as the agent runs, so that others may look at it."""

    def __init__(
        self,
        chosen: Config,
        wake: Callable[[], None],
        clock: WallClock,
        begin: Callable[[SourcePipeline], None],
        around: Around = unchanged,
    ) -> None:
        """`begin` starts a lane's thread; `around` may put something between a source and it."""
        self._models: dict[str, Serving] = {}
        self.pipelines = build.build_pipelines(
            chosen, wake, clock, models=self._models, around=around
        )
        self._chosen = chosen
        self._wake = wake
        self._clock = clock
        self._begin = begin
        self._going: list[SourcePipeline] = []
        self._coming: list[SourcePipeline] = []
        self._look()

    def start(self) -> None:
        for pipeline in self.pipelines:
            self._begin(pipeline)

    def stop(self) -> None:
        for pipeline in self.pipelines:
            pipeline.stopping.set()
        for pipeline in self._coming:
            pipeline.reader.close()
        self._coming = []

    @property
    def settled(self) -> bool:
        return not (self._going or self._coming)

    @property
    def drained(self) -> bool:
        """Nothing more will come, from anyone."""
        return not self._coming and all(pipeline.drained for pipeline in self.pipelines)

    def change(self, chosen: Config) -> Change:
        """Begins to turn into that configuration; `ConfigError`, and nothing has changed.

        `settle` goes on with it, turn by turn, until the lineup is `settled`.
        """
        fixed = _differing(self._chosen, chosen)
        wanted = dataclasses.replace(self._chosen, sources=chosen.sources)
        stay = [pipeline for pipeline in self.pipelines if _stays(pipeline, wanted)]
        names = {pipeline.name for pipeline in stay}
        used = {each.common.model for each in wanted.sources}
        folder = Path(wanted.agent.state_dir)
        models = {
            name: model
            for name, model in self._models.items()
            if name in used and model.sha256 == variants.sha256(variants.served(name, folder))
        }
        news = tuple(each for each in wanted.sources if each.common.name not in names)
        fresh = dataclasses.replace(wanted, sources=news)
        self._coming = build.build_pipelines(fresh, self._wake, self._clock, models=models)
        self._models = models
        self._going = [pipeline for pipeline in self.pipelines if pipeline.name not in names]
        for pipeline in self._going:
            pipeline.stopping.set()
        self._chosen = wanted
        return Change(
            [pipeline.name for pipeline in stay],
            [pipeline.name for pipeline in self._going],
            [pipeline.name for pipeline in self._coming],
            fixed,
        )

    def swap(self, model: str, served: Serving) -> None:
        """Has the sources of that model scored by another one, where its windows are the same."""
        for pipeline in self.pipelines:
            if pipeline.settings.common.model == model and model_swap.fits(
                pipeline, served.contract
            ):
                model_swap.swap(pipeline, served)
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
        for pipeline in [pipeline for pipeline in self._going if pipeline.drained]:
            self._going.remove(pipeline)
            self.pipelines.remove(pipeline)
        at_work = {pipeline.name for pipeline in self.pipelines}
        for pipeline in [pipeline for pipeline in self._coming if pipeline.name not in at_work]:
            self._coming.remove(pipeline)
            self._start(pipeline)
        self._look()
        return self.settled

    def _start(self, pipeline: SourcePipeline) -> None:
        if pipeline.reader.fault is not None:  # perhaps its predecessor had the device
            pipeline.reader.open()
        pipeline.scored_s = time.monotonic()
        self.pipelines.append(pipeline)
        self._begin(pipeline)

    def _look(self) -> None:
        self.by_name = {pipeline.name: pipeline for pipeline in self.pipelines}
        self.scorers: list[Scorer] = [pipeline.scorer for pipeline in self.pipelines]


def _stays(pipeline: SourcePipeline, chosen: Config) -> bool:
    """Whether it is there as it is: its keys, its model's file and its baseline."""
    ours, monitor = pipeline.settings, pipeline.scorer.monitor
    folder = Path(chosen.agent.state_dir)
    if (ours.common, ours.options) not in [(each.common, each.options) for each in chosen.sources]:
        return False
    if variants.sha256(variants.served(ours.common.model, folder)) != pipeline.origin.sha256:
        return False
    frame = build.frame(ours, pipeline.origin.contract)
    found = file.load(folder, pipeline.name, frame)
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
