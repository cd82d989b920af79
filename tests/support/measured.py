"""Measurements of simulated machines, made without a signal."""

from typing import Any

from agent.core.time import iso
from agent.core.types import Decision, Physics
from agent.messages.measurement import Measurement


def physics(rms: float = 0.5, **changes: Any) -> Physics:
    """Of a channel with that level."""
    fields: dict[str, Any] = {
        "seconds": 5.0,
        "rms": rms,
        "peak": 3 * rms,
        "crest": 3.0,
        "kurtosis": 3.0,
        "velocity_mm_s": 1.5,
        "velocity_band_hz": (10.0, 1000.0),
        "zone": None,
        "envelope_band_hz": None,
        "evidence_db": None,
        "shows": None,
    }
    return Physics(**(fields | changes))


def measurement(
    end_s: float,
    velocity_mm_s: float | None = 1.0,
    *,
    source: str = "pump",
    channels: int = 1,
    decision: Decision = "normal",
    rpm: float | None = 1500.0,
    unit: str = "m/s2",
) -> Measurement:
    """Of a signal that ended at `end_s` (Unix time)."""
    return Measurement(
        schema="drsn-measurement/1",
        epoch="00000000-0000-0000-0000-000000000000",
        agent="box",
        source=source,
        t_start=iso(end_s - 5),
        t_end=iso(end_s),
        t_published=iso(end_s),
        end_sample=0,
        rate_hz=12000.0,
        unit=unit,
        decision=decision,
        label=None,
        rpm=rpm,
        anomaly=0.2,
        anomaly_slow=0.2,
        drift=None,
        physics=(physics(velocity_mm_s=velocity_mm_s),) * channels,
    )
