"""The open connections of a server: at most so many, each for so long."""

import contextlib
import math
import socket
import threading
import time


class Connections:
    """Shared by a server's accepting thread and the threads of its connections.

    A time limit of a socket is one for each read: who sends a byte now and then stays for ever.
    Here the whole request has a time, after which its connection is shut down.
    """

    def __init__(self, most: int, longest_s: float) -> None:
        self._most = most
        self._longest_s = longest_s
        self._until_s: dict[socket.socket, float] = {}  # monotonic
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._until_s)

    def admit(self, connection: socket.socket) -> bool:
        """False where there are too many."""
        with self._lock:
            if len(self._until_s) >= self._most:
                return False
            self._until_s[connection] = time.monotonic() + self._longest_s
            return True

    def extend(self, connection: socket.socket, for_s: float | None = None) -> None:
        """Gives it that time from now on; None: the usual one, `math.inf`: any time."""
        with self._lock:
            if connection in self._until_s:
                longest_s = self._longest_s if for_s is None else for_s
                self._until_s[connection] = time.monotonic() + longest_s

    def leave(self, connection: socket.socket) -> None:
        with self._lock:
            self._until_s.pop(connection, None)

    def shut_late(self) -> None:
        """Shuts down those whose time is over: their threads then find them at an end."""
        now_s = time.monotonic()
        with self._lock:
            late = [one for one, until_s in self._until_s.items() if until_s < now_s]
            self._until_s |= dict.fromkeys(late, math.inf)
        for connection in late:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
