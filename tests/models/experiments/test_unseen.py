"""Machines that no network has seen are judged as their owners have them, and counted honestly."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from agent.core.bearing import Orders
from models.data.listing import MANIFEST
from models.experiments.unseen import changes, document, figures, left_out, runs, simulated
from models.experiments.unseen.__main__ import BEFORE, load
from models.experiments.unseen.figures import Share, condensed
from models.experiments.unseen.machines import Clip, Condition
from models.experiments.unseen.rows import WITH, WITHOUT
from models.experiments.unseen.runs import ClipResult, WindowResult
from tests.support.paths import DATA

State = tuple[str, str | None]


def clip(truth: str, *states: State) -> ClipResult:
    """A result whose state lasts a second each, in windows of 0.1 s."""
    windows = [
        WindowResult(0.1 * (10 * at + tenth + 1), *state, "outer", 0.95, None, None)
        for at, state in enumerate(states)
        for tenth in range(10)
    ]
    return ClipResult("rig", "600 rpm", "file", truth, tuple(windows))


NORMAL: State = ("normal", "normal")
UNKNOWN: State = ("unknown", None)
OUTER: State = ("fault", "outer")
INNER: State = ("fault", "inner")


@pytest.mark.parametrize(
    ("truth", "states", "expected"),
    [
        ("normal", (NORMAL, NORMAL), "normal"),
        ("normal", (NORMAL, UNKNOWN, NORMAL), "unknown"),
        ("normal", (NORMAL, OUTER, NORMAL, NORMAL), "faulty"),
        ("outer", (UNKNOWN, OUTER), "right"),
        ("outer", (INNER, OUTER, INNER), "wrong"),
        ("outer", (UNKNOWN, UNKNOWN), "unknown"),
        ("outer", (NORMAL, NORMAL), "missed"),
        ("inner+outer", (UNKNOWN, OUTER), "right"),
        ("inner+ball", (UNKNOWN, OUTER), "wrong"),
        ("outer", (("abstain", None),), "unknown"),
    ],
)
def test_a_recording_is_worth_the_fault_that_was_held_longest(
    truth: str, states: tuple[State, ...], expected: str
) -> None:
    assert figures.of_recording(clip(truth, *states)) == expected


def test_three_seconds_are_judged_by_the_state_at_their_end() -> None:
    states = (NORMAL, NORMAL, OUTER, OUTER, UNKNOWN, UNKNOWN)
    assert list(figures.of_pieces(clip("outer", *states))) == ["right", "unknown"]


def test_a_share_tells_how_many_of_how_many() -> None:
    assert str(Share(2, 3)) == "2 of 3 (67 %)"
    assert str(Share(0, 0)) == "-"


def test_a_sure_and_wrong_network_is_counted_by_windows() -> None:
    found = figures.sureness([clip("outer", OUTER), clip("inner", UNKNOWN)])
    assert (found.sure_wrong, found.sure_right) == (Share(10, 20), Share(10, 10))
    assert found.calibration_points == pytest.approx(45.0)


def test_the_tables_stand_between_their_markers_and_the_text_around_them_stays(
    tmp_path: Path,
) -> None:
    page = tmp_path / "UNSEEN.md"
    page.write_text(f"before\n{document.BEGIN}\nold\n{document.END}\nafter\n")
    now = condensed([(WITH, [clip("outer", OUTER)]), (WITHOUT, [clip("normal", NORMAL)])])
    document.write(page, document.tables(now, now, ()))
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "old" not in text
    assert "| rig | now | - | - | - | 1 of 1 (100 %) | 0 of 1 (0 %) |" in text


def test_the_figures_of_before_are_there_for_every_machine_that_had_them() -> None:
    before = load(BEFORE)
    rows = {(each.row, each.machine) for each in before}
    assert {(WITH, "cwru"), (WITHOUT, "uav_propeller")} <= rows
    assert any("| cwru | before | " in line for line in document.tables(before, before, ()))


def test_the_network_without_a_rig_learns_from_none_of_its_recordings(tmp_path: Path) -> None:
    if not (DATA / "hit_sm").is_dir():
        pytest.skip(f"{DATA} has no hit_sm")
    (left,) = (each for each in left_out.RIGS if each.rig == "hit_sm mfs")
    root = left_out._root(left, DATA, tmp_path / "root")
    rows = (root / "hit_sm" / MANIFEST).read_text().splitlines()[1:]
    assert rows
    assert all(row.startswith("selfbuilt/") for row in rows)


def test_wrong_orders_are_thirty_and_none_is_the_true_one() -> None:
    true = Orders(bpfo=3.585, bpfi=5.415, bsf=2.357, ftf=0.398)
    wrong = changes.wrong_orders(true)
    assert len(wrong) == changes.WRONG_SETS
    assert true not in wrong


def test_own_vibration_is_added_at_the_ratio_that_is_asked_for() -> None:
    rng = np.random.default_rng(0)
    fault, healthy = (
        Clip("a", "outer", rng.standard_normal((5000, 1)).astype(np.float32)) for _ in range(2)
    )
    condition = Condition("m", "c", 1000.0, "bearing", (), (), ())
    mixed = changes.own_vibration(healthy, -5.0)(fault, condition)
    added = mixed.samples - fault.samples
    ratio_db = 10 * np.log10(fault.samples.var() / added.var())
    assert ratio_db == pytest.approx(-5.0, abs=0.1)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("condition", list(simulated.conditions(0.25)), ids=lambda each: each.name)
def test_a_healthy_simulated_machine_with_a_disturbance_is_never_named_faulty(
    condition: Condition,
) -> None:
    for begin in (runs.uncommissioned, runs.commissioned):
        with begin(condition) as machine:
            (result,) = machine.results(condition.healthy)
        states = {window.decision for window in result.windows}
        assert states
        assert "fault" not in states


@pytest.mark.timeout(120)
def test_the_quick_run_judges_a_machine_in_seconds() -> None:
    if not (DATA / "mfs_compound").is_dir():
        pytest.skip(f"{DATA} has no mfs_compound")
    command = [sys.executable, "-m", "models.experiments.unseen", "--data", str(DATA), "--quick"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert "with baseline: healthy: normal 1 of 1 (100 %)" in done.stdout
