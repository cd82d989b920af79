"""Whoever may publish cannot keep the agent from delivering what it measured."""

import datetime
import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tests.conftest import Agent, Broker, Subscriber, eventually
from tests.support import subscribing

SIZE = 2048  # bytes, the largest command
RATE_HZ, LASTING_S = 80.0, 5.0  # on each topic
SLOWEST_S = 1.0  # from the message's own time to its subscriber

# The shapes that take longest to refuse, of those that fit.
SHAPES = (
    b'{"id":[' + b",".join([b"1.2345678901234567e-300"] * 80) + b"]}",
    b'{"a":[' + b"{}," * 670 + b"{}]}",
    b"{" + b",".join(b'"%d":1' % n for n in range(250)) + b"}",
    b'"' * SIZE,
    b"[" * SIZE,
    b'{"id":' + b"9" * 2040 + b"}",
)


class _Window(msgspec.Struct):
    epoch: str
    seq: int
    t_published: str


@pytest.fixture
def latencies_s(broker: Broker) -> Iterator[list[float]]:
    """Of each window, from the time that it bears to now."""
    found: list[float] = []

    def on_message(_client: object, _data: object, message: paho.MQTTMessage) -> None:
        stated = msgspec.json.decode(message.payload, type=_Window).t_published
        found.append(time.time() - datetime.datetime.fromisoformat(stated).timestamp())

    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.on_connect = subscribing.to("drsn/+/bearing-de/window")
    client.on_message = on_message
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    yield found
    client.disconnect()
    client.loop_stop()


@pytest.mark.timeout(120)
def test_while_the_worst_messages_come_on_every_topic_each_window_is_delivered_in_time(
    broker: Broker,
    subscriber: Subscriber,
    run_agent: Callable[..., Agent],
    everything: dict[str, Any],
    latencies_s: list[float],
) -> None:
    agent = run_agent(everything)
    eventually(lambda: len(latencies_s) > 5, 20, "windows")
    before, logged = len(latencies_s), agent.logged().count("\n")
    sent = flood(broker.port)
    assert sent > 57 * 7 * LASTING_S
    during = latencies_s[before:]
    assert len(during) > 0.8 * LASTING_S / 0.1, "a window each 0.1 s"
    assert max(during) < SLOWEST_S
    assert agent.logged().count("\n") - logged < 50, "no line for each of them"
    assert agent.stop() == 0
    numbers = sorted(message.record["seq"] for message in numbered(subscriber))
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    windows = [w for w in subscriber.records("window") if w["source"] == "bearing-de"]
    assert [w["first_sample"] for w in windows] == list(range(0, 100 * len(windows), 100))


def flood(port: int) -> int:
    """Publishes on each topic that the agent takes, at that rate; how many messages."""
    base = "drsn/press-04"
    topics = [f"{base}/info", f"{base}/cmd/ping", f"{base}/cmd/capture", "fleet/models"]
    topics += [f"{base}/models/tiny/announce", "homeassistant/status", "node"]
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", port)
    client.loop_start()
    began_s, rounds = time.monotonic(), 0
    while (passed_s := time.monotonic() - began_s) < LASTING_S:
        if rounds >= passed_s * RATE_HZ:
            time.sleep(0.002)
            continue
        for topic in topics:
            client.publish(topic, SHAPES[rounds % len(SHAPES)][:SIZE])
        rounds += 1
    client.publish(f"{base}/info", b"{}", 1).wait_for_publish(30)
    client.disconnect()
    client.loop_stop()
    return rounds * len(topics)


def numbered(subscriber: Subscriber) -> list[Any]:
    """What has a number of the outbox, once each."""
    found = {}
    for message in list(subscriber.received):
        if message.last not in ("info", "status", "health") and b'"seq":' in message.payload:
            found[message.record["seq"]] = message
    return list(found.values())
