"""A sample of `python -m tests.hostile`, and hostile bytes at a running agent."""

import ast
import contextlib
import json
import secrets
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from agent.sources.sensor_nodes import frames
from tests.conftest import Agent, Broker, Subscriber, eventually
from tests.hostile import limits, mutants
from tests.hostile.decoder import Decoder
from tests.hostile.decoders import table
from tests.hostile.run import GROWTH_MIB, rss_mib, run
from tests.support.paths import PROJECT

CASES = 200


@pytest.fixture
def decoders(tmp_path: Path) -> list[Decoder]:
    return table(tmp_path)


def test_no_decoder_lets_an_error_out_or_takes_long_or_keeps_memory(
    decoders: list[Decoder],
) -> None:
    seed = secrets.randbelow(2**32)
    for decoder in decoders:
        result = run(decoder, round(CASES * decoder.share), seed)
        assert result.passed, (decoder.name, seed, result)


def test_every_function_whose_branches_are_counted_exists(decoders: list[Decoder]) -> None:
    named = {name for decoder in decoders for name in decoder.functions}
    assert {name for name in named if not _exists(*name.split(":"))} == set()


def _exists(file: str, function: str) -> bool:
    if not (PROJECT / file).is_file():
        return False
    nodes = ast.walk(ast.parse((PROJECT / file).read_text()))
    names = {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    return set(function.split(".")) <= names


@pytest.mark.timeout(180)
def test_an_agent_lives_on_and_delivers_whatever_comes_on_its_topics_and_ports(
    broker: Broker,
    subscriber: Subscriber,
    run_agent: Callable[..., Agent],
    everything: dict[str, Any],
) -> None:
    agent = run_agent(everything)
    eventually(lambda: bool(subscriber.of("window")), 20, "windows")
    base = "drsn/press-04"
    command = json.dumps({"id": "a", "expires": "2999-01-01T00:00:00Z"}).encode()
    frame = frames.pack(np.zeros((10, 1), np.int16), 0)
    topics = {
        f"{base}/info": subscriber.of("info")[-1].payload,
        f"{base}/cmd/ping": command,
        f"{base}/cmd/capture": command,
        f"{base}/models/tiny/announce": b'{"name": "tiny", "version": "2", "size": 1}',
        "fleet/models": b'{"name": "tiny", "version": "2", "size": 1}',
        "homeassistant/status": b"online",
        "node": frame,
    }
    before_mib = rss_mib(agent.process.pid)
    _attack(broker.port, topics, everything["sources"][1]["listen"], frame)
    for section in ("page", "metrics"):
        _attack_server(everything[section]["port"])
    limits.crowd(everything["page"]["port"], 100, "/api/stream?source=udp", 1.0)
    before = len(subscriber.of("window"))
    eventually(lambda: len(subscriber.of("window")) > before + 10, 20, "windows after that")
    assert rss_mib(agent.process.pid) - before_mib < GROWTH_MIB
    assert agent.stop() == 0
    assert "Traceback" not in agent.logged()
    mine = [w for w in subscriber.records("window") if w["source"] == "bearing-de"]
    assert [w["first_sample"] for w in mine] == list(range(0, 100 * len(mine), 100))


def _attack(port: int, topics: dict[str, bytes], listen: str, frame: bytes) -> None:
    """Sends hostile payloads, retained ones too, to each topic and the UDP port."""
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", port)
    client.loop_start()
    for seed, (topic, valid) in enumerate(topics.items()):
        for at, payload in enumerate(mutants.cases([valid], CASES, seed)):
            last = client.publish(topic, payload, qos=1, retain=at % 50 == 0)
        last.wait_for_publish(30)
    client.disconnect()
    client.loop_stop()
    host, _, udp_port = listen.rpartition(":")
    with socket.socket(type=socket.SOCK_DGRAM) as node:
        for payload in mutants.cases([frame], CASES, 99):
            node.sendto(payload[:60_000], (host, int(udp_port)))


def _attack_server(port: int) -> None:
    """Requests that are mutants, cut off, or left open until the end of the attack."""
    valid = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with contextlib.ExitStack() as left_open:
        for at, request in enumerate(mutants.cases([valid], CASES, 7)):
            with contextlib.suppress(OSError):
                client = socket.create_connection(("127.0.0.1", port), 2)
                client.settimeout(2)
                left_open.enter_context(client)
                client.sendall(request)
                if at % 4:
                    client.close()
