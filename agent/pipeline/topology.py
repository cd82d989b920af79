"""The sources at work, and how they change while the agent runs. Used by the main thread alone.

A source whose settings, model and baseline are unchanged is not touched. Any other is stopped and
scored to its end, as at a shutdown; only then does its successor of the same name begin.
"""

import collections
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from agent.config.load import Config, differences
from agent.core.errors import UserError
from agent.core.types import Format, SourceError
from agent.diagnosis.baseline import file
from agent.diagnosis.baseline.file import Baseline
from agent.diagnosis.baseline.monitor import Monitor
from agent.inference.classifier import Serving
from agent.pipeline import build, device, model_swap, serving, source_format
from agent.pipeline.source_build import Runtime
from agent.pipeline.source_pipeline import SourcePipeline
from agent.pipeline.window_scorer import Scorer

log = logging.getLogger("drsn")


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """The difference that a new configuration makes, by the names of sources."""

    kept: list[str]
    removed: list[str]
    added: list[str]
    restart_needed: list[str]  # keys that changed and take effect only after a restart

    def describe(self) -> str:
        """One line for a person."""
        parts = {"kept": self.kept, "removed": self.removed, "added": self.added}
        text = "; ".join(f"{verb} {', '.join(names) or 'none'}" for verb, names in parts.items())
        keys = ", ".join(self.restart_needed)
        return f"{text}; needs a restart: {keys}" if keys else text


class Topology:
    """`pipelines` stays the same list for as long as the agent runs: others may hold it."""

    def __init__(
        self, config: Config, runtime: Runtime, start_reading: Callable[[SourcePipeline], None]
    ) -> None:
        """`start_reading` starts the thread that reads a source. `UserError`."""
        self._models: dict[str, Serving] = {}
        self.pipelines = build.build_pipelines(config, runtime, models=self._models, strict=False)
        self._config = config
        self._runtime = runtime
        self._start_reading = start_reading
        self._leaving: list[SourcePipeline] = []
        self._waiting: list[SourcePipeline] = []  # built, until their predecessors have ended
        self._index()

    def start(self) -> None:
        for points in _devices(self.pipelines):
            self._start_reading(points[0])

    def stop(self) -> None:
        """Stops all sources; what they delivered is still to be scored."""
        for pipeline in self.pipelines:
            pipeline.stopping.set()
        for pipeline in self._waiting:
            pipeline.reader.close()
        self._waiting = []

    @property
    def config(self) -> Config:
        """The present one: of a reload, its sources and machines."""
        return self._config

    @property
    def settled(self) -> bool:
        """Whether no change is in progress."""
        return not (self._leaving or self._waiting)

    @property
    def drained(self) -> bool:
        """Whether no source will give another window."""
        return not self._waiting and all(pipeline.drained for pipeline in self.pipelines)

    def change(self, new: Config) -> Change:
        """Begins to change to the sources of that configuration; `UserError` changes nothing.

        `settle` continues, turn by turn, until the topology is `settled`.
        """
        restart_needed = differences(self._config, new)
        config = msgspec.structs.replace(self._config, sources=new.sources, machines=new.machines)
        kept = _unchanged(self.pipelines, config)
        names = {pipeline.name for pipeline in kept}
        models = self._loaded_models(config)
        added = tuple(source for source in config.sources if source.common.name not in names)
        waiting = build.build_pipelines(
            msgspec.structs.replace(config, sources=added), self._runtime, models=models
        )
        _check_held(self.pipelines, waiting)
        self._waiting = waiting
        self._models = models
        self._leaving = [pipeline for pipeline in self.pipelines if pipeline.name not in names]
        for pipeline in self._leaving:
            pipeline.stopping.set()
        settings_of = {source.common.name: source for source in config.sources}
        for pipeline in kept:
            pipeline.move(settings_of[pipeline.name])
        self._config = config
        return Change(
            kept=[pipeline.name for pipeline in kept],
            removed=[pipeline.name for pipeline in self._leaving],
            added=[pipeline.name for pipeline in self._waiting],
            restart_needed=restart_needed,
        )

    def swap(self, model: str, serving: Serving) -> None:
        """Lets `serving` score the sources of that model whose windows it reads, at once."""
        for pipeline in self.pipelines:
            if pipeline.settings.common.model == model and model_swap.fits(
                pipeline, serving.contract
            ):
                model_swap.swap(pipeline, serving)
        self._index()

    def commission(self, pipeline: SourcePipeline, baseline: Baseline) -> None:
        """Lets that baseline, which is in the state directory by now, judge the source at once."""
        monitor = Monitor(baseline)
        pipeline.scorer = msgspec.structs.replace(pipeline.scorer, monitor=monitor)
        pipeline.lost_baseline = None
        self._index()

    def serve(self, model: str, serving: Serving) -> None:
        """Lets `serving`, which the state directory names by now, score all sources of that model.

        Sources whose windows are different begin anew, as in `change`; `UserError`. The topology
        must be settled.
        """
        self._models[model] = serving
        self.swap(model, serving)
        self.change(self._config)

    def settle(self) -> bool:
        """Removes what has ended and starts its successors; whether this completed the change."""
        if self.settled:
            return False
        for pipeline in [pipeline for pipeline in self._leaving if pipeline.drained]:
            self._leaving.remove(pipeline)
            self.pipelines.remove(pipeline)
        names = {pipeline.name for pipeline in self.pipelines}
        for points in _devices(self._waiting):
            if not any(pipeline.name in names for pipeline in points):
                self._start(points)
        self._index()
        return self.settled

    def _start(self, points: Sequence[SourcePipeline]) -> None:
        """Starts to read a device for its points."""
        reader = points[0].reader
        if reader.fault is not None:  # its predecessor may have held the device
            try:
                reader.open()
            except UserError as error:  # too late to refuse the reload: the others go on
                log.error("%s: %s", points[0].settings.reads, error)
                reader.break_off(SourceError(str(error)))
        for pipeline in points:
            self._waiting.remove(pipeline)
            pipeline.scored_s = time.monotonic()
            self.pipelines.append(pipeline)
        self._start_reading(points[0])

    def _loaded_models(self, config: Config) -> dict[str, Serving]:
        """The loaded models that the configuration uses and whose files are unchanged."""
        state_dir = Path(config.agent.state_dir)
        used = {source.common.model for source in config.sources}
        return {
            name: model
            for name, model in self._models.items()
            if name in used and model.sha256 == serving.sha256_of(name, state_dir)
        }

    def _index(self) -> None:
        self.by_name = {pipeline.name: pipeline for pipeline in self.pipelines}
        self.scorers: list[Scorer] = [pipeline.scorer for pipeline in self.pipelines]


def _devices(pipelines: Sequence[SourcePipeline]) -> list[list[SourcePipeline]]:
    """The points of each device: what one reader reads."""
    devices: dict[int, list[SourcePipeline]] = {}
    for pipeline in pipelines:
        devices.setdefault(id(pipeline.reader), []).append(pipeline)
    return list(devices.values())


def _check_channels(pipeline: SourcePipeline, source: Format) -> None:
    """`UserError`, which names the device and its point."""
    settings = pipeline.settings
    try:
        with device.naming(settings):
            source_format.channels(settings, pipeline.origin.contract, source)
    except UserError as error:
        raise error.within(f"{settings.path.partition('.')[0]} ({settings.reads})") from None


def _check_held(present: Sequence[SourcePipeline], waiting: Sequence[SourcePipeline]) -> None:
    """Whether points fit devices that they cannot open yet, for a present source has them open.

    `UserError` closes what `waiting` has opened.
    """
    formats = {
        pipeline.settings.reads: (pipeline.settings.options, pipeline.reader.conditioner.format)
        for pipeline in present
        if pipeline.reader.conditioner is not None
    }
    try:
        for pipeline in waiting:
            settings = pipeline.settings
            options, source = formats.get(settings.reads, (None, None))
            if pipeline.reader.fault is None or source is None or options != settings.options:
                continue
            _check_channels(pipeline, source)
    except UserError:
        for pipeline in waiting:
            pipeline.reader.close()
        raise


def _unchanged(pipelines: Sequence[SourcePipeline], config: Config) -> list[SourcePipeline]:
    """The points of the devices that have the same points, all of them unchanged."""
    wanted = collections.Counter(source.reads for source in config.sources)
    kept: list[SourcePipeline] = []
    for points in _devices(pipelines):
        same = len(points) == wanted[points[0].settings.reads]
        if same and all(_is_unchanged(pipeline, config) for pipeline in points):
            kept += points
    return kept


def _is_unchanged(pipeline: SourcePipeline, config: Config) -> bool:
    """Whether the source's keys, its model's file and its baseline are the same."""
    settings, monitor = pipeline.settings, pipeline.scorer.monitor
    state_dir = Path(config.agent.state_dir)
    configured = [(source.reads, source.common, source.options) for source in config.sources]
    if (settings.reads, settings.common, settings.options) not in configured:
        return False
    if serving.sha256_of(settings.common.model, state_dir) != pipeline.origin.sha256:
        return False
    frame = build.frame(settings, pipeline.origin.contract)
    try:
        baseline = file.load(state_dir, pipeline.name, frame)
    except file.LostError as error:  # the one in memory goes on
        if pipeline.lost_baseline is None:
            log.error("%s: keeps the baseline that it has in memory: %s", pipeline.name, error)
        return True
    return pipeline.lost_baseline is None and baseline == (monitor and monitor.baseline)
