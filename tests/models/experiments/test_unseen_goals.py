"""Goals say what is missed, from all that was measured, and a limit's catch is counted honestly."""

from pathlib import Path

import numpy as np
import pytest

from agent.core.errors import UserError
from models.experiments import femto
from models.experiments.unseen import goals, kept, unknown
from models.experiments.unseen.__main__ import BEFORE, load
from models.experiments.unseen.figures import NOTHING, Share, condensed
from models.experiments.unseen.goals import Evidence, Goal
from models.experiments.unseen.left_out import Training
from models.experiments.unseen.rows import WITH, WITHOUT, Row
from models.experiments.unseen.runs import ClipResult, WindowResult
from models.experiments.unseen.unknown import Catch, Network


def result(machine: str, truth: str, decision: str, label: str | None) -> ClipResult:
    window = WindowResult(3.0, decision, label, "outer", 0.95, None, 2.0)
    return ClipResult(machine, "600 rpm", "file", truth, (window,))


@pytest.mark.parametrize(
    ("share", "bound", "at_least", "reached"),
    [
        (Share(19, 20), 0.95, True, True),
        (Share(18, 20), 0.95, True, False),
        (Share(0, 20), 0.0, False, True),
        (Share(1, 20), 0.0, False, False),
    ],
)
def test_a_goal_that_is_missed_says_so(
    share: Share, bound: float, at_least: bool, reached: bool
) -> None:
    goal = Goal("healthy", share, bound, at_least=at_least)
    assert goal.reached is reached
    assert ("**missed**" in goal.cells()) is not reached


def test_a_goal_without_a_figure_is_neither_reached_nor_missed() -> None:
    assert Goal("`femto`", NOTHING, 1.0).cells() == "| `femto` | - | - | all |"


def test_the_table_counts_rigs_left_out_apart_from_all_machines() -> None:
    now = condensed(
        [
            (WITH, [result("cwru", "outer", "fault", "outer")]),
            (WITH, [result("mfs_compound", "outer", "fault", "inner")]),
            (WITH, [result("simulated", "normal", "normal", "normal")]),
            (WITHOUT, [result("cwru", "normal", "fault", "outer")]),
        ]
    )
    evidence = Evidence(now, load(BEFORE), (), Catch(Share(1, 4), Share(1, 50)))
    table = list(goals.table(evidence))
    right = next(line for line in table if "left out, with baseline: right" in line)
    assert "| 59 of 78 (76 %) | 1 of 1 (100 %) | at least 70 % |" in right
    faulty = next(line for line in table if line.startswith("| healthy named faulty, without"))
    assert "1 of 1 (100 %) | at most 3 %, **missed**" in faulty
    caught = next(line for line in table if "`max_distance` catches" in line)
    assert "1 of 4 (25 %) | at least 60 %, **missed**" in caught


def test_a_limit_catches_sure_errors_and_costs_right_windows() -> None:
    network = Network(
        validation=np.linspace(0.0, 1.0, 1001),
        distances=np.array([2.0, 0.5, 2.0, 0.5, 2.0]),
        right=np.array([False, False, True, True, False]),
        sure=np.array([True, True, True, False, False]),
    )
    assert network.catch(0.001) == Catch(Share(1, 2), Share(1, 2))
    assert network.catch(0.9) == Catch(Share(2, 2), Share(2, 2))
    assert network.ranks() == pytest.approx(0.25)  # 2.0 ties with the right one, 0.5 is below it
    assert any(
        "| 10 % | cwru | 1 of 2 (50 %) |" in row for row in unknown.tables({"cwru": network})
    )


def test_what_was_measured_is_kept_and_what_was_not_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "CACHE", tmp_path)
    rows = [Row(WITH, (result("cwru", "outer", "fault", "outer"),))]
    assert kept.save("machines", Training(), rows) == rows
    assert kept.load("machines", Training()) == rows
    with pytest.raises(UserError, match=r"small-500x64-trained\.json: not there"):
        kept.load("trained", Training())


def test_alarms_are_counted_as_in_time_and_as_too_early() -> None:
    assert femto.counts([None, 0.27, 0.5, 0.95]) == (2, 3, 1)
