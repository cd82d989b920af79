"""A source as a device: which metrics it has, and what an observation says of them.

Every metric has the time of the end of the window that it was measured on.
"""

import datetime
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from agent.messages.records import Model, Observation, SourceInfo
from agent.messages.sparkplug.metric import Metric, Type, Value

Read = Callable[[Observation], Value]

_STATE: tuple[tuple[str, Type, Read], ...] = (
    ("decision", Type.STRING, lambda o: o.decision),
    ("label", Type.STRING, lambda o: o.label),
    ("probability", Type.DOUBLE, lambda o: o.probability),
    ("fault", Type.BOOLEAN, lambda o: o.decision == "fault"),
    ("previous", Type.STRING, lambda o: o.previous),
    ("evidence", Type.STRING, lambda o: o.evidence),
)
_WINDOW: tuple[tuple[str, Type, Read], ...] = (
    ("window/decision", Type.STRING, lambda o: o.decision),
    ("window/label", Type.STRING, lambda o: o.label),
    ("window/probability", Type.DOUBLE, lambda o: o.probability),
)
_BOTH: tuple[tuple[str, Type, Read], ...] = (
    ("seq", Type.INT64, lambda o: o.seq),
    ("flags", Type.STRING, lambda o: " ".join(o.flags)),
    ("dropped", Type.INT64, lambda o: o.dropped),
    ("snr_db", Type.DOUBLE, lambda o: o.snr_db),
    ("shrinkage", Type.DOUBLE, lambda o: o.shrinkage),
    ("distance", Type.DOUBLE, lambda o: o.distance),
    ("anomaly", Type.DOUBLE, lambda o: o.anomaly),
    ("latency_ms", Type.DOUBLE, lambda o: o.latency_ms),
)


@dataclass(frozen=True)
class Device:
    """What a birth says of a source beside its state."""

    name: str
    labels: tuple[str, ...]
    properties: tuple[tuple[str, Type, Value], ...] = field(default=())


def of_source(info: SourceInfo) -> Device:
    own: tuple[tuple[str, Type, Value], ...] = (
        ("properties/kind", Type.STRING, info.kind),
        ("properties/hop_s", Type.DOUBLE, info.hop_s),
        ("properties/window_s", Type.DOUBLE, info.window_s),
        ("properties/rpm", Type.DOUBLE, info.rpm),
    )
    return Device(info.name, info.labels, own + _model(info.model, info.rate_hz, info.unit))


def of_observation(said: Observation) -> Device:
    """A source that is there no more, as far as its last words tell."""
    model = _model(said.model, said.rate_hz, said.unit)
    return Device(said.source, tuple(said.probabilities or ()), model)


def birth(device: Device, said: list[Observation], now_ms: int) -> list[Metric]:
    """All its metrics, as the newest of `said` (in order) has them; else not known."""
    known = {metric.name: metric for each in said for metric in data(device, each)}
    blank = [Metric(name, kind, None, now_ms) for name, kind, _ in _STATE + _WINDOW + _BOTH]
    blank += [Metric(_share(label), Type.DOUBLE, None, now_ms) for label in device.labels]
    own = [Metric(name, kind, value, now_ms) for name, kind, value in device.properties]
    return [known.get(metric.name, metric) for metric in blank] + own


def data(device: Device, said: Observation) -> Iterator[Metric]:
    """What an observation says: a window of itself, an event of the source's state.

    Of labels that the device does not have (its model has changed since) nothing is said.
    """
    t_ms = unix_ms(said.t_end)
    own = _WINDOW if said.schema.startswith("drsn-window/") else _STATE
    for name, kind, read in own + _BOTH:
        yield Metric(name, kind, read(said), t_ms)
    for label in device.labels:
        yield Metric(_share(label), Type.DOUBLE, (said.probabilities or {}).get(label), t_ms)


def is_death(said: Observation) -> bool:
    """Whether it says that the source is there no more: it fell silent, or broke."""
    return said.decision == "sensor_fault" and not said.n_samples


def unix_ms(iso: str) -> int:
    """Of a time as our records have it."""
    return round(datetime.datetime.fromisoformat(iso).timestamp() * 1000)


def _share(label: str) -> str:
    return f"probabilities/{label}"


def _model(model: Model, rate_hz: float, unit: str) -> tuple[tuple[str, Type, Value], ...]:
    return (
        ("properties/model", Type.STRING, model.name),
        ("properties/model_version", Type.STRING, model.version),
        ("properties/model_sha256", Type.STRING, model.sha256),
        ("properties/rate_hz", Type.DOUBLE, rate_hz),
        ("properties/unit", Type.STRING, unit),
    )
