"""Handles the requests of the page: its files, a stream of server-sent events, and two posts.

It uses the standard library, and sends no request to any other machine.
"""

import http.server
import logging
import math
import socket
import tempfile
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import IO, Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from agent.core import json_input
from agent.core.connections import Connections
from agent.core.errors import UserError
from agent.web import authorization
from agent.web.broadcast import Viewer
from agent.web.server_context import FILES, HEADERS, RefusedError, ServerContext

STALLED_S = 10.0  # a browser that reads or sends nothing for so long is gone
ALIVE_S = 2.0  # an idle stream repeats the state, to detect browsers that are gone
BUFFERED = 32 * 1024  # bytes in the kernel for one browser: seconds, not minutes
MAX_BYTES = 50 * 2**20  # of a recording
RECORDING_S = 300.0  # for it to arrive and to be scored
MAX_SETTING_BYTES = 4096
MAX_LENGTH_DIGITS = 12  # of a Content-Length

log = logging.getLogger("drsn.page")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = STALLED_S
    server_version, sys_version = "drsn-agent", ""

    def __init__(self, *args: Any, context: ServerContext) -> None:
        self._context = context
        super().__init__(*args)

    def do_GET(self) -> None:
        self._handle(self._get)

    def do_POST(self) -> None:
        self._handle(self._post)

    def log_message(self, format: str, *args: Any) -> None:
        log.debug(format, *args)

    def _handle(self, answer: Callable[[str, dict[str, str]], None]) -> None:
        """Checks the request and answers it; a refusal is a line of text."""
        self._extend(None)
        try:
            path, query = _split(self.path)
            why = authorization.refusal(self.command, self.headers)
            if why is not None:
                raise RefusedError(403, why)
            if not authorization.knows(self._context.token, self.headers, query.get("token")):
                raise RefusedError(401, "the page needs its token: open it as ...?token=TOKEN")
            answer(path, query)
        except RefusedError as refused:
            self.close_connection = True  # a part of the request may be unread
            self._send(refused.status, "text/plain; charset=utf-8", f"{refused}\n".encode())
        except TimeoutError:
            self.close_connection = True

    def _extend(self, for_s: float | None) -> None:
        """Gives this connection more time, see `Connections.extend`."""
        connections: Connections = self.server.connections  # type: ignore[attr-defined]
        connections.extend(self.connection, for_s)

    def _get(self, path: str, query: dict[str, str]) -> None:
        if path == "/" and self._context.token is not None and "token" in query:
            headers = {"Location": "/", "Set-Cookie": authorization.cookie(self._context.token)}
            self._send(303, "text/plain", b"", headers)
        elif path in FILES:
            name, kind = FILES[path]
            self._send(200, kind, (files("agent.web") / "static" / name).read_bytes())
        elif path == "/api/stream":
            self._stream(query.get("source", ""))
        else:
            raise RefusedError(404, "there is no such page")

    def _post(self, path: str, query: dict[str, str]) -> None:
        if path == "/api/setting" and self._context.change is not None:
            self._json(self._change(self._context.change))
        elif path == "/api/recording" and self._context.score is not None:
            name = Path(query.get("name", "recording")).name[:200] or "recording"
            self._json(self._score(self._context.score, name, query.get("source", "")))
        else:
            raise RefusedError(404, "there is nothing to post here")

    def _change(self, change: Callable[[object], msgspec.Struct]) -> msgspec.Struct:
        body = self.rfile.read(self._length(MAX_SETTING_BYTES))
        try:
            setting = change(json_input.decode(body, object))
        except (UserError, json_input.JsonError) as error:
            raise RefusedError(400, str(error)) from None
        self._context.broadcaster.put("setting", msgspec.json.encode(setting))
        return setting

    def _score(
        self, score: Callable[[Path, str, str], msgspec.Struct], name: str, source: str
    ) -> msgspec.Struct:
        """Scores the recording in a temporary file."""
        length = self._length(MAX_BYTES)
        self._extend(RECORDING_S)
        with tempfile.TemporaryDirectory(prefix="drsn-") as folder:
            file = Path(folder) / "recording.sound"  # without a suffix, which would select a format
            with file.open("wb") as out:
                _copy(self.rfile, out, length)
            try:
                return score(file, name, source)
            except UserError as error:
                raise RefusedError(422, str(error)) from None

    def _length(self, max_bytes: int) -> int:
        text = self.headers.get("Content-Length", "")
        if not (text.isdecimal() and text.isascii() and len(text) <= MAX_LENGTH_DIGITS):
            raise RefusedError(411, "found no Content-Length that can be, expected one")
        length = int(text)
        if length > max_bytes:
            size, limit = length / 2**20, max_bytes / 2**20
            raise RefusedError(413, f"found {size:.1f} MiB, expected at most {limit:.1f}")
        return length

    def _stream(self, source: str) -> None:
        """Sends frames and events for as long as the browser reads them."""
        names = [about.name for about in self._context.state().sources]
        viewer = self._context.broadcaster.join(source if source in names else names[0])
        if viewer is None:
            raise RefusedError(503, "too many browsers show this page already")
        self.close_connection = True
        self._extend(math.inf)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFERED)
        try:
            self._head(200, "text/event-stream", {"Connection": "close"})
            self._send_items(viewer)
        except OSError:
            pass  # it is gone, or reads nothing any more
        finally:
            self._context.broadcaster.leave(viewer)

    def _send_items(self, viewer: Viewer) -> None:
        while True:  # begins again after every pause, and where items were missed
            kind, data = "state", msgspec.json.encode(self._context.state())
            while True:
                self.wfile.write(b"event: %s\ndata: %s\n\n" % (kind.encode(), data))
                item = viewer.next(ALIVE_S)
                if item is None:
                    break
                kind, data = item

    def _json(self, record: msgspec.Struct) -> None:
        self._send(200, "application/json", msgspec.json.encode(record))

    def _send(
        self, status: int, kind: str, body: bytes, more: dict[str, str] | None = None
    ) -> None:
        self._head(status, kind, {"Content-Length": str(len(body))} | (more or {}))
        self.wfile.write(body)

    def _head(self, status: int, kind: str, more: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in ({"Content-Type": kind} | HEADERS | more).items():
            self.send_header(name, value)
        if self.close_connection and "Connection" not in more:
            self.send_header("Connection", "close")
        self.end_headers()


def _split(target: str) -> tuple[str, dict[str, str]]:
    """Path and query of a request; of a key that comes twice the first. `RefusedError`."""
    try:
        url = urlsplit(target)
        query = parse_qs(url.query, max_num_fields=100)
    except ValueError:
        raise RefusedError(400, "found no path of this page") from None
    return url.path, {key: values[0] for key, values in query.items()}


def _copy(body: Any, out: IO[bytes], length: int) -> None:
    remaining = length
    while remaining:
        part = body.read(min(remaining, 1 << 20))
        if not part:
            raise RefusedError(400, "the recording is incomplete")
        out.write(part)
        remaining -= len(part)
