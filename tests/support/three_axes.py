"""Three-axis devices that send the same signal over every kind of line, block by block."""

import contextlib
import os
import socket
import subprocess
import threading
import time
import tty
from typing import Any, Protocol

import numpy as np
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from agent.sources.sensor_nodes import frames
from tests.conftest import eventually, free_port
from tests.support import accelerometer

RATE_HZ = 1000
BLOCK = 50  # frames
CODE = 1 / 32768  # of full scale 1.0
TOPIC = "plant/three-axes"
LEVELS = {"quiet": 0.1, "loud": 0.5, "dead": 0.0}  # RMS, over full scale


class Line(Protocol):
    """One device: the keys of its source, and how it sends."""

    def keys(self) -> dict[str, Any]: ...

    def send(self, codes: np.ndarray, first: int) -> None:
        """Sends `codes` [frames, 3] of int16; `first` is the index of the first frame."""

    def close(self) -> None: ...


class Serial:
    """A board on a pseudo terminal."""

    def __init__(self) -> None:
        self._ours, self._theirs = os.openpty()
        tty.setraw(self._theirs)

    def keys(self) -> dict[str, Any]:
        return {"kind": "serial", "port": os.ttyname(self._theirs), "format": "binary"}

    def send(self, codes: np.ndarray, first: int) -> None:
        os.write(self._ours, frames.seal(frames.pack(codes, first)))

    def close(self) -> None:
        os.close(self._ours)
        os.close(self._theirs)


class Udp:
    """A node that sends datagrams."""

    def __init__(self) -> None:
        self._address = ("127.0.0.1", free_port(socket.SOCK_DGRAM))
        self._socket = socket.socket(type=socket.SOCK_DGRAM)

    def keys(self) -> dict[str, Any]:
        return {"kind": "udp", "listen": f"127.0.0.1:{self._address[1]}"}

    def send(self, codes: np.ndarray, first: int) -> None:
        self._socket.sendto(frames.pack(codes, first), self._address)

    def close(self) -> None:
        self._socket.close()


class Mqtt:
    """A node that publishes to a broker."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def keys(self) -> dict[str, Any]:
        return {"kind": "mqtt", "host": "127.0.0.1", "port": self._port, "topic": TOPIC}

    def send(self, codes: np.ndarray, first: int) -> None:
        self._client.publish(TOPIC, frames.pack(codes, first), 0)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class Tcp:
    """A server that streams raw samples to its first client."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self._client: socket.socket | None = None
        threading.Thread(target=self._accept, daemon=True).start()

    def keys(self) -> dict[str, Any]:
        port = self._server.getsockname()[1]
        return {"kind": "stream", "url": f"tcp://127.0.0.1:{port}"}

    def send(self, codes: np.ndarray, first: int) -> None:
        if self._client is not None:
            with contextlib.suppress(OSError):  # the agent has gone
                self._client.sendall(codes.astype("<i2").tobytes())

    def close(self) -> None:
        self._server.close()
        if self._client is not None:
            self._client.close()

    def _accept(self) -> None:
        self._client = self._server.accept()[0]


class Iio:
    """An emulated accelerometer behind a real iiod."""

    def __init__(self) -> None:
        self._port = free_port()
        assert accelerometer.IIOD is not None
        iiod = (accelerometer.IIOD, "-p", str(self._port))
        command = accelerometer.beside("buffered", RATE_HZ, CODE, *iiod)
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=quiet)
        eventually(self._listens, 10, "iiod listens")

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0

    def keys(self) -> dict[str, Any]:
        return {"kind": "iio", "device": "adxl345", "uri": f"ip:127.0.0.1:{self._port}"}

    def send(self, codes: np.ndarray, first: int) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(codes.astype("<i2").tobytes())
        self._process.stdin.flush()

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()


class Sending:
    """A thread that sends the same to all lines, in real time; `axes` says what each axis shows."""

    def __init__(self, lines: list[Line]) -> None:
        self.axes = ["quiet", "quiet", "quiet"]
        self._lines = lines
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._ending.set()
        self._thread.join(10)
        for line in self._lines:
            line.close()

    def _run(self) -> None:
        random, first, began_s = np.random.default_rng(0), 0, time.monotonic()
        while not self._ending.wait(max(0.0, began_s + first / RATE_HZ - time.monotonic())):
            levels = np.array([LEVELS[axis] for axis in self.axes])
            samples = np.clip(random.standard_normal((BLOCK, 3)) * levels, -0.9, 0.9)
            codes = (samples / CODE).astype(np.int16)
            for line in self._lines:
                line.send(codes, first)
            first += BLOCK
