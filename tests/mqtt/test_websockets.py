"""MQTT over WebSockets, with and without TLS, against a real mosquitto."""

import base64
import contextlib
import hashlib
import socket
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.core.types import Message
from agent.mqtt import client as mqtt_client
from agent.mqtt.event_loop import run_once
from agent.mqtt.settings import Mqtt
from agent.mqtt.wakeup import Wakeup
from tests.conftest import Agent, Broker, Subscriber, eventually, free_port
from tests.mqtt import tls_table

Start = Callable[..., Agent]
Settings = Callable[..., dict[str, Any]]
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tls_table.make_pki(tmp_path_factory.mktemp("pki"))


def listener(broker: Broker, pki: Path | None) -> int:
    """The port of a second listener, for WebSockets."""
    port = free_port()
    broker.extra += f"listener {port} 127.0.0.1\nprotocol websockets\nallow_anonymous true\n"
    if pki is not None:
        broker.extra += f"certfile {pki}/server.pem\nkeyfile {pki}/server.key\n"
    broker.start()
    return port


@pytest.mark.parametrize(("secure", "version"), [(False, "5"), (True, "3.1.1")], ids=["ws", "wss"])
def test_an_agent_delivers_everything_over_websockets(
    stopped_broker: Broker,
    pki: Path,
    run_agent: Start,
    settings: Settings,
    wav: Path,
    version: str,
    secure: bool,
) -> None:
    port = listener(stopped_broker, pki if secure else None)
    subscriber = Subscriber(stopped_broker.port)
    tree = settings(port, kind="file", path=str(wav), pace="fast", publish_windows=True)
    tree["mqtt"] |= {"transport": "websockets", "version": version}
    if secure:
        tree["mqtt"] |= {"host": "localhost", "tls": {"ca_file": str(pki / "ours.pem")}}
    agent = run_agent(tree)
    assert agent.wait() == 0, agent.logged()
    eventually(lambda: subscriber.status() == ["online", "offline"], 5, "its farewell")
    assert len(subscriber.of("window")) == 69
    assert agent.logged().count("connected to") == 1
    subscriber.close()


def test_a_port_without_websockets_is_told_in_one_line(
    broker: Broker, run_agent: Start, settings: Settings
) -> None:
    tree = settings(broker.port, kind="synth", rate_hz=1000)
    tree["mqtt"]["transport"] = "websockets"
    agent = run_agent(tree)
    line = "WebSocket handshake error: see mqtt.path, and whether the port has WebSockets"
    eventually(lambda: line in agent.logged(), 10, "the reason")
    assert agent.stop() == 0
    assert "Traceback" not in agent.logged()


def serve_one(server: socket.socket, accept: bytes, frame: bytes) -> None:
    """Answers a handshake with the header `accept`, and a CONNECT with `frame`."""
    connection, _ = server.accept()
    request = b""
    while b"\r\n\r\n" not in request:
        request += connection.recv(4096)
    key = request.partition(b"Sec-WebSocket-Key: ")[2].partition(b"\r\n")[0].decode()
    digest = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest())
    lines = (b"HTTP/1.1 101 Switching Protocols", b"Connection: Upgrade", accept % digest, b"")
    connection.sendall(b"\r\n".join((*lines, b"")))
    with contextlib.suppress(OSError):
        connection.recv(4096)
        connection.sendall(frame)


def test_several_packets_in_one_frame_are_all_read_at_once() -> None:
    """MQTT 5.0, 6: a frame may contain several packets."""
    publish = b"\x30\x04\0\x01tx"
    packets = b"\x20\x02\0\0" + 50 * publish
    frame = b"\x82\x7e" + struct.pack("!H", len(packets)) + packets
    with socket.create_server(("127.0.0.1", 0)) as server:
        accept = b"Sec-WebSocket-Accept: %s"
        threading.Thread(target=serve_one, args=(server, accept, frame), daemon=True).start()
        port = server.getsockname()[1]
        settings = Mqtt(port=port, transport="websockets", version="3.1.1")
        client = mqtt_client.make(settings, "a", Message(0, "t", b""))
        received: list[bytes] = []
        client.on_message = lambda _c, _d, message: received.append(bytes(message.payload))
        mqtt_client.connect(client, settings)
        wakeup = Wakeup()
        eventually(lambda: run_once(client, wakeup, 0.5) == 0 and bool(received), 5, "a packet")
        assert len(received) == 50
        wakeup.close()
        client.disconnect()


def test_a_header_without_a_value_is_no_bug_of_ours() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        accept = b"Sec-WebSocket-Accept:%.0s"
        threading.Thread(target=serve_one, args=(server, accept, b""), daemon=True).start()
        settings = Mqtt(port=server.getsockname()[1], transport="websockets", version="3.1.1")
        client = mqtt_client.make(settings, "a")
        with pytest.raises(ConnectionError, match="WebSocket handshake error"):
            mqtt_client.connect(client, settings)
