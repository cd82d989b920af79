"""JSON lines on standard output: one payload a line."""

import sys
import threading

from agent.core import Message


class StdoutSink:
    """A sink whose every message is acknowledged as soon as it is written."""

    state = "connected"
    session = 1
    window = 1000

    def __init__(self) -> None:
        self._written: list[int] = []
        self._awake = threading.Event()

    def send(self, message: Message) -> None:
        if not message.seq:
            return  # health: not part of the record
        sys.stdout.buffer.write(message.payload + b"\n")
        self._written.append(message.seq)

    def poll(self, timeout_s: float) -> list[int]:
        written, self._written = self._written, []
        if written:
            sys.stdout.buffer.flush()
            return written
        self._awake.wait(timeout_s)
        self._awake.clear()
        return []

    def wake(self) -> None:
        self._awake.set()

    def close(self) -> None:
        sys.stdout.buffer.flush()
