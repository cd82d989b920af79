"""`doctor` quotes what a source refuses, and names the rate that arrives."""

import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
import yaml
from paho.mqtt.enums import CallbackAPIVersion

from tests.conftest import Broker, free_port
from tests.rates.test_rates import Sensors

Settings = Callable[..., dict[str, Any]]
RATE_HZ = 1000


def doctor(folder: Path, tree: dict[str, Any]) -> dict[str, str]:
    """The findings about sources, by name."""
    file = folder / "doctor.yaml"
    file.write_text(yaml.safe_dump(tree))
    line = [sys.executable, "-m", "agent", "doctor", "--config", str(file)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    found = (line.partition(" source ")[2] for line in done.stdout.splitlines())
    return {name: text for name, _, text in (line.partition(": ") for line in found) if name}


@contextlib.contextmanager
def repeated(*sends: Callable[[], object]) -> Iterator[None]:
    """Calls each again and again meanwhile."""
    stop = threading.Event()

    def run() -> None:
        while not stop.wait(0.02):
            for send in sends:
                with contextlib.suppress(BlockingIOError):
                    send()

    thread = threading.Thread(target=run)
    thread.start()
    yield
    stop.set()
    thread.join()


@contextlib.contextmanager
def line() -> Iterator[tuple[int, str]]:
    """A serial line: our end, and the port's name."""
    ours, theirs = os.openpty()
    os.set_blocking(ours, False)
    yield ours, os.ttyname(theirs)
    os.close(ours)
    os.close(theirs)


@pytest.fixture
def client(broker: Broker) -> Iterator[paho.Client]:
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    yield client
    client.disconnect()
    client.loop_stop()


def with_sources(tree: dict[str, Any], *sources: dict[str, Any]) -> dict[str, Any]:
    model = tree["sources"][0]["model"]
    tree["sources"] = [{"model": model, "rate_hz": RATE_HZ} | source for source in sources]
    return tree


def test_the_first_refused_piece_of_each_kind_is_quoted(
    broker: Broker, client: paho.Client, settings: Settings, tmp_path: Path
) -> None:
    port = free_port(socket.SOCK_DGRAM)
    with (
        line() as (text, text_port),
        line() as (binary, binary_port),
        socket.socket(type=socket.SOCK_DGRAM) as node,
    ):
        tree = with_sources(
            settings(broker.port),
            {"name": "text", "kind": "serial", "port": text_port},
            {"name": "binary", "kind": "serial", "port": binary_port, "format": "binary"},
            {"name": "udp", "kind": "udp", "listen": f"127.0.0.1:{port}"},
            {"name": "mqtt", "kind": "mqtt", "port": broker.port, "topic": "node"},
        )
        with repeated(
            lambda: os.write(text, b"acc: 0,123\n" * 20),
            lambda: os.write(binary, b"0.123\r\n" * 100),
            lambda: node.sendto(b'{"acc": 0.123}', ("127.0.0.1", port)),
            lambda: client.publish("node", b"0.125 0.250"),
        ):
            findings = doctor(tmp_path, tree)
    assert "found 'acc: 0,123', expected 1 number in a line" in findings["text"]
    assert "0.123" in findings["binary"]
    assert "expected frames with b'DS'" in findings["binary"]
    assert '{"acc": 0.123}' in findings["udp"]
    assert "0.125 0.250" in findings["mqtt"]


def test_the_rate_that_arrives_is_named(broker: Broker, settings: Settings, tmp_path: Path) -> None:
    fifo, port = str(tmp_path / "fifo"), free_port(socket.SOCK_DGRAM)
    sensors = Sensors(fifo, port)
    tree = with_sources(
        settings(broker.port),
        {"name": "twice", "kind": "stream", "url": fifo},
    )
    findings = doctor(tmp_path, tree)
    sensors.close()
    assert "200% of rate_hz: 1000: write interleaved: 2 if a frame" in findings["twice"]
