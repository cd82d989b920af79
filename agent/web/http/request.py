"""A request that is let in, and what answers it."""

import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import IO, Any, Literal

import msgspec

from agent.core import json_input
from agent.core.json_input import JsonError

MAX_JSON_BYTES = 4096  # of a body
LAST_S = 253_402_300_799  # the end of the year 9999
MAX_LENGTH_DIGITS = 12  # of a Content-Length
CHUNK_BYTES = 1 << 20


class RefusedError(Exception):
    """A request that is refused, with the status and the reason in one line."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(" ".join(why.split()))
        self.status = status


class Body(msgspec.Struct, frozen=True):
    """The body of a request, read once. Its methods raise `RefusedError`."""

    stream: IO[bytes]
    content_length: str  # as the header has it
    extend: Callable[[float], None]  # gives the request that many seconds from now on

    def json(self) -> object:
        """The decoded JSON; status 400 where it is none."""
        try:
            return json_input.decode(self.stream.read(self._length(MAX_JSON_BYTES)), object)
        except JsonError as error:
            raise RefusedError(400, str(error)) from None

    def save(self, file: Path, max_bytes: int, within_s: float) -> None:
        """Writes it to a file; it has `within_s` to arrive and to be answered."""
        remaining = self._length(max_bytes)
        self.extend(within_s)
        with file.open("wb") as out:
            while remaining:
                part = self.stream.read(min(remaining, CHUNK_BYTES))
                if not part:
                    raise RefusedError(400, "the body is incomplete")
                out.write(part)
                remaining -= len(part)

    def _length(self, max_bytes: int) -> int:
        text = self.content_length
        if not (text.isdecimal() and text.isascii() and len(text) <= MAX_LENGTH_DIGITS):
            raise RefusedError(411, "found no Content-Length that can be, expected one")
        length = int(text)
        if length > max_bytes:
            size, limit = length / 2**20, max_bytes / 2**20
            raise RefusedError(413, f"found {size:.1f} MiB, expected at most {limit:.1f}")
        return length


class Request(msgspec.Struct, frozen=True):
    """A request for a route."""

    query: Mapping[str, str]
    body: Body

    def number(self, name: str, default: int, low: int, high: int) -> int:
        """A whole number of the query; `RefusedError` with status 400 unless within the range."""
        text = self.query.get(name, str(default))
        if text.isdecimal() and text.isascii() and len(text) < 10 and low <= int(text) <= high:
            return int(text)
        raise RefusedError(400, f"{name}: found {text[:40]!r}, expected {low} to {high}")

    def seconds(self, name: str, default: float) -> float:
        """A Unix time of the query; `RefusedError` with status 400 where it is none."""
        text = self.query.get(name, str(default))
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not 0 <= value <= LAST_S:  # nor what is no number
            raise RefusedError(400, f"{name}: found {text[:40]!r}, expected a Unix time")
        return value

    def choice(self, name: str, options: tuple[str, ...]) -> str:
        """A word of the query, by default the first option; `RefusedError` with status 400."""
        text = self.query.get(name, options[0])
        if text in options:
            return text
        raise RefusedError(400, f"{name}: found {text[:40]!r}, expected {', '.join(options)}")


class Content(msgspec.Struct, frozen=True):
    """An answer that is not JSON."""

    kind: str  # as in Content-Type
    data: bytes
    headers: Mapping[str, str] = {}
    stream: IO[bytes] | None = None  # sent in the place of `data`, and closed
    length: int = 0  # bytes of `stream`


Answer = msgspec.Struct | Content  # a struct is sent as JSON


class Route(msgspec.Struct, frozen=True):
    """One path with one method, and the function that answers it, in the connection's thread.

    The function raises `RefusedError` with a status, or `UserError`, which is status 422.
    """

    method: Literal["GET", "POST"]
    path: str
    answer: Callable[[Request], Any]  # `Answer`


def table(routes: Iterable[Route]) -> Mapping[tuple[str, str], Route]:
    """The routes by method and path."""
    return {(route.method, route.path): route for route in routes}
