"""An accelerometer of the kernel, by the real libiio and iiod; see `accelerometer.py`."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from agent.config.validation import convert
from agent.core.errors import ConfigError, UserError
from agent.core.types import Source, SourceError
from agent.sources.iio import Options, open_source
from tests.conftest import eventually, free_port, needed
from tests.support import accelerometer

RATE_HZ = 800
SCALE = 0.038245  # m/s2 a code, of an ADXL345 in full resolution
# As `open_source`, and on one line what comes of it; run where the devices are.
LOCAL = """
import json, sys
from agent import sources
from agent.config.validation import convert
source = sources.open_source("iio", convert(json.loads(sys.argv[1]), sources.options("iio"), ""))
rows = []
while len(rows) < 80:
    rows += source.read().samples.tolist()
found = source.format
source.close()
print(json.dumps([found.rate_hz, found.full_scale, rows]))
"""


@pytest.fixture(scope="module", autouse=True)
def _possible() -> None:
    needed("iiod", "iiod")
    if (why := accelerometer.missing()) is not None:
        pytest.skip(why)


class Remote:
    """An iiod beside such a device."""

    def __init__(self, kind: str) -> None:
        self.port = free_port()
        assert accelerometer.IIOD is not None
        iiod = (accelerometer.IIOD, "-p", str(self.port))
        command = accelerometer.beside(kind, RATE_HZ, SCALE, *iiod)
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
        eventually(self._listens, 10, "iiod listens")

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def give(self, codes: np.ndarray) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(codes.astype("<i2").tobytes())
        self.process.stdin.flush()

    def open(self, **keys: Any) -> Source:
        chosen = {"device": "adxl345", "uri": f"ip:127.0.0.1:{self.port}"} | keys
        return open_source(convert(chosen, Options, ""))

    def close(self) -> None:
        self.process.terminate()
        self.process.wait()


@pytest.fixture
def buffered() -> Iterator[Remote]:
    remote = Remote("buffered")
    yield remote
    remote.close()


@pytest.fixture
def polled() -> Iterator[Remote]:
    remote = Remote("polled")
    yield remote
    remote.close()


def test_codes_become_acceleration_in_the_order_that_was_asked_for(buffered: Remote) -> None:
    source = buffered.open(inputs=["accel_z", "accel_x"])
    assert source.format.full_scale == pytest.approx(32767 * SCALE)
    codes = np.arange(160).reshape(80, 2)  # x and z of each instant: the device's order
    buffered.give(codes)
    block = source.read()
    assert block is not None
    assert block.samples == pytest.approx(codes[:, ::-1] * SCALE)
    source.close()


def test_the_rate_is_set_and_read_back(buffered: Remote) -> None:
    source = buffered.open(rate_hz=1600)
    assert source.format.rate_hz == 1600
    source.close()
    source = buffered.open()
    assert source.format.rate_hz == 1600
    source.close()


def test_a_device_that_gives_nothing_or_goes_is_a_source_error(buffered: Remote) -> None:
    silent = buffered.open()
    began_s = time.monotonic()
    with pytest.raises(SourceError, match="the device failed: Connection timed out"):
        silent.read()
    assert time.monotonic() - began_s < 1.2
    silent.close()
    source = buffered.open()
    buffered.close()
    with pytest.raises(SourceError, match="the device failed"):
        source.read()
    source.close()
    with pytest.raises(SourceError, match="cannot be opened: Connection refused"):
        buffered.open()


def test_one_without_a_buffer_is_polled_at_the_rate_that_was_asked_for(polled: Remote) -> None:
    source = polled.open(rate_hz=200)
    began_s = time.monotonic()
    frames = lost = 0
    while frames + lost < 100:
        block = source.read()
        assert block is not None
        frames, lost = frames + len(block.samples), lost + block.lost
        assert block.samples == pytest.approx(
            np.tile([-3.8245, 0, 3.8245], (len(block.samples), 1))
        )
    assert time.monotonic() - began_s == pytest.approx(0.5, abs=0.2)
    source.close()


def test_what_cannot_be_is_one_line(polled: Remote) -> None:
    cases: list[tuple[dict[str, Any], type[Exception], str]] = [
        ({"device": "bma220"}, SourceError, r"no 'bma220' among the devices \(adxl345\)"),
        ({"inputs": ["accel_q"]}, ConfigError, "inputs: found 'accel_q', expected of adxl345: acc"),
        ({"mode": "buffer"}, ConfigError, "mode: found buffer, but the driver of adxl345 has none"),
        ({"uri": "nix:"}, ConfigError, "uri: found 'nix:', expected local: or ip:HOST"),
    ]
    for keys, kind, words in cases:
        with pytest.raises(kind, match=words):
            polled.open(**keys)


@pytest.mark.parametrize("rate_hz", [None, 400])
def test_the_kernels_own_buffer_is_read_without_waiting(rate_hz: float | None) -> None:
    keys = {"device": "adxl345"} | ({} if rate_hz is None else {"rate_hz": rate_hz})
    command = [sys.executable, "-c", LOCAL, json.dumps(keys)]
    codes = np.arange(300, dtype="<i2").reshape(100, 3)
    done = subprocess.run(
        accelerometer.beside("buffered", RATE_HZ, SCALE, *command),
        input=codes.tobytes(),
        capture_output=True,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    found_hz, full_scale, rows = json.loads(done.stdout)
    assert (found_hz, full_scale) == (rate_hz or RATE_HZ, pytest.approx(32767 * SCALE))
    assert rows == pytest.approx(codes[: len(rows)] * SCALE)


def test_without_its_module_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "iio", None)
    with pytest.raises(UserError, match=r"pip install 'drsn-agent\[iio\]'"):
        open_source(convert({"device": "x"}, Options, ""))
