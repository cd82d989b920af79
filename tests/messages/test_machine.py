"""A machine stands as its worst point does, and says which one that is."""

import itertools
from typing import Any

import pytest

from agent.core.types import Decision
from agent.diagnosis import severity
from agent.messages import machine
from agent.messages.machine import PointState
from agent.messages.machine_info import MachineInfo


def point(name: str, decision: Decision, **fields: Any) -> PointState:
    state: dict[str, Any] = {"label": None, "probability": None, "flags": [], "t_end": None}
    state |= {"direction": None, "sentence": f"{name}!"}
    return PointState(**{"point": name, "decision": decision} | state | fields)


def record(*points: PointState) -> machine.MachineState:
    published = machine.PublishedAt(
        schema="drsn-machine/1",
        epoch="e",
        seq=1,
        agent="a",
        t_end="2026-01-31T12:00:00.000Z",
        t_published="2026-01-31T12:00:00.000Z",
    )
    info = MachineInfo(name="press", site=None, area=None, points=("x", "y"))
    return machine.record(published, info, points, "normal")


@pytest.mark.parametrize(("worse", "better"), list(itertools.pairwise(severity.WORST_FIRST))[:-1])
def test_the_worst_point_is_the_machines(worse: Decision, better: Decision) -> None:
    state = record(point("x", better), point("y", worse, direction="axial", label="outer"))
    assert (state.decision, state.point, state.direction) == (worse, "y", "axial")
    assert (state.label, state.sentence) == ("outer", "y (axial): y!")
    assert record(point("x", worse), point("y", worse)).point == "x", "the first of equals"


def test_where_all_are_normal_there_is_no_worst_point() -> None:
    state = record(point("x", "normal"), point("y", "normal"))
    assert (state.decision, state.point, state.label) == ("normal", None, None)
    assert state.sentence == "All 2 points are normal."
    assert record(point("x", "normal")).sentence == "x!"
    stopped = record(point("x", "stopped"), point("y", "stopped"))
    assert (stopped.decision, stopped.point) == ("stopped", None)
    assert stopped.sentence == "All 2 points are stopped."
    half = record(point("x", "stopped"), point("y", "normal"))
    assert (half.decision, half.sentence) == ("normal", "All 2 points are normal or stopped.")


def test_the_heaviest_alarm_is_the_machines_whatever_the_decision_says() -> None:
    quiet, warned = point("x", "fault"), point("y", "normal", alarm="warning")
    assert record(quiet, warned).alarm == "warning"
    assert record(quiet, warned, point("z", "normal", alarm="alarm")).alarm == "alarm"
    assert record(quiet).alarm == "none"
