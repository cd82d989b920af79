"""A running agent learns a baseline from its own windows, by commands, and uses it at once."""

import datetime
import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tests.conftest import Agent, Broker, Subscriber, eventually

HOP_S = 0.02
WANTED_S = 3.0


class Operator:
    """Publishes commands and waits for their results."""

    def __init__(self, port: int, subscriber: Subscriber) -> None:
        self._subscriber = subscriber
        self._ids = itertools.count(1)
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def order(self, verb: str, **arguments: Any) -> dict[str, Any]:
        id = f"c{next(self._ids)}"
        moment = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=60)
        order = {"id": id, "expires": moment.isoformat(), "arguments": arguments}
        self._client.publish(f"drsn/press-04/cmd/{verb}", json.dumps(order), 1)
        eventually(lambda: bool(self._results(id)), 30, f"the result of {arguments}")
        result: dict[str, Any] = self._results(id)[0]
        return result

    def _results(self, id: str) -> list[dict[str, Any]]:
        return [result for result in self._subscriber.records("result") if result["id"] == id]

    def commission(self, action: str, **arguments: Any) -> dict[str, Any]:
        return self.order("commission", **({"action": action, "source": "a"} | arguments))

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def operator(broker: Broker, subscriber: Subscriber) -> Iterator[Operator]:
    operator = Operator(broker.port, subscriber)
    yield operator
    operator.close()


@pytest.fixture
def tree(settings: Callable[..., dict[str, Any]], broker: Broker) -> dict[str, Any]:
    synth = {"kind": "synth", "rate_hz": 1000, "repeat": True, "hop_s": HOP_S}
    made = settings(broker.port, name="a", publish_windows=True, **synth)
    other = made["sources"][0] | {"name": "other", "publish_windows": False}
    made["sources"].append(other)
    made["agent"]["health_s"] = 0.5
    made["commands"] = {"allow": ["commission", "reload"]}
    return made


def source(subscriber: Subscriber, topic: str, name: str) -> dict[str, Any]:
    """The source in the newest `info` or `health`."""
    sources = subscriber.records(topic)[-1]["sources"]
    found: dict[str, Any] = (
        sources[name]
        if isinstance(sources, dict)
        else next(one for one in sources if one["name"] == name)
    )
    return found


def test_it_learns_by_command_and_neither_ring_nor_the_other_source_is_disturbed(
    tree: dict[str, Any],
    run_agent: Callable[..., Agent],
    subscriber: Subscriber,
    operator: Operator,
    tmp_path: Path,
) -> None:
    agent = run_agent(tree)
    eventually(lambda: bool(subscriber.records("window")), 20, "windows")
    assert operator.commission("status")["why"].startswith("found no commissioning")
    assert operator.commission("start", source="c")["why"].startswith("source: found 'c'")
    assert operator.commission("start", extend=True)["why"].startswith("extend: found no baseline")
    assert operator.commission("start", minutes=0)["why"].startswith("arguments: ")

    begun = operator.commission("start", minutes=WANTED_S / 60)
    assert (begun["ok"], begun["commissioning"]["phase"]) == (True, "listening")
    assert operator.commission("start")["why"] == "this source is being commissioned already"
    eventually(lambda: operator.commission("status")["commissioning"]["windows"] > 40, 10, "some")
    seen = operator.commission("status")["commissioning"]
    assert 0 < seen["seconds"] < WANTED_S
    assert 0 < seen["left_s"] < 3 * WANTED_S
    assert seen["rms"][0] <= seen["rms"][1]
    assert set(seen["network"]) <= {"normal", "loud"}

    eventually(lambda: source(subscriber, "info", "a")["baseline"] == "provisional", 30, "done")
    done = operator.commission("status")["commissioning"]
    assert (done["phase"], done["provisional"], done["why"]) == ("done", True, None)
    assert done["baseline_s"] == pytest.approx(WANTED_S, abs=0.5)
    assert done["points"][0]["states"] >= 1
    assert source(subscriber, "info", "other")["baseline"] == "none"
    after = len(subscriber.records("window"))
    eventually(lambda: len(subscriber.records("window")) > after + 5, 10, "windows afterwards")
    assert subscriber.records("window")[-1]["anomaly"] is not None

    operator.commission("start", extend=True)
    eventually(lambda: operator.commission("status")["commissioning"]["windows"] > 40, 10, "some")
    grown = operator.commission("stop")["commissioning"]
    assert grown["phase"] == "done"
    assert grown["baseline_s"] > done["baseline_s"]
    saved = json.loads((tmp_path / "state" / "baseline-a.json").read_bytes())
    assert sum(point["seconds"] for point in saved["points"]) == grown["baseline_s"]
    assert operator.order("reload")["changes"].startswith("kept a, other")

    operator.commission("start")
    assert operator.commission("cancel")["commissioning"]["phase"] == "cancelled"
    assert operator.commission("stop")["why"].startswith("found a commissioning that is cancelled")
    assert json.loads((tmp_path / "state" / "baseline-a.json").read_bytes()) == saved
    for name in ("a", "other"):
        health = source(subscriber, "health", name)
        lost = [health[key] for key in ("gaps", "missing", "overrun", "missed")]
        assert lost == [0, 0, 0, 0], (name, health)
    assert agent.stop() == 0
