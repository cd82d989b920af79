"""Builds the pipeline of each configured source: reader, ring, windows, model, decision."""

import functools
import logging
import threading
from collections.abc import Sequence
from pathlib import Path

from agent.acquisition import operating_state
from agent.acquisition.reader import SourceReader
from agent.acquisition.ring_buffer import Ring
from agent.acquisition.windows import Windower
from agent.config.load import Config
from agent.config.source import SourceSettings
from agent.core.errors import ConditionError, ConfigError, UserError
from agent.core.model_contract import Contract, Decide
from agent.core.types import Decision
from agent.diagnosis import measurements
from agent.diagnosis.baseline import features, file
from agent.diagnosis.baseline.file import Baseline, Frame
from agent.diagnosis.baseline.monitor import Monitor
from agent.diagnosis.decision import Decider, Judge
from agent.diagnosis.measuring_times import MeasuringTimes
from agent.diagnosis.standstill import Standstill
from agent.inference.classifier import Serving
from agent.messages import payloads
from agent.pipeline import device, fault_clips
from agent.pipeline.device import Point
from agent.pipeline.serving import open_serving
from agent.pipeline.source_build import Runtime, SourceBuild
from agent.pipeline.source_pipeline import SourcePipeline
from agent.pipeline.window_scorer import Scorer

log = logging.getLogger("drsn")


def build_pipelines(
    config: Config,
    runtime: Runtime | None = None,
    *,
    commissioned: bool = True,
    models: dict[str, Serving] | None = None,
    strict: bool = True,
) -> list[SourcePipeline]:
    """Builds and opens every source of the configuration; `UserError` names the source.

    A model that several sources share is loaded once: `models` holds those that are loaded, by
    name, and receives those that are loaded here. `commissioned` False ignores what the state
    directory holds: the baselines, and which variant of a model is fastest. Unless it is `strict`,
    a recording that cannot be read is the fault of its source alone, where there are others.
    """
    runtime = Runtime() if runtime is None else runtime
    models = {} if models is None else models
    devices: dict[str, list[SourceSettings]] = {}
    for settings in config.sources:
        devices.setdefault(settings.reads, []).append(settings)
    strict = strict or len(devices) == 1
    pipelines: list[SourcePipeline] = []
    for name, points in devices.items():
        path = points[0].path.partition(".")[0]
        try:
            builds: list[SourceBuild] = []
            for settings in points:
                with device.naming(settings):
                    builds.append(
                        _source_build(config, settings, runtime, models, commissioned, strict)
                    )
            pipelines += build_device(builds)
        except BaseException as error:
            for pipeline in pipelines:
                pipeline.reader.close()
            mistake = _mistake(error)
            if mistake is None:
                raise
            raise mistake.within(f"{path} ({name})") from None
    return pipelines


def _source_build(
    config: Config,
    settings: SourceSettings,
    runtime: Runtime,
    models: dict[str, Serving],
    commissioned: bool,
    strict: bool,
) -> SourceBuild:
    state_dir = Path(config.agent.state_dir)
    return SourceBuild(
        settings=settings,
        model=open_serving(settings, state_dir, models, fastest=commissioned),
        topics=payloads.Topics(config.mqtt.base, config.agent.id),
        baselines=state_dir if commissioned else None,
        clip_s=fault_clips.reach_s(config.evidence),
        runtime=runtime,
        strict=strict,
    )


def _mistake(error: BaseException) -> UserError | None:
    """The user's mistake behind an error; None: it is a bug.

    A number within its bounds can still be too much for this machine beside another, and a path
    or an address may be one that only the library refuses.
    """
    if isinstance(error, UserError):
        return error
    text = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
    if isinstance(error, MemoryError | OverflowError | ValueError):
        return ConfigError(text)
    return ConditionError(text) if isinstance(error, OSError) else None


def build_device(builds: Sequence[SourceBuild]) -> list[SourcePipeline]:
    """Builds the pipelines of all points of one device, and opens it; `UserError`."""
    points: list[Point] = []
    for build in builds:
        with device.naming(build.settings):
            points.append(device.point(build))
    reader, stopping = device.reader(points), threading.Event()
    pipelines: list[SourcePipeline] = []
    for point in points:
        with device.naming(point.build.settings):
            pipelines.append(_pipeline(point, reader, stopping))
    reader.open(builds[0].strict)
    return pipelines


def _pipeline(point: Point, reader: SourceReader, stopping: threading.Event) -> SourcePipeline:
    build = point.build
    baseline, lost_baseline = _baseline(build)
    return SourcePipeline(
        settings=build.settings,
        reader=reader,
        ring=point.ring,
        scorer=_scorer(build, point.ring, baseline),
        origin=_origin(build),
        timeline=point.timeline,
        lost_baseline=lost_baseline,
        speed_missing=speed_missing(build.settings, build.model),
        stopping=stopping,
    )


def _origin(build: SourceBuild) -> payloads.Origin:
    name, place = build.settings.common.name, build.settings.place
    sha256 = build.model.sha256
    return payloads.Origin(build.topics, name, build.unit, build.contract, sha256, place)


def frame(settings: SourceSettings, contract: Contract) -> Frame:
    """The windows from which a baseline of this source must have been learned."""
    common = settings.common
    return Frame(
        rate_hz=contract.rate_hz,
        window=contract.window,
        channels=common.channels,
        scale=common.scale,
        hop_s=common.hop_s,
        patience=decide_keys(settings, contract).patience,
    )


def decide_keys(settings: SourceSettings, contract: Contract) -> Decide:
    """The model's decision settings with the source's overrides; `ConfigError`."""
    decide = settings.common.decide.over(contract.decide)
    if decide.exit > decide.enter:
        found = f"exit {decide.exit} above enter {decide.enter}"
        raise ConfigError(f"decide: found {found}, expected exit <= enter")
    return decide


def judge(settings: SourceSettings, contract: Contract) -> Judge:
    """Judges single windows by the model's labels and the thresholds of this source."""
    max_distance = settings.common.decide.max_distance or contract.max_distance
    confidence = decide_keys(settings, contract).confidence
    not_normal: Decision = "detected" if contract.task == "detection" else "fault"
    return Judge(contract.labels, frozenset(contract.normal), confidence, max_distance, not_normal)


def speed_missing(settings: SourceSettings, model: Serving) -> bool:
    """Whether the model reads the shaft's speed and the configuration does not give it."""
    common = settings.common
    return model.reads_running and not common.speed_known


def _scorer(build: SourceBuild, ring: Ring, baseline: Baseline | None) -> Scorer:
    settings, contract = build.settings, build.contract
    common = settings.common
    machine = measurements.MachineInfo(
        contract.rate_hz, build.unit, common.rpm, common.orders, common.machine_class
    )
    return Scorer(
        source=common.name,
        windower=Windower(ring, contract.window, build.hop, build.has_tacho),
        classifier=build.model,
        decider=Decider(judge(settings, contract), decide_keys(settings, contract), common.hop_s),
        rpm=common.rpm,
        orders=common.orders,
        condition=common.condition_name,
        measured_speed=build.has_tacho or common.speed is not None,
        operating=operating_state.of_source(common, build.runtime.values),
        standstill=Standstill() if build.has_tacho else None,
        monitor=None if baseline is None else Monitor(baseline),
        examine=functools.partial(measurements.examine, ring, machine),
        measuring=_measuring(settings, contract),
    )


def _measuring(settings: SourceSettings, contract: Contract) -> MeasuringTimes | None:
    common = settings.common
    if not common.measure_s:
        return None
    return MeasuringTimes(common.name, common.measure_s, contract.rate_hz)


def _baseline(build: SourceBuild) -> tuple[Baseline | None, str | None]:
    """The source's baseline, None where it has none, and why the one it has cannot be read.

    A machine that is watched without its baseline is better than one that is not watched at all.
    """
    if build.baselines is None:
        return None, None
    settings = build.settings
    now = frame(settings, build.contract)
    try:
        baseline = file.load(build.baselines, settings.common.name, now)
        if baseline is not None:
            width = features.PER_CHANNEL * build.contract.channels
            file.check_width(baseline, build.baselines, width)
        return baseline, None
    except file.LostError as error:
        log.error("%s: runs as if not commissioned: %s", settings.common.name, error)
        return None, str(error)
