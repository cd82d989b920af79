"""The metrics of a device that its measurements fill, with their engineering units."""

import functools
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from agent.core.types import FaultLine, Physics
from agent.messages.measurement import Measurement
from agent.messages.sparkplug import fields
from agent.messages.sparkplug.fields import FieldMetric
from agent.messages.sparkplug.metric import Value

PREFIX = "measurement/"
MOST_CHANNELS = 8  # that have metrics
_OF_SOURCE = fields.metrics(
    Measurement, "rpm", "anomaly", "anomaly_slow", "drift", "decision", "alarm", prefix=PREFIX
) + fields.metrics(
    Measurement, "condition", "load_percent", "temperature_c", "running", prefix=PREFIX
)
_IN_UNIT = ("rms", "peak")
_LINES = tuple(
    f"{record}.{line}"
    for record in ("evidence_db", "contrast_db")
    for line in FaultLine.__struct_fields__
)
_OF_CHANNEL = fields.metrics(
    *(Physics, "seconds", *_IN_UNIT, "crest", "kurtosis", "velocity_mm_s", "zone", "shows"),
    *("periodicity_hz", "periodicity_db"),
    *_LINES,
)


@functools.cache
def metrics(channels: int, unit: str) -> tuple[FieldMetric, ...]:
    """Of a source with so many channels, whose samples are in `unit`; none without a channel."""
    if not channels:
        return ()
    counted = range(min(channels, MOST_CHANNELS))
    names = [""] if channels == 1 else [f"{channel}/" for channel in counted]
    of_channels = [
        replace(
            metric,
            name=f"{PREFIX}{name}{metric.name}",
            read=_of_channel(metric.read, channel),
            unit=unit if metric.name in _IN_UNIT else metric.unit,
        )
        for channel, name in zip(counted, names, strict=True)
        for metric in _OF_CHANNEL
    ]
    return (*_OF_SOURCE, *of_channels)


def _of_channel(read: Callable[[Any], Value], channel: int) -> Callable[[Measurement], Value]:
    def of_channel(record: Measurement) -> Value:
        return read(record.physics[channel]) if channel < len(record.physics) else None

    return of_channel
