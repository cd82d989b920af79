"""`/metrics` and `/healthz` over HTTP. Needs the extra `metrics`.

On another address than loopback every request must have the token (`Authorization: Bearer`).
"""

import errno
import hmac
import logging
import socket
import threading
from collections.abc import Callable, Iterable
from socketserver import TCPServer, ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import msgspec

from agent.config import access
from agent.config.metrics import Metrics
from agent.core.connections import Connections
from agent.core.errors import ConditionError, UserError
from agent.messages.records import Health
from agent.service.metrics.snapshot import Snapshot

CONNECTIONS = 16
REQUEST_S = 10.0  # for a request and its answer

log = logging.getLogger("drsn.metrics")


def serve(keys: Metrics, snapshot: Snapshot) -> None:
    """Starts to answer, in separate threads.

    `UserError` for a missing package, an address that is not available, or a bad token file.
    """
    try:
        from prometheus_client import CollectorRegistry, make_wsgi_app

        from agent.service.metrics.families import Collector
    except ImportError:
        raise UserError("metrics: needs pip install 'drsn-agent[metrics]'") from None
    registry = CollectorRegistry()
    registry.register(Collector(snapshot))
    token = access.token("metrics", keys.token_file)
    answer = _application(make_wsgi_app(registry), snapshot, token)
    try:
        server = make_server(keys.address, keys.port, answer, _server(keys.address), _Quiet)
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        where = f"port: {keys.port}" if taken else f"address: {keys.address}"
        raise ConditionError(f"metrics.{where}: {error.strerror}") from None
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()


def _application(
    metrics: Callable[[Any, Any], Iterable[bytes]], snapshot: Snapshot, token: str | None
) -> Callable[[Any, Any], Iterable[bytes]]:
    """The WSGI application; `token` None: none is asked for."""

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


class _Server(ThreadingMixIn, WSGIServer):
    """Few connections, each for seconds: what is open elsewhere must not end the agent."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = CONNECTIONS

    def __init__(self, *args: Any) -> None:
        self._connections = Connections(CONNECTIONS, REQUEST_S)
        super().__init__(*args)

    def server_bind(self) -> None:
        """Binds without asking a name server for this machine's name, as the base class does."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.socket.getsockname()[:2]
        self.setup_environ()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Starts a thread for the request, or closes it where there are too many."""
        if not self._connections.admit(request):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._connections.leave(request)

    def service_actions(self) -> None:
        """Called by `serve_forever` twice a second."""
        self._connections.shut_late()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves in the middle of an answer is normal."""
        log.debug("a connection ended", exc_info=True)


class _ServerOverIp6(_Server):
    address_family = socket.AF_INET6


class _Quiet(WSGIRequestHandler):
    timeout = 5  # for a client that sends nothing

    def log_message(self, *_: object) -> None:
        pass
