"""The entities of a source's measurements: those that its configuration gives a value. Pure."""

from collections.abc import Iterator

from agent.core.types import FaultLine
from agent.messages.homeassistant_components import (
    Component,
    diagnostic,
    enumeration,
    measurement,
    or_none,
)
from agent.messages.records import SourceInfo

ZONES = ("A", "B", "C", "D")
LINES = FaultLine.__struct_fields__
ACCELERATION = ("m/s2", "g")
MOST_CHANNELS = 8  # that are described; a device's message grows by 3 kB with each
INTERVALS = 3  # without a measurement, after which the last one is no longer shown
LEAST_EXPIRY_S = 60


def levels(topic: str, info: SourceInfo) -> dict[str, Component]:
    """By the entity's key; `topic` is the source's of measurements."""
    if not info.measure_s:
        return {}
    parts = dict(_of_source(topic, info)) | dict(_of_machine(topic, info))
    for channel in range(min(info.channels, MOST_CHANNELS)):
        parts |= dict(_of_channel(topic, info, channel))
    expiry_s = max(LEAST_EXPIRY_S, round(INTERVALS * info.measure_s))
    return {key: part | {"exp_aft": expiry_s} for key, part in parts.items()}


def _of_source(topic: str, info: SourceInfo) -> Iterator[tuple[str, Component]]:
    if info.baseline in ("provisional", "whole"):
        for key, name in (("anomaly", "Anomaly"), ("anomaly_slow", "Anomaly, slow")):
            yield key.replace("_", "-"), measurement(name, topic, or_none(key))
        yield "drift", measurement("Drift", topic, or_none("drift"))
    if info.rpm is not None or info.tacho or "speed" in info.conditions:
        yield "speed", measurement("Speed", topic, or_none("rpm", "{0} | round(1)"), "rpm")


def _of_machine(topic: str, info: SourceInfo) -> Iterator[tuple[str, Component]]:
    """What is known of the machine beside its vibration."""
    if info.tacho or {"speed", "running"} & set(info.conditions):
        template = or_none("running", "'ON' if {0} else 'OFF'")
        running: Component = {"p": "binary_sensor", "name": "Running", "dev_cla": "running"}
        yield "running", running | {"stat_t": topic, "val_tpl": template}
    if "load" in info.conditions:
        yield "load", measurement("Load", topic, or_none("load_percent"), "%")
    if "temperature" in info.conditions:
        part = measurement("Temperature", topic, or_none("temperature_c"), "°C")
        yield "temperature", part | {"dev_cla": "temperature"}
    if "condition" in info.conditions:
        yield "condition", diagnostic("Condition", topic, or_none("condition"))


def _of_channel(topic: str, info: SourceInfo, channel: int) -> Iterator[tuple[str, Component]]:
    suffix, words = ("", "") if info.channels == 1 else (f"-{channel}", f" of channel {channel}")

    def number(key: str, name: str, field: str, unit: str | None) -> tuple[str, Component]:
        template = or_none(f"physics[{channel}].{field}")
        return key + suffix, measurement(name + words, topic, template, unit)

    yield number("rms", "RMS", "rms", info.unit)
    yield number("peak", "Peak", "peak", info.unit)
    yield number("crest", "Crest factor", "crest", None)
    yield number("kurtosis", "Kurtosis", "kurtosis", None)
    yield number("periodicity", "Periodicity", "periodicity_db", "dB")
    key, part = number("periodicity-hz", "Periodicity, first line", "periodicity_hz", "Hz")
    yield key, part | {"dev_cla": "frequency"}
    if info.unit in ACCELERATION:
        key, part = number("velocity", "Velocity", "velocity_mm_s", "mm/s")
        yield key, part | {"dev_cla": "speed"}
    if info.machine_class is not None:
        zone = enumeration(f"Zone{words}", topic, f"physics[{channel}].zone", ZONES)
        yield f"zone{suffix}", zone
    if info.bearing is not None:
        for record, text in (("evidence_db", "line"), ("contrast_db", "line over healthy")):
            yield from _lines(topic, info, channel, record, f"{text}{words}", suffix)


def _lines(
    topic: str, info: SourceInfo, channel: int, record: str, text: str, suffix: str
) -> Iterator[tuple[str, Component]]:
    """The bearing's lines; their contrast only where there is a healthy machine to compare with."""
    if record == "contrast_db" and info.baseline not in ("provisional", "whole"):
        return
    lines = f"value_json.physics[{channel}].{record}"
    for line in LINES:
        template = f"{{{{ {lines}.{line} if {lines} is not none else 'None' }}}}"
        key = f"{line}-{record.removesuffix('_db')}{suffix}"
        yield key, measurement(f"{line.upper()} {text}", topic, template, "dB")
