"""A source that stalls, ends, disappears or is slow is told in seconds; the others go on."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import Agent, Broker, Subscriber, eventually

RATE_HZ = 1000
Start = Callable[..., Agent]
Settings = Callable[..., dict[str, Any]]


@dataclass
class Sensor:
    """Writes frames into a FIFO as a sensor would: what is not written in time is gone."""

    path: Path
    rate: float = 1.0
    writing: bool = True
    closed: bool = False
    quiet: bool = False  # the FIFO stays open and nothing comes
    _thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        os.mkfifo(self.path)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        rng = np.random.default_rng(0)
        block = 50
        while not self.closed:
            with open(self.path, "wb", buffering=0) as fifo:  # noqa: PTH123
                next_s = time.monotonic()
                while self.writing and not self.closed:
                    next_s = max(next_s, time.monotonic() - 0.2) + block / RATE_HZ / self.rate
                    time.sleep(max(0.0, next_s - time.monotonic()))
                    if not self.quiet:
                        samples = (rng.standard_normal(block) * 3000).astype("<i2")
                        try:
                            fifo.write(samples.tobytes())
                        except BrokenPipeError:
                            break
            while not self.writing and not self.closed:
                time.sleep(0.01)


@pytest.fixture
def sensor(tmp_path: Path) -> Iterator[Sensor]:
    sensor = Sensor(tmp_path / "fifo")
    yield sensor
    sensor.closed = True


@pytest.fixture
def agent(
    broker: Broker, subscriber: Subscriber, sensor: Sensor, run_agent: Start, settings: Settings
) -> Agent:
    """An agent with that sensor beside a healthy source, once both are known to be normal."""
    source = {"kind": "stream", "url": str(sensor.path), "rate_hz": RATE_HZ}
    tree = settings(broker.port, **source, publish_windows=True)
    tree["agent"]["health_s"] = 0.3
    motor = {"name": "motor", "kind": "synth", "rate_hz": RATE_HZ, "publish_windows": True}
    tree["sources"].append({"model": tree["sources"][0]["model"]} | motor)
    agent = run_agent(tree)
    eventually(lambda: decisions(subscriber)[-1:] == ["normal"], 20, "normal")
    return agent


def decisions(subscriber: Subscriber) -> list[str]:
    return [s["decision"] for s in subscriber.records("state") if s["source"] == "bearing-de"]


def health(subscriber: Subscriber) -> dict[str, Any]:
    told: dict[str, Any] = subscriber.records("health")[-1]["sources"]["bearing-de"]
    return told


def well_again(health: dict[str, Any]) -> bool:
    return bool(health["opened"] >= 2 and health["state"] == "ok")


def windows(subscriber: Subscriber, source: str) -> list[dict[str, Any]]:
    return [w for w in subscriber.records("window") if w["source"] == source]


def told_within(subscriber: Subscriber, flag: str, within_s: float = 3.0) -> None:
    eventually(lambda: decisions(subscriber)[-1] == "sensor_fault", within_s, "sensor_fault")
    last = [s for s in subscriber.records("state") if s["source"] == "bearing-de"][-1]
    assert flag in last["flags"]


def test_a_stall_is_a_sensor_fault_then_a_gap_as_long_as_it_was_then_normal(
    agent: Agent, sensor: Sensor, subscriber: Subscriber
) -> None:
    sensor.quiet = True
    began_s = time.monotonic()
    told_within(subscriber, "silent")
    before = windows(subscriber, "bearing-de")[-1]
    motor = len(windows(subscriber, "motor"))
    eventually(lambda: time.monotonic() - began_s > 4, 5, "a stall of four seconds")
    sensor.quiet = False
    stall_s = time.monotonic() - began_s
    eventually(lambda: decisions(subscriber)[-1] == "normal", 10, "normal again")
    after = [
        w for w in windows(subscriber, "bearing-de") if w["first_sample"] > before["first_sample"]
    ]
    clean = [w for w in after if not w["flags"]]
    jump_s = (clean[0]["first_sample"] - before["first_sample"]) / RATE_HZ
    assert jump_s > stall_s
    eventually(
        lambda: health(subscriber)["missing"] / RATE_HZ == pytest.approx(stall_s, abs=0.1),
        5,
        "what was missed is counted in the health message",
    )
    assert {w["decision"] for w in after if w["flags"]} == {"sensor_fault"}
    assert len(windows(subscriber, "motor")) - motor > 30
    assert agent.stop() == 0


def test_an_end_where_there_should_be_none_is_a_sensor_fault_and_it_is_opened_again(
    agent: Agent, sensor: Sensor, subscriber: Subscriber
) -> None:
    sensor.writing = False
    told_within(subscriber, "broken")
    assert "the stream ended" in agent.logged()
    sensor.writing = True
    eventually(lambda: decisions(subscriber)[-1] == "normal", 20, "normal again")
    eventually(lambda: well_again(health(subscriber)), 5, "it was opened again and is well")
    assert agent.stop() == 0


def test_too_few_samples_a_second_are_a_sensor_fault_for_as_long_as_it_lasts(
    agent: Agent, sensor: Sensor, subscriber: Subscriber
) -> None:
    sensor.rate = 0.9
    told_within(subscriber, "slow", within_s=4.0)
    seen = len(windows(subscriber, "bearing-de"))
    eventually(lambda: len(windows(subscriber, "bearing-de")) > seen + 20, 10, "more windows")
    assert {w["decision"] for w in windows(subscriber, "bearing-de")[seen:]} == {"sensor_fault"}
    assert decisions(subscriber)[-1] == "sensor_fault"
    sensor.rate = 1.0
    eventually(lambda: decisions(subscriber)[-1] == "normal", 10, "normal again")
    assert agent.stop() == 0


def test_a_sensor_that_is_not_there_yet_keeps_no_agent_from_starting(
    broker: Broker, subscriber: Subscriber, run_agent: Start, settings: Settings
) -> None:
    source = {"kind": "stream", "url": "tcp://127.0.0.1:9", "rate_hz": RATE_HZ}
    agent = run_agent(settings(broker.port, **source))
    eventually(lambda: decisions(subscriber) == ["sensor_fault"], 10, "sensor_fault")
    assert subscriber.records("state")[0]["flags"] == ["broken"]
    assert subscriber.records("state")[0]["n_samples"] == 0
    assert "cannot connect" in agent.logged()
    assert agent.stop() == 0
