"""Puts one configured source's parts together: source, feed, ring, windows, model, decision."""

import functools
from collections.abc import Callable
from pathlib import Path

from agent import sources
from agent.acquisition.conditioning import Conditioner
from agent.acquisition.reader import SourceReader
from agent.acquisition.ring_buffer import Ring
from agent.acquisition.timestamps import Timeline, WallClock
from agent.acquisition.windows import Windower
from agent.config import load
from agent.core.errors import ConfigError
from agent.core.model_contract import Contract, Decide
from agent.core.types import Source
from agent.diagnosis import measurements
from agent.diagnosis.baseline import file
from agent.diagnosis.baseline.file import Frame
from agent.diagnosis.baseline.monitor import Monitor
from agent.diagnosis.decision import Decider, Judge
from agent.inference import registry as installed
from agent.inference import variants
from agent.inference.classifier import Serving
from agent.messages import payloads
from agent.pipeline import fault_clips, window_scorer
from agent.pipeline.source_pipeline import SourcePipeline
from agent.pipeline.window_scorer import Scorer

Opener = Callable[[], Source]
Around = Callable[[Opener], Source]


def unchanged(open_source: Opener) -> Source:
    """Nothing between a source and its lane."""
    return open_source()


def build_pipelines(
    chosen: load.Config,
    wake: Callable[[], None],
    clock: WallClock,
    commissioned: bool = True,
    models: dict[str, Serving] | None = None,
    around: Around = unchanged,
) -> list[SourcePipeline]:
    """Every source, opened; a model that several share is loaded once. `ConfigError`.

    `commissioned` False leaves the state directory unread: baselines, and which form of a model is
    fastest. `models` are those that are loaded already; what is loaded here is added. `around` may
    put something between a source and its lane.
    """
    models = {} if models is None else models
    pipelines: list[SourcePipeline] = []
    for settings in chosen.sources:
        try:
            model = settings.common.model
            folder = Path(chosen.agent.state_dir) if commissioned else None
            if model not in models:
                own = installed.find(Path(chosen.agent.state_dir), model)
                models[model] = variants.open_model(own, folder)
            topics = payloads.Topics(chosen.mqtt.base, chosen.agent.id)
            kept_s = fault_clips.reach_s(chosen.evidence)
            parts = (settings, models[model], topics, folder, wake, clock, around, kept_s)
            pipelines.append(build_pipeline(*parts))
        except ConfigError as error:
            for pipeline in pipelines:
                pipeline.reader.close()
            raise ConfigError(f"{settings.path} ({settings.common.name}): {error}") from None
    return pipelines


def frame(settings: load.Source, contract: Contract) -> Frame:
    """What a baseline of this source must have been learned from."""
    common = settings.common
    return Frame(
        rate_hz=contract.rate_hz,
        window=contract.window,
        channels=common.channels,
        scale=common.scale,
        hop_s=common.hop_s,
        patience=decide_keys(settings, contract).patience,
    )


def build_pipeline(
    settings: load.Source,
    model: Serving,
    topics: payloads.Topics,
    baselines: Path | None,
    wake: Callable[[], None],
    clock: WallClock,
    around: Around,
    kept_s: float,
) -> SourcePipeline:
    common, contract = settings.common, model.contract
    hop, decide = _hop(settings, contract), decide_keys(settings, contract)
    tacho = common.tacho is not None
    ring = _ring(common, contract, hop, kept_s, wake)
    farthest = common.decide.max_distance or contract.max_distance
    judge = Judge(contract.labels, frozenset(contract.normal), decide.confidence, farthest)
    windower = Windower(ring, contract.window, hop, tacho)
    timeline = Timeline(clock, contract.rate_hz)
    unit = common.unit or contract.unit
    pipeline = SourcePipeline(
        settings=settings,
        reader=_intake(settings, contract, ring, wake, timeline, around),
        ring=ring,
        scorer=Scorer(
            source=common.name,
            windower=windower,
            classifier=model,
            decider=Decider(judge, decide),
            rpm=common.rpm,
            orders=common.orders,
            monitor=None if baselines is None else _monitor(settings, contract, baselines),
            examine=functools.partial(measurements.examine, ring, _known(common, contract, unit)),
        ),
        origin=payloads.Origin(topics, common.name, unit, contract, model.sha256),
        timeline=timeline,
        untold=model.reads_running and common.rpm is None and not tacho,
    )
    pipeline.reader.open()
    return pipeline


def _ring(
    common: load.SourceKeys,
    contract: Contract,
    hop: int,
    kept_s: float,
    wake: Callable[[], None],
) -> Ring:
    """As long as configured, and what physics and evidence look back for."""
    frames = max(2 * contract.window, round(common.buffer_s * contract.rate_hz))
    back = max(
        round(measurements.SECONDS * contract.rate_hz),
        round(kept_s * contract.rate_hz) + contract.window,
    )
    history = back + window_scorer.DUE_AT_ONCE * hop
    return Ring(frames, contract.channels + (common.tacho is not None), wake, history)


def _monitor(settings: load.Source, contract: Contract, folder: Path) -> Monitor | None:
    """Where the source was commissioned."""
    found = file.load(folder, settings.common.name, frame(settings, contract))
    return None if found is None else Monitor(found)


def _known(common: load.SourceKeys, contract: Contract, unit: str) -> measurements.MachineInfo:
    return measurements.MachineInfo(
        contract.rate_hz, unit, common.rpm, common.orders, common.machine_class
    )


def _intake(
    settings: load.Source,
    contract: Contract,
    ring: Ring,
    wake: Callable[[], None],
    timeline: Timeline,
    around: Around,
) -> SourceReader:
    common = settings.common

    def attach(source: Source) -> Conditioner:
        channels = _channels(settings, source.format.channels, contract)
        conditioner = Conditioner(
            source.format, ring, contract.rate_hz, channels, common.scale, common.tacho
        )
        timeline.attach(conditioner)
        return conditioner

    open_source = functools.partial(sources.open_source, common.kind, settings.options)
    longest_s = sources.longest_s(common.kind)
    opened = functools.partial(around, open_source)
    return SourceReader(common.name, opened, attach, ring, wake, longest_s)


def _hop(settings: load.Source, contract: Contract) -> int:
    hop = round(settings.common.hop_s * contract.rate_hz)
    if hop < 1:
        least_s = 1 / contract.rate_hz
        raise ConfigError(f"hop_s: found {settings.common.hop_s}, expected at least {least_s}")
    return hop


def decide_keys(settings: load.Source, contract: Contract) -> Decide:
    decide = settings.common.decide.over(contract.decide)
    if decide.exit > decide.enter:
        found = f"exit {decide.exit} above enter {decide.enter}"
        raise ConfigError(f"decide: found {found}, expected exit <= enter")
    return decide


def _channels(settings: load.Source, found: int, contract: Contract) -> tuple[int, ...]:
    chosen, tacho = settings.common.channels, settings.common.tacho
    if tacho is not None and tacho.channel >= found:
        raise ConfigError(f"tacho.channel: found {tacho.channel}, expected one of 0 to {found - 1}")
    if chosen is None and found != contract.channels:
        raise ConfigError(
            f"channels: found {found} in the source, expected the {contract.channels} "
            f"of the model {contract.name}: choose, e.g. channels: "
            f"{list(range(contract.channels))}"
        )
    chosen = tuple(range(found)) if chosen is None else chosen
    if len(chosen) != contract.channels or max(chosen) >= found:
        raise ConfigError(
            f"channels: found {list(chosen)}, expected {contract.channels} of 0 to {found - 1}"
        )
    return chosen
