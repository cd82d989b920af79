"""Which bearing part the lines of the envelope's spectrum speak for. Pure."""

from collections.abc import Sequence

import msgspec

from agent.core.types import Physics
from agent.diagnosis.measurements import SHOWN_DB, above_healthy

PARTS = {"outer": "bpfo", "inner": "bpfi", "ball": "bsf"}  # part in a label -> its series
NAMES_DB = SHOWN_DB  # a line that may help to name a fault


class Line(msgspec.Struct, frozen=True):
    """The strongest series of any channel, in dB above the healthy machine's own."""

    series: str
    db: float


def series_of(label: str) -> str | None:
    """The series that a fault of that label has; None where it names no part of a bearing."""
    words = label.lower().replace("-", "_").split("_")
    return next((series for part, series in PARTS.items() if part in words), None)


def strongest(physics: Sequence[Physics] | None) -> Line | None:
    """None where no channel's lines could be told."""
    lines = [
        Line(series, round(values[series], 1))
        for channel in physics or ()
        if channel.evidence_db is not None
        for values in [above_healthy(channel.evidence_db, channel.healthy_db)]
        for series in PARTS.values()
    ]
    return max(lines, key=lambda line: line.db) if lines else None
