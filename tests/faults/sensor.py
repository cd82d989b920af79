"""A sensor on a TCP port that can stall, hang up, or give fewer samples than it should."""

import contextlib
import socket
import threading
import time

import numpy as np

from tests.conftest import free_port

from .world import RATE_HZ

BLOCK = 50  # frames that it sends at a time


class Sensor:
    """Noise in int16, as time goes by; a context manager.

    Frames that nobody took, or that it kept back, are gone, as those of a converter would be:
    `withheld` counts them from its first client on.
    """

    def __init__(self) -> None:
        self.port = free_port()
        self.share = 1.0  # of its frames, how much it gives; 0: it stalls
        self.open = True  # False: hung up, connections refused
        self.withheld = 0.0
        self._ended = threading.Event()
        self._noise = np.random.default_rng(0)
        self._seen_s: float | None = None  # frames until then are given or withheld

    def __enter__(self) -> "Sensor":
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()

    def _serve(self) -> None:
        while not self._ended.wait(0.01):
            if self.open:
                with contextlib.suppress(OSError):
                    self._take_clients()

    def _take_clients(self) -> None:
        with socket.create_server(("127.0.0.1", self.port)) as door:
            door.settimeout(0.05)
            while self.open and not self._ended.is_set():
                with contextlib.suppress(TimeoutError, ConnectionError):
                    client, _ = door.accept()
                    with client:
                        self._give(client)

    def _give(self, client: socket.socket) -> None:
        due = 0.0
        self.withheld += self._passed() if self._seen_s is not None else 0.0
        self._seen_s = self._seen_s or time.monotonic()
        while self.open and not self._ended.wait(0.005):
            passed = self._passed()
            due += passed * self.share
            self.withheld += passed * (1 - self.share)
            if due >= BLOCK:
                client.sendall(self._block())
                due -= BLOCK

    def _passed(self) -> float:
        """Frames that time has brought since the last look."""
        before_s, self._seen_s = self._seen_s, time.monotonic()
        return 0.0 if before_s is None else (self._seen_s - before_s) * RATE_HZ

    def _block(self) -> bytes:
        return (self._noise.standard_normal(BLOCK) * 3000).astype("<i2").tobytes()
