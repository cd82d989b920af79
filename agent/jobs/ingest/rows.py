"""A published message as the rows of a table hold it, or why it is none. Pure.

Nothing that anybody publishes may stop the rest: what cannot be read becomes a `Rejected`.
"""

import datetime
import hashlib
import uuid
from dataclasses import dataclass, replace
from typing import Annotated, NamedTuple

import msgspec

from agent.core import json_input

KINDS = ("event", "state", "window")  # topics of a source whose messages are observations
Seq = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
Moment = Annotated[datetime.datetime, msgspec.Meta(tz=True)]


class ObservationRow(NamedTuple):
    """A row of `observation`, in the table's order."""

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
    """A row of `gap`."""

    epoch: uuid.UUID
    seq: int
    agent: str
    t_published: datetime.datetime
    first_seq: int
    last_seq: int
    messages: int
    why: str


class Rejected(NamedTuple):
    """A row of `rejected`; the digest keeps one that comes again from being kept twice."""

    digest: bytes
    topic: str
    payload: bytes
    why: str


@dataclass(frozen=True, slots=True)
class Row:
    """A message as it came, and as what it is kept."""

    topic: str
    payload: bytes
    row: ObservationRow | GapRow | Rejected

    def rejected(self, why: str) -> "Row":
        """The same, kept as it came with the reason why it is no row of another table."""
        digest = hashlib.sha256(self.topic.encode() + b"\0" + self.payload).digest()
        reason = " ".join(why.replace("\0", "").split())
        return replace(self, row=Rejected(digest, self.topic, self.payload, reason))


class _Model(msgspec.Struct):
    name: str
    version: str


class _Observation(msgspec.Struct):
    """Of `agent.messages.records.Observation` what has a column; fields that come later do not
    matter."""

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
    """The message as a row; `Rejected` where it is not what its topic promises."""
    kind = topic.rpartition("/")[2]
    try:
        row = _gap(topic, payload) if kind == "gap" else _observation(topic, kind, payload)
    except ValueError as error:
        unread = Row(topic, payload, Rejected(b"", topic, payload, ""))
        return unread.rejected(str(error) or type(error).__name__)
    return Row(topic, payload, row)


def _observation(topic: str, kind: str, payload: bytes) -> ObservationRow:
    said = json_input.decode(payload, _Observation)
    _agree(topic, f"{said.agent}/{said.source}/{kind}", said.schema, kind)
    return ObservationRow(
        t_end=said.t_end,
        epoch=said.epoch,
        seq=said.seq,
        kind=kind,
        agent=said.agent,
        source=said.source,
        decision=said.decision,
        label=said.label,
        probability=said.probability,
        model=f"{said.model.name} {said.model.version}",
        record=payload.decode(),
    )


def _gap(topic: str, payload: bytes) -> GapRow:
    said = json_input.decode(payload, _Gap)
    _agree(topic, f"{said.agent}/gap", said.schema, "gap")
    return GapRow(
        said.epoch,
        said.seq,
        said.agent,
        said.t_published,
        said.first_seq,
        said.last_seq,
        said.messages,
        said.why,
    )


def _agree(topic: str, names: str, schema: str, kind: str) -> None:
    """A box may be trusted with its own topics only: the payload must not name another."""
    if not schema.startswith(f"drsn-{kind}/"):
        raise ValueError(f"schema: found {schema!r}, expected drsn-{kind}/1")
    if not f"/{topic}".endswith(f"/{names}"):
        raise ValueError(f"found the names of {names}, expected those of the topic")
