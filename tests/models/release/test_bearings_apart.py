"""The recipe is judged on bearings that it was not trained on, and the card says so."""

from pathlib import Path

import numpy as np
import pytest

from agent.inference import classifier
from models import zoo
from models.data import recipe as recipes
from models.data.recordings import Recording
from models.release import bearings_apart
from models.release.bearings_apart import FOLDS, Fold
from tests.support import datasets

CARDS = sorted(Path(zoo.__file__).parent.glob("bearing*.md"))


def recording(machine: str, severity: str) -> Recording:
    return Recording(machine, "file", "outer", np.zeros((1, 1), np.float32), severity)


def test_a_fold_leaves_out_a_severity_of_its_set_and_nothing_of_the_others() -> None:
    fold = Fold({"cwru": "7mil"}, sets=("uestc",))
    assert fold.leaves_out(recording("cwru", "7mil"))
    assert fold.leaves_out(recording("uestc", "any"))
    assert not fold.leaves_out(recording("cwru", "14mil"))
    assert not fold.leaves_out(recording("hit_sm", "7mil"))
    assert not fold.leaves_out(recording("simulated", ""))


def test_every_bearing_of_cwru_and_hit_sm_is_left_out_once() -> None:
    for folder, sizes in {"cwru": 3, "hit_sm": 3}.items():
        left = [fold.severities[folder] for fold in FOLDS if folder in fold.severities]
        assert len(left) == len(set(left)) == sizes


@pytest.mark.timeout(120)
def test_figures_are_measured_once_and_then_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    monkeypatch.setattr(bearings_apart, "STEPS", 2)
    monkeypatch.setattr(bearings_apart, "BATCH", 8)
    monkeypatch.setattr(bearings_apart, "FOLDS", (Fold({"cwru": "7mil"}),))
    root = datasets.bearings(tmp_path / "data")
    fields = {"name": "small", "labels": ["normal", "inner", "outer", "ball"], "window": 1024}
    fields |= {"normal": ["normal"], "rate_hz": 10_000, "data": [{"folder": "cwru"}]}
    recipe = recipes.checked(fields | {"family": "convnet"}, "small")
    lines: list[str] = []
    rows = bearings_apart.measure(recipe, root, tmp_path / "work", lines.append)
    assert lines == ["small without cwru 7mil"]
    assert [(row.folder, row.left_out) for row in rows] == [("cwru", "7mil")]
    assert set(rows[0].figures) == set(bearings_apart.CONDITIONS)
    assert bearings_apart.measure(recipe, root, tmp_path / "work", lines.append) == rows
    assert len(lines) == 1


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.stem)
def test_every_released_card_says_what_figures_on_the_same_bearing_are_worth(card: Path) -> None:
    text = card.read_text()
    assert "What figures on the same bearing are worth" in text
    assert "| uestc | the whole rig |" in text
    assert f"{card.with_suffix('.onnx').stat().st_size:,} bytes" in text
    assert classifier.load(card.with_suffix(".onnx")).contract.figures
