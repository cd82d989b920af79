"""What browsers and Prometheus send: `agent.web` and `agent.service.metrics`."""

import contextlib
import io
import itertools
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec

from agent.core.connections import Connections
from agent.core.errors import UserError
from agent.messages.records import Health
from agent.service.metrics import server as metrics
from agent.web.http import request, static_files
from agent.web.http.handlers import Handler, ServerContext
from agent.web.resources import demonstration
from tests.hostile.decoder import Decoder


class _Stalling(io.BytesIO):
    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        if not data:
            raise TimeoutError("timed out")
        return data


class _Connection:
    """A client's socket in memory: the request is there, the answer is dropped.

    Some clients stall at the end of what they send.
    """

    def __init__(self, request: bytes) -> None:
        self._request = request

    def makefile(self, *_: Any) -> io.BytesIO:
        stalls = b"stall" in self._request or len(self._request) % 5 == 0
        return _Stalling(self._request) if stalls else io.BytesIO(self._request)

    def sendall(self, _data: bytes) -> None:
        pass

    def settimeout(self, _seconds: float) -> None:
        pass

    def setsockopt(self, *_: Any) -> None:
        pass


def table() -> list[Decoder]:
    """The page and the metrics."""
    return [_page(), _metrics()]


def _page() -> Decoder:
    def change(value: object) -> msgspec.Struct:
        raise UserError(f"found {str(value)[:50]!r}")

    def score(_file: Path, name: str, _source: str) -> msgspec.Struct:
        raise UserError(f"{name}: not a recording")

    nothing: Any = None
    routes = request.table(demonstration.routes(change, score))
    context = ServerContext(static_files.table(), routes, nothing, "0123456789abcdef")

    server: Any = SimpleNamespace(connections=Connections(32, 10.0))

    open_context = ServerContext(context.files, routes, nothing, None)  # without a token

    def handle(data: bytes) -> None:
        for each in (context, open_context):
            Handler(_Connection(data), ("127.0.0.1", 1), server, context=each)

    head = b"Host: localhost\r\nAuthorization: Bearer 0123456789abcdef\r\n"
    body = b'{"snr_db": 3}'
    other = b"Host: localhost\r\nOrigin: http://evil.example\r\n\r\n"
    linked = b"Host: localhost\r\nSec-Fetch-Site: cross-site\r\n\r\n"
    post = b"Content-Length: %d\r\nOrigin: http://localhost\r\nCookie: drsn_token=x\r\n\r\n%s"
    return Decoder(
        "page",
        handle,
        [
            b"POST /api/recording?name=stall.wav&source=b HTTP/1.1\r\n" + head + post % (9, b""),
            b"POST /api/setting HTTP/1.1\r\n" + head + post % (2**30, b""),
            b"GET / HTTP/1.1\r\n" + head + b"\r\n",
            b"GET / HTTP/1.1\r\n" + other,
            b"GET / HTTP/1.1\r\n" + linked,
            b"GET /api/none?source=a&token=x HTTP/1.1\r\n" + head + b"\r\n",
            b"POST /api/setting HTTP/1.1\r\n" + head + post % (len(body), body),
            b"POST /api/recording?name=a.wav&source=b HTTP/1.1\r\n" + head + post % (4, b"RIFF"),
        ],
        [
            *(f"agent/web/http/handlers.py:Handler.{name}" for name in ("_handle", "_route")),
            *(f"agent/web/http/request.py:Body.{name}" for name in ("json", "save", "_length")),
            *(
                f"agent/web/http/authorization.py:{name}"
                for name in ("refusal", "knows", "_cookie")
            ),
        ],
    )


def _metrics() -> Decoder:
    health = itertools.cycle([_health(), None, None])
    snapshot: Any = SimpleNamespace(shown=lambda: next(health), measurements=dict)
    tokens = (None, "0123456789abcdef")
    answers = itertools.cycle([metrics.application(snapshot, token) for token in tokens])
    server: Any = SimpleNamespace(
        get_app=lambda: next(answers),
        base_environ={"SERVER_NAME": "localhost", "SERVER_PORT": "1"},
    )

    def handle(data: bytes) -> None:
        connection: Any = _Connection(data)
        with contextlib.redirect_stderr(io.StringIO()) as logged:
            metrics.Handler(connection, ("127.0.0.1", 1), server)
        assert not logged.getvalue(), logged.getvalue()[-300:]

    head = b" HTTP/1.1\r\nAuthorization: Bearer 0123456789abcdef\r\nAccept: text/plain\r\n\r\n"
    gzipped = b" HTTP/1.0\r\nAccept-Encoding: gzip\r\nAccept: application/openmetrics-text\r\n\r\n"
    return Decoder(
        "metrics",
        handle,
        [
            b"GET /metrics" + head,
            b"GET /metrics?name[]=up" + gzipped,
            b"GET /healthz" + head,
            b"GET /x" + head,
            b"POST /healthz HTTP/1.1\r\nContent-Length: 9\r\n\r\nstall",
        ],
        [
            f"agent/service/metrics/server.py:{name}"
            for name in ("application.answer", "_healthz", "_has_token")
        ],
    )


def _health() -> Health:
    source = {
        "state": "broken: \xff\n{}",
        "decision": "fault",
        "latency_ms": (1.0, 2.0),
        **dict.fromkeys(
            ("opened", "samples", "gaps", "missing", "overrun", "windows", "flagged", "missed"), 7
        ),
    }
    tree = {
        "schema": "drsn-health/1",
        "agent": "a",
        "t_published": "2026-01-01T00:00:00.000Z",
        "uptime_s": 9.0,
        "clock": {"synchronised": True, "steps": 0},
        "mqtt": {"state": "connected", "why": None, "connects": 1},
        "outbox": {"depth": 0, "age_s": 0.0, "dropped": 0, "parked": 0, "trouble": None},
        "process": {"rss_mib": 60.0, "rss_peak_mib": 61.0, "threads": 5, "fds": 20},
        "latency_ms": {"scored": (1.0, 2.0), "acknowledged": None},
        "sources": {"a": source},
    }
    return msgspec.convert(tree, Health)
