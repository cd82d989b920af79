"""One thread reads all sockets and pipes: every frame, in few turns, and none stops another."""

import contextlib
import os
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agent import sources
from agent.acquisition.conditioning import Conditioner
from agent.acquisition.reader import SourceReader
from agent.acquisition.ring_buffer import Ring
from agent.acquisition.shared_reader import SharedReader, SharedSource
from agent.config.validation import convert
from agent.core.types import Mark, Pollable, Source
from agent.sources.stream import Options, open_source
from tests.conftest import eventually
from tests.contract import live
from tests.contract.live import EXPECTED, SAMPLES

RATE_HZ = 8000
PIECE = SAMPLES[:40].tobytes()  # 5 ms of two channels


@dataclass
class Reading:
    """A source in the shared reader's care, and the ring that it fills."""

    open: Callable[[], Source]
    shared: SharedReader
    frames: int = 40_000
    ring: Ring = field(init=False)
    stopping: threading.Event = field(default_factory=threading.Event)
    pushes: int = 0
    fileno: int = -1

    def __post_init__(self) -> None:
        self.ring = Ring(self.frames, 2, lambda: None)
        self.reader = SourceReader("x", self.open, self.attach, [self.ring], lambda: None)
        self.start()

    def start(self) -> None:
        thread = threading.Thread(target=self.reader.run, args=(self.stopping, self.share))
        thread.start()

    def share(self, source: Pollable) -> None:
        self.fileno = source.fileno()
        self.shared.add(SharedSource(self.reader, source, self.stopping, self.start))

    def attach(self, source: Source) -> Conditioner:
        reading = self

        class Counted(Conditioner):
            def push(self, block: Any) -> bool:
                reading.pushes += bool(len(block.samples))
                return super().push(block)

        return Counted(source.format, self.ring, RATE_HZ, (0, 1), 1.0)

    def signal(self) -> np.ndarray:
        """All frames so far that arrived."""
        samples, marks, _ = self.ring.read(0, self.ring.end)
        arrived: np.ndarray = samples[marks & Mark.GAP == 0]
        return arrived


@pytest.fixture
def shared() -> Iterator[SharedReader]:
    shared = SharedReader()
    thread = threading.Thread(target=shared.run)
    thread.start()
    yield shared
    shared.finish()
    thread.join(5)
    assert not thread.is_alive()


@contextlib.contextmanager
def reading(open_it: Callable[[], Source], shared: SharedReader, **keys: Any) -> Iterator[Reading]:
    one = Reading(open_it, shared, **keys)
    try:
        yield one
    finally:
        one.stopping.set()
        eventually(lambda: one.ring.ended, 5, "it has ended")


@contextlib.contextmanager
def tcp() -> Iterator[tuple[socket.socket, Callable[[], Source]]]:
    """A sensor that listens, and what opens a stream of it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        yield server, lambda: open_source(Options(rate_hz=RATE_HZ, url=url, interleaved=2))


def stream_tcp(_folder: Path, stack: contextlib.ExitStack) -> live.Made:
    server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

    def send() -> None:
        connection = stack.enter_context(server.accept()[0])
        data = SAMPLES.tobytes()
        for at in range(0, len(data), 1001):  # cuts through frames
            connection.sendall(data[at : at + 1001])

    url = f"tcp://127.0.0.1:{server.getsockname()[1]}"
    return {"kind": "stream", "url": url} | live.COMMON, send


def stream_fifo(folder: Path, stack: contextlib.ExitStack) -> live.Made:
    os.mkfifo(folder / "fifo")

    def send() -> None:
        writer = stack.enter_context((folder / "fifo").open("wb"))
        writer.write(SAMPLES.tobytes())
        writer.flush()

    return {"kind": "stream", "url": str(folder / "fifo")} | live.COMMON, send


@pytest.mark.parametrize("make", [stream_tcp, stream_fifo, live.udp, live.mqtt])
def test_each_kind_delivers_every_frame_once_in_order(
    shared: SharedReader, tmp_path: Path, make: Callable[..., live.Made]
) -> None:
    with contextlib.ExitStack() as stack:
        raw, send = make(tmp_path, stack)
        kind = raw.pop("kind")
        options = convert(raw, sources.options(kind), "")
        with reading(lambda: sources.open_source(kind, options), shared) as one:
            eventually(lambda: one.fileno >= 0, 5, "it is shared")
            threading.Thread(target=send).start()
            eventually(lambda: len(one.signal()) >= len(SAMPLES), 10, "all frames")
            assert np.array_equal(one.signal()[: len(SAMPLES)], EXPECTED)


def test_a_block_that_completes_no_window_is_not_conditioned_by_itself(
    shared: SharedReader,
) -> None:
    with tcp() as (server, open_it), reading(open_it, shared) as one:
        one.ring.expect(0, 4000)
        with server.accept()[0] as connection:
            for _ in range(100):  # half a second
                connection.sendall(PIECE)
                time.sleep(0.005)
            eventually(lambda: one.reader.samples == 4000, 5, "all frames")
    assert one.pushes < 40  # of 100 blocks; on an idle machine about seven


def test_a_source_that_breaks_is_opened_again_and_another_one_goes_on(
    shared: SharedReader,
) -> None:
    with (
        tcp() as (bad, open_bad),
        tcp() as (good, open_good),
        reading(open_bad, shared) as broken,
        reading(open_good, shared) as whole,
        good.accept()[0] as connection,
    ):
        for opened in (1, 2, 3):
            sensor = bad.accept()[0]
            sensor.sendall(PIECE)
            eventually(lambda: broken.reader.fault is None, 5, "it delivers")
            sensor.close()
            sent = 40 * opened
            connection.sendall(PIECE)
            eventually(lambda: broken.reader.fault == "the stream ended", 5, "it broke")
            eventually(lambda sent=sent: whole.reader.samples == sent, 5, "the other goes on")  # type: ignore[misc]
            assert broken.reader.opened == opened
        with bad.accept()[0]:
            eventually(lambda: broken.reader.opened == 4, 5, "opened a fourth time")


def test_a_patient_source_whose_windows_are_late_waits_and_another_one_goes_on(
    shared: SharedReader,
) -> None:
    with (
        tcp() as (late_server, open_late),
        tcp() as (server, open_it),
        reading(open_late, shared, frames=8000) as late,
        reading(open_it, shared) as one,
        late_server.accept()[0] as late_sensor,
        server.accept()[0] as sensor,
    ):
        late.ring.expect(0, 2000)
        for _ in range(30):
            late_sensor.sendall(10 * PIECE)
            sensor.sendall(10 * PIECE)
            time.sleep(0.005)
        eventually(lambda: one.reader.samples == 12_000, 5, "all frames of the other")
        assert late.ring.end < 8000
        for first in range(0, 12_000, 2000):  # its windows are scored after all
            eventually(lambda end=first + 2000: late.ring.end >= end, 5, "the next window")  # type: ignore[misc]
            late.ring.expect(first + 2000, 2000)
        assert late.ring.overrun == 0
        assert np.array_equal(late.ring.read(11_960, 40)[0], EXPECTED[:40])


def test_a_source_stops_though_nothing_comes(shared: SharedReader) -> None:
    with tcp() as (server, open_it), reading(open_it, shared) as one, server.accept()[0] as sensor:
        began_s = time.monotonic()
        one.stopping.set()
        eventually(lambda: one.ring.ended, 5, "it has ended")
        assert time.monotonic() - began_s < 1.0
        assert sensor.recv(1) == b""


def test_descriptors_above_1024_are_read_as_well(shared: SharedReader) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    if min(4096, hard) < 1200:
        pytest.skip(f"a process may open {hard} files here, the test needs 1,200")
    files = [os.open(os.devnull, os.O_RDONLY) for _ in range(1050)]
    try:
        with tcp() as (server, open_it), reading(open_it, shared) as one:
            with server.accept()[0] as sensor:
                sensor.sendall(PIECE)
                eventually(lambda: one.reader.samples == 40, 5, "its frames")
            assert one.fileno > 1024
    finally:
        for fileno in files:
            os.close(fileno)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
