"""What docs/SENSORS.md tells people to put on their boards is what the agent understands."""

import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import yaml

from agent.config import load
from agent.config.validation import convert
from agent.core.types import Block
from agent.mqtt import settings
from agent.sources.sensor_nodes.deframer import Deframer
from agent.sources.udp import Options, open_source
from tests.conftest import free_port, needed
from tests.support.paths import DOCS

DOCUMENT = DOCS / "SENSORS.md"
ARDUINO = """
#include <chrono>
#include <cstdio>
#include <cstdint>
#include <cstddef>
const int A0 = 0;
struct {
  void begin(long) {}
  void write(const uint8_t *data, size_t length) { fwrite(data, 1, length, stdout); }
} Serial;
uint32_t micros() {
  using namespace std::chrono;
  auto since = steady_clock::now().time_since_epoch();
  return (uint32_t)duration_cast<microseconds>(since).count();
}
int analogRead(int) { static int reading = 500; return reading++; }
"""
# What MicroPython's clock has beside CPython's.
MICROPYTHON = """
import time
time.ticks_us = lambda: time.monotonic_ns() // 1000
time.ticks_add = lambda ticks, delta: ticks + delta
time.ticks_diff = lambda end, start: end - start
"""


def blocks(language: str) -> list[str]:
    return re.findall(rf"(?ms)^```{language}\n(.*?)^```", DOCUMENT.read_text())


def code(mark: str) -> str:
    (found,) = [each for lang in ("python", "cpp") for each in blocks(lang) if mark in each[:60]]
    return found


@pytest.fixture
def port() -> int:
    return free_port(socket.SOCK_DGRAM)


def received(port: int, count: int, sender: Path) -> list[Block]:
    """So many blocks of that node on that port."""
    chosen = {"rate_hz": 1000.0, "listen": f"127.0.0.1:{port}"}
    source = open_source(convert(chosen, Options, ""))
    came: list[Block] = []
    with subprocess.Popen([sys.executable, sender, "127.0.0.1", str(port)]) as node:
        give_up_s = time.monotonic() + 10
        while len(came) < count and time.monotonic() < give_up_s:
            block = source.read()
            came += [block] if len(block.samples) else []
        node.kill()
    source.close()
    assert len(came) == count
    return came


def test_the_python_sender_is_heard_whole_and_at_its_rate(tmp_path: Path, port: int) -> None:
    (tmp_path / "sender.py").write_text(code("# sender:"))
    came = received(port, 10, tmp_path / "sender.py")
    assert [block.lost for block in came] == [0] * 10
    codes = np.concatenate([block.samples for block in came])[:, 0] * 2**15
    expected = np.round(8000 * np.sin(np.arange(500) / 10))
    assert np.array_equal(codes, expected)


def test_the_micropython_sender_is_heard_when_python_runs_it(tmp_path: Path, port: int) -> None:
    text = code("# micropython sender").replace("192.168.1.10", "127.0.0.1")
    text = text.replace("5005", str(port)).replace("    return 0", "    return 123")
    (tmp_path / "sender.py").write_text(f"{MICROPYTHON}\n{text}")
    came = received(port, 5, tmp_path / "sender.py")
    assert [block.lost for block in came] == [0] * 5
    assert {len(block.samples) for block in came} == {50}
    assert {float(value) for block in came for value in block.samples[:, 0]} == {123 / 2**15}


def test_the_sketch_is_understood(tmp_path: Path) -> None:
    needed("g++", "g++")
    main = "int main() { setup(); for (int turn = 0; turn < 4; turn++) loop(); }\n"
    (tmp_path / "sketch.cpp").write_text(f"{ARDUINO}\n{code('// sketch')}\n{main}")
    warnings = ("-Wall", "-Wextra", "-Werror", "-std=c++11")
    build = ["g++", *warnings, "-o", str(tmp_path / "sketch"), str(tmp_path / "sketch.cpp")]
    subprocess.run(build, check=True)
    said = subprocess.run([tmp_path / "sketch"], capture_output=True, check=True, timeout=10).stdout
    decoder = Deframer(1000.0, "int16", 1)
    came = decoder.push(said, 0.0)
    assert [block.lost for block in came] == [0] * 4
    values = np.concatenate([block.samples for block in came])[:, 0] * 2**15
    assert np.array_equal(values, (np.arange(500, 700) - 512) * 64)
    assert decoder.receiver.refusals.count == 0


def test_every_configuration_in_it_is_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "check", lambda _mqtt: None)
    kinds = set()
    for text in blocks("yaml"):
        kinds |= {source.common.kind for source in load.parse(yaml.safe_load(text)).sources}
    assert kinds == {"mic", "serial", "udp", "mqtt", "iio"}


def test_the_overlay_compiles(tmp_path: Path) -> None:
    needed("dtc", "device-tree-compiler")
    (overlay,) = blocks("dts")
    (tmp_path / "a.dts").write_text(overlay)
    files = (str(tmp_path / "a.dtbo"), str(tmp_path / "a.dts"))
    command = ["dtc", "-@", "-I", "dts", "-O", "dtb", "-o", *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
