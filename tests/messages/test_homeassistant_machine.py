"""Home Assistant's entities of a machine: levels, changes, the agent's buttons and models."""

import datetime
import json
from typing import Any

import jinja2
import msgspec
import pytest

from agent.core.bearing import Orders
from agent.messages import command as commands
from agent.messages import homeassistant
from agent.messages.records import SourceInfo
from tests import examples
from tests.messages.test_homeassistant import TOPICS, info, rendered, shown

SAID = dict(examples.examples(examples.DOCUMENT.read_text()))
ORDERS = Orders(bpfo=3.585, bpfi=5.415, bsf=2.357, ftf=0.398)
WHOLE: dict[str, Any] = {
    "measure_s": 10.0,
    "rpm": 1797.0,
    "bearing": ORDERS,
    "machine_class": "group2-rigid",
    "baseline": "whole",
}


def devices(source: SourceInfo, *verbs: str) -> list[dict[str, Any]]:
    """The descriptions of the agent and of that source."""
    messages = homeassistant.configs(TOPICS, [source], verbs)
    return [json.loads(message.payload) for message in messages]


def parts(source: SourceInfo, *verbs: str) -> dict[str, dict[str, Any]]:
    described: dict[str, dict[str, Any]] = devices(source, *verbs)[1]["cmps"]
    return described


def measured(source: SourceInfo) -> set[str]:
    """The names of the entities that measurements fill."""
    return {
        part["name"]
        for part in parts(source).values()
        if part.get("stat_t", "").endswith("/measurement")
    }


def in_m_s2(name: str, **machine: Any) -> SourceInfo:
    return msgspec.structs.replace(info(name, **machine), unit="m/s2")


def test_levels_are_those_that_the_agent_really_publishes() -> None:
    _, source = devices(in_m_s2("bearing-de", **WHOLE))
    seen = shown(source, SAID)
    record = json.loads(SAID["drsn/press-04/bearing-de/measurement"])
    (channel,) = record["physics"]
    for key, field in (("rms", "rms"), ("velocity", "velocity_mm_s"), ("zone", "zone")):
        assert seen[key] == str(channel[field]), key
    assert seen["bpfo-evidence"] == str(channel["evidence_db"]["bpfo"])
    assert seen["speed"] == "1797.0"
    assert (seen["anomaly"], seen["bpfo-contrast"]) == ("None", "None"), "it has no baseline"


def test_levels_have_units_and_classes_and_expire() -> None:
    by_key = parts(in_m_s2("fan", **WHOLE))
    velocity = by_key["velocity"]
    assert (velocity["unit_of_meas"], velocity["dev_cla"]) == ("mm/s", "speed")
    assert velocity["state_class"] == "measurement"
    assert by_key["rms"]["unit_of_meas"] == "m/s2"
    assert by_key["bpfo-contrast"]["unit_of_meas"] == "dB"
    assert by_key["zone"]["options"] == ["A", "B", "C", "D"]
    assert velocity["exp_aft"] == 60
    assert parts(in_m_s2("fan", **WHOLE | {"measure_s": 100.0}))["velocity"]["exp_aft"] == 300


ALWAYS = {"RMS", "Peak", "Crest factor", "Kurtosis"}
ALWAYS |= {"Periodicity", "Periodicity, first line"}


@pytest.mark.parametrize(
    ("source", "more"),
    [
        (info("fan", measure_s=10.0), {"Velocity"}),
        (info("fan", measure_s=10.0, tacho=True), {"Velocity", "Speed", "Running"}),
        (msgspec.structs.replace(info("fan", measure_s=10.0), unit="Pa"), set()),
        (info("fan", measure_s=10.0, machine_class="group2-rigid"), {"Velocity", "Zone"}),
        (
            info("fan", measure_s=10.0, baseline="provisional"),
            {"Velocity", "Anomaly", "Anomaly, slow", "Drift"},
        ),
    ],
    ids=["only a unit", "a tachometer", "no acceleration", "a class", "a baseline"],
)
def test_only_what_can_have_a_value_is_described(source: SourceInfo, more: set[str]) -> None:
    assert measured(source) == ALWAYS | more


def test_nothing_is_described_where_nothing_is_measured() -> None:
    assert measured(info("fan", **WHOLE | {"measure_s": 0.0})) == set()


def test_each_channel_has_its_levels() -> None:
    names = measured(info("fan", measure_s=10.0, channels=3))
    assert {f"Velocity of channel {channel}" for channel in range(3)} <= names
    assert not any("channel 3" in name for name in names)
    templates = [
        part["val_tpl"]
        for part in parts(info("fan", channels=3, measure_s=9)).values()
        if part["name"].startswith("RMS")
    ]
    record = {"physics": [{"rms": 1.0}, {"rms": 2.0}, {"rms": 3.0}]}
    assert [rendered(each, value_json=record) for each in templates] == ["1.0", "2.0", "3.0"]


def test_a_change_is_an_event_with_what_a_notification_says() -> None:
    part = parts(info("bearing-de"))["change"]
    assert part["stat_t"] == "drsn/press-04/bearing-de/event"
    said = json.loads(SAID[part["stat_t"]])
    event = json.loads(rendered(part["val_tpl"], value_json=said))
    assert event["event_type"] == said["decision"]
    assert event["event_type"] in part["evt_typ"]
    assert (event["label"], event["why"]) == (said["label"], said["basis"]["sentence"])
    silent = said | {"decision": "sensor_fault", "basis": None, "label": None, "flags": ["silent"]}
    event = json.loads(rendered(part["val_tpl"], value_json=silent))
    assert (event["event_type"], event["flags"], event["why"]) == ("sensor_fault", ["silent"], None)


VERBS = ("ping", "publish_windows", "capture", "reload", "outbox")


def test_commands_that_are_not_allowed_have_no_button() -> None:
    for device in devices(info("fan")):
        assert not any(part["p"] == "button" for part in device["cmps"].values())
    agent, source = devices(info("fan"), "ping", "capture")
    buttons = [key for device in (agent, source) for key in device["cmps"] if "button" in key]
    assert buttons == ["ping-button", "capture-button"]


def test_every_button_sends_a_command_that_the_agent_reads() -> None:
    """Its template, with the functions that Home Assistant adds to Jinja."""
    now = datetime.datetime.now(datetime.UTC)
    functions: dict[str, Any] = {"utcnow": lambda: now, "timedelta": datetime.timedelta}
    pressed = {}
    for device in devices(info("fan"), *VERBS):
        for part in device["cmps"].values():
            if part["p"] == "button":
                payload = jinja2.Template(part["cmd_tpl"]).render(**functions)
                command = commands.read(payload.encode(), 2048)
                assert now < command.expires < now + datetime.timedelta(minutes=2)
                pressed[part["cmd_t"]] = command.arguments
    assert set(pressed) == {f"drsn/press-04/cmd/{verb}" for verb in VERBS}
    assert pressed["drsn/press-04/cmd/capture"] == {"source": "fan", "seconds": 10.0}


def test_a_models_versions_are_those_of_info_and_of_its_roll_out() -> None:
    agent, _ = devices(info("bearing-de"))
    part = agent["cmps"]["model-bearing"]
    said = json.loads(SAID[part["stat_t"]])
    version = said["sources"][0]["model"]["version"]
    running = json.loads(rendered(part["val_tpl"], value_json=said))
    assert running == {"installed_version": version, "latest_version": version}
    assert part["l_ver_t"] == "drsn/press-04/models/bearing/rollout"
    this = {"attributes": {"installed_version": "1"}}
    candidate = {"candidate": {"version": "2"}}
    assert rendered(part["l_ver_tpl"], value_json=candidate, this=this) == "2"
    assert rendered(part["l_ver_tpl"], value_json={"candidate": None}, this=this) == "1"
    assert "cmd_t" not in part, "the roll-out decides"
