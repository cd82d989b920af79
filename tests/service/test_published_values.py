"""The real process takes speed and condition from a real broker, as drives publish them."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import yaml
from paho.mqtt import publish as paho_publish

from agent.config import load
from agent.core.errors import ConfigError
from tests.conftest import Agent, Broker, Subscriber, eventually
from tests.support import tiny

SPEED, LOAD = "plant/drive-7", "plant/drive-7/load"
PUBLISHED = {
    "speed": {"topic": SPEED, "field": "speed", "stale_s": 1.5},
    "condition": {"topic": LOAD, "limits": [50.0], "stale_s": 3600},
}


@pytest.fixture
def tree(tmp_path: Path, broker: Broker) -> dict[str, Any]:
    """A machine whose noise never changes, heard in real time; its drive publishes."""
    noise = 0.1 * np.random.default_rng(3).standard_normal(60_000)
    soundfile.write(tmp_path / "healthy.wav", noise, 1000, subtype="PCM_16")
    source = {"name": "press-04", "kind": "file", "path": str(tmp_path / "healthy.wav")}
    source |= {"pace": "realtime", "model": str(tiny.write(tmp_path / "tiny.onnx"))}
    agent = {"id": "a", "state_dir": str(tmp_path / "state"), "health_s": 0.5}
    return {"agent": agent, "mqtt": {"port": broker.port}, "sources": [source | PUBLISHED]}


def commission(folder: Path, tree: dict[str, Any], *more: str) -> subprocess.CompletedProcess[str]:
    (folder / "c.yaml").write_text(yaml.safe_dump(tree))
    line = [sys.executable, "-m", "agent", "commission", "--config", "c.yaml"]
    line += ["--source", "press-04", "--recordings", "healthy.wav", *more]
    return subprocess.run(line, capture_output=True, text=True, timeout=60, cwd=folder)


def publish(broker: Broker, topic: str, payload: str, retain: bool = False) -> None:
    paho_publish.single(topic, payload, 1, retain, "127.0.0.1", broker.port)


def test_a_state_is_that_of_the_published_speed_and_load(
    broker: Broker,
    subscriber: Subscriber,
    run_agent: Callable[..., Agent],
    tree: dict[str, Any],
    tmp_path: Path,
) -> None:
    refused = commission(tmp_path, tree)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "found a speed that is published, expected --rpm" in refused.stderr
    done = commission(tmp_path, tree, "--rpm", "1480", "--condition", "50 and above")
    assert (done.returncode, done.stderr) == (0, ""), done
    assert "condition '50 and above', 1480 rpm" in done.stdout

    def state() -> dict[str, Any]:
        return (subscriber.records("state") or [{}])[-1]

    def health() -> dict[str, Any]:
        newest = (subscriber.records("health") or [{"sources": {}}])[-1]
        return dict(newest["sources"].get("press-04", {}))

    publish(broker, LOAD, "80", retain=True)
    agent = run_agent(tree)
    eventually(lambda: state().get("decision") == "unknown", 20, "unknown without a speed")
    assert f"nothing came on {SPEED}" in state()["basis"]["sentence"]
    assert state()["basis"]["baseline"] == "elsewhere"

    def drive(payload: str, decision: str, words: str) -> None:
        """Publishes on and on, as a drive does, until the state follows."""

        def followed() -> bool:
            publish(broker, SPEED, payload)
            now = state()
            return now.get("decision") == decision and words in now["basis"]["sentence"]

        eventually(followed, 15, f"{decision} after {payload}")

    drive('{"speed": 1475}', "normal", "within the provisional baseline")
    eventually(lambda: health().get("condition") is not None, 5, "health")
    assert health()["condition"] | {"age_s": 0} == {
        "topic": LOAD,
        "value": "50 and above",
        "age_s": 0,
        "retained": True,
        "stale": False,
        "refused": None,
    }
    drive('{"speed": 900}', "unknown", "Not commissioned at this speed or condition")
    drive('{"speed": 1475}', "normal", "within")
    publish(broker, SPEED, "broken \x1b[2J")
    eventually(lambda: (health().get("speed") or {}).get("refused") is not None, 5, "refused")
    assert "found 'broken \\x1b[2J', expected a JSON object" in health()["speed"]["refused"]
    eventually(lambda: state()["decision"] == "unknown", 10, "unknown when it is too old")
    assert "Speed or condition not known" in state()["basis"]["sentence"]
    assert health()["speed"]["value"] == "1475"

    broker.stop()
    eventually(lambda: "lost the broker" in agent.logged(), 10, "the loss is logged")
    broker.start()
    drive('{"speed": 1475}', "normal", "within")
    assert agent.stop() == 0


def test_where_the_configuration_asks_for_mqtt_5_values_are_heard_over_it(
    broker: Broker, subscriber: Subscriber, run_agent: Callable[..., Agent], tree: dict[str, Any]
) -> None:
    broker.stop()
    broker.extra = "allow_anonymous true\nlog_type all\n"
    broker.start()
    tree["mqtt"]["version"] = "5"
    agent = run_agent(tree)

    def heard() -> bool:
        publish(broker, SPEED, '{"speed": 1475}')
        newest = (subscriber.records("health") or [{"sources": {}}])[-1]
        return ((newest["sources"].get("press-04") or {}).get("speed") or {}).get("value") == "1475"

    eventually(heard, 20, "the speed in health")
    assert agent.stop() == 0
    log = (broker.folder / "mosquitto.log").read_text()
    (connected,) = [line for line in log.splitlines() if "as drsn-a-values" in line]
    assert "(p5," in connected


def test_a_machine_that_stands_still_is_stopped_and_runs_again(
    broker: Broker, subscriber: Subscriber, run_agent: Callable[..., Agent], tree: dict[str, Any]
) -> None:
    source = {key: tree["sources"][0][key] for key in ("name", "kind", "path", "pace", "model")}
    source |= {"measure_s": 1.0, "scale": 10.0, "alarms": {"delay_s": 0.5}}
    for key, field in (("running", "on"), ("load", "torque"), ("temperature", "bearing")):
        source[key] = {"topic": SPEED, "field": field}
    machines = [{"name": "press", "points": ["press-04"]}]
    publish(broker, SPEED, '{"on": false, "torque": 0, "bearing": 31.5}', retain=True)
    agent = run_agent(tree | {"sources": [source], "machines": machines})

    def state(name: str) -> dict[str, Any]:
        topic = f"drsn/a/{name}/state"
        return ([each.record for each in list(subscriber.received) if each.topic == topic] or [{}])[
            -1
        ]

    def measured() -> dict[str, Any]:
        return (subscriber.records("measurement") or [{}])[-1]

    eventually(lambda: state("press-04").get("decision") == "stopped", 20, "it stands")
    assert state("press-04")["basis"]["sentence"] == "Stopped: the machine is not running."
    eventually(lambda: state("press").get("decision") == "stopped", 5, "and so does the machine")
    eventually(lambda: measured().get("running") is False, 10, "it is measured on")
    assert (measured()["load_percent"], measured()["temperature_c"]) == (0.0, 31.5)
    assert (measured()["decision"], measured()["alarm"]) == ("stopped", "none")

    publish(broker, SPEED, '{"on": true, "torque": 80, "bearing": 44}')
    eventually(lambda: state("press-04")["decision"] == "fault", 20, "at work it is loud")
    eventually(lambda: state("press")["alarm"] == "alarm", 10, "and raises the alarm")
    eventually(lambda: measured().get("running") is True, 10, "it runs")
    assert (measured()["load_percent"], measured()["temperature_c"]) == (80.0, 44.0)
    assert {event["alarm"] for event in subscriber.records("event")[:2]} == {"none"}
    assert agent.stop() == 0


@pytest.mark.parametrize(
    ("keys", "error"),
    [
        ({"speed": {"topic": "a/+"}}, "sources[0].speed.topic"),
        ({"speed": {"topic": "a"}, "rpm": 1480}, "sources[0].speed: found rpm beside it"),
        ({"speed": {"topic": "a", "limits": [1]}}, "sources[0].speed.limits"),
        ({"condition": {"topic": "a", "factor": 2.0}}, "sources[0].condition.factor"),
        ({"condition": {"topic": "a", "limits": [2, 1]}}, "sources[0].condition.limits"),
        ({"condition": {"field": "load"}}, "sources[0].condition"),
        ({"condition": 7}, "sources[0].condition"),
        ({"speed": 1480}, "sources[0].speed"),
        ({"running": {"topic": "a", "limits": [1]}}, "sources[0].running.limits"),
        ({"running": {"topic": "a", "factor": 2.0}}, "sources[0].running.factor"),
        ({"running": "perhaps"}, "sources[0].running"),
        ({"load": {"topic": "a", "limits": [2, 1]}}, "sources[0].load.limits"),
        ({"temperature": "hot"}, "sources[0].temperature"),
    ],
)
def test_a_mistake_in_the_keys_is_told_by_its_path(keys: dict[str, Any], error: str) -> None:
    source = {"name": "p", "kind": "synth", "rate_hz": 1000.0} | keys
    with pytest.raises(ConfigError) as mistake:
        load.parse({"sources": [source]})
    assert str(mistake.value).startswith(error)
    assert "expected" in str(mistake.value)


def test_a_published_speed_chooses_the_network_that_reads_it() -> None:
    source = {"name": "p", "kind": "synth", "speed": {"topic": "a"}, "bearing": "6205"}
    common = load.parse({"sources": [source]}).sources[0].common
    assert common.model == "bearing-orders"
