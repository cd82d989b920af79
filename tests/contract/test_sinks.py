"""The contract of every sink: in order, acknowledged once, awake after a wake."""

import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agent.core.types import Message, Sink
from agent.delivery.duplicate_client import Identity
from agent.delivery.mqtt_sink import MqttSink
from agent.delivery.sparkplug_sink import SparkplugSink
from agent.delivery.stdout_sink import StdoutSink
from agent.messages.sparkplug import protocol
from agent.messages.sparkplug.bdseq import BdSeq
from agent.messages.sparkplug.edge_node import Address, EdgeNode
from agent.messages.sparkplug.latest import Latest
from agent.mqtt.settings import Mqtt
from tests.conftest import Broker, Subscriber, eventually
from tests.support import observations

WILL = Message(0, "drsn/a/status", b"offline", retain=True)
BIRTH = Message(0, "drsn/a/status", b"online", retain=True, qos=0)


def identity(client_id: str = "drsn-a") -> Identity:
    return Identity(
        client_id, lambda: WILL, lambda: [BIRTH], "drsn/a/info", lambda info: info != b"me"
    )


@dataclass
class Opened:
    """A sink, and what has come out at its other end."""

    sink: Sink
    arrived: Callable[[], list[bytes]]
    message: Callable[[int], Message] = field(default_factory=lambda: message)
    acknowledged: list[int] = field(default_factory=list)

    def poll_until(self, done: Callable[[], bool], what: str) -> None:
        def poll() -> bool:
            self.acknowledged += [receipt.seq for receipt in self.sink.poll(0.05)]
            return done()

        eventually(poll, 10, what)


@pytest.fixture(params=["stdout", "mqtt 5", "mqtt 3.1.1", "sparkplug"])
def opened(request: pytest.FixtureRequest, capsysbinary: pytest.CaptureFixture[bytes]) -> Opened:
    if request.param == "stdout":
        written: list[bytes] = []

        def arrived() -> list[bytes]:
            written.extend(capsysbinary.readouterr().out.splitlines())
            return written

        return Opened(StdoutSink(), arrived)
    broker: Broker = request.getfixturevalue("broker")
    if request.param == "sparkplug":
        return as_edge_node(broker, request.getfixturevalue("tmp_path"))
    subscriber: Subscriber = request.getfixturevalue("subscriber")
    version = request.param.removeprefix("mqtt ")
    settings = Mqtt(port=broker.port, version=version)
    sink = MqttSink(settings, identity())
    return Opened(sink, lambda: [received.payload for received in subscriber.of("event")])


def as_edge_node(broker: Broker, folder: Path) -> Opened:
    """Its payloads are Sparkplug's: messages are recognised by their numbers."""
    address = Address("plant", "a")
    node = EdgeNode(address, "e", list, Latest(0), BdSeq(folder / "bdseq"))
    sink = SparkplugSink(Mqtt(port=broker.port), "drsn-a", address, node)
    subscriber = Subscriber(broker.port, "spBv1.0/plant/DDATA/#")

    def arrived() -> list[bytes]:
        payloads = [protocol.read(received.payload) for received in list(subscriber.received)]
        return [
            str(metric.long_value).encode()
            for payload in payloads
            for metric in payload.metrics
            if metric.name == "seq"
        ]

    return Opened(sink, arrived, lambda seq: observations.event(seq))


def message(seq: int, text: str = "") -> Message:
    return Message(seq, "drsn/a/s/event", (text or str(seq)).encode())


def test_sends_in_order_and_acknowledges_each_once(opened: Opened) -> None:
    opened.poll_until(lambda: opened.sink.in_flight_limit > 0, "connected")
    assert opened.sink.session == 1
    assert opened.sink.state == "connected"
    for seq in range(1, 16):
        opened.sink.send(opened.message(seq))
    opened.poll_until(lambda: len(opened.acknowledged) == 15, "all acknowledged")
    assert sorted(opened.acknowledged) == list(range(1, 16))
    expected = [str(seq).encode() for seq in range(1, 16)]
    eventually(lambda: opened.arrived() == expected, 5, "all arrived, in order")
    assert opened.sink.poll(0.05) == []
    opened.sink.close()


def test_a_message_without_a_number_is_not_acknowledged(opened: Opened) -> None:
    opened.poll_until(lambda: opened.sink.in_flight_limit > 0, "connected")
    opened.sink.send(Message(0, "drsn/a/status", b"online", qos=0))
    opened.sink.send(opened.message(1))
    opened.poll_until(lambda: bool(opened.acknowledged), "acknowledged")
    assert opened.acknowledged == [1]
    opened.sink.close()


def test_wake_ends_a_poll_at_once(opened: Opened) -> None:
    opened.poll_until(lambda: opened.sink.in_flight_limit > 0, "connected")
    waking = threading.Event()

    def wake() -> None:
        waking.set()  # a poll that ends before this says nothing: the next one is to be woken
        opened.sink.wake()

    began_s = time.monotonic()
    threading.Timer(0.1, wake).start()
    while not waking.is_set():
        opened.sink.poll(10)
    assert time.monotonic() - began_s < 2
    opened.sink.close()


def test_a_wake_before_the_poll_is_not_lost(opened: Opened) -> None:
    opened.poll_until(lambda: opened.sink.in_flight_limit > 0, "connected")
    opened.poll_until(lambda: True, "quiet")
    opened.sink.wake()
    began_s = time.monotonic()
    opened.sink.poll(10)
    assert time.monotonic() - began_s < 1
    opened.sink.close()


def test_mqtt_says_online_first_and_offline_last(broker: Broker, subscriber: Subscriber) -> None:
    sink = MqttSink(Mqtt(port=broker.port), identity())
    opened = Opened(sink, list)
    opened.poll_until(lambda: sink.in_flight_limit > 0, "connected")
    sink.send(message(1))
    opened.poll_until(lambda: opened.acknowledged == [1], "acknowledged")
    sink.close()
    eventually(lambda: len(subscriber.received) == 3, 5, "three messages")
    assert [received.payload for received in subscriber.received] == [b"online", b"1", b"offline"]


def test_mqtt_without_a_broker_waits_longer_and_longer(
    stopped_broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Full jitter: each wait is drawn from 0 to a bound that doubles; never a busy loop."""
    drawn: list[float] = []

    def draw(least: float, most: float) -> float:
        drawn.append(most)
        return 0.0

    monkeypatch.setattr("agent.core.backoff.random.uniform", draw)
    sink = MqttSink(Mqtt(port=stopped_broker.port), identity())
    eventually(lambda: sink.poll(0.01) == [] and len(drawn) >= 12, 10, "twelve attempts")
    assert drawn[:3] == [0.5, 1.0, 2.0]
    assert max(drawn) == 60.0
    assert sink.state == "unreachable"
    assert "cannot connect" in str(sink.why)
    sink.close()


def test_mqtt_takes_no_more_than_the_broker_receives_at_once(
    stopped_broker: Broker,
) -> None:
    stopped_broker.extra += "max_inflight_messages 3\n"
    stopped_broker.start()
    sink = MqttSink(Mqtt(port=stopped_broker.port), identity())
    Opened(sink, list).poll_until(lambda: sink.in_flight_limit > 0, "connected")
    assert sink.in_flight_limit == 3
    sink.close()


def test_when_another_client_takes_the_id_over_it_stands_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Two clients that both reconnect at once would drive each other out for ever."""
    connack = b"\x20\x03\x00\x00\x00"
    session_taken_over = b"\xe0\x02\x8e\x00"
    server = socket.create_server(("127.0.0.1", 0))
    settings = Mqtt(port=server.getsockname()[1])
    sink = MqttSink(settings, identity("same"))
    sink.poll(0.05)
    connection, _ = server.accept()
    connection.sendall(connack)
    Opened(sink, list).poll_until(lambda: sink.state == "connected", "connected")
    connection.sendall(session_taken_over)
    Opened(sink, list).poll_until(lambda: sink.state == "taken_over", "taken over")
    assert sink.why == "another agent uses the client id 'same'"
    assert caplog.text.count("taken_over: another agent uses the client id") == 1
    server.settimeout(0.3)
    began_s = time.monotonic()
    while time.monotonic() - began_s < 0.3:
        sink.poll(0.05)
    with pytest.raises(TimeoutError):
        server.accept()
    assert sink._dialing.idle_s(60) > 28
    sink.close()
    connection.close()
    server.close()


def test_a_broker_that_takes_everything_and_acknowledges_nothing_is_noticed() -> None:
    """Its machine still acknowledges TCP, and QoS 0 goes out as ever: only silence tells."""
    server = socket.create_server(("127.0.0.1", 0))
    sink = MqttSink(Mqtt(port=server.getsockname()[1]), identity())
    sink.poll(0.05)
    connection, _ = server.accept()
    connection.sendall(b"\x20\x03\x00\x00\x00")  # CONNACK, and never another byte
    Opened(sink, list).poll_until(lambda: sink.state == "connected", "connected")
    sink.send(message(1))
    began_s = time.monotonic()
    while sink.state == "connected" and time.monotonic() - began_s < 10:
        sink.send(Message(0, "drsn/a/health", b"{}", qos=0))
        sink.poll(0.2)
    assert (sink.state, sink.why) == ("stalled", "no acknowledgement for 6 s")
    assert 5 < time.monotonic() - began_s < 8
    sink.close()
    connection.close()
    server.close()


def test_a_message_whose_sending_finds_the_connection_gone_is_not_acknowledged_by_the_next(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each connection counts its message ids from 1: one kept over would be mistaken."""
    monkeypatch.setattr("agent.core.backoff.random.uniform", lambda least, most: 0.0)
    sink = MqttSink(Mqtt(port=broker.port), identity())
    opened = Opened(sink, list)
    opened.poll_until(lambda: sink.in_flight_limit > 0, "connected")
    assert sink._client is not None
    connection = sink._client.socket()
    assert isinstance(connection, socket.socket)
    connection.shutdown(socket.SHUT_RDWR)
    for seq in range(1, 9):
        sink.send(message(seq))
    opened.poll_until(lambda: sink.session == 2, "connected again")
    for _ in range(20):
        sink.send(Message(0, "drsn/a/health", b"{}", qos=0))
        opened.poll_until(lambda: True, "polled")
    assert opened.acknowledged == []
    sink.close()
