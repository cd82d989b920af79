"""A published message as rows of a table: one, or of a measurement one a channel. Pure.

No message may stop the others: one that cannot be read becomes a `Rejected` row with the reason.
"""

import datetime
import hashlib
import uuid
from typing import NamedTuple

import msgspec

from agent.core import json_input
from agent.jobs.ingest.fields import NOWHERE, Moment, PlaceFields, Seq
from agent.jobs.ingest.machine_rows import MachineFields, MachineRow
from agent.jobs.ingest.measurement_rows import MeasurementFields, MeasurementRow
from agent.messages import topics


class ObservationRow(NamedTuple):
    """A row of the table `observation`, in the order of its columns.

    A field of the record that has no column here is in `record`, and can be queried there.
    """

    t_end: datetime.datetime
    epoch: uuid.UUID
    seq: int
    kind: str
    agent: str
    source: str
    decision: str
    label: str | None
    probability: float | None
    model: str
    record: str  # the whole payload, JSON
    site: str | None
    area: str | None
    machine: str | None
    direction: str | None


class GapRow(NamedTuple):
    """A row of the table `gap`, in the order of its columns."""

    epoch: uuid.UUID
    seq: int
    agent: str
    t_published: datetime.datetime
    first_seq: int
    last_seq: int
    messages: int
    why: str


class Rejected(NamedTuple):
    """A row of the table `rejected`; by its digest a message that comes again is stored once."""

    digest: bytes
    topic: str
    payload: bytes
    why: str


AnyRow = ObservationRow | MachineRow | MeasurementRow | GapRow | Rejected


class Stored(msgspec.Struct, frozen=True):
    """A message as it was received, and the rows that are stored for it."""

    topic: str
    payload: bytes
    rows: tuple[AnyRow, ...]

    def rejected(self, why: str) -> "Stored":
        """The same message as a row of `rejected`, with the reason."""
        digest = hashlib.sha256(self.topic.encode() + b"\0" + self.payload).digest()
        reason = " ".join(why.replace("\0", "").split())
        return msgspec.structs.replace(
            self, rows=(Rejected(digest, self.topic, self.payload, reason),)
        )


class _Model(msgspec.Struct):
    name: str
    version: str


class _Observation(msgspec.Struct):
    """The fields of `agent.messages.records.Observation` that have a column; others may follow."""

    schema: str
    epoch: uuid.UUID
    seq: Seq
    agent: str
    source: str
    t_end: Moment
    decision: str
    model: _Model
    label: str | None = None
    probability: float | None = None
    place: PlaceFields | None = None


class _Gap(msgspec.Struct):
    schema: str
    epoch: uuid.UUID
    seq: Seq
    agent: str
    t_published: Moment
    first_seq: Seq
    last_seq: Seq
    messages: Seq
    why: str


def read(topic: str, payload: bytes) -> Stored:
    """The message as its rows; a `Rejected` one where its payload does not fit its topic."""
    kind = topics.kind_of(topic, payload)
    make = {"gap": _gap, "measurement": _measurement, "machine": _machine}.get(kind, _observation)
    try:
        return Stored(topic, payload, make(topic, payload))
    except ValueError as error:
        return Stored(topic, payload, ()).rejected(str(error) or type(error).__name__)


def _measurement(topic: str, payload: bytes) -> tuple[AnyRow, ...]:
    record = json_input.decode(payload, MeasurementFields)
    _check_topic(topic, f"{record.agent}/{record.source}/measurement", record.schema)
    return record.rows()


def _machine(topic: str, payload: bytes) -> tuple[AnyRow, ...]:
    record = json_input.decode(payload, MachineFields)
    _check_topic(topic, f"{record.agent}/{record.machine}/state", record.schema, "machine")
    return (record.row(payload),)


def _observation(topic: str, payload: bytes) -> tuple[AnyRow, ...]:
    record = json_input.decode(payload, _Observation)
    kind = topic.rpartition("/")[2]
    _check_topic(topic, f"{record.agent}/{record.source}/{kind}", record.schema)
    row = ObservationRow(
        t_end=record.t_end,
        epoch=record.epoch,
        seq=record.seq,
        kind=kind,
        agent=record.agent,
        source=record.source,
        decision=record.decision,
        label=record.label,
        probability=record.probability,
        model=f"{record.model.name} {record.model.version}",
        record=payload.decode(),
        **msgspec.structs.asdict(record.place or NOWHERE),
    )
    return (row,)


def _gap(topic: str, payload: bytes) -> tuple[AnyRow, ...]:
    record = json_input.decode(payload, _Gap)
    _check_topic(topic, f"{record.agent}/gap", record.schema)
    return (GapRow(*(getattr(record, column) for column in GapRow._fields)),)


def _check_topic(topic: str, end: str, schema: str, kind: str | None = None) -> None:
    """`ValueError` where the payload names another agent, source or kind than its topic.

    The broker controls who may publish on a topic, and not what the payload says. `kind` None: the
    topic's last level names it.
    """
    expected = topics.schema(kind or end.rpartition("/")[2])
    if schema.partition("/")[0] != expected.partition("/")[0]:
        raise ValueError(f"schema: found {schema!r}, expected {expected}")
    if not f"/{topic}".endswith(f"/{end}"):
        raise ValueError(f"found the names of {end}, expected those of the topic")
