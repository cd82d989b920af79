"""`watch` shows what the broker knows of every source, the worst first, and survives its end."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import paho.mqtt.publish as publish
import pytest
import yaml

from agent.cli.main import main
from agent.core.units import Units
from agent.jobs.source_table import MAX_SOURCES, SourceTable
from tests.conftest import Agent, Broker, Subscriber, eventually, free_port
from tests.support.measured import measurement
from tests.support.observations import event

Settings = Callable[..., dict[str, Any]]


def file(folder: Path, tree: dict[str, Any]) -> Path:
    path = folder / "watched.yaml"
    path.write_text(yaml.safe_dump(tree))
    return path


def test_a_real_agents_source_is_shown_with_its_levels_and_as_away_afterwards(
    broker: Broker,
    subscriber: Subscriber,
    run_agent: Callable[..., Agent],
    settings: Settings,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    source = {"kind": "synth", "repeat": True, "measure_s": 1.0, "unit": "m/s2", "rpm": 1797.0}
    tree = settings(broker.port, model="bearing", machine_class="group2-rigid", **source)
    agent = run_agent(tree)
    eventually(lambda: len(subscriber.of("measurement")) > 0, 30, "something is measured")
    watch = ["watch", "--once", "--config", str(file(tmp_path, tree))]
    assert main(watch) == 0
    head, row = capsys.readouterr().out.splitlines()
    cells = dict(zip(head.split("  "), row.split("  "), strict=False))
    assert head.split()[:2] == ["agent/source", "state"]
    assert row.startswith("press-04/bearing-de")
    assert " 1797 " in row
    assert " A " in row or " B " in row, cells
    assert "away" not in row
    assert agent.stop() == 0
    assert main(watch) == 0
    assert "away" in capsys.readouterr().out


def test_it_goes_on_after_the_broker_was_away(
    broker: Broker, settings: Settings, tmp_path: Path
) -> None:
    config = file(tmp_path, settings(broker.port, kind="synth"))
    command = [sys.executable, "-m", "agent", "watch", "--config", str(config)]
    out = tmp_path / "out"
    with out.open("wb") as stdout, (tmp_path / "err").open("wb") as stderr:
        watch = subprocess.Popen(command, stdout=stdout, stderr=stderr)
    try:
        eventually(lambda: b"agent/source" in out.read_bytes(), 20, "the table's head")
        broker.stop()
        eventually(lambda: b"refused" in (tmp_path / "err").read_bytes(), 20, "it says so")
        broker.start()

        def shown() -> bool:
            publish.single("drsn/pump/status", b"online", 1, True, "127.0.0.1", broker.port)
            publish.single("drsn/pump/a/state", observed(), 1, True, "127.0.0.1", broker.port)
            return b"pump/a" in out.read_bytes()

        eventually(shown, 20, "the state that came later")
    finally:
        watch.terminate()
    assert watch.wait(10) == 0
    assert b"Traceback" not in (tmp_path / "err").read_bytes()


def observed(**changes: Any) -> bytes:
    """A state as an agent publishes it."""
    return event(1, **({"decision": "fault", "label": "outer"} | changes)).payload


def test_the_worst_comes_first_and_who_is_away_last() -> None:
    table = SourceTable("drsn")
    for agent, decision in (("a", "normal"), ("b", "fault"), ("c", "fault")):
        table.take(f"drsn/{agent}/status", b"offline" if agent == "c" else b"online")
        table.take(f"drsn/{agent}/x/state", observed(decision=decision))
    rows = list(table.lines())[1:]
    assert [row.split()[0] for row in rows] == ["b/x", "a/x", "c/x"]
    assert "(fault) away" in rows[2]


@pytest.mark.parametrize(
    ("units", "head", "cell"), [("metric", "mm/s", "12.70"), ("imperial", "in/s", "0.500")]
)
def test_velocities_are_shown_in_the_units_that_were_asked_for(
    units: Units, head: str, cell: str
) -> None:
    table = SourceTable("drsn", units)
    table.take("drsn/box/pump/measurement", msgspec.json.encode(measurement(1e9, 12.7)))
    titles, row = (line.split() for line in table.lines())
    assert head in titles
    assert cell in row


def test_a_source_that_is_removed_leaves_the_table() -> None:
    table = SourceTable("drsn")
    table.take("drsn/a/x/state", observed())
    table.take("drsn/a/x/state", b"")
    assert len(list(table.lines())) == 1


@pytest.mark.parametrize(
    "payload",
    [b"\xff", b"{}", b"[" * 10_000, b'{"decision": 1}', observed(t_end="now", label="\x1b[2J")],
)
def test_hostile_bytes_neither_end_it_nor_reach_the_terminal(payload: bytes) -> None:
    table = SourceTable("drsn")
    for topic in ("drsn/a/x/state", "drsn/a/x/measurement", "drsn/a/status", "drsn", "x/y/z/state"):
        table.take(topic, payload)
    assert "\x1b" not in "".join(table.lines())


def test_a_flood_of_names_is_bounded() -> None:
    table = SourceTable("drsn")
    for number in range(MAX_SOURCES + 10):
        table.take(f"drsn/a/{number}/state", observed())
        table.take(f"drsn/{number}/status", b"online")
    assert len(list(table.lines())) == 1 + MAX_SOURCES


def test_without_a_broker_it_says_where_it_looked(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    port = free_port()
    config = file(tmp_path, settings(port, kind="synth"))
    assert main(["watch", "--once", "--config", str(config)]) == 75
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert f"127.0.0.1:{port}: Connection refused" in error


def test_where_nothing_is_published_over_mqtt_it_says_so(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tree = settings(1, kind="synth")
    tree["agent"]["sink"] = "stdout"
    assert main(["watch", "--config", str(file(tmp_path, tree))]) == 1
    assert "agent.sink: found stdout, expected mqtt" in capsys.readouterr().err
