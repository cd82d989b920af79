"""The naming rule is tried on machines that change by a fault and by what is none."""

import sys
from pathlib import Path

import numpy as np
import pytest

from models import command
from models.experiments.unseen import random_conditions, without_lines
from models.experiments.unseen.figures import BEARING_FAULTS
from models.experiments.unseen.opinions import Opinion
from models.experiments.unseen.runs import ClipResult, WindowResult

LABELS = ("normal", "outer")


def named(decision: str, *probabilities: float) -> list[tuple[str, str | None]]:
    """What the other rule says of windows in that state; of outer, a look a second from 3 s on."""
    windows = [
        WindowResult(float(end), decision, None, "outer", 0.9, None, None) for end in range(6)
    ]
    rows = np.array([[1 - p, p] for p in probabilities])
    opinion = Opinion("", [3.0 + at for at in range(len(rows))], rows)
    result = ClipResult("random", "machine 0", "file", "knocks", tuple(windows))
    return [(w.decision, w.label) for w in without_lines._named(result, opinion, LABELS)]


def test_a_sure_network_names_what_is_unknown_once_three_seconds_are_heard() -> None:
    assert named("unknown", 0.95, 0.5, 0.92) == [
        *[("unknown", None)] * 3,
        ("fault", "outer"),
        ("unknown", None),
        ("fault", "outer"),
    ]


def test_what_the_baseline_calls_normal_stays_normal() -> None:
    assert {decision for decision, _ in named("normal", 0.99, 0.99, 0.99)} == {"normal"}


def test_machines_are_heard_unchanged_changed_and_damaged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random_conditions, "LEARNED_S", 6.0)
    conditions = list(random_conditions.conditions(2))
    assert len({each.learned[0].rpm for each in conditions}) == 2
    for condition in conditions:
        labels = [clip.label for clip in condition.faulty]
        assert set(labels) >= BEARING_FAULTS
        assert len(set(labels) - BEARING_FAULTS) == 6
        (healthy,) = condition.healthy
        assert healthy.samples.std() == pytest.approx(1.0, rel=0.1)
        by_label = {clip.label: clip.samples.std() for clip in condition.faulty}
        assert by_label["outer"] == pytest.approx(2**0.5, rel=0.1)
        assert by_label["imbalance"] > 1.5


def test_the_quick_run_compares_both_rules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(random_conditions, "LEARNED_S", 8.0)
    monkeypatch.setattr(random_conditions, "HEARD_S", 2.0)
    monkeypatch.setattr(without_lines, "QUICK", 1)
    monkeypatch.setattr(sys, "argv", ["without_lines", "--data", str(tmp_path), "--quick"])
    assert command.main(without_lines.parser()) == 0
    _, _, agent, alone = capsys.readouterr().out.splitlines()
    assert agent.startswith("| random machines | network and line (the agent) | ")
    assert "of 1 (" in agent
    assert "of 6 (" in alone
