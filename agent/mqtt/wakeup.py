"""Ends another thread's `select`."""

import contextlib
import socket


class Wakeup:
    """A pair of sockets: one side is selected on, the other is written to from any thread."""

    def __init__(self) -> None:
        self._awake, self._wakeup = socket.socketpair()
        self._awake.setblocking(False)
        self._wakeup.setblocking(False)

    def fileno(self) -> int:
        return self._awake.fileno()

    def wake(self) -> None:
        with contextlib.suppress(OSError):  # full: it wakes anyway; closed: nobody waits
            self._wakeup.send(b"\0")

    def drain(self) -> None:
        """Clears the wake-ups so far."""
        with contextlib.suppress(BlockingIOError):
            while self._awake.recv(4096):
                pass

    def close(self) -> None:
        self._awake.close()
        self._wakeup.close()
