"""The real process publishes what it measures, whatever it decides, and loses nothing for it."""

import itertools
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from agent.config import load
from agent.core.errors import ConfigError
from agent.messages import json_schema
from agent.messages.topics import PUBLISHED
from tests.conftest import Agent, Broker, Subscriber, eventually
from tests.support.listening import Listening

Start = Callable[..., Agent]
Settings = Callable[..., dict[str, Any]]
OF_0_2 = json.loads((Path(__file__).parent / "v0_2" / "schemas.json").read_text())
STEADY = {"kind": "synth", "pace": "realtime", "repeat": True, "model": "bearing"}
STEADY |= {"scenario": [{"duration_s": 3600.0, "snr_db": [5.0, 5.0]}]}
MACHINE = {"rpm": 1797.0, "unit": "m/s2", "machine_class": "group2-rigid", "bearing": "6205"}


def check(record: dict[str, Any]) -> None:
    schema = json_schema.of(PUBLISHED["measurement"])
    jsonschema.Draft202012Validator(schema).validate(record)


def test_a_steady_machine_is_measured_again_and_again_and_0_2_is_understood(
    broker: Broker, run_agent: Start, settings: Settings
) -> None:
    with Listening(broker.port) as listening:
        tree = settings(broker.port, **STEADY, **MACHINE, measure_s=1.0, publish_windows=True)
        agent = run_agent(tree | {"agent": tree["agent"] | {"health_s": 1.0}})
        listening.until("measurement", 3, within_s=30)
        states = listening.of("state")
        assert agent.stop() == 0
    packets = listening.packets("measurement")
    assert all(packet["retain"] == 1 and packet["qos"] == 1 for packet in packets)
    records = listening.of("measurement")
    for record in records:
        check(record)
    ends = [record["end_sample"] for record in records]
    steps = [later - earlier for earlier, later in itertools.pairwise(ends)]
    assert all(step % 1000 == 0 and step >= 9000 for step in steps), ends
    newest = records[-1]["physics"][0]
    assert newest["zone"] == "A"
    assert newest["velocity_mm_s"] > 0
    assert newest["evidence_db"] is not None
    assert len(states) <= 2, "while the state stays"
    for last in ("state", "event", "window", "info", "health"):
        validator = jsonschema.Draft202012Validator(OF_0_2[last])
        assert listening.of(last), last
        for record in listening.of(last):
            validator.validate(record)


def test_of_an_outage_the_newest_is_delivered_and_all_states(
    broker: Broker, run_agent: Start, settings: Settings
) -> None:
    with Listening(broker.port) as listening:
        tree = settings(broker.port, **STEADY, **MACHINE, measure_s=1.0)
        tree["mqtt"]["reconnect_max_s"] = 1.0
        agent = run_agent(tree)
        listening.until("measurement", 1, within_s=30)
    before = listening.of("measurement")[-1]["end_sample"]
    broker.stop()
    eventually(lambda: "lost" in agent.logged(), 20, "the agent has noticed")
    time.sleep(3.0)  # what is measured meanwhile must not come later
    subscriber = Subscriber(broker.start().port)
    try:
        eventually(lambda: len(subscriber.of("measurement")) >= 2, 30, "it measures on")
    finally:
        subscriber.close()
    ends = [record["end_sample"] for record in subscriber.records("measurement")]
    missed = [end for end in ends if end <= before + 10_000]
    assert set(missed) <= {before}, "only what the new session repeats is of before"
    assert len(subscriber.of("state")) >= 1
    assert agent.stop() == 0


def test_a_broker_that_refuses_measurements_loses_nothing_else(
    stopped_broker: Broker, run_agent: Start, settings: Settings, tmp_path: Path
) -> None:
    acl = tmp_path / "acl"
    kinds = ("state", "event", "window")
    allowed = ["drsn/+/status", "drsn/+/info", "drsn/+/health", "drsn/+/gap"]
    allowed += [f"drsn/+/+/{kind}" for kind in kinds]
    acl.write_text("".join(f"topic readwrite {topic}\n" for topic in allowed))
    stopped_broker.extra = f"allow_anonymous true\nacl_file {acl}\n"
    broker = stopped_broker.start()
    subscriber = Subscriber(broker.port)
    tree = settings(broker.port, **STEADY, measure_s=1.0, publish_windows=True)
    agent = run_agent(tree)
    try:
        eventually(lambda: len(subscriber.of("window")) > 35, 40, "windows, for some seconds")
    finally:
        subscriber.close()
    seqs = {record["seq"] for kind in kinds for record in subscriber.records(kind)}
    assert seqs == set(range(1, max(seqs) + 1))
    assert not subscriber.of("measurement")
    refused = agent.logged().count("measurement: not sent for 600 s")
    assert refused == 1, agent.logged()
    assert agent.stop() == 0


def test_with_an_interval_of_nothing_nothing_is_measured(
    broker: Broker, run_agent: Start, settings: Settings, wav: Path
) -> None:
    """Seven seconds, and a place for a measurement in each."""
    for measure_s, some in ((0.0, False), (1.0, True)):
        with Listening(broker.port) as listening:
            source = {"kind": "file", "path": str(wav), "pace": "fast", "measure_s": measure_s}
            assert run_agent(settings(broker.port, **source)).wait() == 0
            listening.until_offline()
        assert bool(listening.of("measurement")) == some


@pytest.mark.parametrize("value", [0.5, -1, "often", float("nan")])
def test_an_interval_that_cannot_be_is_one_line(settings: Settings, value: object) -> None:
    with pytest.raises(ConfigError, match=r"sources\[0\]\.measure_s: found .* expected") as raised:
        load.parse(settings(1, kind="synth", measure_s=value))
    assert "\n" not in str(raised.value)


def test_replay_prints_what_it_printed_before(wav: Path, tiny_model: Path) -> None:

    line = [sys.executable, "-m", "agent", "replay", str(wav), "--model", str(tiny_model)]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    kinds = {json.loads(text)["schema"] for text in done.stdout.splitlines()}
    assert kinds == {"drsn-state/1", "drsn-event/1", "drsn-window/1"}
