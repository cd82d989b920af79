"""Observations as the pipeline has them, without one: a source's state, and its end."""

from typing import Any

import msgspec

from agent.core.types import Message
from agent.messages.records import Model, Observation

FIELDS: dict[str, Any] = {
    "schema": "drsn-event/1",
    "epoch": "00000000-0000-0000-0000-000000000000",
    "agent": "a",
    "source": "s",
    "t_start": "2026-01-01T00:00:00.000Z",
    "t_end": "2026-01-01T00:00:01.000Z",
    "t_published": "2026-01-01T00:00:01.100Z",
    "first_sample": 0,
    "n_samples": 1000,
    "dropped": 0,
    "rate_hz": 1000.0,
    "unit": "g",
    "flags": [],
    "decision": "normal",
    "label": "normal",
    "probability": 0.9,
    "probabilities": {"normal": 0.9, "loud": 0.1},
    "snr_db": None,
    "shrinkage": None,
    "distance": None,
    "model": Model(name="tiny", version="1", sha256="0" * 64, precision="float32"),
    "latency_ms": 1.0,
    "previous": "unknown",
}
SILENT: dict[str, Any] = {
    "decision": "sensor_fault",
    "n_samples": 0,
    "flags": ["silent"],
    "label": None,
    "probability": None,
    "probabilities": None,
}


def event(seq: int, **changes: Any) -> Message:
    said = Observation(**(FIELDS | {"seq": seq} | changes))
    return Message(seq, f"drsn/a/{said.source}/event", msgspec.json.encode(said))
