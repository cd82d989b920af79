"""Every mistake in a configuration is one line that names the place, and nothing starts."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.config import load
from agent.core.bearing import of_geometry
from agent.core.errors import ConditionError, ConfigError, UserError
from agent.core.model_contract import Decide

NODE = {"name": "a", "model": "m", "rate_hz": 1000}
SYNTH = {"name": "a", "kind": "synth", "model": "bearing"}
ORDERS = {"bpfo": 3.585, "bpfi": 5.415, "bsf": 2.357, "ftf": 0.398}
GEOMETRY = {"balls": 9, "ball_mm": 7.94, "pitch_mm": 39.04}
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
        "mqtt.password_file: found no file /no/such that can be read, expected one",
    ),
    "half a certificate": (
        {"mqtt": {"tls": {"cert_file": __file__}}, "sources": [SYNTH]},
        "mqtt.tls: found one of cert_file and key_file, expected both or neither",
    ),
    "a verb that there is not": (
        {"commands": {"allow": ["ping", "reboot"]}, "sources": [SYNTH]},
        "commands.allow[1]: found 'reboot', expected one of ping, publish_windows, capture, "
        "reload, outbox",
    ),
    "a source in the place of commands": (
        {"commands": {"allow": ["ping"]}, "sources": [SYNTH | {"name": "cmd"}]},
        "sources: found the name cmd, expected another: commands come there",
    ),
    "no kind": (
        {"sources": [{"name": "a"}]},
        "sources[0].kind: found no kind, expected one of file, iio, mic, mqtt, serial, stream, "
        "synth, udp",
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
    "bits that no converter has": (
        {"sources": [{"name": "a", "kind": "mic", "model": "m", "bits": 20}]},
        "sources[0].bits: found 20, expected one of 16, 24",
    ),
    "a line without its rate": (
        {"sources": [{"name": "a", "kind": "serial", "model": "m", "port": "/dev/ttyACM0"}]},
        "sources[0].rate_hz: found nothing, expected a value",
    ),
    "a dtype that frames have not": (
        {"sources": [NODE | {"kind": "udp", "listen": "0.0.0.0:5005", "dtype": "int8"}]},
        "sources[0].dtype: found 'int8', expected one of int16, int32, float32",
    ),
    "more channels than a frame can say": (
        {"sources": [NODE | {"kind": "udp", "listen": "0.0.0.0:5005", "interleaved": 300}]},
        "sources[0].interleaved: found 300, expected a whole number <= 255",
    ),
    "a topic of many nodes": (
        {"sources": [NODE | {"kind": "mqtt", "topic": "plant/+"}]},
        "sources[0].topic: found 'plant/+', expected a topic, no + or #",
    ),
    "a key of TLS": (
        {"sources": [NODE | {"kind": "mqtt", "topic": "plant/1", "tls": {"cafile": "x"}}]},
        "sources[0].tls.cafile: found an unknown key, did you mean ca_file?",
    ),
    "a mode that no device has": (
        {"sources": [NODE | {"kind": "iio", "device": "adxl345", "mode": "fast"}]},
        "sources[0].mode: found 'fast', expected one of buffer, polled",
    ),
    "a name twice": (
        {"sources": [SYNTH, SYNTH]},
        "sources[1].name: found 'a' twice, expected unique names",
    ),
    "half a bearing": (
        {"sources": [SYNTH | {"rpm": 1797, "bearing": {"bpfo": 3.585, "balls": 9}}]},
        "sources[0].bearing: found {'bpfo': 3.585, 'balls': 9}, expected either bpfo, bpfi, bsf, "
        "ftf or balls, ball_mm, pitch_mm (and angle_deg)",
    ),
    "orders of the races swapped": (
        {"sources": [SYNTH | {"rpm": 1797, "bearing": ORDERS | {"bpfo": 5.415, "bpfi": 3.585}}]},
        "sources[0].bearing: found {'bpfo': 5.415, 'bpfi': 3.585, 'bsf': 2.357, 'ftf': 0.398}, "
        "expected ftf < 1 < bpfo < bpfi",
    ),
    "twice the ball's spin": (
        {"sources": [SYNTH | {"rpm": 1797, "bearing": ORDERS | {"bsf": 4.7135}}]},
        "sources[0].bearing: found {'bpfo': 3.585, 'bpfi': 5.415, 'bsf': 4.7135, 'ftf': 0.398}, "
        "expected bsf of at most 2.357",
    ),
    "balls as large as their circle": (
        {"sources": [SYNTH | {"rpm": 1797, "bearing": GEOMETRY | {"ball_mm": 40}}]},
        "sources[0].bearing: found {'balls': 9, 'ball_mm': 40, 'pitch_mm': 39.04}, "
        "expected ball_mm < pitch_mm",
    ),
    "a bearing whose speed is not known": (
        {"sources": [SYNTH | {"bearing": ORDERS}]},
        "sources[0].bearing: found no rpm or tacho beside it, expected the speed",
    ),
    "an edge node without its group": (
        {"agent": {"sink": "sparkplug"}, "sources": [SYNTH]},
        "sparkplug: found none beside agent.sink: sparkplug, expected a group",
    ),
    "an edge node that takes commands over plain MQTT": (
        {
            "agent": {"sink": "sparkplug"},
            "sparkplug": {"group": "plant"},
            "commands": {"allow": ["ping"]},
            "sources": [SYNTH],
        },
        "agent.sink: found sparkplug beside commands.allow or mqtt.home_assistant, "
        "expected mqtt for these",
    ),
    "an unknown class of machine": (
        {"sources": [SYNTH | {"machine_class": "large"}]},
        "sources[0].machine_class: found 'large', expected one of group1-rigid, group1-flexible, "
        "group2-rigid, group2-flexible",
    ),
    "a class of machine without a unit": (
        {"sources": [SYNTH | {"machine_class": "group1-rigid"}]},
        "sources[0].machine_class: found no unit beside it, expected m/s2 or g",
    ),
    "a class of machine with another unit": (
        {"sources": [SYNTH | {"machine_class": "group1-rigid", "unit": "V"}]},
        "sources[0].machine_class: found unit 'V' beside it, expected m/s2 or g",
    ),
    "probability above one": (
        {"sources": [SYNTH | {"decide": {"enter": 1.5}}]},
        "sources[0].decide.enter: found 1.5, expected a number <= 1.0",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_mistake_is_one_line_with_path_finding_and_expectation(case: str) -> None:
    tree, expected = BROKEN[case]
    with pytest.raises(UserError) as error:
        load.parse(tree)
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
        load.load(file)
    assert expected in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConditionError, match=r"none\.yaml: cannot be read: No such file"):
        load.load(tmp_path / "none.yaml")


@pytest.mark.parametrize("version", [5, "5", "3.1.1"])
def test_both_mqtt_versions_may_be_written_as_people_write_them(version: int | str) -> None:
    parsed = load.parse({"mqtt": {"version": version}, "sources": [SYNTH]})
    assert parsed.mqtt.version == str(version)


def test_a_decision_setting_overrides_the_models_and_leaves_the_rest() -> None:
    given = load.parse({"sources": [SYNTH | {"decide": {"patience": 9}}]})
    decide = given.sources[0].common.decide.over(Decide(enter=0.7, exit=0.6))
    assert (decide.enter, decide.exit, decide.patience) == (0.7, 0.6, 9)


@pytest.mark.parametrize("bearing", [ORDERS, GEOMETRY, GEOMETRY | {"angle_deg": 0}])
def test_a_bearing_may_be_told_by_its_orders_or_by_its_geometry(bearing: dict[str, Any]) -> None:
    given = load.parse({"sources": [SYNTH | {"rpm": 1797, "bearing": bearing}]})
    found = given.sources[0].common.bearing
    assert found is not None
    # The orders printed for the 6205 at the Case Western Reserve bearing data centre.
    assert msgspec.structs.asdict(found.orders) == pytest.approx(ORDERS, rel=1e-3)


def test_a_contact_angle_brings_the_races_together() -> None:
    straight, slanted = of_geometry(9, 7.94, 39.04), of_geometry(9, 7.94, 39.04, 40.0)
    assert straight.bpfo < slanted.bpfo < 4.5 < slanted.bpfi < straight.bpfi
    assert slanted.bpfo + slanted.bpfi == pytest.approx(9)


def test_the_simulated_machine_turns_at_the_speed_that_its_source_has() -> None:
    given = load.parse({"sources": [SYNTH | {"rpm": 900}]}).sources[0]
    assert (given.common.rpm, given.options.rpm) == (900, 900)  # type: ignore[attr-defined]
