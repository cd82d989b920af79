"""The agent as a Sparkplug edge node: what a host hears, decoded by another project's messages."""

import itertools
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import paho.mqtt.client as paho
import pytest
from conftest import Agent, Broker, Heard, Subscriber, eventually, quiet_then_loud
from esio_spb_builder.core.sparkplug_b_pb2 import Payload
from paho.mqtt.enums import CallbackAPIVersion

Start = Callable[..., Agent]
Settings = Callable[..., dict[str, Any]]
HELD_IN = {4: "long_value", 10: "double_value", 11: "boolean_value", 12: "string_value"}
DEVICE = "bearing-de"


@dataclass(frozen=True)
class Said:
    """One message of the edge node, as a host has it."""

    kind: str
    device: str | None
    payload: Any

    @property
    def seq(self) -> int | None:
        return self.payload.seq if self.payload.HasField("seq") else None

    @property
    def values(self) -> dict[str, Any]:
        found = {}
        for metric in self.payload.metrics:
            value = getattr(metric, HELD_IN[metric.datatype])
            found[metric.name] = None if metric.is_null else value
        return found

    @property
    def historical(self) -> set[bool]:
        return {metric.is_historical for metric in self.payload.metrics}


def decoded(heard: Heard) -> Said:
    namespace, group, kind, node, *device = heard.topic.split("/")
    assert (namespace, group, node) == ("spBv1.0", "plant", "press-04")
    assert not heard.retained
    return Said(kind, device[0] if device else None, Payload.FromString(heard.payload))


class Host(Subscriber):
    """Everything that edge nodes of the group say."""

    def __init__(self, port: int) -> None:
        super().__init__(port, "spBv1.0/plant/#")

    def said(self, *kinds: str) -> list[Said]:
        all_said = [decoded(each) for each in list(self.heard) if "/NCMD/" not in each.topic]
        return [each for each in all_said if not kinds or each.kind in kinds]

    def sessions(self) -> list[list[Said]]:
        """Split at every birth of the node; what precedes the first is none."""
        found: list[list[Said]] = []
        for each in self.said():
            if each.kind == "NBIRTH":
                found.append([])
            if found and each.kind != "NDEATH":
                found[-1].append(each)
        return found

    def states(self) -> list[Said]:
        """Data of events, not of windows."""
        return [each for each in self.said("DDATA") if "decision" in each.values]


def ask_for_rebirth(port: int) -> None:
    command = Payload(timestamp=round(time.time() * 1000))
    command.metrics.add(name="Node Control/Rebirth", datatype=11, boolean_value=True)
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", port)
    client.loop_start()
    sent = client.publish("spBv1.0/plant/NCMD/press-04", command.SerializeToString(), 0)
    sent.wait_for_publish(5)
    client.disconnect()
    client.loop_stop()


def in_order(session: list[Said]) -> bool:
    """Numbered from 0, round again after 255, without a hole."""
    return [each.seq for each in session] == [at % 256 for at in range(len(session))]


@pytest.fixture
def host(broker: Broker) -> Iterator[Host]:
    host = Host(broker.port)
    yield host
    host.close()


@pytest.fixture
def tree(settings: Settings) -> Callable[..., dict[str, Any]]:
    """Settings of an agent that is an edge node."""

    def make(port: int, **source: Any) -> dict[str, Any]:
        tree = settings(port, **source)
        tree["agent"] |= {"sink": "sparkplug", "health_s": 60.0}
        return tree | {"sparkplug": {"group": "plant"}}

    return make


def endless(**more: Any) -> dict[str, Any]:
    return {"kind": "synth", "rate_hz": 1000, "hop_s": 0.02, "publish_windows": True} | more


def test_a_recording_is_told_from_birth_to_death(
    broker: Broker, host: Host, run_agent: Start, tree: Settings, wav: Path
) -> None:
    agent = run_agent(tree(broker.port, kind="file", path=str(wav), pace="realtime"))
    assert agent.wait(30) == 0
    eventually(lambda: bool(host.said("NDEATH")), 5, "the node's death")
    kinds = [(each.kind, each.device) for each in host.said() if each.kind != "NDATA"]
    assert kinds[:2] == [("NBIRTH", None), ("DBIRTH", DEVICE)]
    assert kinds[-1] == ("NDEATH", None)
    assert in_order(host.sessions()[0])
    node, device, death = host.said()[0], host.said("DBIRTH")[0], host.said("NDEATH")[0]
    assert node.values["Node Control/Rebirth"] is False
    assert death.values == {"bdSeq": node.values["bdSeq"]} == {"bdSeq": 0}
    assert death.seq is None
    assert {"decision", "label", "probability", "fault", "snr_db"} <= set(device.values)
    assert device.values["properties/model"] == "tiny"
    told: dict[str, Any] = {}
    for each in [device, *host.states()]:
        told |= each.values
        assert set(each.values) <= set(device.values), "only what the birth has announced"
    assert (told["decision"], told["label"], told["fault"]) == ("fault", "fault", True)
    loud = host.states()[-1]
    assert "decision" in loud.values
    assert loud.values["fault"] is True
    now_ms = time.time() * 1000
    for metric in loud.payload.metrics:
        assert now_ms - 30_000 < metric.timestamp < now_ms
        assert metric.timestamp < loud.payload.timestamp, "of the window, not of the message"


def test_a_rebirth_begins_the_numbers_anew_and_tells_the_state(
    broker: Broker, host: Host, run_agent: Start, tree: Settings
) -> None:
    run_agent(tree(broker.port, **endless()))
    eventually(lambda: len(host.said("DDATA")) > 300, 30, "more messages than numbers")
    ask_for_rebirth(broker.port)
    eventually(lambda: len(host.said("NBIRTH")) == 2, 5, "born again")
    eventually(lambda: len(host.sessions()[1]) > 5, 5, "and data again")
    first, second = host.sessions()
    assert in_order(first)
    assert in_order(second)
    assert [each.kind for each in second[:2]] == ["NBIRTH", "DBIRTH"]
    assert second[0].values["bdSeq"] == first[0].values["bdSeq"], "the connection is the same"
    assert second[1].values["decision"] == "normal"
    assert second[1].values["window/probability"] is not None
    seqs = [each.values["seq"] for each in host.said("DDATA")]
    assert sorted(set(seqs)) == seqs, "nothing twice, all in order"


def test_what_waited_for_the_broker_is_history_and_none_of_it_is_missing(
    stopped_broker: Broker, run_agent: Start, tree: Settings
) -> None:
    broker = stopped_broker.start()
    before = Host(broker.port)
    run_agent(tree(broker.port, **endless()))
    eventually(lambda: len(before.said("DDATA")) > 20, 20, "data")
    broker.stop()
    heard = before.said("DDATA")
    before.close()
    time.sleep(2)  # it goes on measuring
    broker.start()
    after = Host(broker.port)
    eventually(lambda: any(False in each.historical for each in after.said("DDATA")), 30, "news")
    said = after.said("DDATA")
    history = [each for each in said if each.historical == {True}]
    assert len(history) > 50
    assert said[: len(history)] == history, "history first"
    assert all(each.historical == {False} for each in said[len(history) :])
    birth = after.said("DBIRTH")[-1] if after.said("DBIRTH") else None
    numbers = {each.values["seq"] for each in [*heard, *said]}
    states = {number for number in range(1, max(numbers)) if number not in numbers}
    assert len(states) == 1, "but for the first event's retained twin, every message has come"
    assert birth is None or birth.values["seq"] == history[-1].values["seq"]
    after.close()


def test_an_agent_that_is_killed_is_declared_dead_with_the_number_of_its_birth(
    broker: Broker, host: Host, run_agent: Start, tree: Settings
) -> None:
    settings = tree(broker.port, **endless())
    for run in (0, 1):
        agent = run_agent(settings)
        eventually(lambda run=run: len(host.said("NBIRTH")) == run + 1, 20, "born")
        os.kill(agent.process.pid, signal.SIGKILL)
        eventually(lambda run=run: len(host.said("NDEATH")) == run + 1, 5, "declared dead")
    births, deaths = host.said("NBIRTH"), host.said("NDEATH")
    assert [each.values["bdSeq"] for each in births] == [0, 1]
    assert [each.values for each in deaths] == [{"bdSeq": 0}, {"bdSeq": 1}]
