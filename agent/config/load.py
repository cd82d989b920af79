"""One YAML file into frozen records. Every mistake is one line that names the key path.

`Config` is the table of sections: the parser, the differences that a reload reports and the check
of `config.example.yaml` are all driven by its fields. A new section is a record in a file of its
own and one field here.
"""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from agent.config import (
    alarms,
    commands,
    devices,
    machines,
    metrics,
    notify,
    page,
    points,
    rollout,
    sparkplug,
    yaml_file,
)
from agent.config.agent import Agent, default_id
from agent.config.alarms import Alarms
from agent.config.commands import Commands
from agent.config.evidence import Evidence
from agent.config.journal import Journal
from agent.config.machines import Machine
from agent.config.metrics import Metrics
from agent.config.notify import Notify
from agent.config.outbox import Outbox
from agent.config.page import Page
from agent.config.rollout import Rollout
from agent.config.source import SourceSettings
from agent.config.sparkplug import Sparkplug
from agent.config.trends import Trends
from agent.config.validation import convert
from agent.core import credentials
from agent.core.errors import ConditionError, ConfigError, UserError
from agent.mqtt import settings
from agent.mqtt.settings import Mqtt


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole configuration, a field for each section. None: the section switches it off."""

    agent: Agent = Agent()
    mqtt: Mqtt = Mqtt()
    outbox: Outbox = Outbox()
    trends: Trends = Trends()
    journal: Journal = Journal()
    alarms: Alarms = Alarms()
    notify: Notify | None = None
    commands: Commands = Commands()
    evidence: Evidence | None = None
    metrics: Metrics | None = None
    sources: tuple[SourceSettings, ...] = ()  # at least one in a configuration that was parsed
    machines: tuple[Machine, ...] = ()  # which points and sources make one machine
    page: Page | None = None
    sparkplug: Sparkplug | None = None
    rollout: Rollout = Rollout()


RELOADED = ("sources", "machines")  # sections that need no restart


def load(path: Path) -> Config:
    """The configuration in that file; `UserError` with the first mistake."""
    try:
        tree = yaml_file.read(path)
    except ConditionError as error:
        if path.exists():
            raise
        raise ConditionError(f"{error}; `drsn-agent init` writes a first config.yaml") from None
    try:
        return parse(tree or {})
    except UserError as error:
        raise error.within(str(path)) from None


def parse(tree: object) -> Config:
    """The configuration in the plain values of a YAML file; `UserError`."""
    tree = _with_version_text(tree)
    raw_sources: object = []
    if isinstance(tree, dict):
        raw_sources = tree.get("sources", [])
        tree = {key: value for key, value in tree.items() if key != "sources" and value is not None}
    sections = convert(tree, Config, "")
    agent_section = tree.get("agent") if isinstance(tree, dict) else None
    config = msgspec.structs.replace(
        credentials.resolve(sections),
        agent=_with_id(sections.agent, agent_section),
        sources=_sources(convert(raw_sources, list[dict[str, Any]], "sources")),
    )
    _check(config)
    sources = tuple(machines.placed(config.sources, config.machines))
    return msgspec.structs.replace(config, sources=sources)


def _with_id(agent: Agent, section: object) -> Agent:
    """The section with its default id, which depends on the state directory."""
    if isinstance(section, dict) and "id" in section:
        return agent
    return msgspec.structs.replace(agent, id=default_id(Path(agent.state_dir)))


def differences(old: Config, new: Config) -> list[str]:
    """The keys that differ, as `section.key`, of all sections but `sources` and `machines`.

    Those two change while the agent runs. A section that is switched on or off counts as one key.
    """
    keys: list[str] = []
    for section in (field for field in Config.__struct_fields__ if field not in RELOADED):
        before, after = getattr(old, section), getattr(new, section)
        if before is None or after is None:
            keys += [section] if before is not after else []
        else:
            keys += [
                f"{section}.{field.encode_name}"
                for field in msgspec.structs.fields(before)
                if getattr(before, field.name) != getattr(after, field.name)
            ]
    return keys


def _sources(raw_sources: list[dict[str, Any]]) -> tuple[SourceSettings, ...]:
    if not raw_sources:
        raise ConfigError("sources: found none, expected at least one")
    entries = [points.parse(raw, f"sources[{at}]") for at, raw in enumerate(raw_sources)]
    parsed = tuple(itertools.chain.from_iterable(entries))
    _check_names(parsed)
    return parsed


def _check_names(sources: Sequence[SourceSettings]) -> None:
    """Sources and points have one name space; a device's own name is in it too."""
    places: dict[str, str] = {}
    for item in sources:
        names = {item.path: item.common.name, item.path.partition(".")[0]: item.reads}
        for path, name in names.items():
            if places.setdefault(name, path) != path:
                raise ConfigError(f"{path}.name: found {name!r} twice, expected unique names")


def _check(config: Config) -> None:
    """What no single section can know of itself; `UserError`."""
    settings.check(config.mqtt)
    devices.check(config.sources)
    machines.check(config.machines, config.sources)
    names = [item.common.name for item in config.sources]
    names += [machine.name for machine in config.machines]
    commands.check(config.commands, tuple(names))
    needs_plain_mqtt = bool(config.commands.allow) or config.mqtt.home_assistant
    alarms.check(config.alarms, "alarms")
    for item in config.sources:
        alarms.check(item.common.alarms.over(config.alarms), f"{item.path}.alarms")
    sparkplug.check(config.agent.sink, config.sparkplug, needs_plain_mqtt)
    rollout.check(config.rollout, config.agent.sink)
    if config.notify is not None:
        notify.check(config.notify, config.agent.sink)
    if config.page is not None:
        page.check(config.page)
    if config.metrics is not None:
        metrics.check(config.metrics)


def _with_version_text(tree: object) -> object:
    """YAML reads `version: 5` as a number and `3.1.1` as text: both mean a name."""
    if isinstance(tree, dict) and isinstance(tree.get("mqtt"), dict):
        version = tree["mqtt"].get("version")
        if isinstance(version, int) and not isinstance(version, bool):
            return tree | {"mqtt": tree["mqtt"] | {"version": str(version)}}
    return tree
