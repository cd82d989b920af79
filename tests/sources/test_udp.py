"""Datagrams come as they like: lost, twice, overtaken, cut, from strangers."""

import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from agent.config.validation import convert
from agent.core.errors import ConfigError
from agent.core.types import Block, SourceError
from agent.sources.sensor_nodes import frames
from agent.sources.udp import Options, UdpSource, open_source
from tests.conftest import Agent, Broker, Subscriber, eventually, free_port

RATE_HZ = 1000.0


def opened(**keys: Any) -> UdpSource:
    chosen = {"rate_hz": RATE_HZ, "listen": f"127.0.0.1:{free_port(socket.SOCK_DGRAM)}"} | keys
    return open_source(convert(chosen, Options, ""))


@pytest.fixture
def node() -> Iterator[socket.socket]:
    with socket.socket(type=socket.SOCK_DGRAM) as node:
        yield node


def send(node: socket.socket, source: UdpSource, *firsts: int) -> None:
    """Datagrams of ten frames whose samples say which they are."""
    for first in firsts:
        values = np.arange(first, first + 10, dtype=np.int16).reshape(-1, 1)
        node.sendto(frames.pack(values, first), source._socket.getsockname()[:2])


def read(source: UdpSource, count: int) -> list[Block]:
    """So many blocks that are not empty."""
    blocks: list[Block] = []
    give_up_s = time.monotonic() + 5
    while len(blocks) < count:
        assert time.monotonic() < give_up_s, f"{len(blocks)} blocks"
        block = source.read()
        blocks += [block] if len(block.samples) else []
    return blocks


def test_what_is_lost_is_a_gap_and_what_comes_twice_or_overtaken_is_put_right(
    node: socket.socket,
) -> None:
    source = opened()
    send(node, source, 0, 20, 10, 10, 0, 50, 60)
    blocks = read(source, 5)
    assert [block.lost for block in blocks] == [0, 0, 0, 20, 0]
    values = np.concatenate([block.samples for block in blocks])[:, 0] * 32768
    assert values.tolist() == [*range(30), *range(50, 70)]
    source.close()


def test_datagrams_that_are_none_cost_nothing_but_themselves(node: socket.socket) -> None:
    source = opened()
    send(node, source, 0)
    whole = frames.pack(np.zeros((10, 1), np.int16), 10)
    for wrong in (b"", b"hello", whole[:-1], b"\xff" * 1000):
        node.sendto(wrong, source._socket.getsockname())
    send(node, source, 10)
    assert [block.lost for block in read(source, 2)] == [0, 0]
    source.close()


def test_only_the_named_sender_is_heard(node: socket.socket) -> None:
    source = opened(sender="127.0.0.1")
    with socket.socket(type=socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.2", 0))
        send(stranger, source, 1000)
        send(node, source, 0)
        send(stranger, source, 1010)
        send(node, source, 10)
    assert [block.lost for block in read(source, 2)] == [0, 0]
    source.close()


def test_it_also_listens_where_addresses_are_long() -> None:
    port = free_port(socket.SOCK_DGRAM)
    source = opened(listen=f"[::1]:{port}")
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as node:
        send(node, source, 0)
        assert len(read(source, 1)[0].samples) == 10
    source.close()


def test_what_a_node_loses_is_missing_in_the_windows_and_nothing_else_is(
    broker: Broker,
    subscriber: Subscriber,
    run_agent: Callable[..., Agent],
    settings: Callable[..., dict[str, Any]],
    node: socket.socket,
) -> None:
    """The real agent; windows of 0.2 s, three seconds of which half a second is lost."""
    port = free_port(socket.SOCK_DGRAM)
    loses = range(1000, 1500)
    keys = {"kind": "udp", "listen": f"127.0.0.1:{port}", "rate_hz": RATE_HZ, "dtype": "float32"}
    tree = settings(broker.port, **keys, publish_windows=True)
    tree["agent"]["health_s"] = 0.3
    agent = run_agent(tree)
    eventually(lambda: "running with" in agent.logged(), 20, "it runs")
    noise = (np.random.default_rng(0).standard_normal((4000, 1)) * 0.1).astype(np.float32)
    began_s, first = time.monotonic(), 0
    while first < 3000:
        time.sleep(max(0.0, began_s + first / RATE_HZ - time.monotonic()))
        if first not in loses:
            node.sendto(frames.pack(noise[first : first + 50], first), ("127.0.0.1", port))
        first += 50
    eventually(lambda: len(windows(subscriber)) == 25, 10, "its windows")
    # Those from 1000 to 1300 have nothing left in them.
    bad = {w["first_sample"]: (w["flags"], w["dropped"]) for w in windows(subscriber) if w["flags"]}
    assert bad == {900: (["gap"], 100), 1400: (["gap"], 100)}

    def missing() -> int:
        return int(subscriber.records("health")[-1]["sources"]["bearing-de"]["missing"])

    eventually(lambda: missing() == 500, 5, "each lost frame is counted once")
    assert agent.stop() == 0


def windows(subscriber: Subscriber) -> list[dict[str, Any]]:
    return subscriber.records("window")


@pytest.mark.parametrize("listen", ["5005", "localhost", "localhost:x", ":5005", "::1:99999"])
def test_an_address_that_is_none_is_a_mistake(listen: str) -> None:
    with pytest.raises(ConfigError, match=r"listen: found .*, expected HOST:PORT"):
        opened(listen=listen)


def test_a_port_that_is_taken_is_told() -> None:
    source = opened()
    host, port = source._socket.getsockname()
    with pytest.raises(SourceError, match="cannot listen: Address already in use"):
        opened(listen=f"{host}:{port}")
    source.close()
