"""The agent as a Sparkplug edge node: what a host hears, decoded by another project's messages."""

import os
import re
import signal
import socket
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from esio_spb_builder.core.sparkplug_b_pb2 import Payload
from paho.mqtt.enums import CallbackAPIVersion

from agent.config import sparkplug
from agent.core.errors import ConfigError
from agent.core.types import Gap, Message
from agent.delivery.sparkplug_sink import SparkplugSink
from agent.messages import payloads
from agent.messages.payloads import Topics
from agent.messages.records import SourceInfo
from agent.messages.sparkplug.bdseq import BdSeq
from agent.messages.sparkplug.edge_node import Address, EdgeNode
from agent.messages.sparkplug.latest import Latest
from agent.mqtt.settings import Mqtt
from tests.conftest import Agent, Broker, Heard, Subscriber, eventually, free_port
from tests.support import observations

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

    @property
    def connected(self) -> bool:
        return self._client.is_connected()

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


def waiting(port: int) -> int:
    """Messages in the outbox, as its metrics tell."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        found = re.search(r"^drsn_outbox_messages (\S+)$", answer.read().decode(), re.MULTILINE)
    return int(float(found[1])) if found else 0


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
    assert (told["decision"], told["label"], told["fault"]) == ("fault", "loud", True)
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
    assert second[1].values["decision"] == host.states()[-1].values["decision"]
    assert second[1].values["window/probability"] is not None
    seqs = [each.values["seq"] for each in host.said("DDATA")]
    assert sorted(set(seqs)) == seqs, "nothing twice, all in order"


def test_what_waited_for_the_broker_is_history_and_none_of_it_is_missing(
    stopped_broker: Broker, run_agent: Start, tree: Settings
) -> None:
    broker = stopped_broker.start()
    before = Host(broker.port)
    port = free_port()
    agent = run_agent(tree(broker.port, **endless()) | {"metrics": {"port": port}})
    eventually(lambda: len(before.said("DDATA")) > 20, 20, "data")
    broker.stop()
    eventually(lambda: not before.connected, 5, "all is heard")
    before.close()
    heard = before.said("DDATA")
    eventually(lambda: waiting(port) > 60, 20, "it goes on measuring")
    agent.process.send_signal(signal.SIGSTOP)  # until there is somebody to hear it
    broker.start()
    after = Host(broker.port)
    agent.process.send_signal(signal.SIGCONT)
    eventually(lambda: any(False in each.historical for each in after.said("DDATA")), 30, "news")
    said = after.said("DDATA")
    history = [each for each in said if each.historical == {True}]
    assert len(history) > 50
    assert said[: len(history)] == history, "history first"
    assert all(each.historical == {False} for each in said[len(history) :])
    assert all(in_order(session) for session in (*before.sessions(), *after.sessions()))
    node, device = after.said("NBIRTH")[0], after.said("DBIRTH")[0]
    assert node.values["bdSeq"] > before.said("NBIRTH")[0].values["bdSeq"]
    newest = history[-1]
    assert device.values["seq"] == newest.values["seq"], "born as it was when the broker came back"
    told_again = {each.values["seq"] for each in heard} & {each.values["seq"] for each in said}
    assert len(told_again) <= 20, "no more than was under way"
    numbers = {each.values["seq"] for each in [*heard, *said]}
    twins = {each.values["seq"] + 1 for each in [*before.states(), *after.states()]}
    missing = set(range(1, max(numbers))) - numbers
    assert missing == twins - {max(numbers) + 1}, "all but the states, which events tell as well"
    after.close()


def await_count(host: Host, kind: str, count: int, within_s: float) -> None:
    eventually(lambda: len(host.said(kind)) == count, within_s, f"{count} of {kind}")


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_an_agent_that_is_killed_is_declared_dead_with_the_number_of_its_birth(
    broker: Broker, host: Host, run_agent: Start, tree: Settings, version: str
) -> None:
    settings = tree(broker.port, **endless())
    settings["mqtt"] |= {"version": version}
    for run in (0, 1):
        agent = run_agent(settings)
        await_count(host, "NBIRTH", run + 1, within_s=20)
        os.kill(agent.process.pid, signal.SIGKILL)
        await_count(host, "NDEATH", run + 1, within_s=5)
    births, deaths = host.said("NBIRTH"), host.said("NDEATH")
    assert [each.values["bdSeq"] for each in births] == [0, 1]
    assert [each.values for each in deaths] == [{"bdSeq": 0}, {"bdSeq": 1}]


# -- the edge node alone


def source(name: str = "s", **changes: Any) -> SourceInfo:
    fields: dict[str, Any] = {
        "name": name,
        "kind": "synth",
        "hop_s": 0.1,
        "window_s": 1.0,
        "rate_hz": 1000.0,
        "unit": "g",
        "labels": ("normal", "loud"),
        "normal": ("normal",),
        "model": observations.FIELDS["model"],
    }
    return SourceInfo(**(fields | changes))


@dataclass
class Alone:
    """An edge node of these sources, and what it has published last."""

    node: EdgeNode
    latest: Latest
    sources: list[SourceInfo]

    def begin(self) -> list[Said]:
        self.node.will()
        return said(self.node.births())

    def put(self, message: Message) -> list[Said]:
        return said(self.node.translate(self.latest.note(message)))


def said(messages: list[Message]) -> list[Said]:
    found = [each.topic.split("/") for each in messages]
    return [
        Said(levels[2], "/".join(levels[4:]) or None, Payload.FromString(each.payload))
        for levels, each in zip(found, messages, strict=True)
    ]


def kinds(said: list[Said]) -> list[tuple[str, str | None]]:
    return [(each.kind, each.device) for each in said]


@pytest.fixture
def alone(tmp_path: Path) -> Alone:
    sources, latest = [source()], Latest(0)
    address = Address("plant", "a")
    node = EdgeNode(address, "mine", lambda: sources, latest, BdSeq(tmp_path / "bdseq"))
    return Alone(node, latest, sources)


def test_news_are_what_has_changed(alone: Alone) -> None:
    alone.begin()
    alone.put(observations.event(1))
    [data] = alone.put(observations.event(2, snr_db=3.5))
    assert data.values == {"seq": 2, "snr_db": 3.5}
    assert data.historical == {False}


def test_a_source_that_falls_silent_is_dead_until_it_is_heard_again(alone: Alone) -> None:
    alone.begin()
    silenced = alone.put(observations.event(1, **observations.SILENT))
    assert kinds(silenced) == [("DDATA", "s"), ("DDEATH", "s")]
    assert silenced[0].values["flags"] == "silent"
    alone.node.delivered = 1
    assert kinds(alone.begin()) == [("NBIRTH", None)], "a new session does not bring it back"
    heard = alone.put(observations.event(2))
    assert kinds(heard) == [("DBIRTH", "s"), ("DDATA", "s")]
    assert heard[0].values["decision"] == "normal"


def test_a_death_that_is_still_to_be_delivered_is_told_in_its_place(alone: Alone) -> None:
    dead = alone.latest.note(observations.event(1, **observations.SILENT))
    assert kinds(alone.begin()) == [("NBIRTH", None), ("DBIRTH", "s")]
    told = said(alone.node.translate(dead))
    assert kinds(told) == [("DDATA", "s"), ("DDEATH", "s")]
    assert told[0].historical == {True}


def test_sources_that_come_and_go_are_born_and_die(alone: Alone) -> None:
    alone.begin()
    alone.sources[:] = [source("t"), source("u")]
    info = Message(0, "drsn/a/info", b"{}", retain=True, qos=0)
    changed = said(alone.node.translate(info))
    assert kinds(changed) == [("DDEATH", "s"), ("DBIRTH", "t"), ("DBIRTH", "u")]
    assert [each.seq for each in changed] == [2, 3, 4]
    assert said(alone.node.translate(info)) == []
    alone.sources[0] = source("t", labels=("normal", "outer"))
    assert kinds(said(alone.node.translate(info))) == [("DDEATH", "t"), ("DBIRTH", "t")]


def test_what_an_unconfigured_source_has_left_is_told_between_its_birth_and_its_death(
    alone: Alone,
) -> None:
    alone.begin()
    told = alone.put(observations.event(1, source="gone"))
    assert kinds(told) == [("DBIRTH", "gone"), ("DDATA", "gone"), ("DDEATH", "gone")]
    assert told[0].values["properties/model"] == "tiny"


def test_messages_that_were_dropped_are_told_by_the_node(alone: Alone) -> None:
    alone.begin()
    [told] = said(
        alone.node.translate(
            payloads.gap(
                Topics("drsn", "a"), observations.FIELDS["epoch"], Gap(3, 9, 7, "age"), 0.0
            )
        )
    )
    assert (told.kind, told.device) == ("NDATA", None)
    assert told.values["gap/messages"] == 7
    assert alone.begin()[0].values["gap/why"] == "age", "and still in the next birth"


def test_the_number_of_a_birth_goes_round_and_outlives_the_process(tmp_path: Path) -> None:
    file = tmp_path / "bdseq"
    count = BdSeq(file)
    assert [count.next() for _ in range(257)] == [*range(256), 0]
    assert BdSeq(file).next() == 1
    file.write_text("no number")
    assert BdSeq(file).next() == 0


def test_only_a_true_rebirth_is_a_command(alone: Alone, caplog: pytest.LogCaptureFixture) -> None:
    alone.begin()
    command = Payload()
    metric = command.metrics.add(name="Node Control/Rebirth", datatype=11, boolean_value=False)
    topic = "spBv1.0/plant/NCMD/a"
    assert alone.node.on_command(topic, command.SerializeToString(), False) == []
    metric.boolean_value = True
    assert len(alone.node.on_command(topic, command.SerializeToString(), False)) == 2
    assert alone.node.on_command(topic, b"\xff\xff\xff", False) == []
    assert "no Sparkplug payload" in caplog.text


def test_a_birth_of_this_name_from_another_outbox_is_anothers(alone: Alone, tmp_path: Path) -> None:
    other = EdgeNode(Address("plant", "a"), "other", list, Latest(0), BdSeq(tmp_path / "other"))
    assert alone.node.is_other(other.births()[0].payload)
    assert not alone.node.is_other(alone.node.births()[0].payload)


def test_what_no_version_of_the_agent_understands_is_refused(alone: Alone) -> None:
    sink = SparkplugSink(Mqtt(port=free_port()), "a", Address("plant", "a"), alone.node)
    sink.send(Message(7, "drsn/a/s/event", b'{"schema": 1}'))
    [receipt] = sink.poll(1.0)
    assert receipt.seq == 7
    assert str(receipt.refused).startswith("not understood")
    sink.close()


def test_data_is_acknowledged_by_what_the_broker_answers_behind_it(alone: Alone) -> None:
    """QoS 0 says nothing: only the answer to a later request tells that it was read."""
    server = socket.create_server(("127.0.0.1", 0))
    settings = Mqtt(port=server.getsockname()[1], version="3.1.1")
    sink = SparkplugSink(settings, "a", Address("plant", "a"), alone.node)
    sink.poll(0.05)
    connection, _ = server.accept()
    connection.sendall(b"\x20\x02\x00\x00")  # CONNACK
    while not sink.in_flight_limit:
        assert sink.poll(0.05) == []
    sink.send(observations.event(1))
    assert [sink.poll(0.05) for _ in range(5)] == [[]] * 5
    unsubscribe = connection.recv(1 << 16).rpartition(b"\xa2")[2]
    connection.sendall(b"\xb0\x02" + unsubscribe[1:3])  # UNSUBACK
    assert [each.seq for each in sink.poll(5)] == [1]
    sink.close()
    connection.close()
    server.close()


def test_without_protobuf_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "google.protobuf", None)
    with pytest.raises(ConfigError, match=r"pip install 'drsn-agent\[sparkplug\]'"):
        sparkplug.check("sparkplug", sparkplug.Sparkplug(group="plant"), needs_plain_mqtt=False)
    sparkplug.check("mqtt", None, needs_plain_mqtt=True)
