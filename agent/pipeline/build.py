"""Builds the pipeline of each configured source: reader, ring, windows, model, decision."""

import functools
import logging
from collections.abc import Callable
from pathlib import Path

import msgspec

from agent import sources
from agent.acquisition import operating_state
from agent.acquisition.conditioning import Conditioner
from agent.acquisition.published_values import PublishedValues
from agent.acquisition.reader import SourceReader
from agent.acquisition.ring_buffer import Ring
from agent.acquisition.timestamps import Timeline, WallClock
from agent.acquisition.windows import Windower, check_length, hop_frames
from agent.config.load import Config
from agent.config.source import SourceSettings
from agent.core.errors import ConditionError, ConfigError, UserError
from agent.core.model_contract import Contract, Decide
from agent.core.types import Source
from agent.diagnosis import measurements
from agent.diagnosis.baseline import features, file
from agent.diagnosis.baseline.file import Baseline, Frame
from agent.diagnosis.baseline.monitor import Monitor
from agent.diagnosis.decision import Decider, Judge
from agent.diagnosis.measuring_times import MeasuringTimes
from agent.inference.classifier import Serving
from agent.messages import payloads
from agent.pipeline import fault_clips, source_format, window_scorer
from agent.pipeline.serving import open_serving
from agent.pipeline.source_pipeline import SourcePipeline
from agent.pipeline.window_scorer import Scorer

log = logging.getLogger("drsn")

MAX_RING_BYTES = 512 * 2**20  # of one source

OpenSource = Callable[[], Source]
WrapSource = Callable[[OpenSource], Source]


def open_unwrapped(open_source: OpenSource) -> Source:
    """Opens the source and puts nothing around it."""
    return open_source()


def _wake_nobody() -> None:
    """For callers that do not wait for windows."""


class Runtime(msgspec.Struct, frozen=True, kw_only=True):
    """What all sources of an agent share for as long as it runs.

    `wake` is called by source threads when there may be something to score. `wrap_source` wraps
    each source when it is opened, e.g. to add noise in demos. `values` hears what other devices
    publish; None: nothing is heard, so that published speeds and conditions are not known.
    """

    wake: Callable[[], None] = _wake_nobody
    clock: WallClock = msgspec.field(default_factory=WallClock)
    wrap_source: WrapSource = open_unwrapped
    values: PublishedValues | None = None


class SourceBuild(msgspec.Struct, frozen=True, kw_only=True):
    """What is needed to build the pipeline of one source."""

    settings: SourceSettings
    model: Serving
    topics: payloads.Topics
    baselines: Path | None  # the folder with commissioned baselines; None: use none
    clip_s: float  # how far back a clip of a fault reaches
    runtime: Runtime
    strict: bool = True  # a recording that cannot be read is a mistake

    @property
    def contract(self) -> Contract:
        return self.model.contract

    @property
    def has_tacho(self) -> bool:
        return self.settings.common.tacho is not None

    @property
    def unit(self) -> str:
        return self.settings.common.unit or self.contract.unit

    @property
    def hop(self) -> int:
        """Frames from the start of one window to the next; `ConfigError` below one frame."""
        hop_s, rate_hz = self.settings.common.hop_s, self.contract.rate_hz
        hop = hop_frames(hop_s, rate_hz)
        if hop < 1:
            raise ConfigError(f"hop_s: found {hop_s}, expected at least {1 / rate_hz}")
        return hop


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
    state_dir = Path(config.agent.state_dir)
    pipelines: list[SourcePipeline] = []
    for settings in config.sources:
        try:
            source_build = SourceBuild(
                settings=settings,
                model=open_serving(settings, state_dir, models, fastest=commissioned),
                topics=payloads.Topics(config.mqtt.base, config.agent.id),
                baselines=state_dir if commissioned else None,
                clip_s=fault_clips.reach_s(config.evidence),
                runtime=runtime,
                strict=strict or len(config.sources) == 1,
            )
            pipelines.append(build_pipeline(source_build))
        except BaseException as error:
            for pipeline in pipelines:
                pipeline.reader.close()
            mistake = _mistake(error)
            if mistake is None:
                raise
            raise mistake.within(f"{settings.path} ({settings.common.name})") from None
    return pipelines


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


def build_pipeline(build: SourceBuild) -> SourcePipeline:
    """Builds the pipeline of one source and opens the source; `UserError`."""
    common, contract = build.settings.common, build.contract
    if (rate_hz := getattr(build.settings.options, "rate_hz", None)) is not None:
        source_format.check_rate(rate_hz, contract)  # also of a device that is not there
    ring = _ring(build)
    timeline = Timeline(build.runtime.clock, contract.rate_hz)
    baseline, lost_baseline = _baseline(build)
    pipeline = SourcePipeline(
        settings=build.settings,
        reader=_reader(build, ring, timeline),
        ring=ring,
        scorer=_scorer(build, ring, baseline),
        origin=payloads.Origin(build.topics, common.name, build.unit, contract, build.model.sha256),
        timeline=timeline,
        lost_baseline=lost_baseline,
        speed_missing=speed_missing(build.settings, build.model),
    )
    pipeline.reader.open(build.strict)
    return pipeline


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
    return Judge(contract.labels, frozenset(contract.normal), confidence, max_distance)


def speed_missing(settings: SourceSettings, model: Serving) -> bool:
    """Whether the model reads the shaft's speed and the configuration does not give it."""
    common = settings.common
    return model.reads_running and not common.speed_known


def _ring(build: SourceBuild) -> Ring:
    """A ring as long as configured, with the history that measurements and clips look back on."""
    contract = build.contract
    frames = max(2 * contract.window, round(build.settings.common.buffer_s * contract.rate_hz))
    measured = round(measurements.SECONDS * contract.rate_hz)
    clipped = round(build.clip_s * contract.rate_hz) + contract.window
    history = max(measured, clipped) + window_scorer.MAX_WINDOWS_PER_SOURCE * build.hop
    size = (frames + history) * (4 * (contract.channels + build.has_tacho) + 1)
    if size > MAX_RING_BYTES:
        limit_s = frames / contract.rate_hz * MAX_RING_BYTES / size
        buffer_s = build.settings.common.buffer_s
        raise ConfigError(f"buffer_s: found {buffer_s:g}, expected at most about {limit_s:.0f}")
    return Ring(frames, contract.channels + build.has_tacho, build.runtime.wake, history)


def _reader(build: SourceBuild, ring: Ring, timeline: Timeline) -> SourceReader:
    common, rate_hz = build.settings.common, build.contract.rate_hz

    def attach(source: Source) -> Conditioner:
        check_length(source.format, build.contract)
        source_format.check_rate(source.format.rate_hz, build.contract)
        channels = source_format.channels(build.settings, build.contract, source.format.channels)
        conditioner = Conditioner(
            source.format, ring, rate_hz, channels, common.scale, common.tacho, common.bits
        )
        timeline.attach(conditioner)
        return conditioner

    open_source = functools.partial(sources.open_source, common.kind, build.settings.options)
    open_wrapped = functools.partial(build.runtime.wrap_source, open_source)
    longest_s = sources.longest_s(common.kind)
    return SourceReader(
        common.name,
        open_wrapped,
        attach,
        ring,
        build.runtime.wake,
        longest_s,
        common.kind in sources.SETS_ITS_RATE,
    )


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
