"""The real process keeps its measurements over a stop, and `history` prints them."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Agent, Broker
from tests.support.listening import Listening
from tests.support.paths import PROJECT

Start = Callable[..., Agent]
Settings = Callable[..., dict[str, Any]]
STEADY = {"kind": "synth", "pace": "realtime", "repeat": True, "model": "bearing"}
STEADY |= {"scenario": [{"duration_s": 3600.0, "snr_db": [5.0, 5.0]}]}
MACHINE = {"rpm": 1797.0, "unit": "m/s2", "machine_class": "group2-rigid", "bearing": "6205"}


@pytest.mark.timeout(90)
def test_what_was_measured_before_a_stop_is_in_the_history(
    broker: Broker, run_agent: Start, settings: Settings, tmp_path: Path
) -> None:
    tree = settings(broker.port, **STEADY, **MACHINE, measure_s=1.0)
    with Listening(broker.port) as listening:
        agent = run_agent(tree)
        listening.until("measurement", 3, within_s=40)
        assert agent.stop() == 0
        newest = listening.of("measurement")[-1]["physics"][0]
    (source,) = tree["sources"]
    verb = [sys.executable, "-m", "agent", "history", source["name"], "--config"]
    history = subprocess.run(
        [*verb, str(tmp_path / "config-0.yaml"), "--days", "1", "--per", "hour", "--csv"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    titles, *rows = (line.split(",") for line in history.stdout.splitlines())
    values = [dict(zip(titles, row, strict=True)) for row in rows]
    assert sum(int(row["normal"]) + int(row["unknown"]) for row in values) >= 3
    least = min(float(row["velocity_mm_s_min"]) for row in values)
    largest = max(float(row["velocity_mm_s_max"]) for row in values)
    assert least <= newest["velocity_mm_s"] * 1.00001
    assert largest >= newest["velocity_mm_s"] * 0.99999
    assert any(row["bpfo_db_mean"] for row in values)
