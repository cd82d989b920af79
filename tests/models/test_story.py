"""The beginning of the story that `make story` tells to its end (`tests/models/story.py`)."""

import importlib.util
from pathlib import Path

import pytest
import yaml

from agent.cli import main
from models.data import listing
from tests.models import story

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="needs the train extra"
)


def test_what_is_labelled_on_the_page_is_a_data_set_that_train_takes_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with story.running(tmp_path, installed=False) as (agent, machine):
        data = story.label(agent, machine, 2)
        assert agent.source(story.SOURCE)["labels"] == {"normal": 2, story.FAULT: 2}
        splits = {(entry.label, entry.split) for entry in listing.entries(data)}
        assert splits == {(a, b) for a in ("normal", story.FAULT) for b in ("train", "val")}
        recipe = tmp_path / "press.yaml"
        assert main.main(["train", str(data), "--out", str(recipe)]) == 0
    assert "found 4 recordings of normal, rubbing: 2 to train on" in capsys.readouterr().out
    assert yaml.safe_load(recipe.read_text())["labels"] == ["normal", "rubbing"]
