"""A published message as a row of a table. Pure.

No message may stop the others: one that cannot be read becomes a `Rejected` row with the reason.
"""

import datetime
import hashlib
import uuid
from dataclasses import dataclass, replace
from typing import Annotated, NamedTuple

import msgspec

from agent.core import json_input
from agent.messages import topics

Seq = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
Moment = Annotated[datetime.datetime, msgspec.Meta(tz=True)]


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


@dataclass(frozen=True, slots=True)
class Row:
    """A message as it was received, and the row that is stored for it."""

    topic: str
    payload: bytes
    row: ObservationRow | GapRow | Rejected

    def rejected(self, why: str) -> "Row":
        """The same message as a row of `rejected`, with the reason."""
        digest = hashlib.sha256(self.topic.encode() + b"\0" + self.payload).digest()
        reason = " ".join(why.replace("\0", "").split())
        return replace(self, row=Rejected(digest, self.topic, self.payload, reason))


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


def read(topic: str, payload: bytes) -> Row:
    """The message as a row; a `Rejected` one where its payload does not fit its topic."""
    kind = topic.rpartition("/")[2]
    try:
        row = _gap(topic, payload) if kind == "gap" else _observation(topic, kind, payload)
    except ValueError as error:
        unread = Row(topic, payload, Rejected(b"", topic, payload, ""))
        return unread.rejected(str(error) or type(error).__name__)
    return Row(topic, payload, row)


def _observation(topic: str, kind: str, payload: bytes) -> ObservationRow:
    record = json_input.decode(payload, _Observation)
    _check_topic(topic, f"{record.agent}/{record.source}/{kind}", record.schema)
    return ObservationRow(
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
    )


def _gap(topic: str, payload: bytes) -> GapRow:
    record = json_input.decode(payload, _Gap)
    _check_topic(topic, f"{record.agent}/gap", record.schema)
    return GapRow(*(getattr(record, column) for column in GapRow._fields))


def _check_topic(topic: str, end: str, schema: str) -> None:
    """`ValueError` where the payload names another agent, source or kind than its topic.

    The broker controls who may publish on a topic, and not what the payload says.
    """
    expected = topics.schema(end.rpartition("/")[2])
    if schema.partition("/")[0] != expected.partition("/")[0]:
        raise ValueError(f"schema: found {schema!r}, expected {expected}")
    if not f"/{topic}".endswith(f"/{end}"):
        raise ValueError(f"found the names of {end}, expected those of the topic")
