"""A standing that can be read is whole; any other is none, and no reason to fail."""

import json
from pathlib import Path

import pytest

from agent.core.errors import UserError
from agent.inference import model_store, registry
from agent.inference.model_store import Entry, Standing

ENTRY = Entry(version="2", sha256="0" * 64, bundle="1" * 64, since="2026-01-01T00:00:00.000Z")


def written(state_dir: Path, **fields: object) -> Standing:
    file = model_store.root(state_dir) / "fan" / model_store.STANDING
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"name": "fan", "schema": model_store.SCHEMA} | fields))
    return model_store.standing(state_dir, "fan")


def test_a_standing_reads_back_as_it_was_recorded(tmp_path: Path) -> None:
    standing = Standing(name="fan", phase="shadow", candidate=ENTRY, starts=1, state="shadow")
    model_store.record(tmp_path, standing)
    assert model_store.standings(tmp_path) == [standing]
    assert standing.latest == ENTRY


@pytest.mark.parametrize("phase", ["shadow", "probation"])
def test_a_phase_without_the_model_that_is_tried_in_it_is_not_believed(
    tmp_path: Path, phase: str
) -> None:
    assert written(tmp_path, phase=phase) == Standing(name="fan")
    assert registry.count_start(tmp_path, 3)


@pytest.mark.parametrize("fields", [{"phase": "party"}, {"present": {}}, {"starts": "many"}])
def test_a_standing_that_cannot_be_read_is_an_empty_one(
    tmp_path: Path, fields: dict[str, object]
) -> None:
    assert written(tmp_path, **fields) == Standing(name="fan")


def test_an_empty_standing_has_no_latest_model(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="fan: found the zoo's model, expected one that was inst"):
        _ = Standing(name="fan").latest
    with pytest.raises(UserError, match="fan: found the zoo's model, expected one that was inst"):
        registry.go_back(tmp_path, "fan")
