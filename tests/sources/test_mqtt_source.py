"""A node that publishes: its broker goes and comes back, and what was not heard is a gap."""

import gc
import os
import secrets
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from agent.config.validation import convert
from agent.core.errors import ConfigError
from agent.core.types import Block, SourceError
from agent.sources.mqtt import MqttSource, Options, open_source
from agent.sources.sensor_nodes import frames
from tests.conftest import Broker

TOPIC = "plant/node-1"


def opened(broker: Broker, **keys: Any) -> MqttSource:
    chosen = {"rate_hz": 1000.0, "topic": TOPIC, "port": broker.port} | keys
    return open_source(convert(chosen, Options, ""))


class Node:
    """Publishes ten frames whose samples say which they are."""

    def __init__(self, broker: Broker) -> None:
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.connect("127.0.0.1", broker.port)
        self._client.loop_start()

    def publish(self, first: int, qos: int = 1, retain: bool = False) -> None:
        values = np.arange(first, first + 10, dtype=np.int16).reshape(-1, 1)
        self.send(frames.pack(values, first), qos, retain)

    def send(self, payload: bytes, qos: int = 1, retain: bool = False) -> None:
        self._client.publish(TOPIC, payload, qos, retain).wait_for_publish(5)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def node(broker: Broker) -> Iterator[Node]:
    node = Node(broker)
    yield node
    node.close()


def read(source: MqttSource, count: int) -> list[Block]:
    """So many blocks that are not empty."""
    blocks: list[Block] = []
    give_up_s = time.monotonic() + 5
    while len(blocks) < count:
        assert time.monotonic() < give_up_s, f"{len(blocks)} blocks"
        block = source.read()
        blocks += [block] if len(block.samples) else []
    return blocks


@pytest.mark.parametrize("qos", [0, 1])
def test_messages_that_are_missing_are_a_gap_and_garbage_is_nothing(
    broker: Broker, node: Node, qos: int
) -> None:
    node.publish(90, retain=True)  # of another time
    source = opened(broker, qos=qos)
    for first in (0, 10, 40):
        node.publish(first, qos)
        node.send(b"garbage", qos)
    blocks = read(source, 3)
    assert [block.lost for block in blocks] == [0, 0, 20]
    assert blocks[0].samples[0, 0] == 0
    source.close()


def test_a_broker_that_goes_is_a_source_error_and_is_found_again(broker: Broker) -> None:
    source = opened(broker)
    broker.stop()
    with pytest.raises(SourceError, match="lost the broker"):
        read(source, 1)
    source.close()
    with pytest.raises(SourceError, match=rf"127\.0\.0\.1:{broker.port}: cannot connect"):
        opened(broker)
    broker.start()
    again, node = opened(broker), Node(broker)
    node.publish(0)
    assert len(read(again, 1)[0].samples) == 10
    node.close()
    again.close()


def test_opened_again_and_again_it_leaves_no_file_open(broker: Broker) -> None:
    def files() -> int:
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - no entries wanted

    gc.disable()
    try:
        before = files()
        for _ in range(5):
            opened(broker).close()
        assert files() == before
        broker.stop()
        for _ in range(5):
            with pytest.raises(SourceError):
                opened(broker)
        assert files() == before
    finally:
        gc.enable()


def test_a_silent_broker_keeps_no_read_waiting(broker: Broker) -> None:
    source = opened(broker)
    began_s = time.monotonic()
    assert len(source.read().samples) == 0
    assert time.monotonic() - began_s < 0.4
    source.close()


def test_a_password_is_needed_where_the_broker_wants_one_and_a_wrong_one_is_told(
    stopped_broker: Broker, tmp_path: Path
) -> None:
    password, file = secrets.token_hex(4), tmp_path / "users"
    subprocess.run(["mosquitto_passwd", "-b", "-c", file, "agent", password], check=True)
    stopped_broker.extra = f"allow_anonymous false\npassword_file {file}\n"
    stopped_broker.start()
    (tmp_path / "password").write_text(f"{password}\n")
    (tmp_path / "wrong").write_text("wrong\n")
    keys = {"username": "agent", "password_file": str(tmp_path / "password")}
    opened(stopped_broker, **keys).close()
    with pytest.raises(SourceError, match="refused by the broker: Not authorized"):
        opened(stopped_broker, **keys | {"password_file": str(tmp_path / "wrong")})


def test_a_missing_file_is_named_with_its_key(broker: Broker) -> None:
    with pytest.raises(SourceError, match=r"tls.ca_file: found no file /no/ca that can be read"):
        opened(broker, tls={"ca_file": "/no/ca"})


@pytest.mark.parametrize("topic", ["plant/+", "#", ""])
def test_a_topic_is_one_nodes(topic: str) -> None:
    with pytest.raises(ConfigError, match="topic: found"):
        convert({"rate_hz": 1.0, "topic": topic}, Options, "")
