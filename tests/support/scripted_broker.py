"""A broker on loopback that answers each PUBLISH as a function says: refused, ignored, closed.

It understands as much of MQTT 5 and 3.1.1 as the agent sends, and passes nothing on.
"""

import contextlib
import json
import select
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

CLOSE = -1  # an answer: end the connection
IGNORE = -2  # an answer: never acknowledge
CONNECT, PUBLISH, SUBSCRIBE, UNSUBSCRIBE, PING = 1, 3, 8, 10, 12
HELD_S = 0.05  # the longest that an acknowledgement is held back
Answer = Callable[[str, bytes], int]  # topic and payload; a reason code, CLOSE or IGNORE


@dataclass
class ScriptedBroker:
    """Listens until it is closed; a context manager."""

    answer: Answer
    answers_fences: bool = True  # UNSUBSCRIBE requests
    batch: int = 1  # acknowledgements that are sent together, the last first
    most_held: int = 0  # acknowledgements that were held back at once
    received: list[tuple[str, bytes, int]] = field(default_factory=list)  # with its answer
    connects: int = 0
    _connections: list[socket.socket] = field(default_factory=list)

    def __enter__(self) -> "ScriptedBroker":
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def cut(self) -> None:
        """Ends every connection."""
        connections, self._connections = self._connections, []
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def records(self, last: str, answer: int = 0) -> list[dict[str, Any]]:
        """The JSON of all messages with that answer whose topic ends in `last`."""
        return [
            json.loads(payload)
            for topic, payload, code in list(self.received)
            if code == answer and topic.endswith(f"/{last}")
        ]

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connects += 1
                self._connections.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        modern = False
        held: list[bytes] = []
        with connection, contextlib.suppress(OSError, EOFError):
            while True:
                self._acknowledge(connection, held)
                kind, flags, body = _packet(connection)
                if kind == CONNECT:
                    modern = body[6] == 5
                    connection.sendall(b"\x20\x03\0\0\0" if modern else b"\x20\x02\0\0")
                elif kind == SUBSCRIBE:
                    connection.sendall(_acknowledge(0x90, body, modern))
                elif kind == UNSUBSCRIBE and self.answers_fences:
                    connection.sendall(_unsubscribed(body, modern))
                elif kind == PING:
                    connection.sendall(b"\xd0\0")
                elif kind == PUBLISH and not self._publish(held, flags, body, modern):
                    return

    def _acknowledge(self, connection: socket.socket, held: list[bytes]) -> None:
        """Sends what is held back, if it is enough or nothing more comes."""
        if len(held) >= self.batch or (held and not select.select([connection], [], [], HELD_S)[0]):
            self.most_held = max(self.most_held, len(held))
            connection.sendall(b"".join(reversed(held)))
            held.clear()

    def _publish(self, held: list[bytes], flags: int, body: bytes, modern: bool) -> bool:
        """Answers a PUBLISH; False where the connection ends."""
        size = int.from_bytes(body[:2], "big")
        topic, rest = body[2 : 2 + size].decode(), body[2 + size :]
        qos = flags >> 1 & 3
        mid, rest = (rest[:2], rest[2:]) if qos else (b"", rest)
        payload = rest[1 + rest[0] :] if modern else rest  # properties under 128 bytes
        code = self.answer(topic, payload)
        self.received.append((topic, payload, code))
        if code == CLOSE:
            return False
        if qos and code != IGNORE:
            reason = bytes([code, 0]) if modern else b""
            held.append(bytes([0x40, 2 + len(reason)]) + mid + reason)
        return True


def _packet(connection: socket.socket) -> tuple[int, int, bytes]:
    head = _exactly(connection, 1)[0]
    size = shift = 0
    while True:
        byte = _exactly(connection, 1)[0]
        size |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            break
    return head >> 4, head & 15, _exactly(connection, size)


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def _acknowledge(head: int, body: bytes, modern: bool) -> bytes:
    """Of one topic."""
    rest = body[:2] + (b"\0" if modern else b"") + b"\0"
    return struct.pack("BB", head, len(rest)) + rest


def _unsubscribed(body: bytes, modern: bool) -> bytes:
    return _acknowledge(0xB0, body, modern) if modern else b"\xb0\x02" + body[:2]
