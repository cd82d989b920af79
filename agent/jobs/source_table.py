"""The newest state and measurement of every source and machine, as a table for people."""

import datetime
from collections.abc import Iterator

import msgspec

from agent.core import json_input
from agent.core.logs import escape
from agent.core.units import VELOCITY, Units, velocity
from agent.diagnosis import severity
from agent.messages import topics
from agent.messages.machine import MachineState
from agent.messages.measurement import Measurement
from agent.messages.records import Observation

MAX_SOURCES = 4096  # beyond it, new ones are not listed
HEAD = ("agent/source", "state", "label", "since", "rpm", "RMS", "velocity", "zone", "anomaly")

Message = Observation | MachineState | Measurement
_RECORDS: dict[str, type[Message]] = {
    "state": Observation,
    "machine": MachineState,
    "measurement": Measurement,
}


class _Row(msgspec.Struct):
    state: Observation | MachineState | None = None
    measurement: Measurement | None = None


class SourceTable:
    """Takes messages in any order; not for several threads."""

    def __init__(self, base: str, units: Units = "metric") -> None:
        self._base = base
        self._units: Units = units
        self._rows: dict[tuple[str, str], _Row] = {}
        self._online: dict[str, bool] = {}

    def take(self, topic: str, payload: bytes) -> None:
        """Notes a message; whatever is not of this table is left out."""
        levels = topic.removeprefix(f"{self._base}/").split("/")
        if len(levels) == 2 and levels[1] == "status":
            if levels[0] in self._online or len(self._online) < MAX_SOURCES:
                self._online[levels[0]] = payload == b"online"
        elif len(levels) == 3 and levels[2] in ("state", "measurement"):
            self._take(levels[0], levels[1], topics.kind_of(topic, payload), payload)

    def _take(self, agent: str, source: str, kind: str, payload: bytes) -> None:
        key = (agent, source)
        if key not in self._rows and len(self._rows) >= MAX_SOURCES:
            return
        if not payload:  # a source that was taken out of the configuration
            self._rows.pop(key, None)
            return
        try:
            message = json_input.decode(payload, _RECORDS[kind])
        except json_input.JsonError:
            return
        row = self._rows.setdefault(key, _Row())
        setattr(row, "measurement" if kind == "measurement" else "state", message)

    def lines(self) -> Iterator[str]:
        """A head and a line each: those that are away last, then by how bad their state is."""
        rows = [
            self._head(),
            *(self._cells(*item) for item in sorted(self._rows.items(), key=self._rank)),
        ]
        widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
        for row in rows:
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            yield "  ".join(cells).rstrip()

    def _head(self) -> tuple[str, ...]:
        return tuple(VELOCITY[self._units] if name == "velocity" else name for name in HEAD)

    def _rank(self, item: tuple[tuple[str, str], _Row]) -> tuple[bool, int, tuple[str, str]]:
        key, row = item
        decision = row.state.decision if row.state else "abstain"
        return not self._is_online(key[0]), severity.rank(decision), key

    def _is_online(self, agent: str) -> bool:
        return self._online.get(agent, False)

    def _cells(self, key: tuple[str, str], row: _Row) -> tuple[str, ...]:
        state, measurement = row.state, row.measurement
        physics = measurement.physics if measurement else ()
        worst = max(physics, key=lambda item: item.velocity_mm_s or 0.0, default=None)
        decision = state.decision if state else "-"
        return (
            escape("/".join(key)),
            decision if self._is_online(key[0]) else f"({decision}) away",
            escape(state.label or "-") if state else "-",
            _local(state.t_end) if state else "-",
            _number(measurement.rpm if measurement else None, 0),
            _number(max((item.rms for item in physics), default=None), 3),
            self._velocity(worst.velocity_mm_s if worst else None),
            escape(worst.zone or "-") if worst else "-",
            _number(measurement.anomaly if measurement else None, 2),
        )

    def _velocity(self, value_mm_s: float | None) -> str:
        value = None if value_mm_s is None else velocity(value_mm_s, self._units)
        return _number(value, 2 if self._units == "metric" else 3)


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _local(time: str) -> str:
    """A message's time in the time zone of this machine, to the second."""
    try:
        moment = datetime.datetime.fromisoformat(time).astimezone()
    except (ValueError, OverflowError, OSError):
        return "-"
    return moment.strftime("%Y-%m-%d %H:%M:%S")
