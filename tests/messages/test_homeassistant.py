"""Home Assistant is told what it can understand, when it needs it, and no more than is true.

The rules: https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload.
"""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jinja2
import pytest

from agent.messages import homeassistant
from agent.messages import payloads as wire
from agent.messages.records import Model, SourceInfo
from tests import examples
from tests.conftest import Agent, Broker, eventually
from tests.support.listening import Listening

Start = Callable[..., Agent]
Settings = Callable[..., dict[str, Any]]
ENVIRONMENT = jinja2.Environment(undefined=jinja2.StrictUndefined)
TOPICS = wire.Topics("drsn", "press-04")
READ = {"stat_t", "val_tpl"}
KEYS = {
    "sensor": READ,
    "binary_sensor": READ,
    "event": READ | {"evt_typ"},
    "update": READ | {"l_ver_t", "l_ver_tpl"},
    "button": {"cmd_t", "cmd_tpl"},
    "switch": READ | {"cmd_t", "cmd_tpl", "pl_on", "pl_off"},
}
MODEL = Model(name="bearing", version="1", sha256="0" * 64, precision="int8")


def info(name: str, **machine: Any) -> SourceInfo:
    return SourceInfo(
        **machine,
        name=name,
        kind="synth",
        hop_s=0.1,
        window_s=0.4,
        rate_hz=10_000.0,
        unit="g",
        labels=("normal", "outer"),
        normal=("normal",),
        model=MODEL,
    )


def described(topics: wire.Topics, *names: str) -> dict[str, dict[str, Any]]:
    messages = homeassistant.configs(topics, [info(name) for name in names])
    assert all(message.retain for message in messages)
    return {message.topic: json.loads(message.payload) for message in messages}


@pytest.fixture(scope="module")
def payloads() -> dict[str, dict[str, Any]]:
    return described(TOPICS, "bearing-de", 'fan "2" \u00e4')


def test_every_payload_keeps_the_rules_of_device_discovery(
    payloads: dict[str, dict[str, Any]],
) -> None:
    assert len(payloads) == 3
    for topic, payload in payloads.items():
        assert re.fullmatch(r"homeassistant/device/[a-zA-Z0-9_-]+/config", topic)
        assert payload["o"]["name"] == "drsn-agent"
        assert payload["dev"]["ids"] == [topic.split("/")[2]]
        assert payload["avty_t"] == "drsn/press-04/status"
        assert (payload["pl_avail"], payload["pl_not_avail"]) == ("online", "offline")
        assert payload["cmps"]
        for part in payload["cmps"].values():
            assert {"unique_id", "name"} | KEYS[part["p"]] <= set(part)
            measured = part.get("stat_t", "").endswith("/measurement")
            assert ("exp_aft" in part) == measured, "a state stays, a level of before does not"
            if part.get("dev_cla") == "enum":
                assert part["options"]
                assert not {"unit_of_meas", "state_class"} & set(part)
    unique = [part["unique_id"] for each in payloads.values() for part in each["cmps"].values()]
    assert len(set(unique)) == len(unique)


def test_each_source_is_a_device_connected_via_the_agents() -> None:
    agent, *sources = described(TOPICS, "a", "b").values()
    assert "via_device" not in agent["dev"]
    assert [each["dev"]["via_device"] for each in sources] == agent["dev"]["ids"] * 2


def test_ids_are_the_same_after_every_start_and_of_no_other_device() -> None:
    assert described(TOPICS, "a") == described(TOPICS, "a")
    many = [
        *described(wire.Topics("drsn", "a-b"), "c"),
        *described(wire.Topics("drsn", "a"), "b-c"),
        *described(wire.Topics("other", "a"), "b-c"),
        *described(wire.Topics("drsn", "\u00e4"), "\u00f6", "\u00fc"),
    ]
    assert len(set(many)) == len(many)


def shown(payload: dict[str, Any], message: dict[str, str]) -> dict[str, str]:
    """What Home Assistant makes of messages, by component."""
    parts = {
        key: (part, json.loads(message[part["stat_t"]]))
        for key, part in payload["cmps"].items()
        if "stat_t" in part
    }
    return {
        key: rendered(part["val_tpl"], value_json=value) for key, (part, value) in parts.items()
    }


def rendered(template: str, **names: Any) -> str:
    return ENVIRONMENT.from_string(template).render(**names)


def test_states_are_read_from_what_the_agent_really_says(
    payloads: dict[str, dict[str, Any]],
) -> None:
    said = dict(examples.examples(examples.DOCUMENT.read_text()))
    agent, bearing, _ = payloads.values()
    assert set(shown(agent, said)) == {"waiting", "memory", "model-bearing"}
    seen = shown(bearing, said)
    assert (seen["fault"], seen["label"], seen["decision"]) == ("ON", "outer", "fault")
    assert seen["sensor-fault"] == "OFF"
    assert 50 < float(seen["confidence"]) <= 100
    assert float(seen["latency"]) > 0


@pytest.mark.parametrize(
    ("decision", "fault", "sensor_fault"),
    [
        ("normal", "OFF", "OFF"),
        ("fault", "ON", "OFF"),
        ("detected", "OFF", "OFF"),
        ("unknown", "None", "OFF"),
        ("abstain", "None", "OFF"),
        ("sensor_fault", "None", "ON"),
    ],
)
def test_what_is_not_known_is_neither_on_nor_off(
    payloads: dict[str, dict[str, Any]], decision: str, fault: str, sensor_fault: str
) -> None:
    said = dict(examples.examples(examples.DOCUMENT.read_text()))
    topic = "drsn/press-04/bearing-de/state"
    nothing = {"decision": decision, "label": None, "probability": None, "shrinkage": None}
    said[topic] = json.dumps(json.loads(said[topic]) | nothing)
    seen = shown(list(payloads.values())[1], said)
    assert (seen["fault"], seen["sensor-fault"]) == (fault, sensor_fault)
    assert (seen["label"], seen["confidence"], seen["shrinkage"]) == ("None",) * 3


def retained(port: int) -> set[str]:
    """Discovery topics that are there for a Home Assistant that comes now."""
    command = ["mosquitto_sub", "-p", str(port), "-t", "homeassistant/#", "-W", "1", "-F", "%t"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return set(done.stdout.split())


def test_told_on_connect_and_again_when_home_assistant_starts_and_taken_away_when_gone(
    broker: Broker, run_agent: Start, settings: Settings
) -> None:
    tree = settings(broker.port, kind="synth", rate_hz=1000)
    tree["mqtt"]["home_assistant"] = True
    tree["sources"].append(tree["sources"][0] | {"name": "fan"})
    with Listening(broker.port, "homeassistant/#") as listening:
        agent = run_agent(tree)
        listening.until("config", 3)
        told = [each["payload"] for each in listening.packets("config")]
        publish = ["mosquitto_pub", "-p", str(broker.port), "-t", "homeassistant/status"]
        subprocess.run([*publish, "-m", "offline"], check=True)
        subprocess.run([*publish, "-m", "online"], check=True)
        listening.until("config", 6)
        assert [each["payload"] for each in listening.packets("config")] == told * 2
        assert agent.stop() == 0
    assert len(retained(broker.port)) == 3
    fan = {"sources": tree["sources"][:1]}
    agent = run_agent(tree | fan)
    eventually(lambda: len(retained(broker.port)) == 2, 20, "the source's device is gone")
    assert not any("fan" in topic for topic in retained(broker.port))
    assert agent.stop() == 0
    agent = run_agent(tree | fan | {"mqtt": {"port": broker.port}})
    eventually(lambda: not retained(broker.port), 20, "not wanted: nothing is left")
    assert agent.stop() == 0


def test_off_by_default(
    broker: Broker, run_agent: Start, settings: Settings, tmp_path: Path
) -> None:
    agent = run_agent(settings(broker.port, kind="synth", rate_hz=1000))
    eventually(lambda: "connected to" in agent.logged(), 20, "connected")
    assert agent.stop() == 0
    assert not retained(broker.port)
    assert not (tmp_path / "state" / "home-assistant.json").exists()
