"""The physics of a source at a moment: what `agent.core.types.Physics` holds, from its ring.

Some seconds of the ring are measured, not the network's short window, and only when a state
changes: lines a few hertz apart need turns of the shaft, and nobody pays for it window by window.
"""

from collections.abc import Sequence

import msgspec
import numpy as np

from agent.acquisition.ring_buffer import Ring
from agent.core.bearing import MachineClass, Orders
from agent.core.types import FaultLine, Physics, Window
from agent.diagnosis import envelope, levels, periodicity
from agent.diagnosis.envelope import Envelope

SECONDS = 5.0  # at most, as far as they are in the ring without a gap
NOISE_DB = 8.3  # evidence that noise alone reaches in one of a hundred measurements
VARIES_DB = 1.5  # by which a healthy machine's own line may rise
SHOWN_DB = 10.0  # evidence that is called so; docs/PHYSICS.md has how often noise reaches it


class MachineInfo(msgspec.Struct, frozen=True):
    """What is known of a source's machine and signal."""

    rate_hz: float
    unit: str
    rpm: float | None = None
    orders: Orders | None = None
    machine_class: MachineClass | None = None


def examine(
    ring: Ring, machine: MachineInfo, window: Window, healthy: Sequence[FaultLine | None] = ()
) -> tuple[Physics, ...] | None:
    """Of each channel, up to the window's end; None for a flagged window.

    `healthy` are the lines of each channel that the machine had when it was commissioned.
    """
    if window.marks:
        return None
    end = window.first + window.samples.shape[1]
    samples = ring.clean(end, round(SECONDS * machine.rate_hz))[:, : window.samples.shape[0]]
    if not len(samples):  # overwritten since: a source that does not wait
        return None
    if window.rpm is not None:
        machine = msgspec.structs.replace(machine, rpm=window.rpm)
    own = healthy or (None,) * samples.shape[1]
    channels = zip(samples.T.astype(np.float64), own, strict=True)
    return tuple(measure(channel, machine, lines) for channel, lines in channels)


def measure(
    signal: levels.Signal, machine: MachineInfo, healthy: FaultLine | None = None
) -> Physics:
    """Of one channel [frames] at the model's rate, in the source's unit."""
    found = levels.levels(signal)
    speed = levels.velocity(signal, machine.rate_hz, machine.unit, machine.rpm)
    machine_class = machine.machine_class
    spectrum = _envelope(signal, machine) if found.rms else None
    evidence = None if spectrum is None else _evidence(signal, machine, spectrum)
    series = None if spectrum is None else periodicity.strongest(spectrum)
    return Physics(
        seconds=round(len(signal) / machine.rate_hz, 3),
        rms=_short(found.rms),
        peak=_short(found.peak),
        crest=None if found.crest is None else _short(found.crest),
        kurtosis=None if found.kurtosis is None else _short(found.kurtosis),
        velocity_mm_s=None if speed is None else _short(speed.mm_s),
        velocity_band_hz=None if speed is None else speed.band_hz,
        zone=speed.zone(machine_class) if speed and machine_class else None,
        envelope_band_hz=None if spectrum is None else _band(spectrum),
        evidence_db=evidence,
        shows=None if evidence is None else shown(evidence, healthy),
        healthy_db=healthy,
        contrast_db=_contrast(evidence, healthy),
        periodicity_hz=None if series is None else _short(series.first_hz),
        periodicity_db=None if series is None else round(series.db, 1),
    )


def shown(evidence: FaultLine, healthy: FaultLine | None = None) -> str | None:
    """The series that stands out most over the healthy machine's own, if it does enough."""
    by_name = above_healthy(evidence, healthy)
    best = max(by_name, key=by_name.__getitem__)
    return best if by_name[best] >= SHOWN_DB else None


def above_healthy(evidence: FaultLine, healthy: FaultLine | None) -> dict[str, float]:
    """Each series in dB, less what the healthy machine has of it where that is no noise."""
    above = {name: getattr(evidence, name) for name in evidence.__struct_fields__}
    for name in above if healthy is not None else ():
        own = getattr(healthy, name)
        if own > NOISE_DB:
            above[name] -= own - NOISE_DB + VARIES_DB
    return above


def _contrast(evidence: FaultLine | None, healthy: FaultLine | None) -> FaultLine | None:
    """Each series in dB above the healthy machine's own; None where one of them is not known."""
    if evidence is None or healthy is None:
        return None
    names = evidence.__struct_fields__
    return FaultLine(
        **{name: round(getattr(evidence, name) - getattr(healthy, name), 1) for name in names}
    )


def _envelope(signal: levels.Signal, machine: MachineInfo) -> Envelope | None:
    """Wide enough for the bearing's lines where they are known; None for too little signal."""
    if len(signal) / machine.rate_hz < periodicity.LEAST_S:
        return None
    least_hz = periodicity.BAND_HZ
    if machine.orders is not None and machine.rpm is not None and _turns_enough(signal, machine):
        least_hz = envelope.highest_hz(machine.orders, machine.rpm)
    return envelope.envelope(signal, machine.rate_hz, least_hz)


def _evidence(signal: levels.Signal, machine: MachineInfo, spectrum: Envelope) -> FaultLine | None:
    """What the bearing's lines say; None where they cannot be told."""
    if machine.orders is None or machine.rpm is None or not _turns_enough(signal, machine):
        return None
    by_name = envelope.evidence_db(spectrum, machine.orders, machine.rpm)
    return FaultLine(**{name: round(value, 1) for name, value in by_name.items()})


def _turns_enough(signal: levels.Signal, machine: MachineInfo) -> bool:
    turns = len(signal) / machine.rate_hz * (machine.rpm or 0.0) / 60
    return turns >= envelope.LEAST_TURNS


def _band(spectrum: Envelope) -> tuple[float, float]:
    low_hz, high_hz = spectrum.band_hz
    return round(low_hz, 1), round(high_hz, 1)


def _short(value: float) -> float:
    """Five digits: more say nothing."""
    return float(f"{value:.5g}")
