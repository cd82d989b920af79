"""Live kinds for the contract: a maker returns settings, and a function that sends `SAMPLES`.

They never end, so the contract reads as many frames as were sent.
"""

import contextlib
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import paho.mqtt.client as paho
import pytest
import soundfile
from paho.mqtt.enums import CallbackAPIVersion

from agent.sources.sensor_nodes import frames
from tests.conftest import Broker, eventually, free_port, needed
from tests.support import accelerometer
from tests.support.soundcard import MISSING, SoundCard

RATE_HZ = 8000
SAMPLES = (np.random.default_rng(0).standard_normal((4000, 2)) * 3000).astype(np.int16)
EXPECTED = SAMPLES.astype(np.float32) / 32768
CUTS = range(0, len(SAMPLES), 250)

Send = Callable[[], object]
Made = tuple[dict[str, Any], Send]
COMMON = {"rate_hz": RATE_HZ, "interleaved": 2}


def pieces() -> list[bytes]:
    return [frames.pack(SAMPLES[at : at + 250], at) for at in CUTS]


def udp(_folder: Path, _stack: contextlib.ExitStack) -> Made:
    port = free_port(socket.SOCK_DGRAM)

    def send() -> None:
        with socket.socket(type=socket.SOCK_DGRAM) as sender:
            for piece in pieces():
                sender.sendto(piece, ("127.0.0.1", port))

    return {"kind": "udp", "listen": f"127.0.0.1:{port}"} | COMMON, send


def mqtt(folder: Path, stack: contextlib.ExitStack) -> Made:
    needed("mosquitto", "mosquitto")
    broker = Broker(folder)
    stack.callback(broker.stop)
    broker.start()
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    stack.callback(client.loop_stop)

    def send() -> None:
        for piece in pieces():
            client.publish("node/x", piece, 1)

    settings = {"kind": "mqtt", "port": broker.port, "topic": "node/x", "qos": 1}
    return settings | COMMON, send


def _pty(stack: contextlib.ExitStack) -> tuple[Callable[[bytes], None], str]:
    """A serial line: what writes to it until the test has ended, and the port's name."""
    ours, theirs = os.openpty()
    os.set_blocking(ours, False)
    use, open_ = threading.Lock(), [True]

    def write(data: bytes) -> None:
        while data:
            with use, contextlib.suppress(BlockingIOError):
                if not open_:
                    return
                data = data[os.write(ours, data[:1000]) :]
            time.sleep(0.001)

    def close() -> None:
        with use:
            open_.clear()
            os.close(ours)
            os.close(theirs)

    stack.callback(close)
    return write, os.ttyname(theirs)


def serial_text(_folder: Path, stack: contextlib.ExitStack) -> Made:
    write, port = _pty(stack)
    text = "".join(f"{x!r}, {y!r}\n" for x, y in EXPECTED.tolist())
    settings = {"kind": "serial", "port": port, "format": "text"} | COMMON
    return settings, lambda: write(b"9\n" + text.encode())


def serial_binary(_folder: Path, stack: contextlib.ExitStack) -> Made:
    write, port = _pty(stack)
    data = b"".join(map(frames.seal, pieces()))
    settings = {"kind": "serial", "port": port, "format": "binary"} | COMMON
    return settings, lambda: write(data)


def iio(_folder: Path, stack: contextlib.ExitStack) -> Made:
    port = str(free_port())
    if (why := accelerometer.missing()) is not None:
        pytest.skip(why)
    assert accelerometer.IIOD is not None
    command = accelerometer.beside("buffered", RATE_HZ, 1 / 32768, accelerometer.IIOD, "-p", port)
    device = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    stack.callback(device.wait)
    stack.callback(device.terminate)
    assert device.stdin is not None
    pipe = device.stdin

    def send() -> None:
        pipe.write(SAMPLES.tobytes())
        pipe.flush()

    def up() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", int(port))) == 0

    eventually(up, 10, "iiod listens")
    inputs = ["accel_x", "accel_y"]
    uri = f"ip:127.0.0.1:{port}"
    return {"kind": "iio", "device": "adxl345", "uri": uri, "inputs": inputs}, send


def mic(folder: Path, stack: contextlib.ExitStack) -> Made:
    needed("pulseaudio", "pulseaudio", MISSING)
    card = SoundCard(folder, vmic=(RATE_HZ, 2))
    stack.callback(card.close)
    patch = stack.enter_context(pytest.MonkeyPatch.context())
    for key, value in card.environment.items():
        patch.setenv(key, value)
    silence = np.zeros((RATE_HZ // 4, 2), np.int16)
    soundfile.write(folder / "a.wav", np.concatenate([silence, SAMPLES, silence]), RATE_HZ)
    return {"kind": "mic", "device": "vmic"} | COMMON, lambda: card.play("vmic", folder / "a.wav")


KINDS: list[Callable[[Path, contextlib.ExitStack], Made]] = [
    udp,
    mqtt,
    serial_text,
    serial_binary,
    iio,
    mic,
]


def until_all(read: Callable[[], Any], within_s: float = 10.0) -> np.ndarray:
    """As many frames as were sent, from the first that is not silence; none may be lost."""
    got = np.zeros((0, 2), np.float32)
    give_up_s = time.monotonic() + within_s
    while len(got) < len(SAMPLES):
        assert time.monotonic() < give_up_s, f"{len(got)} frames in {within_s} s"
        block = read()
        got = np.concatenate([got, block.samples])
        got = got[np.argmax(got.any(axis=1)) :] if got.any() else got[:0]
        assert not (block.lost and len(got))
    return got[: len(SAMPLES)]
