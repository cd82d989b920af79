"""Puts one configured source's parts together: source, feed, ring, windows, model, decision."""

import collections
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from agent import classify, config, sources, wire, zoo
from agent.classify import OnnxClassifier
from agent.contract import Contract, Decide
from agent.core import Scored, Source
from agent.decide import Decider, Judge
from agent.errors import ConfigError
from agent.feed import Feed
from agent.pipeline import Channel
from agent.records import SourceInfo
from agent.ring import Ring
from agent.windows import Windower

LATENCIES = 1000  # windows whose latency is remembered, for health


@dataclass
class Lane:
    """A source with all that is its own."""

    settings: config.Source
    source: Source
    ring: Ring
    feed: Feed
    channel: Channel
    origin: wire.Origin
    windows: int = 0
    flagged: int = 0
    latencies_s: collections.deque[float] = field(
        default_factory=lambda: collections.deque(maxlen=LATENCIES)
    )

    @property
    def drained(self) -> bool:
        return self.channel.windower.drained

    def pump(self, stopping: threading.Event) -> None:
        """The source thread: blocks into the ring, until the source or the agent ends."""
        try:
            while not stopping.is_set():
                block = self.source.read()
                if block is None or not self.feed.push(block):
                    break
        finally:
            self.source.close()
            self.feed.end()

    def count(self, scored: Scored) -> float:
        """Notes a scored window; the seconds since its last sample came in."""
        latency_s = time.monotonic() - scored.window.arrived_s
        self.windows += 1
        self.flagged += bool(scored.window.marks)
        self.latencies_s.append(latency_s)
        return latency_s

    def info(self) -> SourceInfo:
        common, contract = self.settings.common, self.origin.contract
        return SourceInfo(
            name=common.name,
            kind=common.kind,
            hop_s=common.hop_s,
            window_s=contract.window / contract.rate_hz,
            rate_hz=contract.rate_hz,
            unit=self.origin.unit,
            labels=contract.labels,
            normal=contract.normal,
            model=self.origin.model,
        )


def build(chosen: config.Config, wake: Callable[[], None]) -> list[Lane]:
    """Every source, opened; a model that several share is loaded once. `ConfigError`."""
    models: dict[str, OnnxClassifier] = {}
    topics = wire.Topics(chosen.mqtt.base, chosen.agent.id)
    lanes: list[Lane] = []
    for settings in chosen.sources:
        try:
            model = settings.common.model
            if model not in models:
                models[model] = classify.load(zoo.find(model))
            lanes.append(_build(settings, models[model], topics, wake))
        except ConfigError as error:
            raise ConfigError(f"{settings.path} ({settings.common.name}): {error}") from None
    return lanes


def _build(
    settings: config.Source, model: OnnxClassifier, topics: wire.Topics, wake: Callable[[], None]
) -> Lane:
    common, contract = settings.common, model.contract
    hop, decide = _hop(settings, contract), _decide(settings, contract)
    source = sources.open_source(common.kind, settings.options)
    channels = _channels(settings, source.format.channels, contract)
    frames = max(2 * contract.window, round(common.buffer_s * contract.rate_hz))
    ring = Ring(frames, contract.channels, wake)
    judge = Judge(
        contract.labels, frozenset(contract.normal), decide.confidence, contract.max_distance
    )
    windower = Windower(ring, contract.window, hop)
    return Lane(
        settings=settings,
        source=source,
        ring=ring,
        feed=Feed(source.format, ring, contract.rate_hz, channels, common.scale),
        channel=Channel(common.name, windower, model, Decider(judge, decide)),
        origin=wire.Origin(
            topics, common.name, common.unit or contract.unit, contract, model.sha256
        ),
    )


def _hop(settings: config.Source, contract: Contract) -> int:
    hop = round(settings.common.hop_s * contract.rate_hz)
    if hop < 1:
        least_s = 1 / contract.rate_hz
        raise ConfigError(f"hop_s: found {settings.common.hop_s}, expected at least {least_s}")
    return hop


def _decide(settings: config.Source, contract: Contract) -> Decide:
    decide = settings.common.decide.over(contract.decide)
    if decide.exit > decide.enter:
        found = f"exit {decide.exit} above enter {decide.enter}"
        raise ConfigError(f"decide: found {found}, expected exit <= enter")
    return decide


def _channels(settings: config.Source, found: int, contract: Contract) -> tuple[int, ...]:
    chosen = settings.common.channels
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
