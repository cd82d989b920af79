"""Measurements as metric families: a sample a source and channel, none where a value is null."""

import datetime
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from prometheus_client.core import GaugeMetricFamily

from agent.core.place import Place
from agent.core.types import FaultLine, Physics
from agent.messages.measurement import Measurement

ZONES = ("A", "B", "C", "D")
Measurements = Mapping[str, Measurement]  # by source


def families(measurements: Measurements) -> Iterator[Any]:
    """Of the newest measurement of each source."""
    yield from _of_sources(measurements)
    yield _locations(measurements)
    yield _levels(measurements, "rms", "RMS without the mean, in `unit`", lambda part: part.rms)
    yield _levels(measurements, "peak", "Peak without the mean, in `unit`", lambda part: part.peak)
    yield _channels(measurements, "crest_factor", "Peak over RMS", lambda part: part.crest)
    yield _channels(measurements, "kurtosis", "3 for Gaussian noise", lambda part: part.kurtosis)
    yield _channels(
        *(measurements, "velocity_meters_per_second", "RMS of the velocity", _velocity_m_s)
    )
    yield _channels(
        *(measurements, "periodicity_decibels", "Strongest series of lines in the envelope"),
        lambda part: part.periodicity_db,
    )
    yield _channels(
        *(measurements, "periodicity_hertz", "First line of that series"),
        lambda part: part.periodicity_hz,
    )
    yield _zones(measurements)
    yield _lines(
        measurements, "line_decibels", "Above the spectrum around it", lambda part: part.evidence_db
    )
    yield _lines(
        *(measurements, "line_contrast_decibels", "Above the healthy machine's own"),
        lambda part: part.contrast_db,
    )


def _of_sources(measurements: Measurements) -> Iterator[GaugeMetricFamily]:
    readers: dict[str, tuple[str, Callable[[Measurement], float | None]]] = {
        "measured_timestamp_seconds": ("End of what was measured", _end_s),
        "shaft_rpm": ("Speed of the shaft; 0: it stands", lambda record: record.rpm),
        "load_percent": ("Of the machine", lambda record: record.load_percent),
        "temperature_celsius": ("Of the machine", lambda record: record.temperature_c),
        "running": ("0: the machine stands still", lambda record: record.running),
        "anomaly": ("Above 1: unlike the commissioned machine", lambda record: record.anomaly),
        "anomaly_slow": ("The same over up to 18 s", lambda record: record.anomaly_slow),
    }
    for name, (words, read) in readers.items():
        family = _family(name, words)
        for source, record in measurements.items():
            if (value := read(record)) is not None:
                family.add_metric([source], value)
        yield family


def _locations(measurements: Measurements) -> GaugeMetricFamily:
    """Always 1: for joins by the label `source`."""
    names = Place.__struct_fields__
    family = _family("place", "Where a source measures, as configured", *names)
    for source, record in measurements.items():
        if record.place is not None:
            family.add_metric([source, *(getattr(record.place, name) or "" for name in names)], 1)
    return family


def _channels(
    measurements: Measurements, name: str, words: str, read: Callable[[Physics], float | None]
) -> GaugeMetricFamily:
    family = _family(name, words, "channel")
    for source, channel, part, _ in _parts(measurements):
        if (value := read(part)) is not None:
            family.add_metric([source, channel], value)
    return family


def _levels(
    measurements: Measurements, name: str, words: str, read: Callable[[Physics], float]
) -> GaugeMetricFamily:
    family = _family(name, words, "channel", "unit")
    for source, channel, part, unit in _parts(measurements):
        family.add_metric([source, channel, unit], read(part))
    return family


def _zones(measurements: Measurements) -> GaugeMetricFamily:
    """1 for the current zone, 0 for the others, as Prometheus represents enumerations."""
    family = _family("zone", "1 for the zone of ISO 20816-3", "channel", "zone")
    for source, channel, part, _ in _parts(measurements):
        for zone in ZONES if part.zone is not None else ():
            family.add_metric([source, channel, zone], part.zone == zone)
    return family


def _lines(
    measurements: Measurements, name: str, words: str, read: Callable[[Physics], FaultLine | None]
) -> GaugeMetricFamily:
    family = _family(name, words, "channel", "line")
    for source, channel, part, _ in _parts(measurements):
        lines = read(part)
        for line in FaultLine.__struct_fields__ if lines is not None else ():
            family.add_metric([source, channel, line], getattr(lines, line))
    return family


def _parts(measurements: Measurements) -> Iterator[tuple[str, str, Physics, str]]:
    """Each source's channels: source, channel, what was measured, unit."""
    for source, record in measurements.items():
        for channel, part in enumerate(record.physics):
            yield source, str(channel), part, record.unit


def _family(name: str, words: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"drsn_source_{name}", words, labels=["source", *labels])


def _end_s(record: Measurement) -> float:
    return datetime.datetime.fromisoformat(record.t_end).timestamp()


def _velocity_m_s(part: Physics) -> float | None:
    return None if part.velocity_mm_s is None else part.velocity_mm_s / 1000
