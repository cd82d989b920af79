"""Sensors for latencies: raw int16 frames over TCP in small blocks, a process of their own.

Channel k begins `k * stagger_s` later than its agent connects, as real sensors are out of step.
The process says when each channel's frame 0 was taken.
"""

import heapq
import multiprocessing
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection

import numpy as np

SECONDS = 4  # of signal, repeated
QUIET, LOUD = 300, 3000  # RMS, for a model that hears how loud a window is


@dataclass(frozen=True)
class Signal:
    """What each channel sends; `alternate_s`: as long quiet, then loud (0: always loud)."""

    rate_hz: int
    block_s: float
    stagger_s: float
    alternate_s: float = 0.0

    def data(self) -> bytes:
        frames = SECONDS * self.rate_hz
        noise = np.random.default_rng(0).standard_normal(frames)
        period = round(2 * self.alternate_s * self.rate_hz) or 1
        quiet = (np.arange(frames) % period) < period // 2
        return (noise * np.where(quiet, QUIET, LOUD)).clip(-32000, 32000).astype("<i2").tobytes()


class Sensors:
    """`ports[k]` is channel k's; `began_s[k]` the monotonic time of its frame 0, once known."""

    def __init__(self, signal: Signal, channels: int) -> None:
        servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(channels)]
        self.ports = [int(server.getsockname()[1]) for server in servers]
        self._began_s: dict[int, float] = {}
        self._pipe, theirs = multiprocessing.Pipe(duplex=False)
        context = multiprocessing.get_context("fork")
        self._process = context.Process(target=_serve, args=(signal, servers, theirs), daemon=True)
        self._process.start()
        for server in servers:
            server.close()

    @property
    def began_s(self) -> dict[int, float]:
        while self._pipe.poll():
            channel, began_s = self._pipe.recv()
            self._began_s[channel] = began_s
        return self._began_s

    def close(self) -> None:
        self._process.terminate()
        self._process.join()


def _serve(signal: Signal, servers: list[socket.socket], pipe: Connection) -> None:
    once = signal.data()
    frames = round(signal.block_s * signal.rate_hz)
    data = memoryview(once + once[: 2 * frames])
    connections = [server.accept()[0] for server in servers]
    began_s = time.monotonic() + 0.1
    queue = [(began_s + k * signal.stagger_s, k, 0) for k in range(len(servers))]
    for at_s, channel, _ in queue:
        pipe.send((channel, at_s))
    queue = [(at_s + frames / signal.rate_hz, channel, at) for at_s, channel, at in queue]
    heapq.heapify(queue)
    for due_s, channel, at in _due(queue, frames / signal.rate_hz, frames):
        time.sleep(max(0.0, due_s - time.monotonic()))
        first = 2 * at % len(once)
        try:
            connections[channel].sendall(data[first : first + 2 * frames])
        except OSError:
            return


def _due(
    queue: list[tuple[float, int, int]], block_s: float, frames: int
) -> Iterator[tuple[float, int, int]]:
    while True:
        due_s, channel, at = heapq.heappop(queue)
        yield due_s, channel, at
        heapq.heappush(queue, (due_s + block_s, channel, at + frames))
