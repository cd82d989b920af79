"""What the page says of every source at a glance."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from tests.conftest import Agent, Broker, eventually, free_port, quiet_then_loud
from tests.support.page_client import get, listens, request

Start = Callable[..., Agent]
Settings = Callable[..., dict[str, Any]]


def test_a_card_has_state_levels_and_what_is_wrong_with_the_source(
    broker: Broker, run_agent: Start, settings: Settings, tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "long.wav", np.clip(quiet_then_loud(60_000), -0.99, 0.99), 1000)
    known = {"unit": "m/s2", "measure_s": 1, "rpm": 1500}
    tree = settings(broker.port, kind="file", path=str(tmp_path / "long.wav"), **known)
    fifo = {"name": "gone", "kind": "stream", "url": str(tmp_path / "none"), "rate_hz": 1000}
    tree["sources"].append(fifo | {"model": tree["sources"][0]["model"]})
    port = free_port()
    run_agent(tree | {"page": {"port": port}})
    eventually(lambda: listens(port) and card(port, 0)["measured"], 20, "a measurement")
    running, missing = card(port, 0), card(port, 1)
    assert running["decision"] in ("normal", "fault", "unknown", "abstain")
    assert running["since"] <= running["seen"]
    assert running["rms"] > 0
    assert running["velocity_mm_s"] > 0
    assert (running["unit"], running["rpm"], running["trouble"]) == ("m/s2", 1500, None)
    assert (running["baseline"], running["anomaly"], running["zone"]) == ("none", None, None)
    assert missing["trouble"]
    assert (missing["rms"], missing["seen"]) == (None, None)
    assert request(port, "/api/overview").getheader("Connection") == "close", "holds no connection"


def card(port: int, at: int) -> dict[str, Any]:
    found: dict[str, Any] = get(port, "/api/overview")["sources"][at]
    return found
