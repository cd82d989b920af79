"""Health and measurements as metric families of the official client, made for each scrape."""

from collections.abc import Iterator
from typing import Any, get_args

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from agent import __version__
from agent.core.alarms import ALARMS
from agent.core.types import Decision
from agent.messages.machine_info import MachineHealth
from agent.messages.records import MQTT_STATES, Health, SourceHealth
from agent.service.metrics import measured_families
from agent.service.metrics.snapshot import Snapshot

DECISIONS = get_args(Decision)
PERCENTILES = ("50", "99")  # of latencies


class Collector:
    """A registry calls `collect` for each scrape."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterator[Any]:
        health = self._snapshot.shown()
        if health is not None:
            yield from _of_agent(health)
            yield from _of_sources(health.sources)
            yield from _machines(health.machines)
            yield from measured_families.families(self._snapshot.measurements())


def _of_agent(health: Health) -> Iterator[Any]:
    yield _gauge("build_info", "Version of the agent", 1, version=__version__)
    yield _gauge("uptime_seconds", "Since the start", health.uptime_s)
    yield _state("mqtt_state", "State of the connection", health.mqtt.state, MQTT_STATES)
    yield _count("mqtt_connects", "Connections since the start", health.mqtt.connects)
    yield _gauge("outbox_messages", "Not acknowledged", health.outbox.depth)
    yield _gauge("outbox_age_seconds", "Age of the oldest", health.outbox.age_s)
    yield _count("outbox_dropped", "Dropped since the epoch began", health.outbox.dropped)
    yield _count("outbox_parked", "Set aside since the epoch began", health.outbox.parked)
    yield _gauge("outbox_trouble", "The disk takes nothing", health.outbox.trouble is not None)
    yield _count("clock_steps", "Steps of the wall clock", health.clock.steps)
    yield _gauge("resident_bytes", "Memory", health.process.rss_mib * 2**20)
    yield _acknowledged(health)
    yield _gauge("threads", "Threads of the process", health.process.threads)
    yield _gauge("open_fds", "Open descriptors", health.process.fds)


def _acknowledged(health: Health) -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        "drsn_acknowledged_latency_seconds", "Outbox to PUBACK", labels=["percentile"]
    )
    for percentile, value_ms in zip(
        PERCENTILES, health.latency_ms.acknowledged or (), strict=False
    ):
        family.add_metric([percentile], value_ms / 1000)
    return family


def _of_sources(sources: dict[str, SourceHealth]) -> Iterator[Any]:
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
        for name, source in sources.items():
            family.add_metric([name], getattr(source, field))
        yield family
    ok = GaugeMetricFamily("drsn_source_ok", "It delivers as it should", labels=["source"])
    decision = GaugeMetricFamily(
        "drsn_source_decision", "1 for the current decision", labels=["source", "decision"]
    )
    latency = GaugeMetricFamily(
        "drsn_source_latency_seconds", "Last sample to outbox", labels=["source", "percentile"]
    )
    drift = GaugeMetricFamily(
        "drsn_source_drift", "Above 1: unlike the machine when commissioned", labels=["source"]
    )
    for name, source in sources.items():
        ok.add_metric([name], source.state == "ok")
        for word in DECISIONS:
            decision.add_metric([name, word], source.decision == word)
        for percentile, value_ms in zip(PERCENTILES, source.latency_ms or (), strict=False):
            latency.add_metric([name, percentile], value_ms / 1000)
        if source.drift is not None:
            drift.add_metric([name], source.drift)
    yield from (ok, decision, latency, drift, *_alarms(sources), *_rates(sources))


def _alarms(sources: dict[str, SourceHealth]) -> Iterator[GaugeMetricFamily]:
    alarm = GaugeMetricFamily(
        "drsn_source_alarm", "1 for the current alarm", labels=["source", "alarm"]
    )
    maintenance = GaugeMetricFamily(
        "drsn_source_maintenance", "People work on the machine", labels=["source"]
    )
    for name, source in sources.items():
        for level in ALARMS:
            alarm.add_metric([name, level], source.alarm == level)
        maintenance.add_metric([name], source.maintenance)
    yield from (alarm, maintenance)


def _machines(machines: dict[str, MachineHealth]) -> Iterator[GaugeMetricFamily]:
    """The worst of the points of each."""
    fields = {"decision": DECISIONS, "alarm": ALARMS}
    for field, words in fields.items():
        text = f"1 for the current {field}: the worst of its points'"
        family = GaugeMetricFamily(f"drsn_machine_{field}", text, labels=["machine", field])
        for name, machine in machines.items():
            for word in words:
                family.add_metric([name, word], getattr(machine, field) == word)
        yield family


def _rates(sources: dict[str, SourceHealth]) -> Iterator[GaugeMetricFamily]:
    fields = {
        "nominal_hz": "Frames a second that it should deliver",
        "measured_hz": "Frames a second that arrive",
    }
    for field, words in fields.items():
        family = GaugeMetricFamily(f"drsn_source_{field}", words, labels=["source"])
        for name, source in sources.items():
            if getattr(source, field) is not None:
                family.add_metric([name], getattr(source, field))
        yield family


def _gauge(name: str, help: str, value: float, **labels: str) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"drsn_{name}", help, labels=list(labels))
    family.add_metric(list(labels.values()), value)
    return family


def _count(name: str, help: str, value: float) -> CounterMetricFamily:
    family = CounterMetricFamily(f"drsn_{name}", help, labels=[])
    family.add_metric([], value)
    return family


def _state(name: str, help: str, current: str, states: tuple[str, ...]) -> Any:
    """1 for the current state, 0 for the others, as Prometheus represents enumerations."""
    family = GaugeMetricFamily(f"drsn_{name}", help, labels=["state"])
    for state in states:
        family.add_metric([state], state == current)
    return family
