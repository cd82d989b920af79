"""A `measurement` message as rows of the table `measurement`, one a channel. Pure."""

import datetime
import uuid
from typing import Annotated, Any, NamedTuple

import msgspec

from agent.jobs.ingest.fields import NOWHERE, Moment, PlaceFields


class MeasurementRow(NamedTuple):
    """A row of the table `measurement`, in the order of its columns."""

    t_end: datetime.datetime
    agent: str
    source: str
    channel: int  # from 0
    epoch: uuid.UUID
    decision: str
    label: str | None
    alarm: str | None
    rpm: float | None
    anomaly: float | None
    anomaly_slow: float | None
    drift: float | None
    seconds: float
    unit: str
    rms: float
    peak: float
    crest: float | None
    kurtosis: float | None
    velocity_mm_s: float | None
    zone: str | None
    bpfo_db: float | None
    bpfi_db: float | None
    bsf_db: float | None
    ftf_db: float | None
    bpfo_contrast_db: float | None
    bpfi_contrast_db: float | None
    bsf_contrast_db: float | None
    ftf_contrast_db: float | None
    periodicity_hz: float | None
    periodicity_db: float | None
    site: str | None
    area: str | None
    machine: str | None
    direction: str | None
    condition: str | None
    load_percent: float | None
    temperature_c: float | None
    running: bool | None


class _Lines(msgspec.Struct):
    """The bearing's lines in dB."""

    bpfo: float
    bpfi: float
    bsf: float
    ftf: float


class _Channel(msgspec.Struct):
    """The fields of `agent.core.types.Physics` that have a column."""

    seconds: float
    rms: float
    peak: float
    crest: float | None = None
    kurtosis: float | None = None
    velocity_mm_s: float | None = None
    zone: str | None = None
    evidence_db: _Lines | None = None
    contrast_db: _Lines | None = None
    periodicity_hz: float | None = None
    periodicity_db: float | None = None


class MeasurementFields(msgspec.Struct):
    """The fields of `agent.messages.measurement.Measurement` that have a column."""

    schema: str
    epoch: uuid.UUID
    agent: str
    source: str
    t_end: Moment
    decision: str
    unit: str
    physics: Annotated[list[_Channel], msgspec.Meta(min_length=1)]
    label: str | None = None
    alarm: str | None = None
    rpm: float | None = None
    anomaly: float | None = None
    anomaly_slow: float | None = None
    drift: float | None = None
    place: PlaceFields | None = None
    condition: str | None = None
    load_percent: float | None = None
    temperature_c: float | None = None
    running: bool | None = None

    def rows(self) -> tuple[MeasurementRow, ...]:
        """One a channel."""
        return tuple(self._row(number, channel) for number, channel in enumerate(self.physics))

    def _row(self, number: int, channel: _Channel) -> MeasurementRow:
        columns: dict[str, Any] = {
            name: getattr(record, name)
            for record in (self, channel, self.place or NOWHERE)
            for name in record.__struct_fields__
            if name in MeasurementRow._fields
        }
        lines = _columns(channel.evidence_db, "db") | _columns(channel.contrast_db, "contrast_db")
        return MeasurementRow(channel=number, **columns, **lines)


def _columns(lines: _Lines | None, ending: str) -> dict[str, Any]:
    names = _Lines.__struct_fields__
    return {f"{name}_{ending}": None if lines is None else getattr(lines, name) for name in names}
