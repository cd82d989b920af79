"""YAML as people write it: read rightly, or refused in words that say what to write."""

import datetime
from pathlib import Path
from typing import Any

import pytest

from agent.config import load, yaml_file
from agent.config.load import Config
from agent.core.errors import ConfigError
from agent.sources import mqtt

SOURCE = "{name: one, kind: file, path: x.wav, model: bearing}"


def loaded(text: str, folder: Path) -> Config:
    (folder / "x.yaml").write_text(text)
    return load.load(folder / "x.yaml")


def values(text: str, folder: Path) -> Any:
    (folder / "x.yaml").write_text(text)
    return yaml_file.read(folder / "x.yaml")


def test_merge_keys_are_merged_and_own_keys_win(tmp_path: Path) -> None:
    text = "a: &a {x: 1, y: 2}\nb: &b {<<: *a, y: 3}\nc: {<<: *b, z: 4}\nd: {<<: [*a, *b]}\n"
    tree = values(text, tmp_path)
    assert tree["b"] == {"x": 1, "y": 3}
    assert tree["c"] == {"x": 1, "y": 3, "z": 4}
    assert tree["d"] == {"x": 1, "y": 2}


@pytest.mark.parametrize("text", ["a: &a {x: 1}\nb: {<<: *a, y: 1, y: 2}\n", "{x: 1, x: 2}"])
def test_a_key_twice_is_still_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="twice, expected once"):
        values(text, tmp_path)


@pytest.mark.parametrize("text", ["12e3", "1.2e4", "12E+3", "+12e3", "120000.e-1"])
def test_numbers_with_an_exponent_are_numbers(text: str, tmp_path: Path) -> None:
    assert values(f"rate_hz: {text}", tmp_path) == {"rate_hz": 12000.0}


def test_a_date_is_its_midnight(tmp_path: Path) -> None:
    source = "{name: one, kind: file, path: x.wav, model: bearing, start: 2026-01-31}"
    (one,) = loaded(f"sources: [{source}]", tmp_path).sources
    assert one.options.start == datetime.datetime(2026, 1, 31, tzinfo=datetime.UTC)  # type: ignore[attr-defined]


def test_an_empty_section_has_its_defaults(tmp_path: Path) -> None:
    text = f"mqtt:\nagent:\noutbox:\nsources: [{SOURCE}]"
    assert loaded(text, tmp_path).mqtt == loaded(f"sources: [{SOURCE}]", tmp_path).mqtt


REFUSED = {
    "mqtt: {host: 'broker.local:1883'}": "write 'broker.local'",
    "mqtt: {host: 'mqtt://broker.local:1883/'}": "write 'broker.local'",
    "mqtt: {host: '[::1]'}": "write '::1'",
    "mqtt: {host: '[::1]:1883'}": "write '::1'",
    "mqtt: {base: $SYS/x}": "expected no \\$ first",
    f"mqtt: {{password_file: {__file__}}}": "found no username beside it",
    "mqtt: {host: ''}": "found '', expected a name or an address",
    "mqtt: {host: my broker}": "found 'my broker', expected a name or an address",
    "mqtt: {port: '1883'}": "found '1883', expected a whole number: write 1883, without quotes",
    "mqtt: {keepalive_s: 1k}": "found '1k', expected a whole number: write 1000",
    "agent: {health_s: '2,5'}": "found '2,5', expected a number: write 2.5",
    "agent: {id: yes}": "found True, expected text: write it in quotes",
    "agent: {id: 12}": "found 12, expected text: write it in quotes",
    "agent: {health_s: }": "found nothing, expected a number",
}


@pytest.mark.parametrize("section", REFUSED)
def test_what_cannot_work_is_refused_with_what_to_write(section: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=REFUSED[section]):
        loaded(f"{section}\nsources: [{SOURCE}]", tmp_path)


@pytest.mark.parametrize("key", ["rate_hz", "hop_s", "buffer_s"])
@pytest.mark.parametrize("number", [".inf", ".nan", "1e9", "-1"])
def test_numbers_beyond_any_machine_are_refused_with_their_bound(
    key: str, number: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=rf"sources\[0\].{key}: found .*expected a number [<>]"):
        loaded(f"sources: [{{name: a, kind: synth, {key}: {number}}}]", tmp_path)


@pytest.mark.parametrize("scale", ["0", ".nan", "-0.0"])
def test_a_scale_that_leaves_no_signal_is_refused(scale: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"sources\[0\].scale"):
        loaded(f"sources: [{SOURCE[:-1]}, scale: {scale}}}]", tmp_path)


def test_the_host_of_a_source_is_checked_too() -> None:
    with pytest.raises(ConfigError, match="host: found '\\[::1\\]'"):
        mqtt.open_source(mqtt.Options(rate_hz=1000, topic="a", host="[::1]"))
