"""config.example.yaml shows every key of every section with its default; docs name no other key."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from agent import sources
from agent.config import load
from agent.config.agent import Agent
from agent.config.alarms import AlarmOverrides, Alarms
from agent.config.load import Config
from agent.config.source import SourceKeys
from agent.core.model_contract import Decide
from agent.messages.records import Health
from agent.mqtt.settings import Mqtt
from tests.support.paths import DOCS, PROJECT

EXAMPLE = PROJECT / "config.example.yaml"
DOCUMENTS = [PROJECT / "README.md", *DOCS.glob("*.md")]
SECTIONS = {field.name: field for field in msgspec.structs.fields(Config)}

# Keys whose example is not the default, and why.
EXAMPLES = {
    "agent.id": "the host's name",
    "mqtt.client_id": "made from agent.id",
    "mqtt.username": "off",
    "mqtt.password_file": "off",
    "mqtt.tls.ca_file": "the system's CAs",
    "mqtt.tls.cert_file": "off",
    "mqtt.tls.key_file": "off",
    "commands.allow": "none is allowed",
    "metrics.token_file": "off",
    "page.token_file": "off",
    "notify.urls_file": "has no default",
    "notify.quiet": "never",
    "notify.weekly": "none",
    "sparkplug.group": "has no default",
    "sparkplug.node": "agent.id",
    "rollout.keys": "off",
    "rollout.from": "off",
    "rollout.announce": "off",
    "machines.name": "has no default",
    "machines.points": "has no default",
    "machines.site": "unknown",
    "machines.area": "unknown",
    "sources.name": "has no default",
    "sources.kind": "has no default",
    "sources.channels": "all",
    "sources.unit": "the model's",
    "sources.bits": "found in the data",
    "sources.rpm": "unknown",
    "sources.speed.topic": "has no default",
    "sources.speed.field": "the whole payload",
    "sources.tacho.channel": "has no default",
    "sources.bearing.bpfo": "unknown",
    "sources.bearing.bpfi": "unknown",
    "sources.bearing.bsf": "unknown",
    "sources.bearing.ftf": "unknown",
    "sources.machine_class": "unknown",
    "sources.condition": "all are one",
    "sources.load": "unknown",
    "sources.temperature": "unknown",
    "sources.running": "unknown",
    "sources.decide.max_distance": "the model's",
    "sources.alarms.delay_s": "that of the section",
}
FILES = {"py", "sqlite"}  # endings of files that are called as a section
OTHER_FORM = {  # in a comment
    "sources.bearing": {"balls", "ball_mm", "pitch_mm", "angle_deg"},
    "sources.speed": {"limits"},  # of a condition
    "sources.alarms": set(Alarms.__struct_fields__) - {"delay_s"},  # the section shows them
}


def uncommented() -> dict[str, Any]:
    """The example with every commented-out key put in."""
    text = re.sub(r"(?m)^( *)# (?=( *)[a-z_]+:( |$))", r"\1", EXAMPLE.read_text())
    tree: dict[str, Any] = yaml.safe_load(text)
    return tree


def record_in(type_: Any) -> Any:
    """The record in a type that may also be None; None where there is none."""
    members = getattr(type_, "__args__", (type_,))
    return next((each for each in members if hasattr(each, "__struct_fields__")), None)


def default_of(field: msgspec.structs.FieldInfo) -> Any:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return msgspec.to_builtins(None if field.required else field.default)


def differing(record: Any, shown: dict[str, Any], path: str) -> Iterator[str]:
    """Each key below `path` that the example lacks, invents, or shows with another value."""
    fields = {field.encode_name: field for field in msgspec.structs.fields(record)}
    expected = set(fields) - OTHER_FORM.get(path, set())
    yield from (f"{path}.{key}: missing or unknown" for key in expected ^ set(shown))
    for key in expected & set(shown):
        nested, full = record_in(fields[key].type), f"{path}.{key}"
        if full == "sources.decide":
            defaults = msgspec.structs.asdict(Decide()) | {"max_distance": None}
            yield from (f"{full}: {k}" for k in defaults.keys() ^ shown[key].keys())
            changed = {k for k, v in shown[key].items() if defaults[k] != v}
            yield from (f"{full}.{k}" for k in changed if f"{full}.{k}" not in EXAMPLES)
        elif nested is not None and isinstance(shown[key], dict):
            yield from differing(nested, shown[key], full)
        elif full not in EXAMPLES and shown[key] != default_of(fields[key]):
            yield f"{full}: {shown[key]!r} is not the default {default_of(fields[key])!r}"


@pytest.mark.parametrize("section", [name for name in SECTIONS if name != "sources"])
def test_the_example_shows_every_key_of_a_section_with_its_default(section: str) -> None:
    tree = uncommented()
    if section == "mqtt":
        tree["mqtt"]["version"] = str(tree["mqtt"]["version"])  # YAML's number is a name
    shown = tree[section][0] if section == "machines" else tree[section]
    assert list(differing(record_in(SECTIONS[section].type), shown, section)) == []


def test_the_example_shows_every_common_key_of_a_source_with_its_default() -> None:
    first = uncommented()["sources"][0]
    common = {key: first[key] for key in first if key in SourceKeys.__struct_fields__}
    assert list(differing(SourceKeys, common, "sources")) == []


def test_the_example_shows_every_kind_of_source_with_all_its_options() -> None:
    shown = uncommented()["sources"]
    assert {raw["kind"] for raw in shown} == set(sources.KINDS)
    for raw in shown:
        assert set(sources.options(raw["kind"]).__struct_fields__) <= set(raw)
    phase = msgspec.structs.fields(sources.options("synth"))[-1].default[0]
    assert set(shown[0]["scenario"][0]) == set(phase.__struct_fields__)


def test_the_example_as_it_stands_is_equal_to_the_defaults() -> None:
    tree = yaml.safe_load(EXAMPLE.read_text())
    parsed = load.load(EXAMPLE)
    assert (parsed.agent, parsed.mqtt) == (Agent(), Mqtt())
    for source, raw in zip(parsed.sources, tree["sources"], strict=True):
        common = {
            key: value for key, value in raw.items() if key in {"name", "kind", "model", "bits"}
        }
        model = source.common.model  # what `auto` stands for here
        assert source.common == SourceKeys(**common | {"model": model})
        kind = sources.options(source.common.kind)
        required = [field.name for field in msgspec.structs.fields(kind) if field.required]
        required += [key for key in ("rate_hz", "inputs") if raw["model"] == "none" and key in raw]
        assert source.options == msgspec.convert({key: raw[key] for key in required}, kind)


def test_a_source_may_override_every_key_of_the_section_alarms() -> None:
    assert AlarmOverrides.__struct_fields__ == Alarms.__struct_fields__


def test_every_exception_names_a_key_that_the_example_shows() -> None:
    tree = uncommented()
    tree |= {section: tree[section][0] for section in ("sources", "machines")}
    for path in EXAMPLES:
        shown: Any = tree
        for key in path.split("."):
            shown = shown[key]
        assert shown is not None, path


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_documents_name_only_keys_that_there_are(document: Path) -> None:
    """A name like `outbox.parked` may also be a field of the health message."""
    health = {field.name: field for field in msgspec.structs.fields(Health)}
    for section, key in re.findall(r"`([a-z]+)\.([a-z_]+)`", document.read_text()):
        if section in SECTIONS and section != "sources" and key not in FILES:
            fields = [SECTIONS[section], *([health[section]] if section in health else [])]
            records = [record for field in fields if (record := record_in(field.type))]
            keys = {
                each.encode_name for record in records for each in msgspec.structs.fields(record)
            }
            assert key in keys, f"{section}.{key}"
