"""JSON lines on standard output: one payload a line."""

import sys
import threading

from agent.core.types import Message, Receipt


class StdoutSink:
    """A sink that acknowledges every message as soon as it is written."""

    state = "connected"
    why = None
    session = 1
    in_flight_limit = 1000
    most_bytes = sys.maxsize

    def __init__(self) -> None:
        self._written: list[Receipt] = []
        self._awake = threading.Event()

    def send(self, message: Message) -> None:
        if not message.seq:
            return  # health: not part of the record
        sys.stdout.buffer.write(message.payload + b"\n")
        self._written.append(Receipt(message.seq))

    def poll(self, timeout_s: float) -> list[Receipt]:
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
