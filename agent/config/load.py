"""One YAML file into frozen records. Strict: every mistake is one line that names the key path.

A source's own options are defined where the source is (`agent/sources/<kind>.py`, `Options`) and
stand beside the common keys in the file.
"""

import dataclasses
import re
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from agent import sources
from agent.config import commands, rollout, sparkplug, yaml_file
from agent.config.commands import Commands
from agent.config.evidence import Evidence
from agent.config.metrics import Metrics
from agent.config.page import Page, check_page
from agent.config.rollout import Rollout
from agent.config.sparkplug import Sparkplug
from agent.config.validation import convert, unknown_key
from agent.core import credentials
from agent.core.annotated import Count, Name, Positive, PositiveInt, Share
from agent.core.bearing import Bearing, MachineClass, Orders
from agent.core.errors import ConfigError
from agent.core.model_contract import Decide
from agent.mqtt import settings
from agent.mqtt.settings import Mqtt

ACCELERATION = ("m/s2", "g")  # units from which a velocity can be had


class Agent(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    id: Name = msgspec.field(default_factory=lambda: re.sub(r"[+#/\s]", "-", socket.gethostname()))
    state_dir: str = "/var/lib/drsn-agent"
    sink: Literal["mqtt", "sparkplug", "stdout"] = "mqtt"
    health_s: Positive = 10.0


class Outbox(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    max_messages: PositiveInt = 100_000
    max_mib: Positive = 256.0
    max_age_s: Positive = 7 * 86400.0


class DecideOverrides(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What of the model's own decision settings (`agent.core.model_contract.Decide`) to change."""

    enter: Share | None = None
    exit: Share | None = None
    patience: PositiveInt | None = None
    confidence: Share | None = None
    smoothing: Annotated[float, msgspec.Meta(gt=0, le=1)] | None = None
    max_distance: Positive | None = None  # the model's own `max_distance`; .inf: never unknown

    def over(self, defaults: Decide) -> Decide:
        given = {
            key: value
            for key, value in msgspec.structs.asdict(self).items()
            if value is not None and key != "max_distance"
        }
        return msgspec.structs.replace(defaults, **given)


class TachometerKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A channel of the source that pulses with the shaft."""

    channel: Count
    pulses_per_turn: PositiveInt = 1
    level: Positive = 0.5  # of the raw samples: a pulse rises above it


class SourceKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The keys that every kind of source has."""

    name: Name
    kind: str
    model: str
    hop_s: Positive = 0.1
    channels: tuple[Count, ...] | None = None  # None: all
    scale: float = 1.0
    unit: str | None = None
    buffer_s: Positive = 10.0
    publish_windows: bool = False
    rpm: Positive | None = None  # of the shaft; None: not known
    tacho: TachometerKeys | None = None  # measures it
    bearing: Bearing | None = None
    machine_class: MachineClass | None = None
    decide: DecideOverrides = DecideOverrides()

    @property
    def orders(self) -> Orders | None:
        return None if self.bearing is None else self.bearing.orders


@dataclasses.dataclass(frozen=True)
class Source:
    """One source: the common keys, and the options of its kind."""

    path: str  # where it stands in the file, for messages
    common: SourceKeys
    options: msgspec.Struct


@dataclasses.dataclass(frozen=True)
class Config:
    agent: Agent
    mqtt: Mqtt
    outbox: Outbox
    sources: tuple[Source, ...]
    commands: Commands = dataclasses.field(default_factory=Commands)
    evidence: Evidence | None = None  # None: off, as are the next ones
    metrics: Metrics | None = None
    page: Page | None = None
    sparkplug: Sparkplug | None = None
    rollout: Rollout = dataclasses.field(default_factory=Rollout)


class Sections(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The file's top level; the sources are read kind by kind."""

    agent: Agent = Agent()
    mqtt: Mqtt = Mqtt()
    outbox: Outbox = Outbox()
    commands: Commands = Commands()
    evidence: Evidence | None = None
    metrics: Metrics | None = None
    sources: list[dict[str, Any]] = []
    page: Page | None = None
    sparkplug: Sparkplug | None = None
    rollout: Rollout = Rollout()


def load(path: Path) -> Config:
    """The configuration in that file; `ConfigError` with the first mistake."""
    tree = yaml_file.read(path)
    try:
        return parse(tree or {})
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def parse(tree: object) -> Config:
    """The configuration in what a YAML file holds."""
    sections = convert(_with_version_text(tree), Sections, "")
    if not sections.sources:
        raise ConfigError("sources: found none, expected at least one")
    found = tuple(_source(raw, f"sources[{at}]") for at, raw in enumerate(sections.sources))
    names = [source.common.name for source in found]
    for at, name in enumerate(names):
        if name in names[:at]:
            raise ConfigError(f"sources[{at}].name: found {name!r} twice, expected unique names")
    mqtt = credentials.resolve(sections.mqtt)
    settings.check(mqtt)
    commands.check(sections.commands, tuple(names))
    unheard = bool(sections.commands.allow) or mqtt.home_assistant
    sparkplug.check(sections.agent.sink, sections.sparkplug, unheard)
    rollout.check(sections.rollout, sections.agent.sink)
    if sections.page is not None:
        check_page(sections.page)
    return Config(
        sections.agent,
        mqtt,
        sections.outbox,
        found,
        sections.commands,
        sections.evidence,
        sections.metrics,
        sections.page,
        sections.sparkplug,
        sections.rollout,
    )


def _source(raw: Mapping[str, Any], path: str) -> Source:
    """Splits the keys of one source into the common ones and its kind's own.

    A key that both have (the speed of a simulated machine) goes to both.
    """
    kind = raw.get("kind")
    if kind not in sources.KINDS:
        found = "no kind" if kind is None else repr(kind)
        raise ConfigError(f"{path}.kind: found {found}, expected one of {', '.join(sources.KINDS)}")
    options = sources.options(str(kind))
    common_keys, own_keys = SourceKeys.__struct_fields__, options.__struct_fields__
    for key in raw:
        if key not in common_keys and key not in own_keys:
            raise unknown_key(path, key, (*common_keys, *own_keys))
    common = convert({k: v for k, v in raw.items() if k in common_keys}, SourceKeys, path)
    own = convert({k: v for k, v in raw.items() if k in own_keys}, options, path)
    _check_machine(common, path)
    return Source(path, common, own)


def _check_machine(common: SourceKeys, path: str) -> None:
    """What is said of the machine is of use: orders have a speed, a class has its unit."""
    if common.bearing is not None and common.rpm is None and common.tacho is None:
        raise ConfigError(f"{path}.bearing: found no rpm or tacho beside it, expected the speed")
    if common.machine_class is not None and common.unit not in ACCELERATION:
        found = "no unit" if common.unit is None else f"unit {common.unit!r}"
        expected = " or ".join(ACCELERATION)
        raise ConfigError(f"{path}.machine_class: found {found} beside it, expected {expected}")


def _with_version_text(tree: object) -> object:
    """YAML reads `version: 5` as a number and `3.1.1` as text: both mean a name."""
    if isinstance(tree, dict) and isinstance(tree.get("mqtt"), dict):
        version = tree["mqtt"].get("version")
        if isinstance(version, int) and not isinstance(version, bool):
            return tree | {"mqtt": tree["mqtt"] | {"version": str(version)}}
    return tree
