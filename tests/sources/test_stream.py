"""A stream's frames gather outside until a window needs them, and are never held for long."""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from agent.core.types import Gathering
from agent.sources import stream
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


def test_frames_of_many_blocks_are_few_reads(opened: tuple[StreamSource, Write]) -> None:
    source, write = opened
    assert isinstance(source, Gathering)

    def send() -> None:
        for _ in range(20):
            write(PIECE)
            time.sleep(0.005)

    thread = threading.Thread(target=send)
    thread.start()
    reads, frames = 0, 0
    while frames < 1000:
        source.gather(1000 - frames)
        block = source.read()
        assert block is not None
        reads, frames = reads + bool(len(block.samples)), frames + len(block.samples)
    thread.join()
    assert reads <= 10  # of 20 blocks; on an idle machine three


def test_what_came_is_given_after_a_tenth_of_a_second_though_more_was_wanted(
    opened: tuple[StreamSource, Write],
) -> None:
    source, write = opened
    write(PIECE)
    source.gather(1_000_000)
    began_s = time.monotonic()
    block = source.read()
    assert block is not None
    assert len(block.samples) == 50
    assert time.monotonic() - began_s < 1.0


def test_a_read_without_a_frame_returns_so_that_a_stop_is_noticed(
    opened: tuple[StreamSource, Write],
) -> None:
    source, _ = opened
    source.gather(100)
    block = source.read()
    assert block is not None
    assert len(block.samples) == 0
