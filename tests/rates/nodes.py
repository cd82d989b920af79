"""Sensors of each kind that deliver at any rate: what `deliver` is given, the source reads."""

import contextlib
import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt

from agent.core.types import Source
from agent.sources import mqtt, serial, stream, udp
from agent.sources.sensor_nodes import frames
from tests.conftest import free_port

Counts = npt.NDArray[np.int16]  # [frames, 1]
Deliver = Callable[[Counts, int], object]  # frames, and the index of the first


@contextlib.contextmanager
def fifo(rate_hz: float) -> Iterator[tuple[Source, Deliver]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fifo"
        os.mkfifo(path)
        source = stream.open_source(stream.Options(rate_hz=rate_hz, url=str(path)))
        writer = os.open(path, os.O_WRONLY)
        yield source, lambda samples, _: os.write(writer, samples.tobytes())
        os.close(writer)
        source.close()


class _Port:
    """A serial port as pyserial has it."""

    def __init__(self) -> None:
        self._data = b"begins within a line\n"

    @property
    def in_waiting(self) -> int:
        return len(self._data)

    def read(self, _size: int) -> bytes:
        data, self._data = self._data, b""
        return data

    def put(self, samples: Counts, _first: int) -> None:
        self._data += "".join(f"{value}\n" for value in samples[:, 0]).encode()

    def close(self) -> None:
        pass


@contextlib.contextmanager
def serial_text(rate_hz: float) -> Iterator[tuple[Source, Deliver]]:
    port = _Port()
    yield serial.SerialSource(serial.Options(rate_hz=rate_hz, port="unused"), port), port.put


@contextlib.contextmanager
def datagrams(rate_hz: float) -> Iterator[tuple[Source, Deliver]]:
    port = free_port(socket.SOCK_DGRAM)
    source = udp.open_source(udp.Options(rate_hz=rate_hz, listen=f"127.0.0.1:{port}"))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as node:
        address = ("127.0.0.1", port)
        yield source, lambda samples, first: node.sendto(frames.pack(samples, first), address)
    source.close()


class _Client:
    """The callbacks and calls of a client of paho that is connected."""

    on_message: Any = None

    def put(self, samples: Counts, first: int) -> None:
        message = SimpleNamespace(retain=False, payload=frames.pack(samples, first))
        self.on_message(self, None, message)

    def loop(self, _timeout_s: float) -> int:
        return 0

    loop_read = loop_write = loop_misc = lambda self: 0

    def want_write(self) -> bool:
        return False

    def socket(self) -> object:
        return self


@contextlib.contextmanager
def published(rate_hz: float) -> Iterator[tuple[Source, Deliver]]:
    client: Any = _Client()
    yield mqtt.MqttSource(mqtt.Options(rate_hz=rate_hz, topic="node"), client), client.put


KINDS = {"stream": fifo, "serial": serial_text, "udp": datagrams, "mqtt": published}


def noise(frame_count: int) -> Counts:
    return np.random.default_rng(0).normal(0, 3000, (frame_count, 1)).astype(np.int16)
