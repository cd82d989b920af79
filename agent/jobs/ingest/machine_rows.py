"""The state of a machine as a row of the table `machine`. Pure."""

import datetime
import uuid
from typing import NamedTuple

import msgspec

from agent.jobs.ingest.fields import Moment, Seq


class MachineRow(NamedTuple):
    """A row of the table `machine`, in the order of its columns."""

    t_end: datetime.datetime
    epoch: uuid.UUID
    seq: int
    agent: str
    machine: str
    site: str | None
    area: str | None
    decision: str
    label: str | None
    previous: str | None
    point: str | None
    direction: str | None
    sentence: str
    record: str  # the whole payload, JSON
    alarm: str | None


class MachineFields(msgspec.Struct):
    """The fields of `agent.messages.machine.MachineState` that have a column; others may follow."""

    schema: str
    epoch: uuid.UUID
    seq: Seq
    agent: str
    machine: str
    t_end: Moment
    decision: str
    sentence: str
    site: str | None = None
    area: str | None = None
    label: str | None = None
    previous: str | None = None
    point: str | None = None
    direction: str | None = None
    alarm: str | None = None

    def row(self, payload: bytes) -> MachineRow:
        columns = {name: getattr(self, name) for name in MachineRow._fields if name != "record"}
        return MachineRow(**columns, record=payload.decode())
