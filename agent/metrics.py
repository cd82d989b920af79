"""`/metrics` for Prometheus and `/healthz`, on loopback: what `health` tells, for who asks.

The sender thread leaves a record about once a second; what is served is the last one. Scraping can
neither wait for the agent nor make it wait. Needs the extra `metrics`.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from socketserver import ThreadingMixIn
from typing import Annotated, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import msgspec

from agent import __version__
from agent.errors import ConfigError
from agent.records import Health, SourceHealth

HOST = "127.0.0.1"
FRESH_S = 10.0  # a record that is older means that the sender does not turn
EVERY_S = 1.0
STATES = ("connected", "connecting", "unreachable", "refused", "lost", "stalled", "taken_over")
DECISIONS = ("normal", "fault", "unknown", "abstain", "sensor_fault")


class Metrics(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The section `metrics` of the configuration; its presence switches it on."""

    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 9464


class Board:
    """The last record, put up by one thread and read by others."""

    def __init__(self, look: Callable[[], Health]) -> None:
        self._look = look
        self._shown: tuple[float, Health] | None = None

    def turn(self) -> None:
        """On each turn of the thread that may look."""
        now_s = time.monotonic()
        if self._shown is None or now_s - self._shown[0] >= EVERY_S:
            self._shown = (now_s, self._look())

    def shown(self) -> Health | None:
        """None where there is none, or none that is fresh."""
        if self._shown is None or time.monotonic() - self._shown[0] > FRESH_S:
            return None
        return self._shown[1]


def serve(keys: Metrics, board: Board) -> None:
    """Answers in threads of its own, from now on; `ConfigError` where that cannot be."""
    try:
        from prometheus_client import CollectorRegistry, make_wsgi_app
    except ImportError:
        raise ConfigError("metrics: needs pip install 'drsn-agent[metrics]'") from None
    registry = CollectorRegistry()
    registry.register(_Collector(board))
    metrics: Callable[[Any, Any], Iterable[bytes]] = make_wsgi_app(registry)

    def answer(environ: Any, start: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/metrics":
            return metrics(environ, start)
        if path == "/healthz":
            return _healthz(board.shown(), start)
        start("404 Not Found", [("Content-Type", "text/plain")])
        return [b"/metrics or /healthz\n"]

    try:
        server = make_server(HOST, keys.port, answer, _Server, _Quiet)
    except OSError as error:
        raise ConfigError(f"metrics.port: {keys.port}: {error.strerror}") from None
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()


def _healthz(health: Health | None, start: Any) -> list[bytes]:
    """200 while the work is being done; a broker that is away is no illness of the agent's."""
    start("200 OK" if health else "503 Service Unavailable", [("Content-Type", "application/json")])
    if health is None:
        return [b'{"ok":false}\n']
    sources = {name: each.state for name, each in health.sources.items()}
    return [
        msgspec.json.encode({"ok": True, "mqtt": health.mqtt.state, "sources": sources}) + b"\n"
    ]


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    timeout = 5  # of a client that says nothing

    def log_message(self, *_: object) -> None:
        pass


class _Collector:
    """The official client's interface: families of samples, made anew for each scrape."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def collect(self) -> Iterator[Any]:
        health = self._board.shown()
        if health is not None:
            yield from _of_agent(health)
            yield from _of_sources(health.sources)


def _of_agent(health: Health) -> Iterator[Any]:
    from prometheus_client.core import GaugeMetricFamily as Gauge

    yield _one(Gauge, "build_info", "Version of the agent", 1, version=__version__)
    yield _one(Gauge, "uptime_seconds", "Since the start", health.uptime_s)
    yield _words("mqtt_state", "State of the connection", health.mqtt.state, STATES)
    yield _count("mqtt_connects", "Connections since the start", health.mqtt.connects)
    yield _one(Gauge, "outbox_messages", "Not acknowledged", health.outbox.depth)
    yield _one(Gauge, "outbox_age_seconds", "Age of the oldest", health.outbox.age_s)
    yield _count("outbox_dropped", "Dropped since the epoch began", health.outbox.dropped)
    yield _count("outbox_parked", "Set aside since the epoch began", health.outbox.parked)
    yield _one(Gauge, "outbox_trouble", "The disk takes nothing", health.outbox.trouble is not None)
    yield _count("clock_steps", "Steps of the wall clock", health.clock.steps)
    yield _one(Gauge, "resident_bytes", "Memory", health.process.rss_mib * 2**20)
    yield _one(Gauge, "threads", "Threads of the process", health.process.threads)
    yield _one(Gauge, "open_fds", "Open descriptors", health.process.fds)


def _of_sources(sources: dict[str, SourceHealth]) -> Iterator[Any]:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    counters = {
        "opened": "Times that it was opened",
        "samples": "Frames taken from it",
        "gaps": "Stretches that never arrived",
        "missing": "Frames that never arrived, at the model's rate",
        "overrun": "Frames overwritten before they were scored",
        "windows": "Windows scored",
        "flagged": "Windows not classified, for what is wrong with them",
        "missed": "Windows of which nothing was left",
    }
    for field, words in counters.items():
        family = CounterMetricFamily(f"drsn_source_{field}", words, labels=["source"])
        for name, each in sources.items():
            family.add_metric([name], getattr(each, field))
        yield family
    ok = GaugeMetricFamily("drsn_source_ok", "It delivers as it should", labels=["source"])
    decision = GaugeMetricFamily(
        "drsn_source_decision", "1 for the decision that holds", labels=["source", "decision"]
    )
    latency = GaugeMetricFamily(
        "drsn_source_latency_seconds", "Last sample to outbox", labels=["source", "percentile"]
    )
    drift = GaugeMetricFamily(
        "drsn_source_drift", "Above 1: unlike the machine when commissioned", labels=["source"]
    )
    for name, each in sources.items():
        ok.add_metric([name], each.state == "ok")
        for word in DECISIONS:
            decision.add_metric([name, word], each.decision == word)
        for percentile, value_ms in zip(("50", "99"), each.latency_ms or (), strict=False):
            latency.add_metric([name, percentile], value_ms / 1000)
        if each.drift is not None:
            drift.add_metric([name], each.drift)
    yield from (ok, decision, latency, drift)


def _one(kind: Any, name: str, words: str, value: float, **labels: str) -> Any:
    family = kind(f"drsn_{name}", words, labels=list(labels))
    family.add_metric(list(labels.values()), value)
    return family


def _count(name: str, words: str, value: float) -> Any:
    from prometheus_client.core import CounterMetricFamily

    return _one(CounterMetricFamily, name, words, value)


def _words(name: str, words: str, holds: str, known: tuple[str, ...]) -> Any:
    """1 for the word that holds, 0 for the others: as Prometheus wants enumerations."""
    from prometheus_client.core import GaugeMetricFamily

    family = GaugeMetricFamily(f"drsn_{name}", words, labels=["state"])
    for each in known:
        family.add_metric([each], each == holds)
    return family
