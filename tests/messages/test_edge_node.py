"""The edge node by itself: births, data and deaths of the messages that it is handed."""

import contextlib
import re
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from esio_spb_builder.core.sparkplug_b_pb2 import Payload

from agent.config import sparkplug
from agent.core.errors import UserError
from agent.core.types import Gap, Message
from agent.delivery.sparkplug_sink import SparkplugSink
from agent.messages import payloads
from agent.messages.payloads import Topics
from agent.messages.records import SourceInfo
from agent.messages.sparkplug.bdseq import BdSeq
from agent.messages.sparkplug.edge_node import Address, EdgeNode
from agent.messages.sparkplug.latest import Latest
from agent.mqtt.settings import Mqtt
from tests.conftest import free_port
from tests.support import observations
from tests.support.sparkplug_host import NodeMessage


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
class DetachedNode:
    """An edge node of these sources, and what it has published last."""

    node: EdgeNode
    latest: Latest
    sources: list[SourceInfo]

    def begin(self) -> list[NodeMessage]:
        self.node.will()
        return decoded(self.node.births())

    def put(self, message: Message) -> list[NodeMessage]:
        return decoded(self.node.translate(self.latest.note(message)))


def decoded(messages: list[Message]) -> list[NodeMessage]:
    topics = [message.topic.split("/") for message in messages]
    return [
        NodeMessage(levels[2], "/".join(levels[4:]) or None, Payload.FromString(message.payload))
        for levels, message in zip(topics, messages, strict=True)
    ]


def kinds(messages: list[NodeMessage]) -> list[tuple[str, str | None]]:
    return [(each.kind, each.device) for each in messages]


@pytest.fixture
def detached(tmp_path: Path) -> DetachedNode:
    sources, latest = [source()], Latest(0)
    address = Address("plant", "a")
    node = EdgeNode(address, "mine", lambda: sources, latest, BdSeq(tmp_path / "bdseq"))
    return DetachedNode(node, latest, sources)


def test_news_are_what_has_changed(detached: DetachedNode) -> None:
    detached.begin()
    detached.put(observations.event(1))
    [data] = detached.put(observations.event(2, snr_db=3.5))
    assert data.values == {"seq": 2, "snr_db": 3.5}
    assert data.historical == {False}


def test_a_source_that_falls_silent_is_dead_until_it_is_heard_again(detached: DetachedNode) -> None:
    detached.begin()
    silenced = detached.put(observations.event(1, **observations.SILENT))
    assert kinds(silenced) == [("DDATA", "s"), ("DDEATH", "s")]
    assert silenced[0].values["flags"] == "silent"
    detached.node.delivered = 1
    assert kinds(detached.begin()) == [("NBIRTH", None)], "a new session does not bring it back"
    heard = detached.put(observations.event(2))
    assert kinds(heard) == [("DBIRTH", "s"), ("DDATA", "s")]
    assert heard[0].values["decision"] == "normal"


def test_a_death_that_is_still_to_be_delivered_is_told_in_its_place(detached: DetachedNode) -> None:
    dead = detached.latest.note(observations.event(1, **observations.SILENT))
    assert kinds(detached.begin()) == [("NBIRTH", None), ("DBIRTH", "s")]
    told = decoded(detached.node.translate(dead))
    assert kinds(told) == [("DDATA", "s"), ("DDEATH", "s")]
    assert told[0].historical == {True}


def test_sources_that_come_and_go_are_born_and_die(detached: DetachedNode) -> None:
    detached.begin()
    detached.sources[:] = [source("t"), source("u")]
    info = Message(0, "drsn/a/info", b"{}", retain=True, qos=0)
    changed = decoded(detached.node.translate(info))
    assert kinds(changed) == [("DDEATH", "s"), ("DBIRTH", "t"), ("DBIRTH", "u")]
    assert [each.seq for each in changed] == [2, 3, 4]
    assert decoded(detached.node.translate(info)) == []
    detached.sources[0] = source("t", labels=("normal", "outer"))
    assert kinds(decoded(detached.node.translate(info))) == [("DDEATH", "t"), ("DBIRTH", "t")]


def test_what_an_unconfigured_source_has_left_is_told_between_its_birth_and_its_death(
    detached: DetachedNode,
) -> None:
    detached.begin()
    told = detached.put(observations.event(1, source="gone"))
    assert kinds(told) == [("DBIRTH", "gone"), ("DDATA", "gone"), ("DDEATH", "gone")]
    assert told[0].values["properties/model"] == "tiny"


def test_messages_that_were_dropped_are_told_by_the_node(detached: DetachedNode) -> None:
    detached.begin()
    gap = Gap(3, 9, 7, "age")
    marker = payloads.gap(Topics("drsn", "a"), observations.FIELDS["epoch"], gap, 0.0)
    [message] = decoded(detached.node.translate(marker))
    assert (message.kind, message.device) == ("NDATA", None)
    assert message.values["gap/messages"] == 7
    assert detached.begin()[0].values["gap/why"] == "age", "and still in the next birth"


def test_the_number_of_a_birth_goes_round_and_outlives_the_process(tmp_path: Path) -> None:
    file = tmp_path / "bdseq"
    count = BdSeq(file)
    assert [count.next() for _ in range(257)] == [*range(256), 0]
    assert BdSeq(file).next() == 1
    file.write_text("no number")
    assert BdSeq(file).next() == 0


def test_a_connect_that_was_never_sent_leaves_its_number_to_the_next(
    detached: DetachedNode,
) -> None:
    assert detached.begin()[0].values["bdSeq"] == 0
    for _ in range(3):
        detached.node.will()
        detached.node.will_unused()
    assert detached.begin()[0].values["bdSeq"] == 1


@pytest.mark.parametrize(
    ("decision", "fault"),
    [
        ("fault", True),
        ("normal", False),
        ("unknown", None),
        ("abstain", None),
        ("sensor_fault", None),
    ],
)
def test_a_machine_that_is_in_doubt_has_a_fault_of_null(
    detached: DetachedNode, decision: str, fault: bool | None
) -> None:
    detached.begin()
    detached.put(observations.event(1, decision="abstain" if fault is None else decision))
    detached.put(observations.event(2, decision=decision))
    birth = detached.begin()[1]
    assert birth.values["decision"] == decision
    assert birth.values["fault"] is fault


def test_only_a_true_rebirth_is_a_command(
    detached: DetachedNode, caplog: pytest.LogCaptureFixture
) -> None:
    detached.begin()
    command = Payload()
    metric = command.metrics.add(name="Node Control/Rebirth", datatype=11, boolean_value=False)
    topic = "spBv1.0/plant/NCMD/a"
    assert detached.node.on_command(topic, command.SerializeToString(), False) == []
    metric.boolean_value = True
    assert len(detached.node.on_command(topic, command.SerializeToString(), False)) == 2
    assert detached.node.on_command(topic, b"\xff\xff\xff", False) == []
    assert "no Sparkplug payload" in caplog.text


def test_a_birth_of_this_name_from_another_outbox_is_anothers(
    detached: DetachedNode, tmp_path: Path
) -> None:
    other = EdgeNode(Address("plant", "a"), "other", list, Latest(0), BdSeq(tmp_path / "other"))
    assert detached.node.is_other(other.births()[0].payload)
    assert not detached.node.is_other(detached.node.births()[0].payload)


def test_what_no_version_of_the_agent_understands_is_refused(detached: DetachedNode) -> None:
    sink = SparkplugSink(Mqtt(port=free_port()), "a", Address("plant", "a"), detached.node)
    sink.send(Message(7, "drsn/a/s/event", b'{"schema": 1}'))
    [receipt] = sink.poll(1.0)
    assert receipt.seq == 7
    assert str(receipt.refused).startswith("not understood")
    sink.close()


def answer_fences(connection: socket.socket) -> None:
    """An UNSUBACK for each UNSUBSCRIBE that has come."""
    with contextlib.suppress(TimeoutError):
        for number in re.findall(
            rb"\xa2.(..)\0\x0adrsn/fence", connection.recv(1 << 16), re.DOTALL
        ):
            connection.sendall(b"\xb0\x02" + number)


def test_data_is_acknowledged_by_what_the_broker_answers_behind_it(detached: DetachedNode) -> None:
    """QoS 0 says nothing: only the answer to a later request tells that it was read."""
    server = socket.create_server(("127.0.0.1", 0))
    settings = Mqtt(port=server.getsockname()[1], version="3.1.1")
    sink = SparkplugSink(settings, "a", Address("plant", "a"), detached.node)
    sink.poll(0.05)
    connection, _ = server.accept()
    connection.sendall(b"\x20\x02\x00\x00")  # CONNACK
    connection.settimeout(0.05)
    while not sink.in_flight_limit:
        assert sink.poll(0.05) == []
        answer_fences(connection)  # after the births
    sink.send(observations.event(1))
    assert [sink.poll(0.05) for _ in range(5)] == [[]] * 5
    answer_fences(connection)
    assert [each.seq for each in sink.poll(5)] == [1]
    sink.close()
    connection.close()
    server.close()


def test_without_protobuf_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "google.protobuf", None)
    with pytest.raises(UserError, match=r"pip install 'drsn-agent\[sparkplug\]'"):
        sparkplug.check("sparkplug", sparkplug.Sparkplug(group="plant"), needs_plain_mqtt=False)
    sparkplug.check("mqtt", None, needs_plain_mqtt=True)
