"""`/metrics` and `/healthz` over HTTP. Needs the extra `metrics`.

On another address than loopback every request must have the token (`Authorization: Bearer`).
"""

import errno
import hmac
import socket
import threading
from collections.abc import Callable, Iterable
from socketserver import TCPServer
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import WSGIApplication

import msgspec

from agent.config import access
from agent.config.metrics import Metrics
from agent.core import extras
from agent.core.bounded_threads import BoundedThreads
from agent.core.connections import Connections
from agent.core.errors import ConditionError, UserError
from agent.messages.records import Health
from agent.service.metrics.snapshot import Snapshot

CONNECTIONS = 16
REQUEST_S = 10.0  # for a request and its answer


def serve(keys: Metrics, snapshot: Snapshot) -> None:
    """Starts to answer, in separate threads.

    `UserError` for a missing package, an address that is not available, or a bad token file.
    """
    answer = application(snapshot, access.token("metrics", keys.token_file))
    try:
        server = make_server(keys.address, keys.port, answer, _server(keys.address), Handler)
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        where = f"port: {keys.port}" if taken else f"address: {keys.address}"
        raise ConditionError(f"metrics.{where}: {error.strerror}") from None
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()


def application(snapshot: Snapshot, token: str | None) -> WSGIApplication:
    """What answers; `token` None: none is asked for. `UserError` for a missing package."""
    try:
        from prometheus_client import CollectorRegistry, make_wsgi_app

        from agent.service.metrics.families import Collector
    except ImportError:
        raise UserError(f"metrics: needs {extras.install('metrics')}") from None
    registry = CollectorRegistry()
    registry.register(Collector(snapshot))
    metrics: Callable[[Any, Any], Iterable[bytes]] = make_wsgi_app(registry)

    def answer(environ: Any, start: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if not _has_token(token, environ.get("HTTP_AUTHORIZATION", "")):
            headers = [("Content-Type", "text/plain"), ("WWW-Authenticate", "Bearer")]
            start("401 Unauthorized", headers)
            return [b"the token is missing: Authorization: Bearer TOKEN\n"]
        if path == "/metrics":
            return metrics(environ, start)
        if path == "/healthz":
            return _healthz(snapshot.shown(), start)
        start("404 Not Found", [("Content-Type", "text/plain")])
        return [b"/metrics or /healthz\n"]

    return answer


def _healthz(health: Health | None, start: Any) -> list[bytes]:
    """200 while the agent works; a broker that cannot be reached is not the agent's failure."""
    start("200 OK" if health else "503 Service Unavailable", [("Content-Type", "application/json")])
    if health is None:
        return [b'{"ok":false}\n']
    sources = {name: source.state for name, source in health.sources.items()}
    return [
        msgspec.json.encode({"ok": True, "mqtt": health.mqtt.state, "sources": sources}) + b"\n"
    ]


def _has_token(token: str | None, authorization: str) -> bool:
    if token is None:
        return True
    return hmac.compare_digest(authorization.encode(), f"Bearer {token}".encode())


def _server(address: str) -> type["_Server"]:
    """The class of the server for addresses of that family."""
    return _ServerOverIp6 if ":" in address else _Server


class _Server(BoundedThreads, WSGIServer):
    """Listens at once."""

    request_queue_size = CONNECTIONS

    def __init__(self, *args: Any) -> None:
        self.connections = Connections(CONNECTIONS, REQUEST_S)
        super().__init__(*args)

    def server_bind(self) -> None:
        """Binds without asking a name server for this machine's name, as the base class does."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.socket.getsockname()[:2]
        self.setup_environ()


class _ServerOverIp6(_Server):
    address_family = socket.AF_INET6


class Handler(WSGIRequestHandler):
    timeout = 5  # for a client that sends nothing

    def log_message(self, *_: object) -> None:
        pass
