"""A sample of `make rates`: minutes of a source whose rate is not what is configured."""

import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from agent.sources.sensor_nodes import frames
from tests.conftest import Agent, Broker, Subscriber, eventually, free_port
from tests.rates.outcome import broken_promises
from tests.rates.simulation import simulate

# Each share once, each kind at least twice.
SAMPLE = [
    ("stream", 0.97),
    ("stream", 2.0),
    ("serial", 0.25),
    ("serial", 1.04),
    ("udp", 0.5),
    ("udp", 0.985),
    ("mqtt", 1.0),
    ("mqtt", 1.02),
    ("mqtt", 3.0),
]


@pytest.mark.parametrize(("kind", "share"), SAMPLE)
def test_a_rate_is_told_flagged_or_followed(kind: str, share: float) -> None:
    run = simulate(kind, share, 35.0 if 0.9 < share < 1.1 else 12.0)
    assert broken_promises(share, run) == [], run


RATE_HZ = 1000


class Sensors:
    """A FIFO at twice, and a node at half of the configured rate, until `close`."""

    def __init__(self, path: str, port: int) -> None:
        self._closed = False
        os.mkfifo(path)
        self._threads = [
            threading.Thread(target=self._write, args=(path,), daemon=True),
            threading.Thread(target=self._send, args=(port,), daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        self._closed = True
        for thread in self._threads:
            thread.join(5)

    def _write(self, path: str) -> None:
        noise = np.random.default_rng(0).normal(0, 3000, 40).astype("<i2").tobytes()
        with open(path, "wb", buffering=0) as fifo:  # noqa: PTH123
            for _ in self._ticks(40 / (2 * RATE_HZ)):
                try:
                    fifo.write(noise)
                except BrokenPipeError:  # the reader has gone
                    return

    def _send(self, port: int) -> None:
        noise = np.random.default_rng(1).normal(0, 3000, (10, 1)).astype(np.int16)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as node:
            for number in self._ticks(10 / (RATE_HZ / 2)):
                node.sendto(frames.pack(noise, 10 * number), ("127.0.0.1", port))

    def _ticks(self, period_s: float) -> Iterator[int]:
        began_s, number = time.monotonic(), 0
        while not self._closed:
            yield number
            number += 1
            time.sleep(max(0.0, began_s + number * period_s - time.monotonic()))


def test_twice_and_half_are_told_by_the_process_within_ten_seconds(
    broker: Broker,
    subscriber: Subscriber,
    run_agent: Callable[..., Agent],
    settings: Callable[..., dict[str, Any]],
    tmp_path: Any,
) -> None:
    fifo, port = str(tmp_path / "fifo"), free_port(socket.SOCK_DGRAM)
    tree = settings(broker.port, kind="stream", url=fifo, rate_hz=RATE_HZ, name="twice")
    half = {"name": "half", "kind": "udp", "listen": f"127.0.0.1:{port}", "rate_hz": RATE_HZ}
    tree["sources"].append({"model": tree["sources"][0]["model"]} | half)
    tree["agent"]["health_s"] = 0.5
    sensors = Sensors(fifo, port)
    agent = run_agent(tree)

    def sources() -> Any:
        return subscriber.records("health")[-1]["sources"] if subscriber.of("health") else {}

    def state(name: str) -> str:
        return str(sources().get(name, {}).get("state"))

    eventually(lambda: (state("twice"), state("half")) == ("fast", "slow"), 10, "both told")
    assert sources()["twice"]["nominal_hz"] == RATE_HZ
    eventually(
        lambda: sources()["twice"]["measured_hz"] == pytest.approx(2 * RATE_HZ, rel=0.05),
        5,
        "the rate that arrives",
    )
    advice = r"write interleaved: 2 if a frame has 2 channels, else rate_hz: ([\d.]+)"
    assert float(re.findall(advice, agent.logged())[0]) == pytest.approx(2 * RATE_HZ, rel=0.05)
    (half_hz,) = re.findall(r"half: (\d+) frames/s arrive", agent.logged())
    assert float(half_hz) == pytest.approx(RATE_HZ / 2, rel=0.05)
    decisions = {s["source"]: s["decision"] for s in subscriber.records("state")}
    assert decisions == {"twice": "sensor_fault", "half": "sensor_fault"}
    sensors.close()
    assert agent.stop() == 0
