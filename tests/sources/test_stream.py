"""A stream gives what has come, waits for nothing when taken from, and says what it leaves."""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from agent.core.types import Pollable
from agent.sources import readable, stream
from agent.sources.stream import Options, StreamSource

RATE_HZ = 10_000
PIECE = np.arange(50, dtype="<i2").tobytes()  # 5 ms

Write = Callable[[bytes], object]


@pytest.fixture(params=["tcp", "fifo"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[StreamSource, Write]]:
    if request.param == "tcp":
        server = socket.create_server(("127.0.0.1", 0))
        url = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        source = stream.open_source(Options(rate_hz=RATE_HZ, url=url))
        connection, _ = server.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield source, connection.sendall
        connection.close()
        server.close()
    else:
        path = tmp_path / "fifo"
        os.mkfifo(path)
        source = stream.open_source(Options(rate_hz=RATE_HZ, url=str(path)))
        writer = os.open(path, os.O_WRONLY)
        yield source, lambda data: os.write(writer, data)
        os.close(writer)
    source.close()


def test_a_take_waits_for_nothing_and_gives_all_that_has_come(
    opened: tuple[StreamSource, Write],
) -> None:
    source, write = opened
    assert isinstance(source, Pollable)
    began_s = time.monotonic()
    block = source.take()
    assert block is not None
    assert len(block.samples) == 0
    assert time.monotonic() - began_s < 0.05
    for _ in range(20):
        write(PIECE)
    frames = 0
    while frames < 1000 and readable.wait(source.fileno(), 5):
        block = source.take()
        assert block is not None
        frames += len(block.samples)
    assert frames == 1000
    assert not source.more


def test_what_a_take_leaves_behind_is_said(opened: tuple[StreamSource, Write]) -> None:
    source, write = opened
    thread = threading.Thread(target=write, args=(4000 * PIECE,))
    thread.start()
    frames = 0
    while frames < 200_000 and readable.wait(source.fileno(), 5):
        block = source.take()
        assert block is not None
        assert source.more is (len(block.samples) >= stream.AT_ONCE // 2 - 1)
        frames += len(block.samples)
    thread.join()
    assert frames == 200_000
    assert not source.more


def test_a_read_without_a_frame_returns_so_that_a_stop_is_noticed(
    opened: tuple[StreamSource, Write],
) -> None:
    source, _ = opened
    began_s = time.monotonic()
    block = source.read()
    assert block is not None
    assert len(block.samples) == 0
    assert time.monotonic() - began_s < 1.0


def test_no_more_gathers_outside_than_half_a_pipe_holds(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for rate_hz, channels, gathers_s in ((1000, 1, 0.1), (51_200, 16, 0.02)):
        options = Options(rate_hz=rate_hz, url=str(tmp_path / "fifo"), interleaved=channels)
        source = stream.open_source(options)
        assert source.gathers_s == pytest.approx(gathers_s)
        source.close()
