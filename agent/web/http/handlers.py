"""Handles the requests of the page: its files, its routes and its stream of events.

It uses the standard library, and sends no request to any other machine.
"""

import http.server
import io
import logging
import math
import shutil
import socket
from collections.abc import Callable, Mapping
from importlib.resources.abc import Traversable
from typing import IO, Any, cast
from urllib.parse import parse_qs, urlsplit

import msgspec

from agent.core.connections import Connections
from agent.core.errors import UserError
from agent.web.http import authorization
from agent.web.http.request import CHUNK_BYTES, Body, Content, RefusedError, Request, Route
from agent.web.http.stream import EventStream

STALLED_S = 10.0  # a browser that reads or sends nothing for so long is gone
BUFFERED = 32 * 1024  # bytes in the kernel for one browser: seconds, not minutes
STREAM = "/api/stream"
TEXT = "text/plain; charset=utf-8"
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; media-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}

log = logging.getLogger("drsn.page")


class ServerContext(msgspec.Struct, frozen=True):
    """What the server answers; `token` None: whoever reaches it may."""

    files: Mapping[str, tuple[Traversable, str]]  # file and content type by path
    routes: Mapping[tuple[str, str], Route]  # by method and path
    stream: EventStream
    token: str | None


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
        self._handle(self._route)

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
            self._send(refused.status, Content(TEXT, f"{refused}\n".encode()))
        except TimeoutError:
            self.close_connection = True

    def _extend(self, for_s: float | None) -> None:
        """Gives this connection more time, see `Connections.extend`."""
        connections: Connections = self.server.connections  # type: ignore[attr-defined]
        connections.extend(self.connection, for_s)

    def _get(self, path: str, query: dict[str, str]) -> None:
        if path == "/" and self._context.token is not None and "token" in query:
            cookie = authorization.cookie(self._context.token)
            self._send(303, Content("text/plain", b"", {"Location": "/", "Set-Cookie": cookie}))
        elif path in self._context.files:
            file, kind = self._context.files[path]
            self._send(200, Content(kind, file.read_bytes()))
        elif path == STREAM:
            self._stream(query.get("source", ""))
        else:
            self._route(path, query)

    def _route(self, path: str, query: dict[str, str]) -> None:
        route = self._context.routes.get((self.command, path))
        if route is None:
            raise RefusedError(404, f"found no {path[:100]!r} here for {self.command}")
        length = self.headers.get("Content-Length", "")
        body = Body(cast(IO[bytes], self.rfile), length, self._extend)
        try:
            answer = route.answer(Request(query, body))
        except UserError as error:
            raise RefusedError(422, str(error)) from None
        self.close_connection = True  # who asks every few seconds holds no connection meanwhile
        if not isinstance(answer, Content):
            answer = Content("application/json", msgspec.json.encode(answer))
        self._send(200, answer)

    def _stream(self, source: str) -> None:
        """Sends frames and events for as long as the browser reads them."""
        viewer = self._context.stream.join(source)
        self.close_connection = True
        self._extend(math.inf)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFERED)
        try:
            self._head(200, {"Content-Type": "text/event-stream", "Connection": "close"})
            self._context.stream.send(viewer, cast(IO[bytes], self.wfile))
        except OSError:
            pass  # it is gone, or reads nothing any more
        finally:
            self._context.stream.broadcaster.leave(viewer)

    def _send(self, status: int, content: Content) -> None:
        stream = content.stream or io.BytesIO(content.data)
        with stream:
            length = str(content.length if content.stream else len(content.data))
            head = {"Content-Type": content.kind, "Content-Length": length, **content.headers}
            self._head(status, head)
            shutil.copyfileobj(stream, self.wfile, CHUNK_BYTES)

    def _head(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {**HEADERS, **headers}.items():
            self.send_header(name, value)
        if self.close_connection and "Connection" not in headers:
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
