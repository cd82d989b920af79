"""A device is read by one source; a second one is refused at once, with what to write instead."""

import os
from pathlib import Path
from typing import Any

import pytest

from agent.config import load
from agent.core.errors import ConfigError

SERIAL = {"kind": "serial", "rate_hz": 1000, "model": "none"}
UDP = {"kind": "udp", "rate_hz": 1000, "model": "none"}
MIC = {"kind": "mic", "rate_hz": 16000}
IIO = {"kind": "iio", "device": "adxl345", "rate_hz": 800, "inputs": ["accel_x"], "model": "none"}
STREAM = {"kind": "stream", "rate_hz": 16000}

TAKEN: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("port", SERIAL | {"port": "/dev/ttyS9"}, {}),
    ("port", SERIAL | {"port": "socket://10.0.0.1:99"}, {}),
    ("listen", UDP | {"listen": "0.0.0.0:5005"}, {}),
    ("listen", UDP | {"listen": "0.0.0.0:5005"}, {"listen": "127.0.0.1:5005"}),
    ("listen", UDP | {"listen": "localhost:5005"}, {"listen": "127.0.0.1:5005"}),
    ("listen", UDP | {"listen": "192.168.1.2:5005"}, {"listen": "[::]:5005"}),
    ("device", MIC, {}),
    ("device", MIC | {"device": "USB"}, {"device": "usb"}),
    ("device", MIC | {"device": 3}, {}),
    ("device", IIO, {"inputs": ["accel_y"]}),
    ("url", STREAM, {}),
    ("url", STREAM | {"url": "/run/fifo"}, {"url": "/run/../run/fifo"}),
]
FREE: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (SERIAL | {"port": "/dev/ttyS8"}, {"port": "/dev/ttyS9"}),
    (SERIAL | {"port": "loop://"}, {}),
    (UDP | {"listen": "127.0.0.1:5005"}, {"listen": "127.0.0.1:5006"}),
    (UDP | {"listen": "127.0.0.1:5005"}, {"listen": "127.0.0.2:5005"}),
    (UDP | {"listen": "127.0.0.1:0"}, {}),
    (MIC | {"device": 3}, {"device": 4}),
    (IIO, {"device": "adxl355"}),
    (IIO, {"uri": "ip:10.0.0.1"}),
    (STREAM | {"url": "tcp://127.0.0.1:99"}, {}),
    ({"kind": "file", "path": "a.wav", "rate_hz": 1000, "model": "none", "channels": [0]}, {}),
    ({"kind": "mqtt", "topic": "a", "rate_hz": 1000, "model": "none"}, {}),
    ({"kind": "synth"}, {}),
]


def parse(first: dict[str, Any], changes: dict[str, Any]) -> load.Config:
    sources = [{"name": "motor"} | first, {"name": "pump"} | first | changes]
    return load.parse({"sources": sources})


@pytest.mark.parametrize(("key", "first", "changes"), TAKEN)
def test_a_device_that_is_taken_is_one_line_that_advises_points(
    key: str, first: dict[str, Any], changes: dict[str, Any]
) -> None:
    with pytest.raises(ConfigError) as error:
        parse(first, changes)
    assert str(error.value).startswith(f"sources[1].{key}: found ")
    assert str(error.value).endswith(
        " of motor too, expected one source a device: give its channels as points of motor"
    )


@pytest.mark.parametrize(("first", "changes"), FREE)
def test_what_two_can_read_is_free(first: dict[str, Any], changes: dict[str, Any]) -> None:
    assert len(parse(first, changes).sources) == 2


def test_a_port_is_the_same_by_each_of_its_names(tmp_path: Path) -> None:
    link = tmp_path / "usb-board-if00"
    os.symlink("/dev/ttyS9", link)  # noqa: PTH211 - as udev does
    with pytest.raises(ConfigError, match=r"sources\[1\]\.port: found .*/usb-board-if00 of motor"):
        parse(SERIAL | {"port": "/dev/ttyS9"}, {"port": str(link)})


def test_the_points_of_a_device_share_it() -> None:
    points = [{"name": name, "channels": [at]} for at, name in enumerate(("x", "y"))]
    source = UDP | {"name": "motor", "listen": "127.0.0.1:5005", "interleaved": 2}
    assert len(load.parse({"sources": [source | {"points": points}]}).sources) == 2
    with pytest.raises(ConfigError, match=r"^sources\[1\]\.listen: .* of motor too"):
        load.parse(
            {
                "sources": [
                    source | {"points": points},
                    source | {"name": "pump", "points": [{"name": "z", "channels": [0]}]},
                ]
            }
        )
