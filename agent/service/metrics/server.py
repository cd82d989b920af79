"""`/metrics` and `/healthz` over HTTP, on loopback only. Needs the extra `metrics`."""

import logging
import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import msgspec

from agent.config.metrics import Metrics
from agent.core.connections import Connections
from agent.core.errors import ConditionError, UserError
from agent.messages.records import Health
from agent.service.metrics.snapshot import Snapshot

HOST = "127.0.0.1"
CONNECTIONS = 16
REQUEST_S = 10.0  # for a request and its answer

log = logging.getLogger("drsn.metrics")


def serve(keys: Metrics, snapshot: Snapshot) -> None:
    """Starts to answer, in separate threads; `UserError` for a missing package or a used port."""
    try:
        from prometheus_client import CollectorRegistry, make_wsgi_app

        from agent.service.metrics.families import Collector
    except ImportError:
        raise UserError("metrics: needs pip install 'drsn-agent[metrics]'") from None
    registry = CollectorRegistry()
    registry.register(Collector(snapshot))
    metrics: Callable[[Any, Any], Iterable[bytes]] = make_wsgi_app(registry)

    def answer(environ: Any, start: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/metrics":
            return metrics(environ, start)
        if path == "/healthz":
            return _healthz(snapshot.shown(), start)
        start("404 Not Found", [("Content-Type", "text/plain")])
        return [b"/metrics or /healthz\n"]

    try:
        server = make_server(HOST, keys.port, answer, _Server, _Quiet)
    except OSError as error:
        raise ConditionError(f"metrics.port: {keys.port}: {error.strerror}") from None
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()


def _healthz(health: Health | None, start: Any) -> list[bytes]:
    """200 while the agent works; a broker that cannot be reached is not the agent's failure."""
    start("200 OK" if health else "503 Service Unavailable", [("Content-Type", "application/json")])
    if health is None:
        return [b'{"ok":false}\n']
    sources = {name: source.state for name, source in health.sources.items()}
    return [
        msgspec.json.encode({"ok": True, "mqtt": health.mqtt.state, "sources": sources}) + b"\n"
    ]


class _Server(ThreadingMixIn, WSGIServer):
    """Few connections, each for seconds: what is open elsewhere must not end the agent."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = CONNECTIONS

    def __init__(self, *args: Any) -> None:
        self._connections = Connections(CONNECTIONS, REQUEST_S)
        super().__init__(*args)

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


class _Quiet(WSGIRequestHandler):
    timeout = 5  # for a client that sends nothing

    def log_message(self, *_: object) -> None:
        pass
