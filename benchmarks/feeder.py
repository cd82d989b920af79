"""A sensor for benchmarks: raw int16 frames over TCP, as many channels as connect, in real time."""

import socket
import threading
import time

import numpy as np

STEP_S = 0.05


class Feeder:
    """Serves on a free port. Each connection gets what makes a first window at once, then the rest
    as the clock goes; one that does not take its frames is waited for."""

    def __init__(self, rate_hz: float, first_s: float) -> None:
        frames = round(10 * rate_hz)
        noise = np.random.default_rng(0).standard_normal(frames) * 3000
        self._data = noise.astype("<i2").tobytes()
        self.rate_hz = rate_hz
        self._first = round(first_s * rate_hz)
        self._server = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._server.getsockname()[1]
        self.accepted_s: list[float] = []  # monotonic
        self._sent: list[int] = []  # frames, a connection each
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def sent(self) -> int:
        """Frames that were taken, by all connections together."""
        return sum(self._sent)

    def close(self) -> None:
        self._server.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            self.accepted_s.append(time.monotonic())
            self._sent.append(0)
            which = len(self._sent) - 1
            threading.Thread(target=self._feed, args=(connection, which), daemon=True).start()

    def _feed(self, connection: socket.socket, which: int) -> None:
        step = round(STEP_S * self.rate_hz)
        began_s, at = time.monotonic(), 0
        with connection:
            while True:
                frames = self._first if not at else step
                try:
                    connection.sendall(self._piece(at, frames))
                except OSError:
                    return
                at += frames
                self._sent[which] = at
                due_s = began_s + (at - self._first) / self.rate_hz
                time.sleep(max(0.0, due_s - time.monotonic()))

    def _piece(self, at: int, frames: int) -> bytes:
        size = len(self._data)
        first = 2 * at % size
        return (self._data + self._data[: 2 * frames])[first : first + 2 * frames]
