"""The classifiers that see lines see the right ones, and are judged as the network is."""

from pathlib import Path

import numpy as np
import pytest

from agent.core.bearing import Orders
from agent.sources.machine_simulator import FAULTS, Fault, Machine, Spec
from models.experiments.unseen import line_table, opinions
from models.experiments.unseen.document import write
from models.experiments.unseen.figures import condensed
from models.experiments.unseen.line_classifiers import NO_LEARNING, NoLearning
from models.experiments.unseen.line_features import COUNT, HARMONICS, features
from models.experiments.unseen.runs import ClipResult, WindowResult

RATE_HZ = 10_000.0
LABELS = ("normal", "inner", "outer", "ball")
SERIES = {"outer": 0, "inner": 1, "ball": 2}


def lines(fault: Fault) -> np.ndarray:
    spec = Spec(rate_hz=RATE_HZ)
    machine = Machine(spec, np.random.default_rng(1))
    signal = machine.render(16_384, fault, 1.0)
    return features(signal, RATE_HZ, spec.rpm, spec.bearing.orders)


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault != "normal"])
def test_the_lines_of_the_part_that_is_damaged_stand_out_most(fault: Fault) -> None:
    row = lines(fault)
    assert row.shape == (COUNT,)
    series = row.reshape(3, HARMONICS)[:, :3].mean(1)
    assert series.argmax() == SERIES[fault]
    said = NoLearning(LABELS).predict_proba(row[None])
    assert LABELS[int(said[0].argmax())] == fault


def test_lines_that_do_not_stand_out_are_normal_to_the_rule_without_learning() -> None:
    said = NoLearning(LABELS).predict_proba(np.full((1, COUNT), 3.0, np.float32))
    assert said.tolist() == [[1.0, 0.0, 0.0, 0.0]]


def test_a_signal_without_a_band_for_the_lines_has_none() -> None:
    orders = Orders(bpfo=3.585, bpfi=5.415, bsf=2.357, ftf=0.398)
    signal = np.random.default_rng(0).standard_normal(16_384)
    assert not features(signal, RATE_HZ, 60_000.0, orders).any()


@pytest.mark.parametrize(("hop_s", "first_s"), [(0.5, 1.6384), (0.1, 0.4096)])
def test_nothing_is_said_before_the_seconds_are_there_and_then_within_three(
    hop_s: float, first_s: float
) -> None:
    ends_s = [first_s + hop_s * at for at in range(60)]
    opinion = opinions.averaged("x", hop_s, ends_s, np.full((60, 2), 0.5))
    assert 2.5 < opinion.ends_s[0] <= 3.0
    assert len(opinion.ends_s) == len(opinion.probabilities)


def test_a_short_clip_is_answered_by_all_that_was_heard() -> None:
    opinion = opinions.averaged("x", 0.5, [1.0], np.array([[0.2, 0.8]]))
    assert opinion.probabilities == pytest.approx(np.array([[0.2, 0.8]]))


def test_the_tables_of_lines_are_written_between_their_own_marks(tmp_path: Path) -> None:
    window = WindowResult(3.0, "fault", "outer", "outer", 0.95, None, None)
    result = ClipResult("cwru", "0 HP", "file", "outer", (window,))
    figures = condensed([(f"{NO_LEARNING}: most likely", (result,))])
    page = tmp_path / "UNSEEN.md"
    begin, end = line_table.MARKS
    page.write_text(f"before\n{begin}\nold\n{end}\nafter\n")
    write(page, line_table.tables(figures), line_table.MARKS)
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith(f"{end}\nafter\n")
    assert "old" not in text
    assert f"| {NO_LEARNING}: most likely | - | - | - | 1 of 1 (100 %) |" in text
