"""One machine, three points, one state: the real process, over every kind of line at once."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from agent.messages import json_schema
from agent.messages.topics import PUBLISHED
from tests.conftest import Agent, Broker, Subscriber, eventually
from tests.support import accelerometer, tiny
from tests.support.three_axes import RATE_HZ, Iio, Line, Mqtt, Sending, Serial, Tcp, Udp

KINDS = ("serial", "udp", "iio", "mqtt", "stream")
DIRECTIONS = {"x": "horizontal", "y": "vertical", "z": "axial"}


class Plant:
    """Five three-axis devices, a machine each; an agent reads them all."""

    def __init__(self, folder: Path, broker: Broker) -> None:
        self.lines: dict[str, Line] = {"serial": Serial(), "udp": Udp(), "stream": Tcp()}
        self.lines["mqtt"] = Mqtt(broker.port)
        if accelerometer.missing() is None:
            self.lines["iio"] = Iio()
        self.subscriber = Subscriber(broker.port)
        self.sending = Sending(list(self.lines.values()))
        model = tiny.write(folder / "tiny.onnx")
        self.tree: dict[str, Any] = {
            "agent": {"id": "press-04", "state_dir": str(folder / "state"), "health_s": 0.5},
            "mqtt": {"port": broker.port},
            "sources": [_source(kind, line, str(model)) for kind, line in self.lines.items()],
            "machines": [
                {"name": f"{kind}-press", "points": [kind], "site": "plant 2", "area": "hall B"}
                for kind in self.lines
            ],
        }
        self.file = folder / "config.yaml"
        self.file.write_text(yaml.safe_dump(self.tree))
        command = [sys.executable, "-m", "agent", "run", "--config", str(self.file)]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=log)
        self.agent = Agent(process, folder / "log")
        eventually(lambda: "running with" in self.agent.logged(), 30, "it runs")
        self.sending.start()

    def states(self, kind: str) -> list[dict[str, Any]]:
        topic = f"drsn/press-04/{kind}-press/state"
        return [each.record for each in list(self.subscriber.received) if each.topic == topic]

    def await_state(self, kind: str, decision: str) -> dict[str, Any]:
        """The machine's newest state, once it has that decision."""
        eventually(
            lambda: [s["decision"] for s in self.states(kind)[-1:]] == [decision], 20, decision
        )
        return self.states(kind)[-1]

    def close(self) -> None:
        self.agent.process.kill()
        self.agent.process.wait()
        self.subscriber.close()
        self.sending.close()


def _source(kind: str, line: Line, model: str) -> dict[str, Any]:
    points = [
        {"name": f"{kind}-{axis}", "channels": [at], "direction": direction}
        for at, (axis, direction) in enumerate(DIRECTIONS.items())
    ]
    keys = line.keys() | ({} if kind == "iio" else {"interleaved": 3})
    return {"name": kind, "model": model, "rate_hz": RATE_HZ, "points": points} | keys


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    folder = tmp_path_factory.mktemp("plant")
    broker = Broker(folder).start()
    plant = Plant(folder, broker)
    yield plant
    plant.close()
    broker.stop()


def has(plant: Plant, kind: str) -> None:
    if kind not in plant.lines:
        pytest.skip(str(accelerometer.missing()))


@pytest.mark.parametrize("kind", KINDS)
def test_three_axes_are_one_machine_and_each_axis_is_named(plant: Plant, kind: str) -> None:
    has(plant, kind)
    plant.sending.axes = ["quiet", "quiet", "quiet"]
    state = plant.await_state(kind, "normal")
    assert (state["machine"], state["site"], state["area"]) == (
        f"{kind}-press",
        "plant 2",
        "hall B",
    )
    assert state["sentence"] == "All 3 points are normal."
    assert [(p["point"], p["direction"], p["decision"]) for p in state["points"]] == [
        (f"{kind}-{axis}", direction, "normal") for axis, direction in DIRECTIONS.items()
    ]

    plant.sending.axes = ["quiet", "loud", "quiet"]
    state = plant.await_state(kind, "fault")
    assert (state["point"], state["direction"], state["label"]) == (
        f"{kind}-y",
        "vertical",
        "loud",
    )
    assert state["sentence"].startswith(f"{kind}-y (vertical): Fault loud: ")
    assert decisions(state) == ["normal", "fault", "normal"]

    plant.sending.axes = ["quiet", "quiet", "dead"]
    state = plant.await_state(kind, "sensor_fault")
    assert (state["point"], state["direction"]) == (f"{kind}-z", "axial")
    assert state["sentence"] == f"{kind}-z (axial): Sensor fault: flat."
    assert decisions(state) == ["normal", "normal", "sensor_fault"]
    schema = json_schema.of(PUBLISHED["machine"])
    for record in plant.states(kind):
        jsonschema.Draft202012Validator(schema).validate(record)


def decisions(state: dict[str, Any]) -> list[str]:
    return [point["decision"] for point in state["points"]]


def test_site_area_machine_and_direction_travel_with_every_point(plant: Plant) -> None:
    place = {"site": "plant 2", "area": "hall B", "machine": "udp-press", "direction": "vertical"}
    eventually(lambda: plant.subscriber.of("health") != [], 10, "health")
    info = plant.subscriber.records("info")[-1]
    (point,) = [source for source in info["sources"] if source["name"] == "udp-y"]
    assert (point["device"], point["place"]) == ("udp", place)
    assert {"name": "udp-press", "site": "plant 2", "area": "hall B"} | {
        "points": ["udp-x", "udp-y", "udp-z"]
    } in info["machines"]
    events = [event for event in plant.subscriber.records("event") if event["source"] == "udp-y"]
    assert events
    assert all(event["place"] == place for event in events)
    assert set(plant.subscriber.records("health")[-1]["machines"]) == {
        f"{kind}-press" for kind in plant.lines
    }


def test_a_new_subscriber_finds_the_state_of_every_machine(plant: Plant) -> None:
    late = Subscriber(plant.tree["mqtt"]["port"], "drsn/+/+/state")
    try:
        wanted = {f"drsn/press-04/{kind}-press/state" for kind in plant.lines}
        eventually(lambda: wanted <= {each.topic for each in late.received}, 5, "retained")
        assert all(each.retained for each in late.received)
    finally:
        late.close()


def test_a_reload_changes_points_and_machines_and_leaves_the_others(plant: Plant) -> None:
    """Last of this file: one machine loses a point and another one moves to another site."""
    plant.sending.axes = ["quiet", "quiet", "quiet"]
    for kind in plant.lines:
        plant.await_state(kind, "normal")
    tree = json.loads(json.dumps(plant.tree))
    (udp,) = [source for source in tree["sources"] if source["name"] == "udp"]
    del udp["points"][2]
    (mqtt,) = [machine for machine in tree["machines"] if machine["name"] == "mqtt-press"]
    mqtt["site"] = "plant 3"
    plant.file.write_text(yaml.safe_dump(tree))
    plant.agent.process.send_signal(signal.SIGHUP)
    eventually(lambda: plant.states("mqtt")[-1]["site"] == "plant 3", 15, "its new site")
    assert decisions(plant.states("mqtt")[-1]) == ["normal"] * 3
    eventually(lambda: decisions(plant.states("udp")[-1]) == ["normal", "normal"], 15, "two points")
    assert plant.states("udp")[-1]["sentence"] == "All 2 points are normal."
    line = next(line for line in plant.agent.logged().splitlines() if " reload: " in line)
    assert "stream-x, stream-y, stream-z" in line.partition("; removed")[0], "kept"
    assert "removed udp-x, udp-y, udp-z; added udp-x, udp-y" in line
    assert plant.agent.stop(10) == 0
