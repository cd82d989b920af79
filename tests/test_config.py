"""Every mistake in a configuration is one line that names the place, and nothing starts."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from agent import config, sources
from agent.contract import Decide
from agent.errors import ConfigError

EXAMPLE = Path(__file__).parents[1] / "config.example.yaml"
SYNTH = {"name": "a", "kind": "synth", "model": "bearing"}
BROKEN: dict[str, tuple[Any, str]] = {
    "no sources": ({}, "sources: found none, expected at least one"),
    "not a mapping": ([1], "top level: found [1], expected a mapping"),
    "unknown section": ({"mqt": {}}, "mqt: found an unknown key, did you mean mqtt?"),
    "unknown key": (
        {"mqtt": {"prot": 1}},
        "mqtt.prot: found an unknown key, did you mean port?",
    ),
    "unknown key, nothing near": (
        {"mqtt": {"tls": {"zzz": 1}}},
        "mqtt.tls.zzz: found an unknown key, expected one of ca_file, cert_file, key_file, "
        "insecure",
    ),
    "wrong type": (
        {"mqtt": {"port": "1883"}},
        "mqtt.port: found '1883', expected a whole number",
    ),
    "out of range": ({"mqtt": {"port": 0}}, "mqtt.port: found 0, expected a whole number >= 1"),
    "unknown version": ({"mqtt": {"version": 4}}, "mqtt.version: found '4', expected"),
    "wildcard in a name": (
        {"agent": {"id": "a/+"}},
        "agent.id: found 'a/+', expected a name without spaces and without + # /",
    ),
    "missing file": (
        {"mqtt": {"password_file": "/no/such"}, "sources": [SYNTH]},
        "mqtt.password_file: found no file /no/such, expected one",
    ),
    "half a certificate": (
        {"mqtt": {"tls": {"cert_file": __file__}}, "sources": [SYNTH]},
        "mqtt.tls: found one of cert_file and key_file, expected both or neither",
    ),
    "no kind": (
        {"sources": [{"name": "a"}]},
        "sources[0].kind: found no kind, expected one of file, synth, stream",
    ),
    "no name": (
        {"sources": [{"kind": "synth", "model": "m"}]},
        "sources[0].name: found nothing, expected a value",
    ),
    "a kind's own key": (
        {"sources": [SYNTH | {"rmp": 1}]},
        "sources[0].rmp: found an unknown key, did you mean rpm?",
    ),
    "another kind's key": (
        {"sources": [SYNTH | {"url": "stdin"}]},
        "sources[0].url: found an unknown key, expected one of",
    ),
    "deep in a scenario": (
        {"sources": [SYNTH | {"scenario": [{"duration_s": 1, "fault": "bent"}]}]},
        "sources[0].scenario[0].fault: found 'bent', expected",
    ),
    "a name twice": (
        {"sources": [SYNTH, SYNTH]},
        "sources[1].name: found 'a' twice, expected unique names",
    ),
    "probability above one": (
        {"sources": [SYNTH | {"decide": {"enter": 1.5}}]},
        "sources[0].decide.enter: found 1.5, expected a number <= 1.0",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_mistake_is_one_line_with_path_finding_and_expectation(case: str) -> None:
    tree, expected = BROKEN[case]
    with pytest.raises(ConfigError) as error:
        config.parse(tree)
    assert str(error.value).startswith(expected)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mqtt: {port: 1, port: 2}", "found the key 'port' twice"),
        ("mqtt: [", "not YAML"),
        ("? [a]\n: 1", "found a list or mapping as a key"),
        ("\x00", "not YAML"),
    ],
)
def test_a_file_that_is_not_sound_yaml_is_one_line_with_its_name(
    tmp_path: Path, text: str, expected: str
) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=re.escape(str(file))) as error:
        config.load(file)
    assert expected in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: cannot be read: No such file"):
        config.load(tmp_path / "none.yaml")


@pytest.mark.parametrize("version", [5, "5", "3.1.1"])
def test_both_mqtt_versions_may_be_written_as_people_write_them(version: int | str) -> None:
    parsed = config.parse({"mqtt": {"version": version}, "sources": [SYNTH]})
    assert parsed.mqtt.version == str(version)


def test_a_decision_setting_overrides_the_models_and_leaves_the_rest() -> None:
    given = config.parse({"sources": [SYNTH | {"decide": {"patience": 9}}]})
    decide = given.sources[0].common.decide.over(Decide(enter=0.7, exit=0.6))
    assert (decide.enter, decide.exit, decide.patience) == (0.7, 0.6, 9)


def uncommented() -> dict[str, Any]:
    """The example with every commented-out key put in."""
    text = re.sub(r"(?m)^( *)# (?=( *)[a-z_]+:( |$))", r"\1", EXAMPLE.read_text())
    tree: dict[str, Any] = yaml.safe_load(text)
    return tree


def test_the_example_is_equal_to_the_defaults() -> None:
    tree = yaml.safe_load(EXAMPLE.read_text())
    parsed = config.load(EXAMPLE)
    assert parsed.agent == config.Agent()
    assert parsed.mqtt == config.Mqtt()
    for source, raw in zip(parsed.sources, tree["sources"], strict=True):
        required = {"name", "kind", "model", "path", "rate_hz"} & set(raw)
        common = {k: v for k, v in raw.items() if k in required & {"name", "kind", "model"}}
        assert source.common == config.SourceKeys(**common)
        kind = sources.options(source.common.kind)
        needed = [f.name for f in msgspec.structs.fields(kind) if f.required]
        assert source.options == kind(**{key: raw[key] for key in needed})


def test_the_example_names_every_key() -> None:
    tree = uncommented()
    assert set(tree["agent"]) == set(config.Agent.__struct_fields__)
    assert set(tree["mqtt"]) == set(config.Mqtt.__struct_fields__)
    assert set(tree["mqtt"]["tls"]) == set(config.Tls.__struct_fields__)
    assert set(config.SourceKeys.__struct_fields__) <= set(tree["sources"][0])
    for raw in tree["sources"]:
        assert set(sources.options(raw["kind"]).__struct_fields__) <= set(raw)
    phase = msgspec.structs.fields(sources.options("synth"))[-1].default[0]
    assert set(tree["sources"][0]["scenario"][0]) == set(phase.__struct_fields__)
    assert {raw["kind"] for raw in tree["sources"]} == set(sources.KINDS)


def test_the_examples_decision_settings_are_the_defaults() -> None:
    assert uncommented()["sources"][0]["decide"] == msgspec.structs.asdict(Decide())
