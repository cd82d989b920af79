"""A source as a Sparkplug device: its metrics, and their values in an observation.

Every metric has the time of the end of the window that it was measured on.
"""

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from agent.messages.records import Observation, SourceInfo
from agent.messages.sparkplug import fields
from agent.messages.sparkplug.fields import FieldMetric
from agent.messages.sparkplug.metric import Metric, Type, Value
from agent.messages.topics import schema

_FAULT = {"fault": True, "normal": False}  # null in doubt: a broken sensor shows no healthy machine
_STATE = (
    *fields.metrics(Observation, "decision", "label", "probability"),
    FieldMetric("fault", Type.BOOLEAN, lambda observation: _FAULT.get(observation.decision)),
    *fields.metrics(Observation, "previous", "evidence"),
)
_WINDOW = fields.metrics(Observation, "decision", "label", "probability", prefix="window/")
_BOTH = (
    *fields.metrics(Observation, "seq"),
    FieldMetric("flags", Type.STRING, lambda observation: " ".join(observation.flags)),
    *fields.metrics(
        Observation, "dropped", "snr_db", "shrinkage", "distance", "anomaly", "latency_ms"
    ),
)
_SOURCE = fields.metrics(SourceInfo, "kind", "hop_s", "window_s", "rpm", prefix="properties/")
_MODEL = (  # fields that SourceInfo and Observation share
    fields.metric(Observation, "properties/model", "model.name"),
    fields.metric(Observation, "properties/model_version", "model.version"),
    fields.metric(Observation, "properties/model_sha256", "model.sha256"),
    *fields.metrics(Observation, "rate_hz", "unit", prefix="properties/"),
)


@dataclass(frozen=True)
class Device:
    """The part of a birth that no observation changes."""

    name: str
    labels: tuple[str, ...]
    properties: tuple[tuple[str, Type, Value], ...] = field(default=())


def of_source(info: SourceInfo) -> Device:
    return Device(info.name, info.labels, _properties(info, _SOURCE + _MODEL))


def of_observation(observation: Observation) -> Device:
    """A source that has been removed, as its last observation describes it."""
    labels = tuple(observation.probabilities or ())
    return Device(observation.source, labels, _properties(observation, _MODEL))


def birth(device: Device, observations: list[Observation], now_ms: int) -> list[Metric]:
    """All metrics of a device, with the newest value in `observations` (in order), else null."""
    values = {
        metric.name: metric for observation in observations for metric in data(device, observation)
    }
    blank = [metric.unknown(now_ms) for metric in _STATE + _WINDOW + _BOTH]
    blank += [Metric(_share(label), Type.DOUBLE, None, now_ms) for label in device.labels]
    constant = [Metric(name, kind, value, now_ms) for name, kind, value in device.properties]
    return [values.get(metric.name, metric) for metric in blank] + constant


def data(device: Device, observation: Observation) -> Iterator[Metric]:
    """The metrics of an observation: a window's own, or the source's state of an event.

    Labels that the device does not have (its model has changed since) are left out.
    """
    t_ms = unix_ms(observation.t_end)
    specific = _WINDOW if observation.schema == schema("window") else _STATE
    for metric in specific + _BOTH:
        yield metric.of(observation, t_ms)
    shares = observation.probabilities or {}
    for label in device.labels:
        yield Metric(_share(label), Type.DOUBLE, shares.get(label), t_ms)


def is_death(observation: Observation) -> bool:
    """Whether the source is gone after it: it fell silent, or broke."""
    return observation.decision == "sensor_fault" and not observation.n_samples


def unix_ms(iso: str) -> int:
    """Unix time in ms of a time as the records have it."""
    return round(datetime.datetime.fromisoformat(iso).timestamp() * 1000)


def _share(label: str) -> str:
    return f"probabilities/{label}"


def _properties(
    record: SourceInfo | Observation, metrics: Sequence[FieldMetric]
) -> tuple[tuple[str, Type, Value], ...]:
    return tuple((metric.name, metric.type, metric.read(record)) for metric in metrics)
