"""A recording that cannot be read is told, ends a run of its own with 65, and nothing else."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.conftest import Agent, Broker, Subscriber, eventually

Start = Callable[..., Agent]
Tree = dict[str, Any]


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """A FLAC file of ten seconds whose second half is overwritten."""
    file = tmp_path / "a.flac"
    soundfile.write(file, np.random.default_rng(0).standard_normal(10_000) * 0.05, 1000)
    data = bytearray(file.read_bytes())
    data[len(data) // 2 :] = b"\x55" * (len(data) - len(data) // 2)
    file.write_bytes(data)
    return file


@pytest.fixture
def alone(settings: Callable[..., Tree], broker: Broker) -> Callable[[Path], Tree]:
    def make(path: Path) -> Tree:
        return settings(broker.port, kind="file", path=str(path), pace="fast", publish_windows=True)

    return make


def beside(tree: Tree) -> Tree:
    """With a sensor that delivers."""
    sensor = {"name": "sensor", "kind": "synth", "rate_hz": 1000, "repeat": True}
    model = tree["sources"][0]["model"]
    tree["sources"].append(sensor | {"model": model, "publish_windows": True})
    return tree


def of(subscriber: Subscriber, last: str, source: str) -> list[dict[str, Any]]:
    return [record for record in subscriber.records(last) if record["source"] == source]


def test_alone_it_ends_the_run_with_65_after_what_could_be_read_is_delivered(
    run_agent: Start, alone: Callable[[Path], Tree], subscriber: Subscriber, damaged: Path
) -> None:
    agent = run_agent(alone(damaged))
    assert agent.wait() == 65
    assert "damaged at frame" in agent.logged()
    assert "Traceback" not in agent.logged()
    assert len(of(subscriber, "window", "bearing-de")) > 10
    assert of(subscriber, "state", "bearing-de")[-1]["decision"] == "sensor_fault"


def test_beside_a_sensor_it_is_a_fault_of_its_source_and_the_sensor_goes_on(
    run_agent: Start, alone: Callable[[Path], Tree], subscriber: Subscriber, damaged: Path
) -> None:
    agent = run_agent(beside(alone(damaged)))

    def decision() -> str | None:
        states = of(subscriber, "state", "bearing-de")
        return states[-1]["decision"] if states else None

    eventually(lambda: decision() == "sensor_fault", 30, "the fault")
    before = len(of(subscriber, "window", "sensor"))
    eventually(lambda: len(of(subscriber, "window", "sensor")) > before + 5, 20, "windows")
    assert agent.stop() == 0
    assert "Traceback" not in agent.logged()


@pytest.mark.parametrize("state", ["missing", "damaged"])
def test_what_cannot_be_opened_yet_is_waited_for_beside_a_sensor(
    run_agent: Start,
    alone: Callable[[Path], Tree],
    subscriber: Subscriber,
    tmp_path: Path,
    state: str,
) -> None:
    file = tmp_path / "later.wav"
    if state == "damaged":
        file.write_bytes(b"RIFF, and then nothing")
    agent = run_agent(beside(alone(file)))
    eventually(lambda: len(of(subscriber, "window", "sensor")) > 5, 20, "windows of the sensor")
    assert of(subscriber, "state", "bearing-de")[-1]["decision"] == "sensor_fault"
    whole = tmp_path / "whole.wav"
    soundfile.write(whole, np.random.default_rng(0).standard_normal(3000) * 0.05, 1000)
    whole.replace(file)
    eventually(lambda: len(of(subscriber, "window", "bearing-de")) > 5, 20, "its windows")
    assert agent.stop() == 0
