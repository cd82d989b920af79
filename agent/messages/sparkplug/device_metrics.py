"""A source as a Sparkplug device: its metrics, and their values in an observation.

Every metric has the time of the end of the window that it was measured on.
"""

import datetime
from collections.abc import Iterator, Sequence

import msgspec

from agent.core.place import Place
from agent.messages.measurement import Measurement
from agent.messages.records import Observation, SourceInfo
from agent.messages.sparkplug import fields, measured_metrics
from agent.messages.sparkplug.fields import FieldMetric
from agent.messages.sparkplug.metric import Metric, Type, Value
from agent.messages.topics import schema

# Null in doubt: a broken sensor shows no healthy machine.
FAULT = {"fault": True, "normal": False, "detected": False, "stopped": False}
_STATE = (
    *fields.metrics(Observation, "decision", "label", "probability"),
    FieldMetric("fault", Type.BOOLEAN, lambda observation: FAULT.get(observation.decision)),
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
_SOURCE = fields.metrics(
    *(SourceInfo, "kind", "hop_s", "window_s", "rpm", "device"),
    *(f"place.{name}" for name in Place.__struct_fields__),
    prefix="properties/",
)
_STANDING = (  # of states
    *fields.metrics(Observation, "alarm", "alarm_basis.since", "alarm_basis.reason"),
    *fields.metrics(Observation, "alarm_basis.value", "alarm_basis.limit", "alarm_basis.channel"),
    *fields.metrics(Observation, "alarm_basis.sentence", "alarm_basis.active"),
    *fields.metrics(Observation, "alarm_basis.acknowledged_at", "alarm_basis.acknowledged_by"),
    *fields.metrics(Observation, "maintenance.since", "maintenance.until", "maintenance.by"),
)
_MODEL = (  # fields that SourceInfo and Observation share
    fields.metric(Observation, "properties/model", "model.name"),
    fields.metric(Observation, "properties/model_version", "model.version"),
    fields.metric(Observation, "properties/model_sha256", "model.sha256"),
    *fields.metrics(Observation, "rate_hz", "unit", prefix="properties/"),
)


class Device(msgspec.Struct, frozen=True):
    """The part of a birth that no observation changes."""

    name: str
    labels: tuple[str, ...]
    properties: tuple[tuple[str, Type, Value, str | None], ...] = ()
    channels: int = 0  # that are measured
    unit: str = ""  # of their samples

    @property
    def measured(self) -> tuple[FieldMetric, ...]:
        return measured_metrics.metrics(self.channels, self.unit)


def of_source(info: SourceInfo) -> Device:
    channels = info.channels if info.measure_s else 0
    properties = _properties(info, _SOURCE + _MODEL)
    return Device(info.name, info.labels, properties, channels, info.unit)


def of_observation(observation: Observation) -> Device:
    """A source that has been removed, as its last observation describes it."""
    labels = tuple(observation.probabilities or ())
    return Device(observation.source, labels, _properties(observation, _MODEL))


def birth(
    device: Device,
    observations: list[Observation],
    state: Observation | None,
    measurement: Measurement | None,
    now_ms: int,
) -> list[Metric]:
    """All metrics of a device and their units, with the newest value (else null) of each.

    `observations` are in order; `state` says how the source stands.
    """
    values = {
        metric.name: metric for observation in observations for metric in data(device, observation)
    }
    if state is not None:
        values |= {metric.name: metric for metric in standing(state)}
    if measurement is not None:
        values |= {metric.name: metric for metric in measured(device, measurement)}
    every = (*_STATE, *_WINDOW, *_BOTH, *_STANDING, *device.measured)
    blank = [metric.unknown(now_ms) for metric in every]
    blank += [Metric(_share(label), Type.DOUBLE, None, now_ms) for label in device.labels]
    newest = [
        msgspec.structs.replace(values.get(metric.name, metric), unit=metric.unit)
        for metric in blank
    ]
    return newest + [
        Metric(name, kind, value, now_ms, unit) for name, kind, value, unit in device.properties
    ]


def measured(device: Device, measurement: Measurement) -> list[Metric]:
    """The metrics of a measurement, at the end of what was measured."""
    t_ms = unix_ms(measurement.t_end)
    return [metric.of(measurement, t_ms) for metric in device.measured]


def standing(state: Observation) -> list[Metric]:
    """The metrics of a source's alarm and maintenance, at the time of the message."""
    t_ms = unix_ms(state.t_published)
    return [metric.of(state, t_ms) for metric in _STANDING]


def data(device: Device, observation: Observation) -> Iterator[Metric]:
    """The metrics of an observation: a window's own, or the source's state of an event.

    Labels that the device does not have (its model has changed since) are left out.
    """
    t_ms = unix_ms(observation.t_end)
    of_window = observation.schema == schema("window")
    specific = _WINDOW if of_window else (*_STATE, *_STANDING)
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
) -> tuple[tuple[str, Type, Value, str | None], ...]:
    return tuple((item.name, item.type, item.read(record), item.unit) for item in metrics)
