"""`/metrics` and `/healthz` over HTTP, on loopback only. Needs the extra `metrics`."""

import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import msgspec

from agent.config.metrics import Metrics
from agent.core.errors import ConditionError, UserError
from agent.messages.records import Health
from agent.service.metrics.snapshot import Snapshot

HOST = "127.0.0.1"


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
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    timeout = 5  # for a client that sends nothing

    def log_message(self, *_: object) -> None:
        pass
