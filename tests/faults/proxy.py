"""A TCP proxy that breaks cables: after so many bytes, every so many seconds, or silently."""

import contextlib
import random
import socket
import struct
import threading
import time
from dataclasses import dataclass, field

AT_ONCE = 65536
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close at once, so that nothing unsent is delivered


@dataclass
class Proxy:
    """Listens on loopback, forwards to `port`; a context manager.

    `cut_bytes` draws a budget for each connection, both directions together; what is over it is
    not forwarded, so that packets are cut in two. `cut_s` cuts whatever is open that often.
    """

    target: int
    port: int = 0  # 0: any that is free
    cut_bytes: tuple[int, int] | None = None
    cut_s: float | None = None
    bytes_per_s: float | None = None
    seed: int = 0
    cuts: int = 0
    lose_up: bool = False  # from now on nothing reaches the target
    lose_down: bool = False  # ... or comes back from it
    _open: "set[_Cable]" = field(default_factory=set)

    def __enter__(self) -> "Proxy":
        self._random = random.Random(self.seed)
        self._closed = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = int(self._listener.getsockname()[1])
        _start(self._accept)
        if self.cut_s is not None:
            _start(self._cut_now_and_then)
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        """Breaks every cable that is whole now."""
        for cable in list(self._open):
            cable.cut()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                near, _ = self._listener.accept()
                self._connect(near)

    def _connect(self, near: socket.socket) -> None:
        try:
            far = socket.create_connection(("127.0.0.1", self.target), 2)
        except OSError:
            near.close()
            return
        far.settimeout(None)
        budget = self._random.randint(*self.cut_bytes) if self.cut_bytes else None
        cable = _Cable(self, near, far, budget)
        self._open.add(cable)
        _start(cable.carry, near, far, "lose_up")
        _start(cable.carry, far, near, "lose_down")

    def _cut_now_and_then(self) -> None:
        while not self._closed.wait(self.cut_s):
            self.cut()

    def forget(self, cable: "_Cable", cut: bool) -> None:
        self._open.discard(cable)
        self.cuts += cut


class _Cable:
    """One connection through the proxy."""

    def __init__(
        self, proxy: Proxy, near: socket.socket, far: socket.socket, budget: int | None
    ) -> None:
        self._proxy = proxy
        self._ends = (near, far)
        self._budget = budget
        self._lock = threading.Lock()
        self._whole = True
        for end in self._ends:
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def carry(self, source: socket.socket, sink: socket.socket, lost: str) -> None:
        """One direction, until the cable breaks or an end closes."""
        try:
            while data := source.recv(AT_ONCE):
                data, cut = self._spend(data)
                if not getattr(self._proxy, lost):
                    self._send(sink, data)
                if cut:
                    self.cut()
                    return
        except OSError:
            pass
        self._break(cut=False)

    def cut(self) -> None:
        self._break(cut=True)

    def _send(self, sink: socket.socket, data: bytes) -> None:
        if self._proxy.bytes_per_s is not None:
            time.sleep(len(data) / self._proxy.bytes_per_s)
        sink.sendall(data)

    def _spend(self, data: bytes) -> tuple[bytes, bool]:
        """What the budget still lets through, and whether that was the last of it."""
        if self._budget is None:
            return data, False
        with self._lock:
            data = data[: self._budget]
            self._budget -= len(data)
            return data, self._budget == 0

    def _break(self, cut: bool) -> None:
        with self._lock:
            if not self._whole:
                return
            self._whole = False
        self._proxy.forget(self, cut)
        for end in self._ends:
            with contextlib.suppress(OSError):
                if cut:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                end.shutdown(socket.SHUT_RDWR)
            end.close()


def _start(work: object, *args: object) -> None:
    threading.Thread(target=work, args=args, daemon=True).start()  # type: ignore[arg-type]
